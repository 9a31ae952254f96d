"""Reads study files of the ClinicalTrials.gov data API, version 2: one study, or a page of studies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from her2cds.errors import RegistryFault
from her2cds.registry.record import STATUSES, RegistryRecord
from her2cds.suggest import did_you_mean

MAX_BYTES = 50_000_000
_PHASES = {
    "EARLY_PHASE1": "early I",
    "PHASE1": "I",
    "PHASE2": "II",
    "PHASE3": "III",
    "PHASE4": "IV",
    "NA": None,
}
_SHAPE = "a study of the ClinicalTrials.gov data API, version 2 (an object with `protocolSection`)"


def read_studies(content: bytes, file: str) -> Iterator[RegistryRecord | RegistryFault]:
    """Every study in a file, as a record or as what is wrong with it; a file that is none gives one fault."""
    if len(content) > MAX_BYTES:
        yield RegistryFault(file, f"larger than {MAX_BYTES // 1_000_000} MB", "download fewer studies per file")
        return
    try:
        tree = json.loads(content)
    except (ValueError, RecursionError) as error:
        yield RegistryFault(file, f"no readable JSON ({str(error)[:120]})", f"expected {_SHAPE}")
        return
    studies = tree.get("studies") if isinstance(tree, dict) and "studies" in tree else [tree]
    if not isinstance(studies, list):
        yield RegistryFault(file, "`studies` is not a list", f"expected {_SHAPE}")
        return
    for study in studies:
        yield _record(study, file)


def _record(study: object, file: str) -> RegistryRecord | RegistryFault:
    if not isinstance(study, dict) or not isinstance(study.get("protocolSection"), dict):
        return RegistryFault(file, "not a study record", f"expected {_SHAPE}; an older export of the registry differs")
    protocol = study["protocolSection"]
    identifier = _text(protocol, "identificationModule", "nctId")
    if identifier is None:
        return RegistryFault(file, "no `identificationModule.nctId`", f"expected {_SHAPE}")
    where = f"{file}: {identifier}"
    status = _text(protocol, "statusModule", "overallStatus")
    if status not in STATUSES:
        hint = did_you_mean(status or "", STATUSES) or f"one of: {', '.join(STATUSES)}"
        return RegistryFault(where, f"unknown status '{status}'", hint)
    updated = _text(protocol, "statusModule", "lastUpdatePostDateStruct", "date") or _text(
        protocol, "statusModule", "statusVerifiedDate"
    )
    title = _text(protocol, "identificationModule", "briefTitle")
    if updated is None or title is None:
        return RegistryFault(where, "no date of the last update, or no title", f"expected {_SHAPE}")
    phase = _phase(protocol)
    if isinstance(phase, RegistryFault):
        return RegistryFault(where, phase.found, phase.remedy)
    try:
        return RegistryRecord.model_validate(
            {
                "id": identifier,
                "status": status,
                "updated": updated,
                "title": title,
                "phase": phase,
                "eligibility": _text(protocol, "eligibilityModule", "eligibilityCriteria"),
                "sex": _text(protocol, "eligibilityModule", "sex"),
                "minimum_age": _text(protocol, "eligibilityModule", "minimumAge"),
                "maximum_age": _text(protocol, "eligibilityModule", "maximumAge"),
            }
        )
    except ValueError:
        return RegistryFault(where, f"the date '{updated}' of the last update", "expected YYYY-MM-DD or YYYY-MM")


def _phase(protocol: dict[str, Any]) -> str | RegistryFault | None:
    design = protocol.get("designModule")
    phases = design.get("phases") if isinstance(design, dict) else None
    if phases is None:
        return None
    if not isinstance(phases, list) or any(not isinstance(one, str) or one not in _PHASES for one in phases):
        return RegistryFault("", f"unknown phase {phases!r}", f"one of: {', '.join(_PHASES)}")
    return "/".join(words for one in phases if (words := _PHASES[one])) or None


def _text(tree: object, *steps: str) -> str | None:
    """The text at the end of the steps; None where there is none or it is something else."""
    for step in steps:
        tree = tree.get(step) if isinstance(tree, dict) else None
    return tree.strip() if isinstance(tree, str) and tree.strip() else None
