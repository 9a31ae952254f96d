"""Two answers side by side: what entered, left and moved, and why. For what-if, and for two profiles."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date as Date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from her2cds.engine.explain import PatientTests, explain, shown
from her2cds.evaluation import Case, KnowledgeBase, PatientInput, as_profile, examine
from her2cds.facts.truth import FALSE, TRUE
from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.rules import Rule
from her2cds.profile.changes import append_at, progress_on, remove_at, set_at
from her2cds.profile.model import Profile
from her2cds.profile.normalise import Chart
from her2cds.recommendation.candidates import Candidate
from her2cds.recommendation.decide import Decision
from her2cds.recommendation.order import Ranked
from her2cds.report.context import ReportContext
from her2cds.report.model import SCHEMA_VERSION, KnowledgeIdentity
from her2cds.report.statement import statement_for
from her2cds.report.therapies import failed_tests

Kind = Literal["entered", "left", "moved", "changed", "same"]
Group = Literal["ranked", "ruled out", "investigational", "not offered"]


@dataclass(frozen=True)
class FactChanged:
    """One fact that is not the same: its value before and after, in words."""

    fact: str
    meaning: str
    before: str
    after: str


@dataclass(frozen=True)
class RegimenChanged:
    """How one regimen stood and stands, and why that changed."""

    regimen: str
    name: str
    kind: Kind
    before: str
    after: str
    because: tuple[str, ...]


@dataclass(frozen=True)
class TrialsChanged:
    """The trials that opened (are now to consider) and those that closed (no longer fit)."""

    opened: tuple[str, ...]
    closed: tuple[str, ...]


class Comparison(BaseModel):
    """Before and after, or one patient and another."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    schema_version: Literal["1"] = SCHEMA_VERSION
    before_id: str | None
    after_id: str | None
    knowledge: KnowledgeIdentity
    intended_use: str
    changes: tuple[str, ...]
    statement_before: str | None
    statement_after: str | None
    facts: tuple[FactChanged, ...]
    regimens: tuple[RegimenChanged, ...]
    trials: TrialsChanged

    def to_json(self, indent: int | None = 2) -> str:
        """The comparison as JSON; the same comparison gives the same bytes."""
        return self.model_dump_json(indent=indent)


@dataclass(frozen=True, slots=True)
class Changes:
    """What to change in a profile, in this order: fields set, removed and appended, drugs progressed on now."""

    set: Mapping[str, object] = field(default_factory=dict)
    remove: tuple[str, ...] = ()
    append: Mapping[str, object] | None = None
    progresses_on: tuple[str, ...] = ()

    @property
    def in_words(self) -> tuple[str, ...]:
        """Each change in a few words."""
        return (
            *(f"{path} = {value}" for path, value in self.set.items()),
            *(f"{path} removed" for path in self.remove),
            *(f"{path} + {value}" for path, value in (self.append or {}).items()),
            *(f"progresses on {drug} now" for drug in self.progresses_on),
        )


def what_if(
    patient: PatientInput,
    changes: Changes,
    knowledge: KnowledgeBase,
    *,
    today: Date | None = None,
    label: str = "patient profile",
) -> Comparison:
    """The answer before and after changes to the profile, which is given as for `evaluate` and is left as it was.

    `today` is the latest date that it may hold (default: the system's date). Raises ProfileError, with every fault, for
    a profile that cannot be used and for a change that makes no valid profile.
    """
    tree = _tree(patient, label)
    for path, value in changes.set.items():
        set_at(tree, path, value)
    for path in changes.remove:
        remove_at(tree, path)
    for path, value in (changes.append or {}).items():
        append_at(tree, path, value)
    for drug in changes.progresses_on:
        progress_on(tree, drug, _names_of(drug, knowledge.knowledge))
    before = examine(patient, knowledge, today=today, label=label)
    after = examine(tree, knowledge, today=today, label=f"{label}, as changed")
    return compare(before, after, knowledge, changes.in_words)


def _tree(patient: PatientInput, label: str) -> dict[str, Any]:
    """The fields of a profile, to be changed: only those that it gives, because the others are unknown."""
    profile = as_profile(patient, label) if isinstance(patient, (str, bytes)) else patient
    if isinstance(profile, Profile):
        return profile.model_dump(mode="json", exclude_unset=True)
    return copy.deepcopy(dict(profile))


