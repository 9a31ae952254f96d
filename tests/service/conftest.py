"""The service in the process of the test, and for the tests of the wire one that listens on a port of its own."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from her2cds import KnowledgeBase
from tests.conftest import PROJECT

pytest.importorskip("fastapi", reason="the service's tests need her2cds[service]")
pytest.importorskip("httpx2", reason="the service's tests need httpx2")

import uvicorn
from starlette.testclient import TestClient

from her2cds.interop.draft import ImportReport, Remark
from her2cds.service.app import create_app
from her2cds.service.bundles import ChartRead
from her2cds.service.settings import Limits, Settings

BASE = "http://127.0.0.1:8080"
Json = dict[str, Any]


def example(name: str) -> Json:
    tree: Json = json.loads((PROJECT / "patient_examples" / f"{name}.json").read_text())
    return tree


@dataclass
class Chart:
    """Stands in for the FHIR import: whatever the Bundle, the chart says what the test put here."""

    profile: Json = field(default_factory=dict)
    bundles: list[Json] = field(default_factory=list)

    def __call__(self, bundle: Any) -> ChartRead:
        self.bundles.append(dict(bundle))
        remark = Remark("Observation/<b>", "2.2", "no unit")
        report = ImportReport("FHIR document", 2, (), (remark,), (), (), (), (), ())
        return ChartRead(self.profile, report)


@dataclass
class Trail:
    """An audit trail that remembers, or that fails when it is told to."""

    exchanges: list[Any] = field(default_factory=list)
    broken: bool = False

    def record(self, **exchange: Any) -> None:
        if self.broken:
            raise OSError("disk full")
        self.exchanges.append(SimpleNamespace(**{"input": None, "output": None, "refusal": None, **exchange}))


@pytest.fixture
def chart() -> Chart:
    return Chart()


@pytest.fixture
def trail() -> Trail:
    return Trail()


@pytest.fixture
def client(knowledge: KnowledgeBase, chart: Chart, trail: Trail) -> TestClient:
    return TestClient(create_app(knowledge, trail=trail, read_bundle=chart), base_url=BASE)


@pytest.fixture
def client_with(knowledge: KnowledgeBase, chart: Chart) -> Callable[..., TestClient]:
    def make(**settings: Any) -> TestClient:
        return TestClient(create_app(knowledge, Settings(**settings), read_bundle=chart), base_url=BASE)

    return make


@dataclass(frozen=True)
class Running:
    """A service on a port, for what only a real connection shows."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def raw(self, *parts: bytes, pause: float = 0, patience: float = 15) -> bytes:
        """Send bytes as they are, with pauses between them, and read until the service closes."""
        received = b""
        with socket.create_connection(("127.0.0.1", self.port), timeout=patience) as wire:
            try:
                for part in parts:
                    wire.sendall(part)
                    time.sleep(pause)
            except OSError:
                pass  # the service may close before everything was sent: what it said is still to be read
            try:
                while chunk := wire.recv(65536):
                    received += chunk
            except OSError:
                pass
        return received


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listening(app: Any) -> Iterator[Running]:
    """Run an application on a free port for as long as the generator lives."""
    port = free_port()
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", access_log=False, timeout_keep_alive=2)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 20
    while not server.started:
        assert time.monotonic() < until, "the service did not start"
        time.sleep(0.02)
    yield Running(port)
    server.should_exit = True
    thread.join(timeout=10)


def serving(knowledge: KnowledgeBase) -> Iterator[Running]:
    """The service with limits that a test can reach, on a free port for as long as the generator lives."""
    settings = Settings(limits=Limits(body_bytes=300_000, body_seconds=1.5, waiting=1000))
    yield from listening(create_app(knowledge, settings))


@pytest.fixture(scope="session")
def running(knowledge: KnowledgeBase) -> Iterator[Running]:
    yield from serving(knowledge)
