"""Registry files: what is taken over, what is refused with a message, and what the report then shows."""

from __future__ import annotations

import copy
import json
import os
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from her2cds import KnowledgeBase, evaluate
from her2cds.errors import RegistryError
from her2cds.evaluation import find_trials
from her2cds.registry.overlay import read_overlay, refresh, write_overlay
from her2cds.registry.record import RegistryOverlay, RegistryRecord
from tests.conftest import PROJECT

TODAY = date(2026, 11, 1)
SAMPLE = PROJECT.parent / "shared" / "samples" / "trials" / "ctgov-v2" / "NCT03377387.json"
PATIENT = (PROJECT / "patient_examples" / "second-line-her2-positive.json").read_text()

STUDY: dict[str, Any] = {
    "protocolSection": {
        "identificationModule": {"nctId": "NCT04538742", "briefTitle": "A study of T-DXd combinations"},
        "statusModule": {
            "overallStatus": "ACTIVE_NOT_RECRUITING",
            "statusVerifiedDate": "2026-05",
            "lastUpdatePostDateStruct": {"date": "2026-05-20", "type": "ACTUAL"},
        },
        "designModule": {"phases": ["PHASE1", "PHASE2"]},
        "eligibilityModule": {"eligibilityCriteria": "Inclusion: …", "sex": "ALL", "minimumAge": "18 Years"},
    },
    "hasResults": False,
}


def changed(path: str, value: object) -> dict[str, Any]:
    study = copy.deepcopy(STUDY)
    here: Any = study
    *steps, last = path.split(".")
    for step in steps:
        here = here[step]
    here[last] = value
    return study


def written(folder: Path, *studies: object) -> list[Path]:
    files = []
    for number, study in enumerate(studies):
        file = folder / f"study-{number}.json"
        file.write_text(study if isinstance(study, str) else json.dumps(study))
        files.append(file)
    return files


