"""Why, and why not: the condition trees behind a regimen, a rule, a trial or a derived fact, for one patient."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

from her2cds.engine.explain import Explanation
from her2cds.engine.near_miss import literals_missed
from her2cds.errors import UnknownNameError
from her2cds.facts.truth import FALSE, TRUE, UNKNOWN, Truth
from her2cds.facts.values import ScalarFact
from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.citations import Citation
from her2cds.recommendation.candidates import Candidate
from her2cds.recommendation.decide import Decision
from her2cds.report.context import ReportContext
from her2cds.report.model import SCHEMA_VERSION, KnowledgeIdentity
from her2cds.report.therapies import failed_tests
from her2cds.report.trial_model import FactShown
from her2cds.suggest import nearest

TruthWord = Literal["true", "false", "unknown"]
RuleVerdict = Literal["satisfied", "not satisfied", "undetermined"]
Subject = Literal["regimen", "rule", "trial", "criterion", "fact"]
_WORDS: dict[Truth, TruthWord] = {TRUE: "true", FALSE: "false", UNKNOWN: "unknown"}
_VERDICTS: dict[Truth, RuleVerdict] = {
    TRUE: "satisfied",
    FALSE: "not satisfied",
    UNKNOWN: "undetermined",
}


@dataclass(frozen=True)
class Step:
    """One node of the tree. `parts` are the conditions below, or the rules that made a derived fact.

    `value` is the patient's value and `origin` where it comes from: a JSON path, or the ids of the rules.
    """

    truth: TruthWord
    says: str
    value: str
    origin: str
    parts: tuple[Step, ...]


@dataclass(frozen=True)
class RuleExplained:
    """One rule (or trial, or criterion): its verdict, what failed or is missing, the tree, and its sources."""

    id: str
    title: str
    verdict: RuleVerdict
    effect: str
    failed: tuple[FactShown, ...]
    missing: tuple[str, ...]
    tree: Step
    citations: tuple[Citation, ...]


class Why(BaseModel):
    """The explanation: how the subject stands for this patient, and the rules that say so, the nearest first."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    schema_version: Literal["1"] = SCHEMA_VERSION
    patient_id: str | None
    knowledge: KnowledgeIdentity
    intended_use: str
    subject: str
    kind: Subject
    name: str
    standing: str
    rules: tuple[RuleExplained, ...]
    restrictions: tuple[RuleExplained, ...]
    notes: tuple[str, ...]

    def to_json(self, indent: int | None = 2) -> str:
        """The explanation as JSON; the same explanation gives the same bytes."""
        return self.model_dump_json(indent=indent)


