"""The sentence that stands at the head of a report without ranked therapies: never an empty answer without a reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice

from her2cds.engine.compiled import Outcome
from her2cds.engine.explain import Explanation
from her2cds.facts.truth import Truth
from her2cds.facts.values import ScalarFact
from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.conditions import Condition
from her2cds.recommendation.candidates import Gathered

_NEAREST = 3
_CONDITIONS = 3
# A rule for early disease is never near in advanced disease, nor the other way round.
_EXTENT = ("disease.setting", "disease.advanced")

Explain = Callable[[Condition], Explanation]


def statement_for(
    knowledge: Knowledge, outcome: Outcome, gathered: Gathered, deferred: tuple[str, ...], explain: Explain
) -> str | None:
    """Why no therapy is listed, in the explanations of the report; None where there is at least one."""
    if deferred:
        questions = " ".join(knowledge.facts[fact].ask or fact for fact in deferred)
        return f"No therapy is listed yet, because what decides most is not known. {questions}"
    if gathered.ranked:
        return None
    primary = outcome.facts.get("disease.primary")
    if isinstance(primary, ScalarFact) and primary.value == "other":
        return "Out of scope: the primary tumour is not a breast cancer; the knowledge base holds no recommendation."
    scope = outcome.facts.get("scope.in")
    if isinstance(scope, ScalarFact) and scope.value is False:
        return (
            "Out of scope: the tumour is HER2-zero without a known ERBB2 mutation. The knowledge base holds no "
            "recommendation for it, and no HER2-directed regimen is offered."
        )
    if gathered.excluded:
        return _all_ruled_out(gathered)
    nearest = _nearest(knowledge, explain)
    return f"No rule of the knowledge base offers a therapy for this profile. Nearest rules: {nearest}."


def _all_ruled_out(gathered: Gathered) -> str:
    statement = "Every regimen that the rules would offer is ruled out for this patient; the reasons are listed."
    if all(one.regimen.kind == "current" for one in gathered.excluded):
        statement += " To see what would follow the current treatment, enter it as ended."
    return statement


def _nearest(knowledge: Knowledge, explain: Explain) -> str:
    """The offers that fail in the fewest conditions, those for the extent of the disease first, with what fails."""
    misses: list[tuple[bool, int, str, dict[str, Explanation]]] = []
    for rule in knowledge.rules_of("therapy"):
        if rule.offer is None or rule.offer.category == "investigational":
            continue
        # What a leaf says names its fact: two that say the same fail for the same value.
        failed = {leaf.says: leaf for leaf in explain(knowledge.conditions[rule.id]).responsible(Truth.FALSE)}
        elsewhere = any(leaf.test is not None and leaf.test.fact in _EXTENT for leaf in failed.values())
        misses.append((elsewhere, len(failed), rule.title, failed))
    misses.sort(key=lambda miss: miss[:3])
    return "; ".join(f"{title}: fails at {_words(failed)}" for *_, title, failed in misses[:_NEAREST])


def _words(failed: Mapping[str, Explanation]) -> str:
    return ", ".join(f"{says} (is {leaf.value})" for says, leaf in islice(failed.items(), _CONDITIONS))
