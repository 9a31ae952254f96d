"""Values that contradict each other leave the profile, all of them, and the report says so.

An imported profile always passes `her2cds validate`: the checks of the profile itself decide what contradicts what
(docs/methods/contradictions.md). Nothing is resolved by order or preference: which of the two is right, a person says.
Where the newest results of a receptor go so, the older ones go too: they would stand as the current ones.
"""

from __future__ import annotations

from datetime import date as Date
from typing import Any

from her2cds.errors import ProfileError, ProfileFault
from her2cds.interop.draft import Draft, Fact
from her2cds.knowledge.base import Knowledge
from her2cds.profile.changes import steps_of
from her2cds.profile.read import make_chart, profile_from_tree

# What takes part in a contradiction, by the last step of the path that the check names.
_PARTNERS: dict[str, tuple[str, ...]] = {
    "her2_reported": ("her2_reported", "her2_ihc"),
    "her2_ish": ("her2_ish", "her2_ish_ratio", "her2_copies_per_cell"),
    "er": ("er", "er_percent"),
    "pr": ("pr", "pr_percent"),
    "pregnancy": ("pregnancy", "menopausal_status"),
    "menopausal_status": ("menopausal_status", "sex"),
    "relapse_date": ("relapse_date", "diagnosis_date"),
    "stage": ("stage", "setting"),
    "sites_of_metastasis": ("sites_of_metastasis", "setting"),
    "early_phase": ("early_phase", "setting"),
}
# The fields of a specimen that tell of one receptor, and those of them by which a specimen decides its status.
MARKER_FIELDS: dict[str, tuple[str, ...]] = {
    "her2": (
        *("her2_ihc", "her2_ish", "her2_ish_ratio", "her2_copies_per_cell"),
        *("her2_reported", "her2_heterogeneous"),
    ),
    "er": ("er", "er_percent"),
    "pr": ("pr", "pr_percent"),
    "ki67": ("ki67_percent",),
}
DECIDING_FIELDS: dict[str, tuple[str, ...]] = {
    **MARKER_FIELDS,
    "her2": ("her2_ihc", "her2_ish", "her2_ish_ratio", "her2_copies_per_cell"),
}
MARKER_NAMES = {"her2": "HER2", "er": "ER", "pr": "PR", "ki67": "Ki-67"}
_ROUNDS = 20
_UNTIDY = "unrecognised: "


def settle(draft: Draft, knowledge: Knowledge, today: Date) -> None:
    """Take out of the draft what its own checks refuse. Raises ProfileError where that does not end."""
    for _ in range(_ROUNDS):
        try:
            make_chart(profile_from_tree(draft.tree), knowledge, today, draft.label)
        except ProfileError as error:
            for fault in error.faults:
                _mend(draft, fault)
            _tidy(draft.tree)
        else:
            return
    raise ProfileError([ProfileFault("$", "a record that contradicts itself", "a profile")], draft.label)


def _mend(draft: Draft, fault: ProfileFault) -> None:
    steps = steps_of(fault.path)
    if steps[-1].isdigit() and any(name in steps for name in ("agents", "hypersensitivity_to", "concomitant_drugs")):
        _mark_name(draft, steps, fault)
        return
    if steps[-1] == "agents":  # more drugs in one course than anybody is given: its dates must be wrong
        steps = steps[:1]
        draft.ask("Treatments: the record does not tell one course from another; give the list.")
    parent = steps[:-1] if not steps[-1].isdigit() else steps[:-2]
    last = steps[-1] if not steps[-1].isdigit() else steps[-2]
    paths = [_path([*parent, name]) for name in _PARTNERS.get(last, (last,))]
    gone = _drop(draft, paths)
    older = _drop(draft, _outdated_by(draft.tree, steps))
    sources = [source for one in (*gone, *older) for source in one.sources]
    outcome = f"none of the values was taken; expected {fault.expected}. {fault.remedy}"
    if older:
        outcome += " The older results of this receptor were not taken either: they would stand as the current ones."
    draft.conflict(fault.path, fault.found, sources, outcome)
    marker = _marker_of(steps)
    if marker is not None:
        draft.ask(f"{MARKER_NAMES[marker]}: results contradict each other ({fault.found}); which holds?")


def _drop(draft: Draft, paths: list[str]) -> tuple[Fact, ...]:
    gone = draft.drop(paths)
    for path in paths:
        _take_away(draft.tree, steps_of(path))
    return gone


def _marker_of(steps: list[str]) -> str | None:
    """The receptor that a field of a specimen tells of."""
    if steps[0] != "specimens":
        return None
    return next((marker for marker, names in MARKER_FIELDS.items() if steps[-1] in names), None)


def _outdated_by(tree: dict[str, Any], steps: list[str]) -> list[str]:
    """The fields of one receptor in the specimens that are not newer than the one which has just lost its values.

    None where that specimen still decides, or where a newer one does: then no older one stands as current.
    """
    marker = _marker_of(steps)
    specimens = tree.get("specimens")
    if marker is None or not isinstance(specimens, list):
        return []
    at = int(steps[1])
    newer = [one for one in specimens if _is_newer(one, specimens[at])]
    if any(name in one for one in (specimens[at], *newer) for name in DECIDING_FIELDS[marker]):
        return []
    return [
        f"$.specimens[{index}].{name}"
        for index, one in enumerate(specimens)
        if index != at and one not in newer
        for name in MARKER_FIELDS[marker]
        if name in one
    ]


def _is_newer(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether a specimen is known to be of a later day than another."""
    day, since = one.get("date"), other.get("date")
    return day is not None and since is not None and str(day) > str(since)


def _mark_name(draft: Draft, steps: list[str], fault: ProfileFault) -> None:
    """A drug name that is close to a known one stays, marked, so that nobody takes it for the known one."""
    here: Any = draft.tree
    for step in steps[:-1]:
        here = here[int(step)] if isinstance(here, list) else here[step]
    name = here[int(steps[-1])]
    here[int(steps[-1])] = f"{_UNTIDY}{name}"[:120]
    draft.doubt(fault.path, str(name), f"no drug of this name is known. {fault.remedy} Kept and used by no rule")


def _take_away(tree: Any, steps: list[str]) -> None:
    here = tree
    for step in steps[:-1]:
        here = here[int(step)] if isinstance(here, list) else here.get(step, {})
    if isinstance(here, dict):
        here.pop(steps[-1], None)


def _path(steps: list[str]) -> str:
    return "$" + "".join(f"[{one}]" if one.isdigit() else f".{one}" for one in steps)


def _tidy(tree: dict[str, Any]) -> None:
    """A specimen of which nothing is left but date and site says nothing; its place stays, so that paths hold."""
    for part in ("patient", "disease", "health", "biomarkers", "brain_metastases"):
        if part in tree and not tree[part]:
            del tree[part]
