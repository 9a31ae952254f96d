"""Shared fixtures: the bundled knowledge base, loaded once, and the folders of the project."""

from __future__ import annotations

import os
from collections.abc import Generator
from functools import lru_cache
from pathlib import Path

import pytest

from her2cds import KnowledgeBase, load_knowledge
from her2cds.knowledge.yaml_reader import read_yaml

PROJECT = Path(__file__).resolve().parent.parent

_parsed = lru_cache(maxsize=200)(read_yaml)

# A machine without a browser, a database server or the texts beside the project skips what needs them. Where this is
# set, as in CI, everything has to be there, and a skipped test is a failed one.
REQUIRE_ALL = bool(os.environ.get("HER2CDS_REQUIRE_ALL"))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _fail_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _fail_if_skipped(report)
    return report


def _fail_if_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    if REQUIRE_ALL and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped where HER2CDS_REQUIRE_ALL allows no skip: {report.longrepr}"


@pytest.fixture(scope="session")
def knowledge() -> KnowledgeBase:
    return load_knowledge(PROJECT / "rules")


@pytest.fixture
def parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that change one rule file and load all of them: the text of the others is parsed once in all tests."""
    monkeypatch.setattr("her2cds.knowledge.validate.read_yaml", _parsed)


@pytest.fixture(scope="session")
def examples() -> Path:
    return PROJECT / "patient_examples"
