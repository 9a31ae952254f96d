"""The parts of a resource that its reader does not look at, so that they are listed instead of lost."""

from __future__ import annotations

from her2cds.interop.draft import Draft
from her2cds.interop.fhir.resources import Json, Resource, listed

# Clinical content that no reader takes in, by type of resource. Administrative parts are not listed.
_NOT_READ: dict[str, tuple[str, ...]] = {
    "Observation": ("note", "hasMember", "derivedFrom", "referenceRange", "method", "interpretation"),
    "Condition": ("note", "severity", "evidence"),
    "MedicationAdministration": ("note",),
    "MedicationStatement": ("note",),
    "MedicationRequest": ("note",),
    "Procedure": ("note", "outcome", "complication", "reasonCode"),
    "DiagnosticReport": ("conclusion", "conclusionCode", "presentedForm"),
    "AllergyIntolerance": ("note", "reaction"),
}


_READ_EXTENSIONS = (
    *("procedure-intent", "mcode-treatment-intent", "TreatmentIntent-extension"),
    *("termination-reason", "TerminationReason-extension", "condition-assertedDate"),
    *("mcode-related-condition", "mcode-related-condition-absent"),
    *("mcode-related-primary-cancer-condition", "condition-related", "RelatedPrimaryCancerCondition-extension"),
)


def parts_not_read(resource: Resource, draft: Draft) -> None:
    """List the parts of a resource that hold content and were not read."""
    content = resource.content
    found = [name for name in _NOT_READ.get(resource.type, ()) if content.get(name)]
    if "component" in content and "interpretation" in found:
        found.remove("interpretation")  # read with a variant, which has components
    if resource.type != "Patient":  # a Patient's extensions are demographics, listed as a whole
        found += [f"extension {name}" for name in _extensions(content) if not name.endswith(_READ_EXTENSIONS)]
    if found:
        draft.aside(
            resource.label, ", ".join(found), "parts of the resource that are not read; a person may look there"
        )


def _extensions(content: Json) -> list[str]:
    """The last part of the URL of each extension."""
    return [str(one.get("url", "")).rstrip("/").split("/")[-1] for one in listed(content.get("extension"))]
