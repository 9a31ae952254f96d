"""Text and Markdown reports of three patients, kept whole: any change of wording or content shows in the diff.

Read by eye when they were made. After a wanted change: `make golden`, then read the difference.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from her2cds import KnowledgeBase, evaluate
from her2cds.rendering.markdown import to_markdown
from her2cds.rendering.outline import outline
from her2cds.rendering.text import styled_lines
from her2cds.report.model import Report
from tests.conftest import PROJECT

GOLDEN = Path(__file__).parent / "golden"
PATIENTS = ["second-line-her2-positive", "her2-low-after-chemotherapy", "sparse-profile"]


def as_text(report: Report) -> str:
    return "\n".join(line.text for line in styled_lines(outline(report))) + "\n"


def as_markdown(report: Report) -> str:
    return to_markdown(outline(report))


@pytest.mark.parametrize("patient", PATIENTS)
@pytest.mark.parametrize(("suffix", "render"), [("txt", as_text), ("md", as_markdown)])
def test_the_report_is_as_it_was(
    knowledge: KnowledgeBase, patient: str, suffix: str, render: Callable[[Report], str]
) -> None:
    report = evaluate((PROJECT / "patient_examples" / f"{patient}.json").read_text(), knowledge)
    # The hash changes with every edit of the knowledge base, also with those that change no report.
    text = render(report).replace(knowledge.knowledge.data.content_hash[:12], "(hash)")
    file = GOLDEN / f"{patient}.{suffix}"
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")
