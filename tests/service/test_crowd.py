"""Many at once: every answer is the one that a single caller gets."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from her2cds import KnowledgeBase, evaluate
from her2cds.evaluation import explain
from tests.conftest import PROJECT
from tests.service.conftest import Running, example

pytestmark = pytest.mark.slow

EXAMPLES = sorted(path.stem for path in (PROJECT / "patient_examples").glob("*.json"))
CLIENTS = 50
Ask = tuple[str, Any, Callable[[], str]]


@pytest.fixture(scope="module")
def asks(knowledge: KnowledgeBase) -> list[tuple[str, Any, str]]:
    """What is asked, and the answer that the library gives on its own."""
    made = [("/evaluate", example(name), evaluate(example(name), knowledge).to_json(indent=None)) for name in EXAMPLES]
    why = {"patient": example("her2-zero"), "name": "t-dxd"}
    made.append(("/explain", why, explain(example("her2-zero"), "t-dxd", knowledge).to_json(indent=None)))
    return made


def test_fifty_clients_at_once_get_the_answers_that_one_gets(
    running: Running, asks: list[tuple[str, Any, str]]
) -> None:
    def one_client(number: int) -> list[str]:
        wrong = []
        with httpx2.Client(base_url=running.url, timeout=60) as client:
            for step in range(6):
                path, body, expected = asks[(number + step) % len(asks)]
                answer = client.post(path, json=body)
                if (answer.status_code, answer.text) != (200, expected):
                    wrong.append(f"{path} {answer.status_code} {answer.text[:200]}")
        return wrong

    with ThreadPoolExecutor(CLIENTS) as crowd:
        wrong = [line for lines in crowd.map(one_client, range(CLIENTS)) for line in lines]
    assert wrong == []


def test_faulty_and_sound_requests_beside_each_other_do_not_mix(
    running: Running, asks: list[tuple[str, Any, str]]
) -> None:
    def one(number: int) -> bool:
        with httpx2.Client(base_url=running.url, timeout=60) as client:
            if number % 2:
                answer = client.post("/evaluate", json={f"field{number}": 1})
                return answer.status_code == 422 and answer.json()["faults"][0]["path"] == f"$.field{number}"
            path, body, expected = asks[number % len(asks)]
            return bool(client.post(path, json=body).text == expected)

    with ThreadPoolExecutor(CLIENTS) as crowd:
        assert all(crowd.map(one, range(200)))
