"""Answers: every combination gets one or a stated reason, and no line of treatment is left without an offer."""

from __future__ import annotations

from collections.abc import Iterator

from her2cds.engine.explain import PatientTests
from her2cds.evaluation import KnowledgeBase
from her2cds.exhaustive.coherence import coherent
from her2cds.exhaustive.minimal import ways_to, words
from her2cds.exhaustive.model import Answer, Fault
from her2cds.exhaustive.sweep import Case, sweep
from her2cds.exhaustive.variables import as_facts
from her2cds.facts.truth import FALSE, TRUE
from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.conditions import All, AnyOf, Condition, Leaf, Not
from her2cds.knowledge.rules import Rule
from her2cds.recommendation.decide import Decision, decide
from her2cds.report.statement import statement_for

ANSWERED = "no profile is left without an answer or a stated reason"
COVERED = "every line of advanced HER2-positive disease has an offer"
KNOWN_GAPS = "who is told that no rule offers a therapy"
ONE_WAY = "no two offers send the patient two ways"
PATHWAYS = ("pathway.first_line", "pathway.second_line", "pathway.later_line")
_SHOWN = 2


def answers(base: KnowledgeBase) -> Iterator[Answer]:
    """The answers that concern all regimens together."""
    yield from _lines_are_covered(base.knowledge)
    yield _pathways_overlap_openly(base.knowledge)
    yield _treatment_goes_on_or_changes(base.knowledge)
    yield _everyone_is_answered(base)


def _conditions(knowledge: Knowledge, rules: tuple[Rule, ...]) -> tuple[Condition, ...]:
    return tuple(knowledge.conditions[rule.id] for rule in rules)


# --- An answer or a reason ----------------------------------------------------------------------------


def _everyone_is_answered(base: KnowledgeBase) -> Answer:
    """Over all facts behind offers, scope, and what has to be known before anything is listed."""
    knowledge = base.knowledge
    answer = Answer(ANSWERED, "all offers of care")
    needed = [
        Leaf(fact, "is", value) for fact in knowledge.data.ranking.needed for value in knowledge.facts[fact].values
    ]
    offers = AnyOf(_conditions(knowledge, knowledge.rules_that_offer_care))
    scope = [Leaf("disease.primary", "is", "breast"), Leaf("scope.in", "is", True)]
    swept = sweep(knowledge, (offers, *scope, *needed))
    answer.count(swept)
    for case in swept.cases:
        _put_to_the_code(base, case, answer)
    return answer


def _put_to_the_code(base: KnowledgeBase, case: Case, answer: Answer) -> None:
    decision = decide(base.knowledge, base.rules.evaluate(as_facts(case.example)))
    reason = statement_for(base.knowledge, decision, PatientTests(decision.outcome, base.knowledge))
    if not decision.ranked and not reason:
        answer.faults.append(Fault("neither an answer nor a reason", words(case.example)))
    offered = case.truths[0] is not FALSE
    if bool(decision.ranked) != (offered and not decision.deferred):
        answer.faults.append(Fault("what is ranked is not what the rules offer", words(case.example)))
    answer.came_to(_kind(decision, reason), case.combinations)


def _kind(decision: Decision, reason: str | None) -> str:
    if decision.deferred:
        return "asked for what decides most"
    if decision.ranked:
        determined = any(one.candidate.determined for one in decision.ranked)
        return "answered" if determined else "answered under conditions"
    assert reason is not None
    return reason.partition(":")[0].partition(".")[0].casefold()


# --- First, second and later line -----------------------------------------------------------------------

_POSITIVE = (Leaf("disease.advanced", "is", True), Leaf("her2.class", "is", "positive"))
_ANTI_HER2_BEFORE = Leaf("prior.classes", "contains", "anti-her2")
# Who has to be offered something. From the second line on, a drug against HER2 was given before: the reviews speak of
# no other patients.
_LINES: dict[str, tuple[Condition, ...]] = {
    "first line": (*_POSITIVE, Leaf("pathway.first_line", "is", True)),
    "second line": (*_POSITIVE, Leaf("pathway.second_line", "is", True), _ANTI_HER2_BEFORE),
    "third line and later": (*_POSITIVE, Leaf("pathway.later_line", "is", True), _ANTI_HER2_BEFORE),
}
# Who may be left with a stated reason: counted and shown, so that a reader knows.
_GAPS: dict[str, tuple[Condition, ...]] = {
    "second line, no anti-HER2 drug before": (
        *_POSITIVE,
        Leaf("pathway.second_line", "is", True),
        Not(_ANTI_HER2_BEFORE),
    ),
    "third line and later, no anti-HER2 drug before": (
        *_POSITIVE,
        Leaf("pathway.later_line", "is", True),
        Not(_ANTI_HER2_BEFORE),
    ),
    "HER2-low advanced disease that is not controlled": (
        Leaf("disease.advanced", "is", True),
        Leaf("her2.class", "is", "low"),
        Leaf("current.controlled", "is", False),
    ),
    "early HER2-positive disease": (
        Leaf("disease.primary", "is", "breast"),
        Leaf("disease.setting", "is", "early"),
        Leaf("her2.class", "is", "positive"),
    ),
}