def _names_of(drug: str, knowledge: Knowledge) -> Callable[[object], bool]:
    """Whether a name in a profile stands for this drug."""
    names = knowledge.drug_names
    identifier = names.find(drug)

    def is_it(agent: object) -> bool:
        return identifier is not None and names.find(str(agent)) == identifier

    return is_it


def compare(
    before: PatientInput | Case,
    after: PatientInput | Case,
    knowledge: KnowledgeBase,
    changes: Iterable[str] = (),
    *,
    today: Date | None = None,
) -> Comparison:
    """Two patients side by side, or one at two times; each given as for `evaluate`, or as the case `examine` made.

    `changes` say in words what was changed, where the second was made from the first. Raises as `evaluate` does.
    """
    first = examine(before, knowledge, today=today, label="the first patient profile")
    second = examine(after, knowledge, today=today, label="the second patient profile")
    return _Comparing(first, second, knowledge).comparison(tuple(changes))


@dataclass(frozen=True, slots=True)
class _Standing:
    """How a regimen stands in one of the two decisions."""

    group: Group
    words: str
    rank: int = 0
    ranked: Ranked | None = None
    candidate: Candidate | None = None


class _Comparing:
    def __init__(self, before: Case, after: Case, knowledge: KnowledgeBase) -> None:
        self._before, self._after = before, after
        self._knowledge: Knowledge = knowledge.knowledge
        self._base = knowledge
        self._changed = {one.fact: one for one in self._facts()}

    def comparison(self, changes: tuple[str, ...]) -> Comparison:
        context = ReportContext(self._knowledge, self._after.decision, self._after.chart, self._base.registry)
        return Comparison.model_construct(
            schema_version=SCHEMA_VERSION,
            before_id=_identifier(self._before.chart),
            after_id=_identifier(self._after.chart),
            knowledge=context.identity,
            intended_use=self._knowledge.data.manifest.intended_use,
            changes=changes,
            statement_before=self._statement(self._before.decision),
            statement_after=self._statement(self._after.decision),
            facts=tuple(self._changed.values()),
            regimens=tuple(sorted(self._regimens(), key=_reading_order)),
            trials=self._trials(),
        )

    def _statement(self, decision: Decision) -> str | None:
        return statement_for(self._knowledge, decision, PatientTests(decision.outcome, self._knowledge))

    def _facts(self) -> Iterator[FactChanged]:
        before, after = self._before.decision.outcome.facts, self._after.decision.outcome.facts
        for definition in self._knowledge.data.vocabulary:
            old, new = shown(before.get(definition.id)), shown(after.get(definition.id))
            if old != new:
                yield FactChanged(definition.id, definition.meaning, old, new)

    def _trials(self) -> TrialsChanged:
        before, after = (
            {one.trial.id for one in case.decision.matches if one.fits and not one.closed}
            for case in (self._before, self._after)
        )
        return TrialsChanged(tuple(sorted(after - before)), tuple(sorted(before - after)))

    # --- Regimens -----------------------------------------------------------------------------------

    def _regimens(self) -> Iterator[RegimenChanged]:
        old, new = _standings(self._before.decision), _standings(self._after.decision)
        for regimen in sorted({*old, *new}):
            before = old.get(regimen, _Standing("not offered", "not offered"))
            after = new.get(regimen, _Standing("not offered", "not offered"))
            kind = _kind(before, after)
            yield RegimenChanged(
                regimen=regimen,
                name=self._knowledge.regimens[regimen].name,
                kind=kind,
                before=before.words,
                after=after.words,
                because=tuple(dict.fromkeys(self._because(regimen, before, after))),
            )

    def _because(self, regimen: str, before: _Standing, after: _Standing) -> Iterator[str]:
        if before.group == after.group:
            yield from _standing_changes(before, after)
            return
        if "ruled out" not in (before.group, after.group) or before.group == "not offered":
            yield from self._newly_offered(after)
        if after.group in ("not offered", "investigational"):
            yield from self._no_longer_offered(regimen)
        if after.group == "ruled out":
            yield from self._now_excluded(after)
        elif before.group == "ruled out" and after.group != "not offered":
            yield from self._no_longer(before)

    def _newly_offered(self, after: _Standing) -> Iterator[str]:
        """The rules that offer it now, with the facts that changed and that they rest on."""
        candidate = after.candidate
        for rule in candidate.offers if candidate else ():
            satisfied = self._after.decision.outcome.verdicts[rule.id] is TRUE
            yield f"{rule.id} {'is satisfied' if satisfied else 'is open'}{self._resting_on(rule)}"

    def _no_longer_offered(self, regimen: str) -> Iterator[str]:
        """What fails now in the rules that offered it; or what has to be known before anything is offered."""
        deferred, outcome = self._after.decision.deferred, self._after.decision.outcome
        if deferred:
            yield f"nothing is listed until this is known: {', '.join(deferred)}"
            return
        for rule in self._knowledge.rules_of("therapy"):
            offered = rule.offer is not None and rule.offer.regimen == regimen
            if offered and self._failed(rule):
                tree = explain(self._knowledge.conditions[rule.id], outcome.facts, self._knowledge)
                failed = "; ".join(f"{one.test}, but it is {one.value}" for one in failed_tests(tree))
                yield f"{rule.id} fails: {failed}"

    def _failed(self, rule: Rule) -> bool:
        """Whether a rule that was satisfied or open is so no longer."""
        before, after = (case.decision.outcome.verdicts[rule.id] for case in (self._before, self._after))
        return before is not FALSE and after is FALSE

    def _now_excluded(self, after: _Standing) -> Iterator[str]:
        for one in after.candidate.exclusions if after.candidate else ():
            source = one.rule.id if one.rule else one.origin
            yield f"{one.drug}: {one.because} ({source}){self._resting_on(one.rule) if one.rule else ''}"

    def _no_longer(self, before: _Standing) -> Iterator[str]:
        for one in before.candidate.exclusions if before.candidate else ():
            yield f"no longer ruled out by {one.rule.id if one.rule else one.because}"

    def _resting_on(self, rule: Rule) -> str:
        """The changed facts among those that a rule tests, its criteria and classification rules included."""
        facts = dict.fromkeys(_facts_below(rule.id, self._knowledge))
        changed = [f"{fact} {one.before} → {one.after}" for fact in facts if (one := self._changed.get(fact))]
        return f" ({'; '.join(changed)})" if changed else ""


