"""The chart that was prefetched, as one Bundle: whole, and of this patient alone, or refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from her2cds.errors import ProfileFault
from her2cds.service.hooks.discovery import NEEDED, PREFETCH
from her2cds.service.hooks.model import HookRequest
from her2cds.service.hooks.patient import PatientReferences
from her2cds.service.problems import ProblemError

Json = dict[str, Any]
_NO_ERROR = ("information", "warning", "success")


def chart_of(request: HookRequest) -> Json:
    """All that was prefetched as one Bundle.

    Raises ProblemError 412 where a part is missing, where more was found than was sent, where the EHR says that
    something failed, where something stands so that it would not be read, and for another patient's data.
    """
    missing = [key for key in NEEDED if key not in request.prefetch]
    if missing:
        faults = tuple(ProfileFault(f"$.prefetch.{key}", "nothing", PREFETCH[key]) for key in missing)
        raise ProblemError(
            412, "prefetch-missing", "Needed to answer and not prefetched; no FHIR server is called.", faults
        )
    entries = [entry for key, value in request.prefetch.items() if value is not None for entry in _entries(key, value)]
    _refuse_another_patient(entries, PatientReferences(request.context.patient_id, request.fhir_server, entries))
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def _entries(key: str, value: Json) -> Iterator[Json]:
    """The entries of one prefetch value; a resource on its own is one entry.

    Of a part that is not needed and not whole nothing is read, as if it had not been sent; the chart then says so.
    """
    if missing := _missing(key, value):
        if key in NEEDED:
            raise _incomplete(key, missing, "all results at once")
        yield {"resource": _remark(f"prefetch {key}: {missing}; not read")}
    elif value.get("resourceType") != "Bundle":
        yield {"resource": _resource(key, value)}
    else:
        for entry in _objects(key, value, "entry"):
            _resource(key, entry.get("resource"))
            yield entry


def _missing(key: str, value: Json) -> str:
    """What keeps a prefetch value from being whole; empty where it is."""
    if value.get("resourceType") == "OperationOutcome":
        return "an OperationOutcome"
    if value.get("resourceType") != "Bundle":
        return ""
    if any(str(one.get("relation")).lower() == "next" for one in _objects(key, value, "link")):
        return "one page of several"
    entries = _objects(key, value, "entry")
    if not _is_all(value.get("total"), entries):
        return "fewer entries than its total"
    return "an OperationOutcome" if any(_says_that_it_failed(one.get("resource")) for one in entries) else ""


def _remark(words: str) -> Json:
    """What a server says when something is not there: the import lists it and asks."""
    issue = {"severity": "warning", "code": "incomplete", "diagnostics": words}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def _objects(key: str, bundle: Json, name: str) -> list[Json]:
    """The objects of a list in a Bundle; one alone counts as a list, and nothing is passed over."""
    value = bundle.get(name)
    listed = [] if value is None else value if isinstance(value, list) else [value]
    if not all(isinstance(one, dict) for one in listed):
        raise _incomplete(key, f"a part of `{name}` that is no object", "a FHIR Bundle")
    return listed


def _is_all(total: object, entries: Iterable[Json]) -> bool:
    """Whether as many matches were sent as were found."""
    if total is None:
        return True
    matches = sum(_mode(one) in (None, "match") for one in entries)
    return isinstance(total, (int, float)) and not isinstance(total, bool) and total <= matches


def _mode(entry: Json) -> object:
    search = entry.get("search")
    return search.get("mode") if isinstance(search, dict) else None


def _resource(key: str, value: object) -> Json:
    """A resource that is read where it stands. What lies within a Bundle in a Bundle would not be looked at here."""
    kind = value.get("resourceType") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(kind, str):
        raise _incomplete(key, "something that is no resource", "a FHIR resource")
    if kind == "Bundle":
        raise _incomplete(key, "a Bundle within a Bundle", "the resources themselves")
    return value


def _says_that_it_failed(outcome: object) -> bool:
    if not isinstance(outcome, dict) or outcome.get("resourceType") != "OperationOutcome":
        return False
    issues = outcome.get("issue")
    listed = issues if isinstance(issues, list) else [issues]
    return not listed or not all(isinstance(one, dict) and one.get("severity") in _NO_ERROR for one in listed)


def _incomplete(key: str, found: str, expected: str) -> ProblemError:
    fault = ProfileFault(f"$.prefetch.{key}", found, expected)
    return ProblemError(412, "prefetch-incomplete", "A chart of which only a part is seen is not judged.", (fault,))


def _refuse_another_patient(entries: Iterable[Json], patient: PatientReferences) -> None:
    """Raise ProblemError 412 where a resource of the chart is another patient, or is about one or nobody knows whom."""
    for entry in entries:
        other = patient.other(entry["resource"])
        if other:
            fault = ProfileFault("$.prefetch", other, "the patient of context.patientId")
            raise ProblemError(412, "wrong-patient", "The prefetched chart is not that of this patient.", (fault,))
