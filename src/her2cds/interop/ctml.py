"""Trial eligibility in CTML, the clinical trial markup of MatchMiner and of the matchers made from it.

CTML knows little of what these rules ask: no HER2-low, no lines of treatment, no brain metastases. What is written is
therefore never narrower than the rule: where a condition cannot be said, it is left out of an `and`, a whole `or`
is left out with it, and every omission is listed, in the file and to the caller. A matcher that uses the export
finds too many patients rather than too few, and `additional_criteria` tells what a person has to check.

The field names and values are those of CTIMS, whose files hold HER2, ER and PR status as "true" and "false" and
earlier drugs under `prior_treatment`: https://github.com/pughlab/ctims-matchminer-engine (pugh-lab/config.json).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.conditions import All, Always, AnyOf, Condition, Leaf, Named, Not
from her2cds.knowledge.rules import Trial

Clause = dict[str, Any]
_KINDS: dict[str, Clause] = {
    "mutation": {"variant_category": "Mutation"},
    "splice_variant": {"variant_category": "Mutation", "variant_classification": "Splice_Site"},
    "amplification": {"variant_category": "Copy Number Variation", "cnv_call": "High level amplification"},
    "fusion": {"variant_category": "Structural Variation", "fusion_partner_hugo_symbol": "any_gene"},
}


@dataclass(frozen=True, slots=True)
class Exported:
    """One trial in CTML, and what could not be said, in words."""

    trial: str
    ctml: dict[str, Any]
    left_out: tuple[str, ...]


def export_all(knowledge: Knowledge, folder: Path) -> tuple[Exported, ...]:
    """Write one JSON file per trial that may be suggested. Raises OSError where the folder cannot be written."""
    folder.mkdir(parents=True, exist_ok=True)
    exported = tuple(export(trial, knowledge) for trial in knowledge.data.trials if trial.id in knowledge.conditions)
    for one in exported:
        text = json.dumps(one.ctml, indent=2, ensure_ascii=False) + "\n"
        (folder / f"{one.trial}.json").write_text(text, encoding="utf-8")
    return exported


def export(trial: Trial, knowledge: Knowledge) -> Exported:
    """One trial in CTML."""
    writer = _Writer(knowledge)
    clause = writer.clause(knowledge.conditions[trial.id])
    if clause is None:
        clause = {"and": []}
    diagnosis = {"clinical": {"oncotree_primary_diagnosis": "Breast" if trial.scope == "breast" else "_SOLID_"}}
    match = {"and": [diagnosis, *clause.get("and", [clause])]}
    left_out = tuple(dict.fromkeys(writer.left_out))
    arm: Clause = {
        "arm_code": "1",
        "arm_internal_id": 1,
        "arm_description": "; ".join(trial.arms) or trial.title,
        "arm_suspended": "N",
        "dose_level": [],
        "match": [match],
    }
    content: dict[str, Any] = {
        "nct_id": trial.id,
        "protocol_no": trial.id,
        "short_title": trial.acronym or trial.title,
        "long_title": trial.title,
        "phase": trial.phase or "",
        "status": trial.status[0].status if trial.status else "",
        "nct_purpose": f"{trial.population} (as reviews of 2022 to 2024 describe it; verify in the registry)",
        "drug_list": {"drug": [{"drug_name": knowledge.drugs[drug].name} for drug in trial.drugs]},
        "treatment_list": {"step": [{"step_internal_id": 1, "step_code": "1", "step_type": "Study", "arm": [arm]}]},
        "additional_criteria": [*left_out, *(f"inferred, not stated: {one}" for one in trial.inferred)],
    }
    return Exported(trial.id, content, left_out)


class _Writer:
    """Writes a condition as a CTML clause that is never narrower; keeps what it left out."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge
        self.left_out: list[str] = []

    def clause(self, condition: Condition) -> Clause | None:
        """The clause, or None where nothing of the condition can be said."""
        match condition:
            case Always():
                return None
            case Named(criterion):
                return self.clause(self._knowledge.conditions[criterion])
            case All(parts):
                said = [clause for part in parts if (clause := self.clause(part)) is not None]
                return {"and": _flat(said)} if said else None
            case AnyOf():
                return self._any(condition)
            case Not(part):
                return self._denied(part)
            case Leaf():
                return self._leaf(condition)

    def _any(self, condition: AnyOf) -> Clause | None:
        """An `or` can only be written whole: without one branch it would be narrower."""
        below = _Writer(self._knowledge)
        clauses = [below.clause(part) for part in condition.parts]
        if any(clause is None for clause in clauses):
            self.left_out.append(words(condition, self._knowledge))
            return None
        self.left_out += below.left_out
        return {"or": clauses}

    def _leaf(self, leaf: Leaf) -> Clause | None:
        clause = self._said(leaf)
        if clause is None:
            self.left_out.append(words(leaf, self._knowledge))
        return clause

    def _said(self, leaf: Leaf) -> Clause | None:
        match leaf.fact, leaf.operator, leaf.operand:
            case "her2.class", "is", "positive":
                return {"clinical": {"her2_status": "true"}}
            case "her2.class", "is", "low" | "zero":
                self.left_out.append(f"{leaf} (written as HER2-negative: CTML does not tell low from zero)")
                return {"clinical": {"her2_status": "false"}}
            case "patient.age", "at_least" | "more_than" | "at_most" | "less_than", float(age):
                sign = {"at_least": ">=", "more_than": ">", "at_most": "<=", "less_than": "<"}[leaf.operator]
                return {"clinical": {"age_numerical": f"{sign}{age:g}"}}
            case "patient.sex", "is", str(sex):
                return {"clinical": {"gender": sex.capitalize()}}
            case "hr.status", "is", "positive":
                return {"or": [{"clinical": {"er_status": "true"}}, {"clinical": {"pr_status": "true"}}]}
            case "hr.status", "is", "negative":
                return {"and": [{"clinical": {"er_status": "false", "pr_status": "false"}}]}
            case "her2.mutated", "is", True:
                return {"genomic": {"hugo_symbol": "ERBB2", "variant_category": "Mutation"}}
            case "alterations", "contains", str(member):
                return self._alteration(member)
            case "alterations", "contains_any", tuple(members):
                clauses = [self._alteration(member) for member in members]
                return {"or": clauses} if all(clauses) else None
            case "prior.agents" | "prior.agents_advanced", "contains", str(drug):
                return self._drug(drug)
            case "prior.agents" | "prior.agents_advanced", "contains_any", tuple(drugs):
                return {"or": [self._drug(drug) for drug in drugs]}
            case "prior.classes" | "prior.classes_advanced", "contains", str(drug_class):
                return {"or": [self._drug(drug) for drug in self._members(drug_class)]}
            case "disease.primary", "is", "breast":
                return {"clinical": {"oncotree_primary_diagnosis": "Breast"}}
        return None

    def _alteration(self, member: str) -> Clause | None:
        gene, _, kind = member.partition(":")
        return {"genomic": {"hugo_symbol": gene, **_KINDS[kind]}} if kind in _KINDS else None

    def _members(self, drug_class: str) -> list[str]:
        return [drug.id for drug in self._knowledge.data.drugs if drug_class in drug.classes]

    def _drug(self, drug: str) -> Clause:
        return {"prior_treatment": {"prior_treatment_agent": self._knowledge.drugs[drug].name}}

    def _denied(self, part: Condition) -> Clause | None:
        """A denial, pushed to the leaves: CTML excludes single drugs with `!`, and nothing else that is asked here."""
        match part:
            case Not(inner):
                return self.clause(inner)
            case Named(criterion):
                return self._denied(self._knowledge.conditions[criterion])
            case All(parts):
                return self.clause(AnyOf(tuple(Not(one) for one in parts)))
            case AnyOf(parts):
                return self.clause(All(tuple(Not(one) for one in parts)))
        if isinstance(part, Leaf) and part.fact in ("prior.agents", "prior.agents_advanced"):
            drugs = (part.operand,) if isinstance(part.operand, str) else part.operand
            if isinstance(drugs, tuple):
                names = [f"!{self._knowledge.drugs[drug].name}" for drug in drugs]
                return {"and": [{"prior_treatment": {"prior_treatment_agent": name}} for name in names]}
        self.left_out.append(f"not: {words(part, self._knowledge)}")
        return None


def _flat(clauses: list[Clause]) -> list[Clause]:
    return [inner for clause in clauses for inner in clause.get("and", [clause])]


def words(condition: Condition, knowledge: Knowledge) -> str:
    """A condition in one line."""
    match condition:
        case Always():
            return "always"
        case Leaf():
            return str(condition)
        case Named(criterion):
            return knowledge.criteria[criterion].title
        case Not(part):
            return f"not ({words(part, knowledge)})"
        case All(parts):
            return " and ".join(words(part, knowledge) for part in parts)
        case AnyOf(parts):
            return "(" + " or ".join(words(part, knowledge) for part in parts) + ")"