def _facts_below(node: str, knowledge: Knowledge) -> Iterator[str]:
    tree = explain(knowledge.conditions[node], {}, knowledge)
    yield from (leaf.test.fact for leaf in tree.leaves() if leaf.test)


def _standings(decision: Decision) -> dict[str, _Standing]:
    found: dict[str, _Standing] = {}
    for one in decision.ranked:
        conditional = "" if one.candidate.determined else ", conditional"
        words = f"{one.rank}{' (tie)' if one.tied else ''}, {one.standings[0].words}{conditional}"
        found[one.candidate.regimen.id] = _Standing("ranked", words, one.rank, one, one.candidate)
    for candidate in decision.gathered.excluded:
        found[candidate.regimen.id] = _Standing("ruled out", "ruled out", candidate=candidate)
    for candidate in decision.gathered.investigational:
        found[candidate.regimen.id] = _Standing("investigational", "investigational", candidate=candidate)
    return found


def _kind(before: _Standing, after: _Standing) -> Kind:
    if before.group != after.group:
        if after.group == "ranked":
            return "entered"
        return "left" if before.group == "ranked" else "changed"
    if before.rank != after.rank:
        return "moved"
    return "same" if before.words == after.words else "changed"


def _standing_changes(before: _Standing, after: _Standing) -> Iterator[str]:
    """The ranking criteria in which the regimen stands otherwise than before; else it is the others that changed."""
    if not before.ranked or not after.ranked or before.words == after.words:
        return
    pairs = zip(before.ranked.standings, after.ranked.standings, strict=True)
    changed = [(old, new) for old, new in pairs if (old.key, old.words) != (new.key, new.words)]
    for old, new in changed:
        yield f"{old.criterion.words}: {old.words} → {new.words}"
    if not changed:
        yield "other regimens entered, left or moved round it"


def _reading_order(one: RegimenChanged) -> tuple[int, int, str]:
    """What changed first; ranked regimens by the rank they have (or had)."""
    rank = next((int(words.split(",")[0].split()[0]) for words in (one.after, one.before) if words[:1].isdigit()), 99)
    return (one.kind == "same", rank, one.regimen)


def _identifier(chart: Chart) -> str | None:
    profile: Profile = chart.profile
    return profile.id
