"""What a rule concludes, on one line: for scenarios that hold a conclusion fast as a second entry beside the rule."""

from __future__ import annotations

from collections.abc import Iterator

from her2cds.knowledge.rules import Rule, Target


def conclusion_words(rule: Rule) -> str:
    """The conclusion with everything that it rests on or points to: `exclude t-dm1; on emilia; with a notice`."""
    parts = [*_conclusion(rule)]
    if rule.evidence:
        parts.append(f"on {', '.join(rule.evidence)}")
    if rule.see_trials:
        parts.append(f"see {', '.join(rule.see_trials)}")
    if rule.notice:
        parts.append("with a notice")
    return "; ".join(parts)


def _conclusion(rule: Rule) -> Iterator[str]:
    if rule.derive:
        values = (rule.derive.value,) if rule.derive.value is not None else rule.derive.one_of
        yield f"{rule.derive.fact} is {' or '.join(values)}"
    if rule.offer:
        yield f"{rule.offer.category} {rule.offer.regimen}"
        if rule.offer.fits:
            yield f"fits {', '.join(rule.offer.fits)}"
        if rule.offer.despite_progression_on:
            yield f"again after {', '.join(rule.offer.despite_progression_on)}"
    if rule.caution:
        yield f"{rule.caution.effect} {_target(rule.caution.on)}"
    if rule.modifies:
        yield f"{rule.modifies.effect} {_target(rule.modifies.on)}; level {rule.modifies.level}"
    if rule.request:
        yield f"{rule.request.test}{' (for trials only)' if rule.request.for_trials_only else ''}"


def _target(target: Target) -> str:
    named = [*target.drugs, *(f"class {one}" for one in target.classes), *(f"regimen {one}" for one in target.regimens)]
    return ", ".join(named)
