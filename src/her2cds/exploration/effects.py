"""What is missing, and what each possible answer would change: the questions in the order of their effect."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date as Date
from typing import Literal

from pydantic import BaseModel, ConfigDict

from her2cds.engine.assume import Assumptions
from her2cds.engine.compiled import Outcome
from her2cds.evaluation import Case, KnowledgeBase, PatientInput, examine
from her2cds.exploration.possible import possibilities
from her2cds.facts.truth import TRUE, UNKNOWN
from her2cds.facts.values import ScalarFact
from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.citations import Citation
from her2cds.knowledge.rules import FactDefinition
from her2cds.recommendation.decide import Decision, decide
from her2cds.recommendation.order import ranks
from her2cds.report.context import ReportContext
from her2cds.report.missing import MissingFacts
from her2cds.report.model import SCHEMA_VERSION, KnowledgeIdentity


@dataclass(frozen=True)
class Effect:
    """What one answer would change. Regimens are named by id; `top` is what would then stand first.

    `overturns` are derived facts that are known now and would change: an answer that contradicts the chart.
    """

    answer: str
    overturns: tuple[str, ...]
    top: tuple[str, ...]
    top_changes: bool
    enters: tuple[str, ...]
    leaves: tuple[str, ...]
    ruled_out: tuple[str, ...]
    settles: tuple[str, ...]
    trials_opened: int
    trials_closed: int

    @property
    def changes_nothing(self) -> bool:
        """Whether the answer would leave everything as it is."""
        return not (
            self.top_changes
            or self.enters
            or self.leaves
            or self.ruled_out
            or self.settles
            or self.trials_opened
            or self.trials_closed
        )


@dataclass(frozen=True)
class HowToAnswer:
    """A test that a rule suggests for this patient and that answers the question, with its sources."""

    rule: str
    test: str
    citations: tuple[Citation, ...]


@dataclass(frozen=True)
class OpenQuestion:
    """One missing fact, how to find out, and what each possible answer would change.

    `needed` facts hold everything back until they are known; `undetermined` are the rules that depend on the fact.
    """

    fact: str
    question: str
    obtain: str | None
    tests: tuple[HowToAnswer, ...]
    safety: bool
    needed: bool
    undetermined: tuple[str, ...]
    effects: tuple[Effect, ...]


class WhatIsMissing(BaseModel):
    """The open questions of one patient, those that change most first."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    schema_version: Literal["1"] = SCHEMA_VERSION
    patient_id: str | None
    knowledge: KnowledgeIdentity
    intended_use: str
    top: tuple[str, ...]
    questions: tuple[OpenQuestion, ...]

    def to_json(self, indent: int | None = 2) -> str:
        """The questions as JSON; the same questions give the same bytes."""
        return self.model_dump_json(indent=indent)


def what_is_missing(
    patient: PatientInput | Case,
    knowledge: KnowledgeBase,
    *,
    today: Date | None = None,
    label: str = "patient profile",
) -> WhatIsMissing:
    """Every missing fact on which an undetermined rule depends, with the effect of each possible value.

    The patient is given as for `evaluate`, or as the case that `examine` made. Raises as `evaluate` does.
    """
    case = examine(patient, knowledge, today=today, label=label)
    context = ReportContext(knowledge.knowledge, case.decision, case.chart, knowledge.registry)
    questions = sorted(_Asking(case, knowledge, context).questions(), key=_weight)
    return WhatIsMissing.model_construct(
        schema_version=SCHEMA_VERSION,
        patient_id=case.chart.profile.id,
        knowledge=context.identity,
        intended_use=knowledge.knowledge.data.manifest.intended_use,
        top=_State.of(case.decision).top,
        questions=tuple(questions),
    )


def _weight(question: OpenQuestion) -> tuple[int, int, int, int, int, str]:
    """What holds everything back comes first, then what can change the first regimen, the regimens, the trials.

    Answers that contradict the chart do not count.
    """
    effects = [one for one in question.effects if not one.overturns]
    moved = max((len(one.enters) + len(one.leaves) + len(one.settles) for one in effects), default=0)
    ruled_out = max((len(one.ruled_out) for one in effects), default=0)
    trials = max((one.trials_opened + one.trials_closed for one in effects), default=0)
    top = any(one.top_changes for one in effects)
    return (-question.needed, -top, -moved, -ruled_out, -trials, question.fact)


@dataclass(frozen=True, slots=True)
class _State:
    """What an answer can change."""

    top: tuple[str, ...]
    ranked: frozenset[str]
    determined: frozenset[str]
    excluded: frozenset[str]
    eligible: frozenset[str]
    closed_off: frozenset[str]

    @classmethod
    def of(cls, decision: Decision) -> _State:
        ranked = {one.candidate.regimen.id: one.candidate for one in decision.ranked}
        return cls(
            top=tuple(one.candidate.regimen.id for one in decision.ranked if one.rank == 1),
            ranked=frozenset(ranked),
            determined=frozenset(regimen for regimen, one in ranked.items() if one.determined and not one.open_checks),
            excluded=frozenset(one.regimen.id for one in decision.gathered.excluded),
            eligible=frozenset(one.trial.id for one in decision.matches if one.fits and one.verdict is TRUE),
            closed_off=frozenset(one.trial.id for one in decision.matches if not one.fits),
        )


