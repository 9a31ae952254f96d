"""Whom resources are about: what is about somebody else is neither read as this patient's nor judged by this chart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from her2cds.interop.fhir.addresses import plain_address, unversioned

Json = dict[str, Any]


class PatientReferences:
    """The references by which resources may name the patient of a call.

    `server` is the EHR's FHIR server where the call names it: a patient of the same id elsewhere is another. A
    `fullUrl` that an entry among `entries` gives the patient names the patient too.
    """

    def __init__(self, patient: str, server: str | None, entries: Iterable[Json]) -> None:
        self._patient = patient
        self._server = plain_address(server) if server else ""
        self._names = {
            plain_address(str(one["fullUrl"]))
            for one in entries
            if "fullUrl" in one and self._is_patient(one["resource"])
        }

    def other(self, resource: Json) -> str:
        """Why a resource is not taken as this patient's; empty where nothing speaks against it."""
        if resource.get("resourceType") == "Patient" and not self._is_patient(resource):
            return "another patient"
        return next(filter(None, map(self._other, _about(resource))), "")

    def _is_patient(self, resource: Json) -> bool:
        return resource.get("resourceType") == "Patient" and resource.get("id") == self._patient

    def _other(self, about: object) -> str:
        reference = about.get("reference", "") if isinstance(about, dict) else None
        if not isinstance(reference, str):
            return "a subject that is no reference"
        if not reference or reference.startswith("#") or plain_address(reference) in self._names:
            return ""
        server, name = split_reference(reference)
        elsewhere = self._server and server and plain_address(server) != self._server
        return "another patient" if elsewhere or name != f"Patient/{self._patient}" else ""


def _about(resource: Json) -> Iterator[object]:
    """What says whom a resource is about."""
    return (value for value in (resource.get("subject"), resource.get("patient")) if value is not None)


def split_reference(reference: str) -> tuple[str, str]:
    """The server of a reference (empty where it names none), and type and id without the version: `Patient/p1`."""
    parts = unversioned(reference).split("/")
    return "/".join(parts[:-2]), "/".join(parts[-2:])
