"""A new entry from questions: each answer is checked where it is given, and the entry as a whole at the end."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from pydantic import ValidationError

from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.citations import ENTRY_ID, EvidenceLevel
from her2cds.knowledge.conditions import ConditionParser
from her2cds.knowledge.evidence import Evidence
from her2cds.knowledge.fault_words import FORMS, worded
from her2cds.knowledge.rules import (
    TRIAL_ID,
    BiomarkerEffect,
    Category,
    CautionEffect,
    Modifies,
    Rule,
    Trial,
    TrialPhase,
)
from her2cds.knowledge.yaml_reader import read_yaml
from her2cds.suggest import did_you_mean

NewKind = Literal["therapy", "caution", "biomarker", "trial", "evidence"]
NEW_KINDS: tuple[NewKind, ...] = get_args(NewKind)

Ask = Callable[[str], str]
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Question:
    """One question: the field it fills (with dots for fields inside a field), and what an answer may be.

    `among` are the valid answers where there is a closed list; `many` takes several, separated by commas; `needed`
    ones are asked again until they are answered. `form` is the pattern that an answer has, `taken` are ids that other
    entries bear.
    """

    field: str
    text: str
    among: tuple[str, ...] | None = None
    many: bool = False
    needed: bool = True
    condition: bool = False
    form: str = ""
    taken: frozenset[str] = frozenset()


def new_entry(kind: NewKind, knowledge: Knowledge, ask: Ask, say: Say) -> dict[str, Any]:
    """The entry that the answers make, as it would be written.

    `ask` puts a question and hands back the answer; `say` tells what is wrong with one. Raises EOFError (from `ask`)
    where the answers end before the entry is complete.
    """
    while True:
        entry: dict[str, Any] = {}
        for question in _QUESTIONS[kind](knowledge):
            _put(entry, question.field, _answer(question, knowledge, ask, say))
        entry.update(_citation(kind, knowledge, ask, say))
        try:
            _MODELS[kind].model_validate(entry)
        except ValidationError as error:
            for fault in worded(error.errors(), _MODELS[kind]):
                say(f"{fault} {fault.suggestion}".strip())
            say("The entry does not hold together; once more, please.")
            continue
        return entry


_FEW = 10
_REFERENCE = r"^[1-9]\d{0,2}$"
_MODELS: dict[NewKind, type[Rule] | type[Trial] | type[Evidence]] = {
    "therapy": Rule,
    "caution": Rule,
    "biomarker": Rule,
    "trial": Trial,
    "evidence": Evidence,
}


# --- Answers ---------------------------------------------------------------------------------------------


def _answer(question: Question, knowledge: Knowledge, ask: Ask, say: Say) -> Any:
    while True:
        text = ask(_wording(question)).strip()
        if not text:
            if not question.needed:
                return None
            say("an answer is needed")
            continue
        value, faults = _read(question, text, knowledge)
        if not faults:
            return value
        for fault in faults:
            say(fault)


def _wording(question: Question) -> str:
    listed = f" ({' | '.join(question.among)})" if question.among and len(question.among) <= _FEW else ""
    several = ", several with commas" if question.many else ""
    optional = "" if question.needed else " [may be left out]"
    return f"{question.text}{listed}{several}{optional}"


def _read(question: Question, text: str, knowledge: Knowledge) -> tuple[Any, list[str]]:
    if question.condition:
        return _condition(text, knowledge)
    values = [part.strip() for part in text.split(",") if part.strip()] if question.many else [text]
    faults = []
    if question.among is not None:
        unknown = [value for value in values if value not in question.among]
        faults = [f"'{value}' is not known; {_hint(value, question.among)}" for value in unknown]
    if question.form:
        faults += [f"'{one}' is not {FORMS[question.form]}" for one in values if not re.match(question.form, one)]
    faults += [f"'{one}' is the id of another entry" for one in values if one in question.taken]
    return (values if question.many else text), faults


def _hint(value: str, among: Sequence[str]) -> str:
    listed = f"one of: {', '.join(among)}" if len(among) <= _FEW else "`her2cds kb search WORDS` finds entries"
    return did_you_mean(value, among) or listed


def _condition(text: str, knowledge: Knowledge) -> tuple[Any, list[str]]:
    document = read_yaml("condition", text)
    if document.faults:
        return None, [str(fault) for fault in document.faults]
    parser = ConditionParser(knowledge.domains)
    parser.parse(document.tree)
    faults = [f"{fault.message} {fault.suggestion}".strip() for fault in parser.faults]
    return (None if faults else _typed(document.tree, knowledge)), faults


def _typed(tree: Any, knowledge: Knowledge, fact: str = "") -> Any:
    """A condition that was read as text, with true, false and numbers as such: written without quotes."""
    if isinstance(tree, dict):
        return {key: _typed(value, knowledge, key if key in knowledge.facts else fact) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_typed(value, knowledge, fact) for value in tree]
    kind = knowledge.facts[fact].type if fact else ""
    if tree in ("true", "false") and kind != "enum":
        return tree == "true"
    return float(tree) if kind == "number" and "." in tree else int(tree) if kind == "number" else tree


def _citation(kind: NewKind, knowledge: Knowledge, ask: Ask, say: Say) -> dict[str, Any]:
    sources = tuple(one.id for one in knowledge.data.sources)
    source = _answer(Question("source", "Which source says so?", sources), knowledge, ask, say)
    at = _answer(
        Question("at", "Under which heading or table?", knowledge.sources[source].sections), knowledge, ask, say
    )
    asked = Question("reference", "Which reference numbers of the source?", many=True, needed=False, form=_REFERENCE)
    restarts = knowledge.sources[source].references_restart_per_section
    numbers = None if restarts else _answer(asked, knowledge, ask, say)
    cite: dict[str, Any] = {"source": source, "at": at}
    if numbers:
        cite["reference"] = [int(one) for one in numbers]
    return {"reported_by" if kind == "evidence" else "cites": [cite]}


def _put(entry: dict[str, Any], field: str, value: Any) -> None:
    if value is None:
        return
    *folders, last = field.split(".")
    for folder in folders:
        entry = entry.setdefault(folder, {})
    entry[last] = value


# --- Questions -------------------------------------------------------------------------------------------


def _head(kind: NewKind, knowledge: Knowledge) -> tuple[Question, ...]:
    example = "{all: [{her2.class: positive}, {prior.agents: {contains: t-dm1}}]}, or always"
    return (
        Question("id", f"Id of the rule ({kind}.what.for-whom)", form=ENTRY_ID, taken=_ids_of_rules(knowledge)),
        Question("title", "Title: the clinical sentence in a few words"),
        Question("when", f"When does it hold? (such as {example})", condition=True),
    )


def _ids_of_rules(knowledge: Knowledge) -> frozenset[str]:
    """Rules, criteria and trials share one space of ids."""
    return frozenset((*knowledge.rules, *knowledge.criteria, *knowledge.trials))


def _evidence(knowledge: Knowledge, needed: bool) -> Question:
    studies = tuple(knowledge.evidence)
    return Question("evidence", "Which studies does it rest on?", studies, many=True, needed=needed)


def _target(field: str, knowledge: Knowledge) -> tuple[Question, ...]:
    classes = tuple(one.id for one in knowledge.data.drug_classes)
    return (
        Question(f"{field}.drugs", "About which drugs?", tuple(knowledge.drugs), many=True, needed=False),
        Question(f"{field}.classes", "About which drug classes?", classes, many=True, needed=False),
        Question(f"{field}.regimens", "About which regimens?", tuple(knowledge.regimens), many=True, needed=False),
    )


def _of_therapy(knowledge: Knowledge) -> Iterable[Question]:
    yield from _head("therapy", knowledge)
    yield Question("offer.regimen", "Which regimen is offered?", tuple(knowledge.regimens))
    yield Question("offer.category", "In which category?", get_args(Category))
    yield Question("offer.because", "Why, in your own words?")
    yield _evidence(knowledge, needed=True)


def _of_caution(knowledge: Knowledge) -> Iterable[Question]:
    yield from _head("caution", knowledge)
    yield from _target("caution.on", knowledge)
    yield Question("caution.effect", "What follows?", get_args(CautionEffect))
    yield Question("caution.because", "Why, in your own words?")
    yield Question("caution.action", "What is to be done?", needed=False)
    yield _evidence(knowledge, needed=False)


def _of_biomarker(knowledge: Knowledge) -> Iterable[Question]:
    yield from _head("biomarker", knowledge)
    yield from _target("modifies.on", knowledge)
    yield Question("modifies.effect", "What does the finding say of them?", get_args(BiomarkerEffect))
    yield Question("modifies.level", "Level of evidence", get_args(EvidenceLevel))
    yield Question("modifies.because", "Why, in your own words?")
    yield Question("modifies.marker", "Name of the marker")
    yield Question("modifies.kind", "Kind of effect", get_args(Modifies.model_fields["kind"].annotation))
    yield _evidence(knowledge, needed=False)


def _of_trial(knowledge: Knowledge) -> Iterable[Question]:
    yield Question("id", "Identifier in the registry (NCT…)", form=TRIAL_ID, taken=_ids_of_rules(knowledge))
    yield Question("acronym", "Acronym", needed=False)
    yield Question("title", "Title")
    yield Question("drugs", "Which drugs are studied?", tuple(knowledge.drugs), many=True, needed=False)
    yield Question("strategy", "Which group does it belong to?", knowledge.data.ranking.strategies)
    yield Question("phase", "Phase", get_args(TrialPhase), needed=False)
    yield Question("population", "In whom, as the source says")
    yield Question("scope", "For which tumours?", get_args(Trial.model_fields["scope"].annotation))
    yield Question("blocked_because", "If blocked: why?", needed=False)
    yield Question("when", "Who is eligible? (a condition)", needed=False, condition=True)


def _of_evidence(knowledge: Knowledge) -> Iterable[Question]:
    yield Question("id", "Id of the study", form=ENTRY_ID, taken=frozenset(knowledge.evidence))
    yield Question("name", "Name of the study")
    yield Question("phase", "Phase, as a review states it", get_args(Evidence.model_fields["phase"].annotation))
    yield Question("design", "Design: what was compared with what")
    yield Question("population", "Population")
    yield Question("level", "Level of evidence", get_args(EvidenceLevel))
    yield Question("benefit", "Strongest benefit shown", get_args(Evidence.model_fields["benefit"].annotation))
    yield Question("summary", "What it found, in your own words")
    yield Question("no_rule_because", "If no rule rests on it: why is it kept?", needed=False)


_QUESTIONS: dict[NewKind, Callable[[Knowledge], Iterable[Question]]] = {
    "therapy": _of_therapy,
    "caution": _of_caution,
    "biomarker": _of_biomarker,
    "trial": _of_trial,
    "evidence": _of_evidence,
}