class _Asking:
    """Collects the missing facts of one patient and tries their values."""

    def __init__(self, case: Case, knowledge: KnowledgeBase, context: ReportContext) -> None:
        self._base = knowledge
        self._knowledge: Knowledge = knowledge.knowledge
        self._outcome: Outcome = case.decision.outcome
        self._context = context
        self._missing: MissingFacts = context.missing
        self._assumptions = Assumptions(self._knowledge, self._outcome)
        self._now = _State.of(case.decision)
        self._deciding = frozenset(_deciding_nodes(self._knowledge))
        self._deferred = case.decision.deferred

    def questions(self) -> Iterator[OpenQuestion]:
        """One question per missing fact."""
        for fact, nodes in self._open_facts().items():
            definition = self._knowledge.facts[fact]
            effects = tuple(self._effects(fact, nodes))
            if not effects:
                continue
            yield OpenQuestion(
                fact=fact,
                question=definition.ask or f"{definition.meaning}?",
                obtain=definition.obtain,
                tests=tuple(self._tests(fact)),
                safety=definition.safety,
                needed=fact in self._deferred,
                undetermined=nodes,
                effects=effects,
            )

    def _open_facts(self) -> dict[str, tuple[str, ...]]:
        """For each missing fact, the undetermined rules, trials and situations that depend on it."""
        found: dict[str, list[str]] = {fact: [] for fact in self._deferred}
        for node, verdict in self._outcome.verdicts.items():
            if verdict is UNKNOWN and node not in self._knowledge.criteria:
                for fact in self._missing.of(node):
                    found.setdefault(fact, []).append(node)
        return {fact: tuple(nodes) for fact, nodes in found.items()}

    def _effects(self, fact: str, nodes: tuple[str, ...]) -> Iterator[Effect]:
        definition, current = self._knowledge.facts[fact], self._outcome.facts.get(fact)
        for one in possibilities(definition, current, self._knowledge, self._telling(definition, nodes)):
            outcome = self._assumptions.outcome_if(fact, one.fact)
            then = self._now if self._same(outcome) else self._decided(outcome)
            yield _effect(one.answer, tuple(self._overturned(outcome)), self._now, then)

    def _telling(self, definition: FactDefinition, nodes: tuple[str, ...]) -> Iterator[str]:
        """The nodes whose tests tell values apart. Of a set, only members that can decide something are tried."""
        if definition.type != "set":
            yield from self._knowledge.conditions
            return
        yield from (node for node in nodes if node in self._deciding)
        yield from self._knowledge.criteria
        yield from (rule.id for rule in self._knowledge.rules_of("classification"))

    def _overturned(self, outcome: Outcome) -> Iterator[str]:
        for fact, value in self._outcome.facts.items():
            if isinstance(value, ScalarFact) and value.value not in (None, *self._knowledge.facts[fact].unsettled):
                then = outcome.facts[fact]
                if isinstance(then, ScalarFact) and then.candidates != value.candidates:
                    yield fact

    def _same(self, outcome: Outcome) -> bool:
        """Whether no verdict that decides anything has changed: the decision then need not be made again."""
        verdicts = self._outcome.verdicts
        changed = (node for node, verdict in outcome.verdicts.items() if verdict is not verdicts[node])
        return (
            not self._deferred and self._deciding.isdisjoint(changed) and not _history_changed(self._outcome, outcome)
        )

    def _decided(self, outcome: Outcome) -> _State:
        return _State.of(decide(self._knowledge, outcome, self._base.closed_trials))

    def _tests(self, fact: str) -> Iterator[HowToAnswer]:
        for rule in self._context.satisfied("request"):
            if rule.request and fact in rule.request.answers:
                yield HowToAnswer(rule.id, rule.request.test, self._context.cite(rule.cites))


def _history_changed(before: Outcome, after: Outcome) -> bool:
    """Whether a fact that restricts candidates without a rule of its own has changed."""
    return any(before.facts.get(fact) != after.facts.get(fact) for fact in _RESTRICTING)


_RESTRICTING = (
    "prior.progressed_on",
    "prior.not_tolerated",
    "health.hypersensitivity",
    "patient.unsuitable_for",
    "current.agents",
)


def _deciding_nodes(knowledge: Knowledge) -> Iterator[str]:
    """The nodes whose verdict can change what is ranked, ruled out or open."""
    for rule in knowledge.data.rules:
        if rule.offer or rule.caution or (rule.modifies and ranks(rule.modifies)):
            yield rule.id
    yield from knowledge.situations
    yield from (trial.id for trial in knowledge.suggested_trials)


def _effect(answer: str, overturns: tuple[str, ...], now: _State, then: _State) -> Effect:
    return Effect(
        answer=answer,
        overturns=overturns,
        top=then.top,
        top_changes=then.top != now.top,
        enters=tuple(sorted(then.ranked - now.ranked)),
        leaves=tuple(sorted(now.ranked - then.ranked)),
        ruled_out=tuple(sorted(then.excluded - now.excluded)),
        settles=tuple(sorted((then.determined - now.determined) & now.ranked)),
        trials_opened=len(then.eligible - now.eligible),
        trials_closed=len(then.closed_off - now.closed_off),
    )