class WhyNot:
    """Explains anything in the knowledge base for one patient."""

    def __init__(self, context: ReportContext, decision: Decision) -> None:
        self._context = context
        self._knowledge = context.knowledge
        self._outcome = decision.outcome
        self._decision = decision
        self._derivers = context.knowledge.derivers

    def why(self, name: str) -> Why:
        """Why, or why not. Raises UnknownNameError, with the nearest names, for a name that nothing bears."""
        kind, subject = resolve(name, self._knowledge)
        match kind:
            case "regimen":
                return self._regimen(subject)
            case "trial":
                return self._trial(subject)
            case "fact":
                return self._fact(subject)
            case "criterion":
                criterion = self._knowledge.criteria[subject]
                explained = self._explained(subject, criterion.title, "", criterion.cites)
                return self._answer(subject, kind, criterion.title, explained.verdict, [explained])
            case "rule":
                rule = self._rule(subject)
                return self._answer(subject, kind, rule.title, rule.verdict, [rule])

    # --- Subjects -----------------------------------------------------------------------------------

    def _regimen(self, regimen: str) -> Why:
        offers = [one.id for one in self._knowledge.rules_of("therapy") if one.offer and one.offer.regimen == regimen]
        explained = self._nearest_first(offers)
        candidate = self._candidate(regimen)
        applied = (*candidate.cautions, *candidate.open_checks, *candidate.modifiers) if candidate else ()
        excluding = [one.rule.id for one in candidate.exclusions if one.rule] if candidate else []
        restrictions = [self._rule(one) for one in dict.fromkeys([*excluding, *(one.rule.id for one in applied)])]
        standing, notes = self._standing(regimen, explained, candidate)
        name = self._knowledge.regimens[regimen].name
        return self._answer(regimen, "regimen", name, standing, explained, restrictions, notes)

    def _trial(self, identifier: str) -> Why:
        trial = self._knowledge.trials[identifier]
        if trial not in self._knowledge.suggested_trials:
            standing = f"never suggested: {trial.blocked_because or f'scope {trial.scope}'}"
            return self._answer(identifier, "trial", trial.title, standing, [], notes=trial.caveats)
        explained = self._explained(identifier, trial.title, "", trial.cites)
        standing = {
            "satisfied": "eligible on what is known",
            "undetermined": "possibly eligible: facts are missing",
            "not satisfied": "not eligible",
        }[explained.verdict]
        notes = (*(f"Inferred: {one}" for one in trial.inferred), *trial.caveats)
        return self._answer(identifier, "trial", trial.title, standing, [explained], notes=notes)

    def _fact(self, fact: str) -> Why:
        value = Explanation(UNKNOWN, fact, fact=self._outcome.facts.get(fact)).value
        rules = self._nearest_first(self._derivers[fact])
        return self._answer(fact, "fact", self._knowledge.facts[fact].meaning, value, rules)

    def _candidate(self, regimen: str) -> Candidate | None:
        gathered = self._decision.gathered
        everyone = (*gathered.ranked, *gathered.excluded, *gathered.investigational)
        return next((one for one in everyone if one.regimen.id == regimen), None)

    def _standing(
        self, regimen: str, rules: list[RuleExplained], candidate: Candidate | None
    ) -> tuple[str, tuple[str, ...]]:
        """How a regimen stands, and the notes that are no rules."""
        for one in self._decision.ranked:
            if one.candidate.regimen.id == regimen:
                tie = ", tied" if one.tied else ""
                conditional = "" if one.candidate.determined else ", conditional on missing facts"
                return f"ranked {one.rank} of {len(self._decision.ranked)}{tie}{conditional}", ()
        if candidate is not None and candidate.exclusions:
            notes = [f"{one.drug}: {one.because} ({one.origin})" for one in candidate.exclusions if one.rule is None]
            return "ruled out for this patient", tuple(dict.fromkeys(notes))
        if candidate is not None:
            return "investigational: not ranked as care", ()
        if self._decision.deferred:
            return f"nothing is offered until this is known: {', '.join(self._decision.deferred)}", ()
        return f"not offered: none of {len(rules)} rules is satisfied; the nearest is {rules[0].id}", ()

    # --- Rules --------------------------------------------------------------------------------------

    def _nearest_first(self, rules: Iterable[str]) -> list[RuleExplained]:
        verdicts = self._outcome.verdicts
        missed = {one: literals_missed(one, self._outcome, self._knowledge) for one in rules}
        return [self._rule(one) for one in sorted(missed, key=lambda one: (-verdicts[one], missed[one], one))]

    def _rule(self, identifier: str) -> RuleExplained:
        rule = self._knowledge.rules[identifier]
        effect = rule.caution.effect if rule.caution else rule.modifies.effect if rule.modifies else ""
        return self._explained(identifier, rule.title, effect, rule.cites)

    def _explained(self, node: str, title: str, effect: str, cites: Iterable[Citation]) -> RuleExplained:
        tree = self._context.explain(self._knowledge.conditions[node])
        return RuleExplained(
            id=node,
            title=title,
            verdict=_VERDICTS[tree.truth],
            effect=effect,
            failed=failed_tests(tree) if tree.truth is FALSE else (),
            missing=self._context.missing.of(node) if tree.truth is UNKNOWN else (),
            tree=self._step(tree),
            citations=self._context.cite(cites),
        )

    def _step(self, node: Explanation) -> Step:
        parts = tuple(self._step(one) for one in node.parts)
        if node.test is not None and node.test.fact in self._derivers:
            parts = tuple(self._chain(node.test.fact))
        is_leaf = node.test is not None
        return Step(_WORDS[node.truth], node.says, node.value if is_leaf else "", node.origin, parts)

    def _chain(self, fact: str) -> Iterator[Step]:
        """The classification rules that gave a derived fact its value, or that leave it open."""
        value = self._outcome.facts[fact]
        wanted = TRUE if isinstance(value, ScalarFact) and value.is_known else UNKNOWN
        for rule in self._derivers[fact]:
            if self._outcome.verdicts[rule] is wanted:
                tree = self._context.explain(self._knowledge.conditions[rule])
                yield Step(_WORDS[wanted], self._knowledge.rules[rule].title, "", rule, (self._step(tree),))

    def _answer(
        self,
        subject: str,
        kind: Subject,
        name: str,
        standing: str,
        rules: Iterable[RuleExplained],
        restrictions: Iterable[RuleExplained] = (),
        notes: Iterable[str] = (),
    ) -> Why:
        return Why.model_construct(
            schema_version=SCHEMA_VERSION,
            patient_id=self._context.chart.profile.id,
            knowledge=self._context.identity,
            intended_use=self._knowledge.data.manifest.intended_use,
            subject=subject,
            kind=kind,
            name=name,
            standing=standing,
            rules=tuple(rules),
            restrictions=tuple(restrictions),
            notes=tuple(notes),
        )


def resolve(name: str, knowledge: Knowledge) -> tuple[Subject, str]:
    """What a name stands for: a regimen (by id or name), trial, rule, criterion, or derived fact.

    Raises UnknownNameError, with the regimens that hold it for the name of a drug, else with the nearest names.
    """
    derived = [one.id for one in knowledge.data.vocabulary if one.derived]
    kinds: tuple[tuple[Subject, Iterable[str]], ...] = (
        ("regimen", knowledge.regimens),
        ("trial", knowledge.trials),
        ("rule", knowledge.rules),
        ("criterion", knowledge.criteria),
        ("fact", derived),
    )
    wanted = name.strip().casefold()
    for kind, names in kinds:
        for one in names:
            if one.casefold() == wanted:
                return kind, one
    for regimen in knowledge.data.regimens:
        if regimen.name.casefold() == wanted:
            return "regimen", regimen.id
    raise UnknownNameError(_unknown(name, knowledge, [one for _, names in kinds for one in names]))


def _unknown(name: str, knowledge: Knowledge, names: list[str]) -> str:
    drug = knowledge.drug_names.find(name)
    if drug:
        holding = [one.id for one in knowledge.data.regimens if any(drug in part.options for part in one.components)]
        listed = f"; regimens that hold it: {', '.join(holding)}" if holding else "; no regimen holds it"
        return f"'{name}' is a drug{listed}"
    hits = nearest(name, names, limit=5)
    hint = f"nearest: {', '.join(hits)}" if hits else "see `her2cds kb` for what the knowledge base holds"
    return f"no regimen, rule, trial, criterion or derived fact is called '{name}'; {hint}"
