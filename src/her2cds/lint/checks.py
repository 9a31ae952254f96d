"""The lint checks. An error fails `her2cds kb lint`; a note is for the reader."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations, product

from pydantic import BaseModel

from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.citations import Citation
from her2cds.knowledge.rules import Rule, Target
from her2cds.lint.findings import Check, Finding, finding
from her2cds.lint.firing import FIRING_CHECKS
from her2cds.lint.origins import ORIGIN_CHECKS
from her2cds.lint.solver import Solver
from her2cds.lint.usage import USAGE_CHECKS, drugs_of


def derivations_are_exclusive(knowledge: Knowledge) -> Iterator[Finding]:
    """Rules that derive different values of one fact cannot hold together."""
    solver = Solver(knowledge)
    for one, other in combinations(knowledge.rules_of("classification"), 2):
        if one.derive is None or other.derive is None or one.derive.fact != other.derive.fact:
            continue
        if _values(one) & _values(other):
            continue
        if solver.can_hold_together((knowledge.conditions[one.id], True), (knowledge.conditions[other.id], True)):
            message = f"can hold together with {other.id}, which derives another value of '{one.derive.fact}'"
            yield finding(knowledge, "derivations_are_exclusive", "error", one.id, message)


def _values(rule: Rule) -> set[str]:
    assert rule.derive is not None
    return {rule.derive.value} if rule.derive.value is not None else set(rule.derive.one_of)


def rules_do_not_repeat(knowledge: Knowledge) -> Iterator[Finding]:
    """No two rules with the same conclusion always fire together."""
    solver = Solver(knowledge)
    groups: dict[object, list[Rule]] = {}
    for rule in knowledge.data.rules:
        groups.setdefault(_conclusion(rule), []).append(rule)
    for rules in groups.values():
        for one, other in combinations(rules, 2):
            first, second = knowledge.conditions[one.id], knowledge.conditions[other.id]
            if solver.implies(first, second) and solver.implies(second, first):
                message = f"always fires together with {other.id} and says the same"
                yield finding(knowledge, "rules_do_not_repeat", "error", one.id, message)


def _conclusion(rule: Rule) -> object:
    """What two rules must share to say the same."""
    if rule.offer:
        return ("offer", rule.offer.regimen, rule.offer.category, rule.offer.because)
    if rule.caution:
        return ("caution", rule.caution.on, rule.caution.effect, rule.caution.because)
    if rule.modifies:
        return ("modifies", rule.modifies.on, rule.modifies.effect, rule.modifies.kind, rule.modifies.marker)
    if rule.request:
        return ("request", rule.request.test)
    assert rule.derive is not None
    return ("derive", rule.derive.fact, rule.derive.value, rule.derive.one_of)


def contradictions_are_declared(knowledge: Knowledge) -> Iterator[Finding]:
    """Where one finding is read both for and against a drug, the rules name each other in `conflicts_with`."""
    solver = Solver(knowledge)
    for one, other in combinations(knowledge.rules_of("biomarker"), 2):
        if one.modifies is None or other.modifies is None:
            continue
        if {one.modifies.effect, other.modifies.effect} != {"favours", "disfavours"}:
            continue
        if not _overlap(one.modifies.on, other.modifies.on, knowledge) or other.id in one.conflicts_with:
            continue
        first, second = knowledge.conditions[one.id], knowledge.conditions[other.id]
        if solver.implies(first, second) or solver.implies(second, first):
            message = f"contradicts {other.id} without naming it in `conflicts_with`"
            yield finding(knowledge, "contradictions_are_declared", "error", one.id, message)


def conflicts_are_mutual(knowledge: Knowledge) -> Iterator[Finding]:
    """A rule that names another in `conflicts_with` is named by it."""
    for rule in knowledge.data.rules:
        for other in rule.conflicts_with:
            if rule.id not in knowledge.rules[other].conflicts_with:
                message = f"names {other} in `conflicts_with`, which does not name it back"
                yield finding(knowledge, "conflicts_are_mutual", "error", rule.id, message)


def _overlap(one: Target, other: Target, knowledge: Knowledge) -> bool:
    return bool(drugs_of(one, knowledge) & drugs_of(other, knowledge))


def offers_survive_their_cautions(knowledge: Knowledge) -> Iterator[Finding]:
    """No offer is always excluded by a caution that its own condition makes true."""
    solver = Solver(knowledge)
    for offer, caution in product(knowledge.rules_of("therapy"), knowledge.rules_of("caution")):
        if offer.offer is None or caution.caution is None or caution.caution.effect != "exclude":
            continue
        parts = knowledge.regimens[offer.offer.regimen].components
        excluded = drugs_of(caution.caution.on, knowledge)
        if not any(set(part.options) <= excluded for part in parts):
            continue
        if solver.implies(knowledge.conditions[offer.id], knowledge.conditions[caution.id]):
            message = f"is always ruled out by {caution.id}"
            yield finding(knowledge, "offers_survive_their_cautions", "error", offer.id, message)


def offers_agree_on_their_category(knowledge: Knowledge) -> Iterator[Finding]:
    """One regimen is not offered to the same patients in two categories."""
    solver = Solver(knowledge)
    for one, other in combinations(knowledge.rules_of("therapy"), 2):
        if one.offer is None or other.offer is None or one.offer.regimen != other.offer.regimen:
            continue
        first, second = knowledge.conditions[one.id], knowledge.conditions[other.id]
        same = solver.implies(first, second) and solver.implies(second, first)
        if one.offer.category != other.offer.category and same:
            categories = f"{one.offer.category} and {other.offer.category}"
            message = f"offers the regimen of {other.id} to the same patients: as {categories}"
            yield finding(knowledge, "offers_agree_on_their_category", "error", one.id, message)


def cautions_are_not_beside_an_exclusion(knowledge: Knowledge) -> Iterator[Finding]:
    """A caution says nothing where its own condition always rules the same drugs out."""
    solver = Solver(knowledge)
    for weaker, stronger in product(knowledge.rules_of("caution"), repeat=2):
        if weaker.caution is None or stronger.caution is None or stronger.caution.effect != "exclude":
            continue
        if weaker.caution.effect == "exclude":
            continue
        if not drugs_of(weaker.caution.on, knowledge) <= drugs_of(stronger.caution.on, knowledge):
            continue
        if solver.implies(knowledge.conditions[weaker.id], knowledge.conditions[stronger.id]):
            message = f"says `{weaker.caution.effect}` of what {stronger.id} always rules out then"
            yield finding(knowledge, "cautions_are_not_beside_an_exclusion", "error", weaker.id, message)


def offers_are_sourced(knowledge: Knowledge) -> Iterator[Finding]:
    """Every offer cites a review; the loader checks it too, this says it once more for a reader of the lint."""
    for rule in knowledge.rules_of("therapy"):
        if all(knowledge.sources[cite.source].role == "outside" for cite in rule.cites):
            yield finding(knowledge, "offers_are_sourced", "error", rule.id, "an offer without a source")


# Spelling of terms in the knowledge base's own texts: British, as in the rest of the project.
_SPELLING = {
    r"\btumors?\b": "tumour",
    r"\bestrogen": "oestrogen",
    r"\bdiarrhea": "diarrhoea",
    r"\bhematolog": "haematolog",
    r"\bleukopenia": "leucopenia",
    r"\banemia": "anaemia",
    r"\bfetal\b": "foetal",
    r"\brandomized": "randomised",
    r"\bhospitalized": "hospitalised",
    r"\btrastuzamab": "trastuzumab",
    r"\bpertuzamab": "pertuzumab",
    r"\bTDM-?1\b": "T-DM1",
    r"\bTDXd\b": "T-DXd",
    r"\bDESTINY-?breast": "DESTINY-Breast",
    r"\bHer2\b": "HER2",
}
_SPELLING_PATTERNS = {re.compile(pattern): right for pattern, right in _SPELLING.items()}
_NOT_OURS = {"citation", "at", "doi", "synonyms", "primary", "file", "sections", "status"}


def terms_are_spelled(knowledge: Knowledge) -> Iterator[Finding]:
    """Terms in our own texts are spelled one way."""
    for key, text in own_texts(knowledge):
        for pattern, right in _SPELLING_PATTERNS.items():
            wrong = pattern.search(text)
            if wrong:
                message = f"'{wrong.group()}' is spelled '{right}' here"
                yield finding(knowledge, "terms_are_spelled", "error", key, message)


def own_texts(knowledge: Knowledge) -> Iterator[tuple[str, str]]:
    """Every text in our own words, with the key of its entry: titles, reasons, summaries, caveats and the like."""
    data = knowledge.data
    entries: list[tuple[str, BaseModel]] = [
        *((f"drugs:{one.id}", one) for one in data.drugs),
        *((f"regimens:{one.id}", one) for one in data.regimens),
        *((f"evidence:{one.id}", one) for one in data.evidence),
        *((f"discrepancies:{one.id}", one) for one in data.discrepancies),
        *((one.id, one) for one in data.criteria),
        *((one.id, one) for one in data.rules),
        *((one.id, one) for one in data.trials),
    ]
    for key, entry in entries:
        for text in _texts(entry):
            yield key, text


def _texts(entry: BaseModel) -> Iterator[str]:
    for field, value in entry.__dict__.items():
        if field not in _NOT_OURS:
            yield from _texts_in(value)


def _texts_in(value: object) -> Iterator[str]:
    if isinstance(value, str) and " " in value:
        yield value
    elif isinstance(value, BaseModel) and not isinstance(value, Citation):
        yield from _texts(value)
    elif isinstance(value, tuple):
        for item in value:
            yield from _texts_in(item)


CHECKS: dict[str, Check] = {
    one.__name__: one
    for one in (
        *FIRING_CHECKS,
        derivations_are_exclusive,
        rules_do_not_repeat,
        contradictions_are_declared,
        conflicts_are_mutual,
        offers_survive_their_cautions,
        offers_agree_on_their_category,
        cautions_are_not_beside_an_exclusion,
        offers_are_sourced,
        *USAGE_CHECKS,
        *ORIGIN_CHECKS,
        terms_are_spelled,
    )
}


def lint(knowledge: Knowledge) -> list[Finding]:
    """All findings of all checks that need only the knowledge base, by place."""
    found = [one for function in CHECKS.values() for one in function(knowledge)]
    return sorted(found, key=lambda one: (one.severity, one.place.file, one.place.line, one.check))
