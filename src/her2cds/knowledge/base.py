"""The knowledge base in use: checked entries with parsed conditions and indexes."""

from __future__ import annotations

import copy
from functools import cached_property
from typing import TYPE_CHECKING

from her2cds.knowledge.catalogue import Combination, Discrepancy, Drug, Regimen, Source
from her2cds.knowledge.conditions import Always, Condition, ConditionParser, Domains, leaves
from her2cds.knowledge.data import KnowledgeData
from her2cds.knowledge.evidence import Evidence
from her2cds.knowledge.names import NameIndex
from her2cds.knowledge.rules import CautionEffect, Criterion, FactDefinition, Rule, RuleKind, Situation, Trial

if TYPE_CHECKING:
    from her2cds.knowledge.overlay_model import AppliedOverlay

SUGGESTED_SCOPES = ("breast", "solid")
_CLOSED = frozenset({"completed", "terminated", "withdrawn", "active, not recruiting", "halted"})


class Knowledge:
    """A checked knowledge base. Immutable in use; safe to share between threads."""

    def __init__(self, data: KnowledgeData) -> None:
        self.data = data
        self.facts: dict[str, FactDefinition] = {fact.id: fact for fact in data.vocabulary}
        self.drugs: dict[str, Drug] = {drug.id: drug for drug in data.drugs}
        self.combinations: dict[str, Combination] = {one.id: one for one in data.combinations}
        self.regimens: dict[str, Regimen] = {regimen.id: regimen for regimen in data.regimens}
        self.evidence: dict[str, Evidence] = {entry.id: entry for entry in data.evidence}
        self.criteria: dict[str, Criterion] = {criterion.id: criterion for criterion in data.criteria}
        self.rules: dict[str, Rule] = {rule.id: rule for rule in data.rules}
        self.trials: dict[str, Trial] = {trial.id: trial for trial in data.trials}
        self.sources: dict[str, Source] = {source.id: source for source in data.sources}
        self.situations: dict[str, Situation] = {one.id: one for one in data.ranking.situations}
        self.conditions: dict[str, Condition] = self._parse_conditions()

    def _parse_conditions(self) -> dict[str, Condition]:
        parser = ConditionParser(self.domains)
        raw: dict[str, object] = {criterion.id: criterion.when for criterion in self.data.criteria}
        raw.update({rule.id: rule.when for rule in self.data.rules})
        raw.update({situation.id: situation.when for situation in self.data.ranking.situations})
        for trial in self.data.trials:
            if trial.when is not None:
                raw[trial.id] = trial.when
        conditions = {owner_id: parser.parse(when) for owner_id, when in raw.items()}
        assert not parser.faults, "conditions are checked before a knowledge base is made"
        return conditions

    def with_condition(self, owner_id: str, condition: Condition) -> Knowledge:
        """This knowledge base with another condition in one place: for trying out what a change would do."""
        changed = copy.copy(self)
        changed.conditions = {**self.conditions, owner_id: condition}
        for answer in ("trials_about_brain", "trials_about_meninges"):  # the cached answers that depend on conditions
            changed.__dict__.pop(answer, None)
        return changed

    @cached_property
    def overlay(self) -> AppliedOverlay | None:
        """The site's overlay that was laid over the base, with the changes that touch each entry."""
        if self.data.overlay is None:
            return None
        from her2cds.knowledge.overlay_model import AppliedOverlay  # imported late: most starts have no overlay

        return AppliedOverlay.model_validate_json(self.data.overlay)

    @cached_property
    def domains(self) -> Domains:
        """What conditions may name."""
        return Domains(
            self.facts,
            frozenset(self.criteria),
            frozenset(self.drugs),
            frozenset(one.id for one in self.data.drug_classes),
            frozenset(gene.id for gene in self.data.genes),
        )

    def rules_of(self, kind: RuleKind) -> tuple[Rule, ...]:
        """The rules of one kind, in file order."""
        return tuple(self.rules_by_id(kind).values())

    def rules_by_id(self, kind: RuleKind) -> dict[str, Rule]:
        """The rules of one kind by id, in file order: for whoever looks at the verdicts of all."""
        return self._rules_by_kind.get(kind, {})

    @cached_property
    def _rules_by_kind(self) -> dict[RuleKind, dict[str, Rule]]:
        kinds: dict[RuleKind, dict[str, Rule]] = {}
        for rule in self.data.rules:
            kinds.setdefault(rule.kind, {})[rule.id] = rule
        return kinds

    def cautions(self, *effects: CautionEffect) -> dict[str, Rule]:
        """The cautions with one of these effects by id, in file order."""
        found = self._cautions_by_effects.get(effects)
        if found is None:
            cautions = ((name, rule, rule.caution) for name, rule in self.rules_by_id("caution").items())
            found = {name: rule for name, rule, caution in cautions if caution and caution.effect in effects}
            self._cautions_by_effects[effects] = found
        return found

    @cached_property
    def _cautions_by_effects(self) -> dict[tuple[CautionEffect, ...], dict[str, Rule]]:
        return {}

    @cached_property
    def rules_that_offer_care(self) -> tuple[Rule, ...]:
        """The therapy rules whose regimens are ranked: not those for trials only, and not those that only comment."""
        offers = ((rule, rule.offer) for rule in self.rules_of("therapy"))
        return tuple(rule for rule, offer in offers if offer is not None and offer.category != "investigational")

    @cached_property
    def rules_with_notice(self) -> tuple[Rule, ...]:
        """The rules that have a notice for the reader, in file order."""
        return tuple(rule for rule in self.data.rules if rule.notice)

    @cached_property
    def derivers(self) -> dict[str, tuple[str, ...]]:
        """For each derived fact, the rules that can give it a value, in file order."""
        found: dict[str, list[str]] = {}
        for rule in self.rules_of("classification"):
            assert rule.derive is not None
            found.setdefault(rule.derive.fact, []).append(rule.id)
        return {fact: tuple(rules) for fact, rules in found.items()}

    @cached_property
    def target_drugs(self) -> dict[str, frozenset[str]]:
        """For each caution and biomarker rule, the drugs it is about: those named, and those of the named classes."""
        members: dict[str, list[str]] = {}
        for drug in self.data.drugs:
            for drug_class in drug.classes:
                members.setdefault(drug_class, []).append(drug.id)
        found: dict[str, frozenset[str]] = {}
        for rule in self.data.rules:
            target = rule.caution.on if rule.caution else rule.modifies.on if rule.modifies else None
            if target is not None:
                of_classes = (drug_id for one in target.classes for drug_id in members.get(one, ()))
                found[rule.id] = frozenset((*target.drugs, *of_classes))
        return found

    @cached_property
    def rules_about_regimen(self) -> dict[str, frozenset[str]]:
        """For each regimen, the caution and biomarker rules that name it."""
        found: dict[str, set[str]] = {}
        for rule in self.data.rules:
            target = rule.caution.on if rule.caution else rule.modifies.on if rule.modifies else None
            for regimen in target.regimens if target is not None else ():
                found.setdefault(regimen, set()).add(rule.id)
        return {regimen: frozenset(rules) for regimen, rules in found.items()}

    @cached_property
    def trial_drugs(self) -> frozenset[str]:
        """The drugs of all trials that may be suggested."""
        return frozenset(drug for trial in self.suggested_trials for drug in trial.drugs)

    @cached_property
    def trial_drugs_by_caution(self) -> dict[str, tuple[str, ...]]:
        """The drugs of trials that a caution is about, for cautions that do not hold for everyone."""
        conditional = (rule.id for rule in self.rules_of("caution") if not isinstance(self.conditions[rule.id], Always))
        found = {rule: tuple(sorted(self.target_drugs[rule] & self.trial_drugs)) for rule in conditional}
        return {rule: drugs for rule, drugs in found.items() if drugs}

    @cached_property
    def anti_her2_drugs_by_trial(self) -> dict[str, tuple[str, ...]]:
        """The drugs of a trial that are directed against HER2, for trials that have any."""
        found = {
            trial.id: tuple(drug for drug in trial.drugs if "anti-her2" in self.drugs[drug].classes)
            for trial in self.suggested_trials
        }
        return {trial: drugs for trial, drugs in found.items() if drugs}

    @cached_property
    def drug_names(self) -> NameIndex:
        """Looks drugs up by any of their names."""
        return NameIndex((drug.id, (drug.name, *drug.synonyms)) for drug in self.data.drugs)

    @cached_property
    def combination_names(self) -> NameIndex:
        """Looks combinations up by any of their names."""
        return NameIndex((one.id, (one.name, *one.synonyms)) for one in self.data.combinations)

    @cached_property
    def gene_names(self) -> NameIndex:
        """Looks genes up by any of their names."""
        return NameIndex((gene.id, (gene.name, *gene.synonyms)) for gene in self.data.genes)

    @cached_property
    def rules_by_trial(self) -> dict[str, tuple[str, ...]]:
        """For each trial, the rules that point to it."""
        found: dict[str, list[str]] = {}
        for rule in self.data.rules:
            for trial in rule.see_trials:
                found.setdefault(trial, []).append(rule.id)
        return {trial: tuple(rules) for trial, rules in found.items()}

    @cached_property
    def suggested_trials(self) -> tuple[Trial, ...]:
        """The trials that may be suggested: not those for other tumours, from reference lists only, or blocked.

        Later phases first, then by identifier.
        """
        found = (one for one in self.data.trials if one.scope in SUGGESTED_SCOPES and one.when is not None)
        return tuple(sorted(found, key=lambda one: (phase_place(one.phase), one.id)))

    @cached_property
    def trials_reported_closed(self) -> frozenset[str]:
        """The trials that a review reports as taking no new patients."""
        return frozenset(
            trial.id for trial in self.data.trials if any(one.status.casefold() in _CLOSED for one in trial.status)
        )

    @cached_property
    def trials_about_brain(self) -> frozenset[str]:
        """The trials whose eligibility asks about brain metastases or leptomeningeal disease."""
        return self._trials_that_test("brain.")

    @cached_property
    def trials_about_meninges(self) -> frozenset[str]:
        """The trials whose eligibility asks about leptomeningeal disease."""
        return self._trials_that_test("brain.leptomeningeal")

    def _trials_that_test(self, facts: str) -> frozenset[str]:
        asking = (one.id for one in self.data.trials if one.when is not None)
        return frozenset(
            one for one in asking if any(test.fact.startswith(facts) for test in leaves(self.conditions[one]))
        )

    @cached_property
    def places_of_discrepancies(self) -> dict[str, int]:
        """Where each discrepancy stands in the list of all, by its id."""
        return {one.id: place for place, one in enumerate(self.data.discrepancies)}

    @cached_property
    def discrepancies_by_entry(self) -> dict[str, tuple[Discrepancy, ...]]:
        """The discrepancies to show beside each entry that they touch."""
        found: dict[str, list[Discrepancy]] = {}
        for one in self.data.discrepancies:
            touches = one.touches
            for entry_id in (
                *touches.rules,
                *touches.evidence,
                *touches.drugs,
                *touches.regimens,
                *touches.trials,
            ):
                found.setdefault(entry_id, []).append(one)
        return {entry_id: tuple(ones) for entry_id, ones in found.items()}


_PHASES = ("IV", "III", "II/III", "II", "I/II", "I", "EARLY I")


def phase_place(phase: str | None) -> int:
    """The place of a trial's phase: later ones first, letters after the numeral (Ib) aside, unknown ones last."""
    parts = dict.fromkeys(part.strip().rstrip("ab") for part in (phase or "").split("/"))
    bare = "/".join(parts).upper()
    return _PHASES.index(bare) if bare in _PHASES else len(_PHASES)
