"""Figures that cannot be, and trial entries that no registry would know, are refused."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from her2cds.knowledge.evidence import Arm, Outcome
from her2cds.knowledge.overlay_model import Change
from her2cds.knowledge.rules import Trial, TrialStatus

CITES = [{"source": "tapia2023", "at": "3.1.3. TKI"}]
TRIAL = {
    "id": "NCT04538742",
    "title": "A trial",
    "strategy": "vaccine",
    "population": "somebody",
    "scope": "breast",
    "cites": CITES,
}


def outcome(**fields: Any) -> Outcome:
    return Outcome.model_validate({"endpoint": "PFS", "direction": "better", "cites": CITES, **fields})


def months(value: str, ci: list[str] | None = None) -> dict[str, Any]:
    return {"unit": "months", "values": [{"arm": "one", "value": value, "ci": ci}]}


IMPOSSIBLE: list[tuple[dict[str, Any], str]] = [
    (months("-7.1"), "cannot be a value"),
    ({"unit": "%", "values": [{"arm": "one", "value": "710"}]}, "710 % cannot be a value"),
    (months("7.1", ["9.0", "5.0"]), "runs downwards"),
    (months("7.1", ["8.0", "NE"]), "7.1 lies outside its interval"),
    ({"hazard_ratio": "0"}, "cannot be a hazard ratio"),
    ({"hazard_ratio": "6.8", "ci": ["0.2", "0.9"]}, "6.8 lies outside its interval"),
    ({"hazard_ratio": "0.68", "ci": ["0.9", "0.2"]}, "runs downwards"),
    ({"hazard_ratio": "0.68", "ci": ["0.5", "0.9"], "direction": "worse"}, "says `better`"),
    ({"hazard_ratio": "1.4", "ci": ["1.1", "1.8"]}, "says `worse`"),
    ({"hazard_ratio": "1.4", "ci": ["1.1", "1.8"], "direction": "no difference"}, "says `worse`"),
]


@pytest.mark.parametrize(("fields", "mention"), IMPOSSIBLE)
def test_a_figure_that_cannot_be_is_refused_unless_a_caveat_says_why_it_is_printed_so(
    fields: dict[str, Any], mention: str
) -> None:
    with pytest.raises(ValidationError, match=mention):
        outcome(**fields)
    assert outcome(**fields, caveat="Printed so in the source.")


@pytest.mark.parametrize(
    "fields",
    [
        months("7.1", ["5.0", "NE"]),
        months("NR", ["5.0", "NE"]),
        {"hazard_ratio": "0.83", "ci": ["0.69", "1.00"], "direction": "better"},
        {"hazard_ratio": "0.87", "ci": ["0.71", "1.08"], "direction": "no difference"},
        {"unit": "%", "values": [{"arm": "one", "value": "100"}, {"arm": "two", "value": "0"}]},
    ],
)
def test_figures_as_studies_report_them_are_taken(fields: dict[str, Any]) -> None:
    assert outcome(**fields)


@pytest.mark.parametrize("p", ["7", "1.2", "<2"])
def test_a_p_value_is_a_probability(p: str) -> None:
    with pytest.raises(ValidationError):
        outcome(p=p)


@pytest.mark.parametrize("patients", [-41, 0])
def test_an_arm_has_patients(patients: int) -> None:
    with pytest.raises(ValidationError):
        Arm(name="one", patients=patients)


def test_a_trial_as_registries_know_it_is_taken() -> None:
    assert Trial.model_validate(TRIAL)
    assert Trial.model_validate({**TRIAL, "id": "2019-001234-42", "phase": "Ib/II"})
    assert Trial.model_validate({**TRIAL, "scope": "blocked", "blocked_because": "not known to any registry"})


@pytest.mark.parametrize(
    "change",
    [
        {"id": "NCTO4538742"},
        {"id": "NCT0453874"},
        {"phase": "VI"},
        {"scope": "blocked"},
        {"blocked_because": "no longer known"},
    ],
)
def test_a_trial_with_a_slip_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Trial.model_validate({**TRIAL, **change})


@pytest.mark.parametrize("change", [{"as_of": "2023-13"}, {"as_of": "2023"}, {"status": "recuiting"}])
def test_a_status_has_a_month_and_a_word_of_the_list(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TrialStatus.model_validate({"status": "ongoing", "as_of": "2023-02", "cites": CITES, **change})


def test_a_change_of_another_century_is_a_slip() -> None:
    change = {"id": "a", "by": "the board", "because": "a reason", "cites": CITES, "withdraws": {"drugs": ["t-dxd"]}}
    assert Change.model_validate({**change, "date": "2026-01-01"})
    with pytest.raises(ValidationError):
        Change.model_validate({**change, "date": "2226-01-01"})
