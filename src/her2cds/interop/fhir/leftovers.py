"""The parts of a resource that its reader does not look at, so that they are listed instead of lost."""

from __future__ import annotations

from her2cds.interop.draft import Draft
from her2cds.interop.fhir.resources import Resource

# Clinical content that no reader takes in, by type of resource. Administrative parts are not listed.
_NOT_READ: dict[str, tuple[str, ...]] = {
    "Observation": ("note", "hasMember", "derivedFrom", "referenceRange", "bodySite", "method", "interpretation"),
    "Condition": ("note", "severity", "evidence"),
    "MedicationAdministration": ("note",),
    "MedicationStatement": ("note",),
    "MedicationRequest": ("note",),
    "Procedure": ("note", "outcome", "complication", "reasonCode"),
    "DiagnosticReport": ("conclusion", "conclusionCode", "presentedForm"),
    "AllergyIntolerance": ("note", "reaction"),
}


def parts_not_read(resource: Resource, draft: Draft) -> None:
    """List the parts of a resource that hold content and were not read."""
    content = resource.content
    found = [name for name in _NOT_READ.get(resource.type, ()) if content.get(name)]
    if "component" in content and "interpretation" in found:
        found.remove("interpretation")  # read with a variant, which has components
    if found:
        draft.aside(
            resource.label, ", ".join(found), "parts of the resource that are not read; a person may look there"
        )
