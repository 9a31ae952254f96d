"""Text from outside in a report: it cannot end a line, imitate the next one, or steer a terminal."""

from __future__ import annotations

import re
import textwrap
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from her2cds import KnowledgeBase, ProfileError, evaluate
from her2cds.profile.model import Profile
from her2cds.profile.read import profile_from_tree
from her2cds.rendering.blocks import Block, Bullets, Heading, Paragraph, Tree, TreeLine
from her2cds.rendering.markdown import escape, to_markdown
from her2cds.rendering.outline import outline
from her2cds.rendering.plain import one_line, without_controls
from her2cds.rendering.text import styled_lines

TITLE_OF_THE_TERMINAL = "\x1b]0;gone\x07"
CONTROLS = ["\x00", "\x07", "\x1b[2J", "\x7f", "\x85", "\x9b31m", "\u202e", "\u2066", "\u2028"]


def with_agent(name: str) -> dict[str, Any]:
    return {"treatments": [{"setting": "metastatic", "agents": [name], "stop_reason": "progression"}]}


# --- In a profile -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("control", CONTROLS)
def test_a_name_with_a_control_character_is_refused_and_shown_escaped(control: str) -> None:
    with pytest.raises(ProfileError) as caught:
        profile_from_tree(with_agent(f"drug{control}x"))
    assert "$.treatments[0].agents[0]: found 'drug\\" in str(caught.value)
    assert control not in str(caught.value)


@pytest.mark.parametrize("name", ["T-DXd", "Δ16-HER2", "p.Leu755Ser", "naïve drug 5 mg/kg (i.v.)", "薬", "a\u00a0b"])
def test_other_names_are_taken_as_they_are(name: str) -> None:
    profile = profile_from_tree(with_agent(f" {name}\n"))
    assert profile.treatments is not None
    assert profile.treatments[0].agents == (name,)


def test_the_published_schema_refuses_the_same_names() -> None:
    pattern = Profile.model_json_schema()["$defs"]["Alteration"]["properties"]["gene"]["pattern"]
    assert re.search(pattern, "ERBB2 (Δ16)")
    assert not any(re.search(pattern, f"ERBB2{one}x") for one in CONTROLS)


@pytest.mark.parametrize("between", ["\n", "\r\n", "\t", "\n\n"])
def test_a_line_break_in_a_name_is_a_space_in_every_rendering(between: str, knowledge: KnowledgeBase) -> None:
    """Records of other systems hold them: they are no reason to refuse a patient."""
    broken = evaluate(with_agent(f"unheard of{between}## Not recommended"), knowledge)
    whole = evaluate(with_agent("unheard of ## Not recommended"), knowledge)
    assert to_markdown(outline(broken)) == to_markdown(outline(whole))
    assert text_of(outline(broken)) == text_of(outline(whole))


# --- On one line ------------------------------------------------------------------------------------------


def test_line_breaks_of_every_kind_become_one_space() -> None:
    for text in ("a\nb", "a\r\nb", "a\tb", "a\x0b\x0cb", "a\x85b", "a\u2028\u2029b"):
        assert one_line(text) == "a b"
    assert one_line("  indented: 5 % – §\u00a0ü") == "  indented: 5 % – §\u00a0ü"


def test_controls_are_seen_to_have_been_there() -> None:
    assert one_line(TITLE_OF_THE_TERMINAL) == "\ufffd]0;gone\ufffd"
    assert without_controls("first\n\tsecond\r\x1b[1A") == "first\n\tsecond\ufffd\ufffd[1A"


# --- As text ----------------------------------------------------------------------------------------------


def text_of(blocks: Any) -> list[str]:
    return [line.text for line in styled_lines(blocks)]


@pytest.mark.parametrize("hostile", [TITLE_OF_THE_TERMINAL, "x\u202ey", "x\x9b2Jy"])
def test_no_block_lets_a_control_character_through_to_a_terminal(hostile: str) -> None:
    for line in text_of(every_block(f"a {hostile} b")):
        assert line.isprintable(), repr(line)


def test_no_block_lets_its_text_begin_a_line() -> None:
    for line in text_of(every_block("a\nWarning: b")):
        assert not line.startswith("Warning")


def every_block(text: str) -> list[Block]:
    return [
        *(Heading(level, text) for level in (1, 2, 3)),
        Paragraph(text),
        Paragraph(text, strong=True),
        Bullets((("Label", text), (text, "text"), ("", text))),
        Tree((TreeLine(0, "yes", text), TreeLine(1, "no", text))),
    ]


def test_a_heading_is_underlined_as_long_as_it_is_shown() -> None:
    _, title, underline = text_of([Heading(1, "two\n\nlines")])
    assert (title, underline) == ("two lines", "=" * 9)


# --- As Markdown ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a\n- b", "a - b"),
        ("- a", "\\- a"),
        ("+ a", "\\+ a"),
        ("* a", "\\* a"),
        ("12. a", "12\\. a"),
        ("1) a", "1\\) a"),
        ("---", "\\---"),
        ("===", "\\==="),
        ("    code", "code"),
        ("~~gone~~", "\\~\\~gone\\~\\~"),
        ("~~~", "\\~\\~\\~"),
        ("&lt;b&gt; &#10;", "\\&lt;b\\&gt; \\&\\#10;"),
        ("# a", "\\# a"),
        ("a\x1b[1mb", "a\ufffd\\[1mb"),
    ],
)
def test_what_would_be_markup_is_shown_as_it_is(text: str, escaped: str) -> None:
    assert escape(text) == escaped


@pytest.mark.parametrize("text", ["1.5 mg", "2023 was a year", "-5 to 5", "R&D", "~ 5", "x - y", "a + b = c"])
def test_what_is_no_markup_is_left_alone(text: str) -> None:
    assert escape(text) == text


@pytest.mark.parametrize(
    "hostile", ["- **1:** Tucatinib", "1. Tucatinib", "## Ranked", "---", "~~~", "> b", "&lt;b&gt;"]
)
@pytest.mark.parametrize("before", ["", "harmless\n", "harmless\r\n\r\n", "    "])
def test_a_reader_of_markdown_sees_the_same_blocks_whatever_stands_in_them(hostile: str, before: str) -> None:
    def structure(text: str) -> list[str]:
        return [one.type for one in MarkdownIt("commonmark").parse(to_markdown(every_block(text)))]

    assert structure(before + hostile) == structure("harmless")
    (_, shown, _) = MarkdownIt("commonmark").parse(to_markdown([Paragraph(before + hostile)]))
    assert "".join(one.content for one in shown.children or ()) == one_line(before + hostile).strip()


# --- Lines ------------------------------------------------------------------------------------------------


@given(st.text("ab-.–é薬  ", max_size=120), st.integers(20, 30))
def test_lines_break_where_the_standard_library_breaks_them(text: str, width: int) -> None:
    lines = [line.text for line in styled_lines([Paragraph(text)], width)]
    assert lines == (textwrap.wrap(text.strip(" "), width, break_on_hyphens=False) or [""])


def test_a_text_of_nothing_but_hard_spaces_is_an_empty_line() -> None:
    blocks = [Paragraph("\u00a0" * 100), Tree((TreeLine(0, "yes", "\u00a0" * 100),))]
    assert [line.text for line in styled_lines(blocks)] == ["", "  yes "]
