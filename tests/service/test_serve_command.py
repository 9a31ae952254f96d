"""`her2cds serve`: it starts, answers and stops; and does not start where that would be unsafe."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from her2cds.service.settings import digest
from tests.command import her2cds
from tests.service.conftest import example, free_port


def test_the_command_serves_and_stops_when_it_is_told_to() -> None:
    port = free_port()
    command = [sys.executable, "-m", "her2cds", "serve", "--port", str(port)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, cwd="/") as service:
        try:
            body = json.dumps(example("her2-zero")).encode()
            url = f"http://127.0.0.1:{port}/evaluate"
            request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
            until = time.monotonic() + 60
            while True:
                try:
                    with urllib.request.urlopen(request, timeout=10) as answer:
                        assert json.load(answer)["patient_id"] == "her2-zero"
                        assert "server" not in answer.headers  # nobody is told what serves here
                    break
                except OSError:
                    assert time.monotonic() < until
                    time.sleep(0.2)
        finally:
            service.send_signal(signal.SIGTERM)
        _, log = service.communicate(timeout=30)
    assert b"POST /evaluate 200" in log
    assert b"her2-zero" not in log


def test_it_does_not_listen_for_other_machines_without_asking_who_calls(tmp_path: Path) -> None:
    done = her2cds("serve", "--host", "0.0.0.0", "--port", str(free_port()))
    assert done.returncode == 2
    assert b"--tokens" in done.stderr
    bad = tmp_path / "tokens"
    bad.write_text("clinic a-token-in-the-clear")
    done = her2cds("serve", "--tokens", str(bad))
    assert done.returncode == 2
    assert b"tokens:1" in done.stderr
    assert b"a-token-in-the-clear" not in done.stderr


def test_a_new_token_and_its_line_belong_together() -> None:
    lines = her2cds("serve", "--new-token", "clinic").stdout.decode().splitlines()
    token = lines[0].rpartition(" ")[2]
    assert lines[1].endswith(f"clinic {digest(token)}")
    assert len(token) >= 40


def test_the_service_costs_the_other_commands_nothing() -> None:
    script = "import sys; import her2cds.cli.app; print([m for m in ('fastapi', 'uvicorn', 'jwt') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert done.stdout.strip() == b"[]"


def test_a_sites_overlay_that_has_faults_keeps_the_service_from_starting(tmp_path: Path) -> None:
    done = her2cds("serve", "--port", str(free_port()), "--overlay", str(tmp_path / "missing"))
    assert done.returncode == 4
    assert b"missing" in done.stderr
