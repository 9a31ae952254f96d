"""Lint checks on what nothing uses."""

from __future__ import annotations

from collections.abc import Iterator

from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.conditions import criteria_named, leaves
from her2cds.knowledge.rules import Rule, Target
from her2cds.lint.findings import Check, Finding, finding


def drugs_of(target: Target, knowledge: Knowledge) -> set[str]:
    """All drugs that a target names, classes and regimens resolved."""
    found = set(target.drugs)
    found.update(drug.id for drug in knowledge.data.drugs if set(drug.classes) & set(target.classes))
    for regimen in target.regimens:
        found.update(drug for part in knowledge.regimens[regimen].components for drug in part.options)
    return found


def target_of(rule: Rule) -> Target | None:
    """What a caution or a biomarker rule is about."""
    return rule.caution.on if rule.caution else rule.modifies.on if rule.modifies else None


def drugs_are_used(knowledge: Knowledge) -> Iterator[Finding]:
    """Drugs that the reviews speak of and that no rule, regimen, trial or study names."""
    used = {drug for regimen in knowledge.data.regimens for part in regimen.components for drug in part.options}
    used.update(drug for entry in knowledge.data.evidence for arm in entry.arms for drug in arm.drugs)
    used.update(drug for trial in knowledge.data.trials for drug in trial.drugs)
    for rule in knowledge.data.rules:
        target = target_of(rule)
        if target:
            used |= drugs_of(target, knowledge)
    for drug in knowledge.data.drugs:
        if drug.status != "listed" and drug.id not in used:
            message = "no rule, regimen, trial or study names this drug"
            yield finding(knowledge, "drugs_are_used", "note", f"drugs:{drug.id}", message)


def evidence_is_used(knowledge: Knowledge) -> Iterator[Finding]:
    """A study that no rule rests on says why it is kept; one that a rule rests on does not."""
    used = {one for rule in knowledge.data.rules for one in rule.evidence}
    for entry in knowledge.data.evidence:
        if (entry.id in used) == (entry.no_rule_because is not None):
            message = "no rule rests on this study, and it does not say why it is kept (`no_rule_because`)"
            if entry.id in used:
                message = "a rule rests on this study: `no_rule_because` is out of date"
            yield finding(knowledge, "evidence_is_used", "error", f"evidence:{entry.id}", message)


def criteria_are_used(knowledge: Knowledge) -> Iterator[Finding]:
    """Criteria that no condition names."""
    used = {name for condition in knowledge.conditions.values() for name in criteria_named(condition)}
    for criterion in knowledge.data.criteria:
        if criterion.id not in used:
            yield finding(knowledge, "criteria_are_used", "note", criterion.id, "no condition names this criterion")


def drug_classes_are_used(knowledge: Knowledge) -> Iterator[Finding]:
    """Drug classes that no condition, caution or biomarker rule names."""
    used = {name for rule in knowledge.data.rules if (target := target_of(rule)) for name in target.classes}
    for condition in knowledge.conditions.values():
        for leaf in leaves(condition):
            if knowledge.facts[leaf.fact].of == "drug_classes":
                used.update(leaf.operand if isinstance(leaf.operand, tuple) else (str(leaf.operand),))
    for one in knowledge.data.drug_classes:
        if one.id not in used:
            message = "no condition, caution or biomarker rule names this class"
            yield finding(knowledge, "drug_classes_are_used", "note", f"drug_classes:{one.id}", message)


def regimens_are_used(knowledge: Knowledge) -> Iterator[Finding]:
    """Regimens that no rule offers."""
    offered = {rule.offer.regimen for rule in knowledge.data.rules if rule.offer}
    for one in knowledge.data.regimens:
        if one.id not in offered:
            yield finding(knowledge, "regimens_are_used", "note", f"regimens:{one.id}", "no rule offers this regimen")


USAGE_CHECKS: tuple[Check, ...] = (
    drugs_are_used,
    evidence_is_used,
    criteria_are_used,
    drug_classes_are_used,
    regimens_are_used,
)
