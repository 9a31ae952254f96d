"""Classification: rules that derive one fact never contradict each other, whatever the facts."""

from __future__ import annotations

from collections.abc import Iterator

from her2cds.engine.derivation import derive_fact
from her2cds.engine.explain import shown
from her2cds.engine.strata import levels
from her2cds.errors import EngineError
from her2cds.exhaustive.minimal import ways_to, words
from her2cds.exhaustive.model import Answer, Fault
from her2cds.exhaustive.sweep import Case, sweep
from her2cds.facts.truth import TRUE
from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.conditions import All

QUESTION = "no two classification rules derive different values"


def derivations(knowledge: Knowledge) -> Iterator[Answer]:
    """One answer for each derived fact, after those that it rests on; none for what rests on a contradiction."""
    rules = knowledge.derivers
    for level in levels(knowledge):
        answers = [_one_fact(fact, rules[fact], knowledge) for fact in level.completes]
        yield from answers
        if any(answer.faults for answer in answers):
            return


def _one_fact(fact: str, rules: tuple[str, ...], knowledge: Knowledge) -> Answer:
    answer = Answer(QUESTION, fact)
    swept = sweep(knowledge, [knowledge.conditions[rule] for rule in rules])
    answer.count(swept)
    for case in swept.cases:
        _enter(answer, case, fact, rules, knowledge)
    return answer


def _enter(answer: Answer, case: Case, fact: str, rules: tuple[str, ...], knowledge: Knowledge) -> None:
    verdicts = dict(zip(rules, case.truths, strict=True))
    try:
        value = derive_fact(knowledge.facts[fact], [knowledge.rules[rule] for rule in rules], verdicts)
    except EngineError as error:
        together = All(tuple(knowledge.conditions[rule] for rule, truth in verdicts.items() if truth is TRUE))
        (choice,) = ways_to(knowledge, together, most=1)
        answer.faults.append(Fault(str(error), words(choice)))
        return
    answer.came_to(f"{fact} {shown(value)}", case.combinations)
