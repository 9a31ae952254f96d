"""What a new knowledge base changes for the patients of a cohort: for whom, and from what to what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date as Date
from functools import lru_cache, partial
from pathlib import Path
from typing import Literal, NamedTuple

from her2cds.cohort.case import case_of, failure_words
from her2cds.cohort.kb_changes import EntryChange, knowledge_changes
from her2cds.cohort.source import Part, Row, plan, rows
from her2cds.cohort.workers import cores, run_locally
from her2cds.engine.explain import shown
from her2cds.errors import CohortError, Her2CdsError, ProfileError
from her2cds.evaluation import Case, KnowledgeBase, load_knowledge
from her2cds.facts.truth import FALSE, TRUE

About = Literal["profile", "answer", "fact", "regimen", "caution", "trial"]


class Subject(NamedTuple):
    """What a difference is about, and the id of the regimen, trial or fact."""

    about: About
    id: str


Standing = dict[Subject, str]

_PART_SIZE = 1000
_PROFILE = Subject("profile", "profile")
_ABSENT: dict[About, str] = {
    "profile": "",
    "answer": "",
    "fact": "unknown",
    "regimen": "not offered",
    "caution": "does not apply",
    "trial": "not eligible",
}


@dataclass(frozen=True, slots=True)
class AnswerChange:
    """One thing in the answer that differs: what it is about, its id, and how it stood and stands."""

    about: About
    id: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class PatientChange:
    """A patient whose answer differs: the differences, and the changed rules that apply or applied."""

    file: str
    line: int
    patient: str | None
    top_changes: bool
    changes: tuple[AnswerChange, ...]
    rules: tuple[str, ...]


@dataclass(slots=True)
class PartImpact:
    """What changes in one part of a cohort.

    `invalid` patients are invalid under both knowledge bases; for `failed` ones a rule or the software failed under
    at least one of them.
    """

    patients: int = 0
    invalid: int = 0
    failed: int = 0
    changed: list[PatientChange] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Failure:
    """A patient for whom a rule or the software failed, and why."""

    words: str


_Found = Case | ProfileError | _Failure


@dataclass(frozen=True, slots=True)
class Versions:
    """The two knowledge bases by their folders, with the hashes that they had when the comparison began."""

    old: str
    new: str
    old_hash: str
    new_hash: str
    today: str


def compare_cohort(versions: Versions, cohort: Path, processes: int | None = None) -> Iterator[PartImpact]:
    """What changes in every part of a cohort, in the order of the input (default: one process per core).

    Raises CohortError where the cohort cannot be read: at once, before the first part is asked for. What concerns one
    part is raised when it comes to that part.
    """
    return _compared(versions, plan(cohort, _PART_SIZE), processes or cores())


def _compared(versions: Versions, parts: list[Part], processes: int) -> Iterator[PartImpact]:
    held: dict[int, PartImpact] = {}
    following = 1
    for finished in run_locally(partial(compare_part, versions), parts, processes):
        if finished.result is None:
            raise finished.error or CohortError(f"{finished.part.name}: no result")
        held[finished.part.number] = finished.result
        while following in held:
            yield held.pop(following)
            following += 1


def compare_part(versions: Versions, part: Part) -> PartImpact:
    """Evaluate the patients of a part under both knowledge bases. Raises CohortError."""
    old, new = _load(versions.old, versions.old_hash), _load(versions.new, versions.new_hash)
    edited = _edited_rules(versions)
    today = Date.fromisoformat(versions.today)
    impact = PartImpact()
    for row in rows(part):
        if row.blank:
            continue
        impact.patients += 1
        before, after = _found(row, old, today), _found(row, new, today)
        impact.failed += isinstance(before, _Failure) or isinstance(after, _Failure)
        if isinstance(before, ProfileError) and isinstance(after, ProfileError):
            impact.invalid += 1
        elif not (isinstance(before, _Failure) and isinstance(after, _Failure)):
            impact.changed += _patient_changes(part.file.name, row.line, before, after, edited)
    return impact


def _patient_changes(
    file: str, line: int, before: _Found, after: _Found, edited: Iterable[EntryChange]
) -> Iterator[PatientChange]:
    """The patient with all that differs; nothing where nothing does."""
    changes = tuple(_differences(_standing(before), _standing(after)))
    if changes:
        patient = next((one.chart.profile.id for one in (before, after) if isinstance(one, Case)), None)
        rules = tuple(_rules_at_work(before, after, edited))
        yield PatientChange(file, line, patient, _top(before) != _top(after), changes, rules)


def frequent(changed: Iterable[PatientChange]) -> Counter[AnswerChange]:
    """How many patients share each difference."""
    return Counter(change for one in changed for change in one.changes)


@lru_cache(maxsize=2)
def _load(folder: str, expected: str) -> KnowledgeBase:
    try:
        knowledge = load_knowledge(folder)
    except Her2CdsError as error:
        raise CohortError(f"a worker cannot load {folder}: {error}") from None
    if knowledge.knowledge.data.content_hash != expected:
        raise CohortError(f"{folder}: the knowledge base changed while it was compared; begin again")
    return knowledge


@lru_cache(maxsize=1)
def _edited_rules(versions: Versions) -> tuple[EntryChange, ...]:
    """The rules, criteria and trials that differ."""
    old, new = _load(versions.old, versions.old_hash), _load(versions.new, versions.new_hash)
    changes = knowledge_changes(old.knowledge.data, new.knowledge.data)
    return tuple(one for one in changes if one.kind.endswith(" rule") or one.kind in ("criterion", "trial"))


def _found(row: Row, knowledge: KnowledgeBase, today: Date) -> _Found:
    try:
        return case_of(row, knowledge, today)
    except ProfileError as error:
        return error
    except Exception as error:  # whatever one patient brings about must not end the comparison
        return _Failure(failure_words(error))


# --- How a patient stands ----------------------------------------------------------------------------------------


def _standing(case: _Found) -> Standing:
    """Everything in an answer that a reader would see change, in few words."""
    if isinstance(case, _Failure):
        return {_PROFILE: f"failed: {case.words}"}
    if isinstance(case, ProfileError):
        return {_PROFILE: f"invalid at {', '.join(fault.path for fault in case.faults)}"}
    decision = case.decision
    found: Standing = {
        _PROFILE: "valid",
        Subject("answer", "answer"): "deferred"
        if decision.deferred
        else "ranked"
        if decision.ranked
        else "nothing to rank",
    }
    found.update({Subject("fact", fact): shown(value) for fact, value in decision.outcome.facts.items()})
    for one in decision.ranked:
        words = f"rank {one.rank}{' (tie)' if one.tied else ''}{'' if one.candidate.determined else ', conditional'}"
        words += ", contraindications to check" if one.candidate.open_checks else ""
        found[Subject("regimen", one.candidate.regimen.id)] = words
        for applied in one.candidate.cautions:
            found[Subject("caution", f"{applied.rule.id} for {one.candidate.regimen.id}")] = "applies"
    found.update({Subject("regimen", one.regimen.id): "ruled out" for one in decision.gathered.excluded})
    found.update({Subject("regimen", one.regimen.id): "investigational" for one in decision.gathered.investigational})
    for match in decision.matches:
        if match.fits and not match.closed:
            words = "eligible" if match.verdict is TRUE else "possibly eligible"
            found[Subject("trial", match.trial.id)] = words
    return found


def _differences(before: Standing, after: Standing) -> Iterator[AnswerChange]:
    """What differs; where a profile has an answer under one knowledge base only, that alone.

    The cautions of a regimen that enters or leaves go without saying.
    """
    one_sided = len(before) == 1 or len(after) == 1
    for subject in (_PROFILE,) if one_sided else dict.fromkeys((*before, *after)):
        if subject.about == "caution" and not _ranked_in_both(subject.id.rpartition(" ")[2], before, after):
            continue
        absent = _ABSENT[subject.about]
        old, new = before.get(subject, absent), after.get(subject, absent)
        if old != new:
            yield AnswerChange(*subject, old, new)


def _ranked_in_both(regimen: str, before: Standing, after: Standing) -> bool:
    subject = Subject("regimen", regimen)
    return all(standing.get(subject, "").startswith("rank") for standing in (before, after))


def _top(case: _Found) -> tuple[str, ...]:
    ranked = case.decision.ranked if isinstance(case, Case) else ()
    return tuple(one.candidate.regimen.id for one in ranked if one.rank == 1)


def _rules_at_work(before: _Found, after: _Found, edited: Iterable[EntryChange]) -> Iterator[str]:
    """The changed entries whose condition holds, may hold, or did so before, for this patient."""
    for one in edited:
        verdicts = (case.decision.outcome.verdicts.get(one.id) for case in (before, after) if isinstance(case, Case))
        if any(verdict not in (None, FALSE) for verdict in verdicts):
            yield one.id
