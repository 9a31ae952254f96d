"""Which services there are, and what of the chart each needs."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

Json = dict[str, Any]
_PATIENT = "{{context.patientId}}"
PREFETCH = {
    "patient": f"Patient/{_PATIENT}",
    "conditions": f"Condition?patient={_PATIENT}",
    "observations": f"Observation?patient={_PATIENT}",
    "medicationRequests": f"MedicationRequest?patient={_PATIENT}",
    "medicationStatements": f"MedicationStatement?patient={_PATIENT}",
    "medicationAdministrations": f"MedicationAdministration?patient={_PATIENT}",
    "procedures": f"Procedure?patient={_PATIENT}",
    "diagnosticReports": f"DiagnosticReport?patient={_PATIENT}",
    "allergies": f"AllergyIntolerance?patient={_PATIENT}",
}
NEEDED = ("patient", "conditions", "observations", "medicationRequests")

_SERVICES = (
    (
        "patient-view",
        "HER2 breast cancer: candidate therapies",
        "Ranked, cited candidate therapies for a patient with HER2-driven breast cancer, what speaks against each, and "
        "what is still to be asked. Says nothing for other patients.",
    ),
    (
        "order-select",
        "HER2 breast cancer: how a selected drug stands",
        "How the drugs that are being selected stand for this patient: their rank, what speaks against them, and the "
        "alternatives. Says nothing for other drugs.",
    ),
    (
        "order-sign",
        "HER2 breast cancer: check of an order",
        "Warns where a drug that is about to be ordered is contraindicated for this patient, or does not fit the line "
        "of treatment. Says nothing otherwise.",
    ),
)


class ServiceId(StrEnum):
    """The services by the ids that stand in their paths."""

    patient_view = "her2cds-patient-view"
    order_select = "her2cds-order-select"
    order_sign = "her2cds-order-sign"

    @property
    def hook(self) -> str:
        """The hook that the service answers."""
        return self.value.removeprefix("her2cds-")


def discovery() -> Json:
    """The answer of the discovery endpoint."""
    return {
        "services": [
            {
                "hook": hook,
                "title": title,
                "description": description,
                "id": f"her2cds-{hook}",
                "prefetch": PREFETCH,
                "usageRequirements": "All data come by prefetch; no FHIR server is called.",
            }
            for hook, title, description in _SERVICES
        ]
    }