def _lines_are_covered(knowledge: Knowledge) -> Iterator[Answer]:
    for about, asked in _LINES.items():
        answer = Answer(COVERED, about)
        answer.faults += _without_offer(knowledge, All(asked), answer)
        yield answer
    for about, asked in _GAPS.items():
        answer = Answer(KNOWN_GAPS, about)
        answer.gaps += _without_offer(knowledge, All(asked), answer)
        yield answer


def _without_offer(knowledge: Knowledge, asked: Condition, answer: Answer) -> Iterator[Fault]:
    """Some of the profiles that are asked about and that no rule offers care; the counts go into the answer."""
    offers = AnyOf(_conditions(knowledge, knowledge.rules_that_offer_care))
    within = coherent(knowledge, (asked, offers))
    swept = sweep(knowledge, (offers,), within, about=asked)
    answer.count(swept)
    for case in swept.cases:
        meant, offered = case.truths
        if meant is TRUE:
            outcome = ("no offer", "an offer under conditions", "an offer")[offered]
            answer.came_to(outcome, case.combinations)
    if "no offer" in answer.outcomes:
        for choice in ways_to(knowledge, All((asked, Not(offers))), within, most=_SHOWN, about=asked):
            yield Fault("no rule offers anything", words(choice))


# --- Offers and pathways that exclude each other -----------------------------------------------------------


def _treatment_goes_on_or_changes(knowledge: Knowledge) -> Answer:
    """Going on with the current treatment and a change to other drugs are never both offered for sure."""
    answer = Answer(ONE_WAY, "going on and changing")
    going_on = AnyOf(_of_kind(knowledge, "current"))
    change = AnyOf(_of_kind(knowledge, "drugs"))
    within = coherent(knowledge, (going_on, change))
    swept = sweep(knowledge, (going_on, change), within)
    answer.count(swept)
    for case in swept.cases:
        held = [name for name, truth in zip(("go on", "change"), case.truths, strict=True) if truth is TRUE]
        answer.came_to(" and ".join(held) or "neither for sure", case.combinations)
    for choice in ways_to(knowledge, All((going_on, change)), within, most=_SHOWN):
        answer.faults.append(Fault("offered to go on with the current treatment and to change it", words(choice)))
    return answer


def _of_kind(knowledge: Knowledge, kind: str) -> tuple[Condition, ...]:
    rules = knowledge.rules_that_offer_care
    return _conditions(
        knowledge, tuple(rule for rule in rules if rule.offer and knowledge.regimens[rule.offer.regimen].kind == kind)
    )


def _pathways_overlap_openly(knowledge: Knowledge) -> Answer:
    """Where two pathways apply for sure, a rule that put the patient there tells the reader so."""
    answer = Answer(ONE_WAY, "pathways")
    paths = tuple(Leaf(pathway, "is", True) for pathway in PATHWAYS)
    told = AnyOf(
        tuple(
            knowledge.conditions[rule.id]
            for rule in knowledge.rules_of("classification")
            if rule.derive and rule.derive.fact in PATHWAYS and rule.notice
        )
    )
    within = coherent(knowledge, paths)
    swept = sweep(knowledge, (*paths, told), within)
    answer.count(swept)
    for case in swept.cases:
        held = [test.fact for test, truth in zip(paths, case.truths, strict=False) if truth is TRUE]
        answer.came_to(" and ".join(held) or "none for sure", case.combinations)
        if len(held) > 1 and case.truths[-1] is not TRUE:
            answer.faults.append(Fault(f"{' and '.join(held)} apply, and no notice says so", words(case.example)))
    return answer