def test_a_study_becomes_a_record(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    result = refresh(written(tmp_path, STUDY), knowledge.knowledge, TODAY, None)
    (record,) = result.overlay.records
    assert result.faults == ()
    assert (record.status, record.updated, record.phase) == ("ACTIVE_NOT_RECRUITING", "2026-05-20", "I/II")
    assert record.status_words == "active, not recruiting"
    assert record.closed
    assert result.overlay.made_on == TODAY


def test_a_page_of_studies_is_read_study_by_study(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    other = changed("protocolSection.identificationModule.nctId", "NCT04539938")
    page = {"studies": [STUDY, other], "nextPageToken": "abc"}
    result = refresh(written(tmp_path, page), knowledge.knowledge, TODAY, None)
    assert [record.id for record in result.renewed] == ["NCT04538742", "NCT04539938"]


@pytest.mark.parametrize(
    ("study", "message"),
    [
        ("{not json", "no readable JSON"),
        ({"FullStudiesResponse": {}}, "not a study record"),
        ([], "not a study record"),
        ({"studies": 3}, "`studies` is not a list"),
        (changed("protocolSection.statusModule.overallStatus", "RECRUTING"), "did you mean 'RECRUITING'"),
        (changed("protocolSection.statusModule.overallStatus", None), "unknown status 'None'"),
        (changed("protocolSection.identificationModule.nctId", "NCT99999999"), "does not name"),
        (changed("protocolSection.identificationModule.nctId", None), "no `identificationModule.nctId`"),
        (changed("protocolSection.designModule.phases", ["PHASE9"]), "unknown phase"),
        (changed("protocolSection.statusModule.lastUpdatePostDateStruct", {"date": "May 2026"}), "May 2026"),
    ],
)
def test_what_is_no_usable_study_gets_a_message_and_the_rest_is_processed(
    knowledge: KnowledgeBase, tmp_path: Path, study: object, message: str
) -> None:
    good = changed("protocolSection.identificationModule.nctId", "NCT04539938")
    result = refresh(written(tmp_path, study, good), knowledge.knowledge, TODAY, None)
    assert [record.id for record in result.renewed] == ["NCT04539938"]
    (fault,) = result.faults
    assert message in str(fault)
    assert "study-0.json" in str(fault)


def test_an_unreadable_file_is_told(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    result = refresh([tmp_path / "nothing.json"], knowledge.knowledge, TODAY, None)
    assert "nothing.json: No such file" in str(result.faults[0])


def test_an_older_record_does_not_replace_a_newer_one(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    before = refresh(written(tmp_path, STUDY), knowledge.knowledge, TODAY, None).overlay
    older = changed("protocolSection.statusModule.lastUpdatePostDateStruct.date", "2024-01-02")
    result = refresh(written(tmp_path, older), knowledge.knowledge, TODAY, before)
    assert result.overlay.records == before.records
    assert "older than the 2026-05-20 already held" in str(result.faults[0])


def test_records_of_other_trials_are_kept_on_refresh(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    before = refresh(written(tmp_path, STUDY), knowledge.knowledge, TODAY, None).overlay
    other = changed("protocolSection.identificationModule.nctId", "NCT04539938")
    result = refresh(written(tmp_path, other), knowledge.knowledge, TODAY, before)
    assert [record.id for record in result.overlay.records] == ["NCT04538742", "NCT04539938"]


def test_the_overlay_survives_a_round_trip(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    overlay = refresh(written(tmp_path, STUDY), knowledge.knowledge, TODAY, None).overlay
    write_overlay(tmp_path / "deep" / "overlay.json", overlay)
    assert read_overlay(tmp_path / "deep" / "overlay.json") == overlay


def test_a_file_that_is_no_overlay_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "overlay.json"
    file.write_text(json.dumps({"format": "other/1", "made_on": "2026-01-01"}))
    with pytest.raises(RegistryError, match="her2cds-registry/1"):
        read_overlay(file)


def test_a_failed_write_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    target = tmp_path / "overlay.json"
    target.mkdir()  # a folder stands where the file should go
    with pytest.raises(RegistryError):
        write_overlay(target, RegistryOverlay(made_on=TODAY))
    assert target.is_dir()
    assert list(tmp_path.iterdir()) == [target]


@contextmanager
def full_disk(after_bytes: int) -> Iterator[None]:
    """No file can grow beyond so many bytes: however it is written, the write fails half-way."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (after_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_write_that_fails_half_way_leaves_the_old_content_whole(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    target = tmp_path / "out" / "overlay.json"
    old = refresh(written(tmp_path, STUDY), knowledge.knowledge, TODAY, None).overlay
    write_overlay(target, old)
    content = target.read_bytes()
    newer = changed("protocolSection.statusModule.overallStatus", "COMPLETED")
    renewed = refresh(written(tmp_path, newer), knowledge.knowledge, TODAY, old).overlay
    assert renewed != old
    with full_disk(after_bytes=len(content) // 2), pytest.raises(RegistryError, match="as it was before"):
        write_overlay(target, renewed)
    assert target.read_bytes() == content
    assert list(target.parent.iterdir()) == [target]  # nor is the half that was written left behind
    write_overlay(target, renewed)
    assert read_overlay(target) == renewed


def test_renewing_keeps_the_permissions_and_follows_a_link(tmp_path: Path) -> None:
    target, link = tmp_path / "shared.json", tmp_path / "overlay.json"
    write_overlay(target, RegistryOverlay(made_on=date(2025, 1, 1)))
    umask = os.umask(0o022)
    os.umask(umask)
    assert stat.S_IMODE(target.stat().st_mode) == 0o666 & ~umask  # a new file is as readable as any
    target.chmod(0o640)
    link.symlink_to(target)
    write_overlay(link, RegistryOverlay(made_on=TODAY))
    assert link.is_symlink()
    assert read_overlay(target).made_on == TODAY
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_the_new_content_is_on_disk_before_it_takes_the_old_ones_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "overlay.json"
    write_overlay(target, RegistryOverlay(made_on=date(2025, 1, 1)))
    old = target.read_bytes()
    synced: list[bytes] = []
    monkeypatch.setattr(os, "fsync", lambda _: synced.append(target.read_bytes()))
    write_overlay(target, RegistryOverlay(made_on=TODAY))
    assert synced == [old]


def test_the_sample_of_the_registry_is_read_and_told_to_be_unknown(knowledge: KnowledgeBase) -> None:
    if not SAMPLE.exists():
        pytest.skip("the registry sample is not beside the project")
    result = refresh([SAMPLE], knowledge.knowledge, TODAY, None)
    assert result.renewed == ()
    assert "NCT03377387: a trial that the knowledge base does not name" in str(result.faults[0])


# --- What the report does with it ------------------------------------------------------------------


def with_record(knowledge: KnowledgeBase, status: str) -> KnowledgeBase:
    record = RegistryRecord.model_validate(
        {"id": "NCT04539938", "status": status, "updated": "2026-05-20", "title": "HER2CLIMB-04", "phase": "II"}
    )
    return KnowledgeBase(knowledge.knowledge, RegistryOverlay(made_on=TODAY, records=(record,)))


def test_the_registrys_status_stands_beside_the_reviews(knowledge: KnowledgeBase) -> None:
    listing = find_trials(PATIENT, with_record(knowledge, "RECRUITING"))
    (trial,) = (one for group in listing.groups for one in group.trials if one.id == "NCT04539938")
    assert "recruiting according to the registry, updated 2026-05-20" in trial.status_words
    assert "ongoing as reported in 2023-02 by guidi2023" in trial.status_words
    assert "verify" not in trial.status_words


def test_a_trial_that_the_registry_closed_is_no_longer_suggested(knowledge: KnowledgeBase) -> None:
    report = evaluate(PATIENT, with_record(knowledge, "TERMINATED"))
    assert "NCT04539938" not in {one.id for group in report.trials for one in group.trials}
    listing = find_trials(PATIENT, with_record(knowledge, "TERMINATED"))
    assert "NCT04539938" in {one.id for one in listing.closed}


def test_without_an_overlay_every_trial_says_how_old_its_status_is_and_that_it_must_be_verified(
    knowledge: KnowledgeBase,
) -> None:
    listing = find_trials(PATIENT, knowledge)
    words = [one.status_words for group in listing.groups for one in group.trials]
    assert words
    assert all(one.endswith("verify it in the registry") for one in words)
    assert any("13 months before this profile" in one for one in words)
