"""The audit log: what it keeps, what it refuses, and that nothing can be altered unnoticed."""

from __future__ import annotations

import hashlib
import json
import os
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from her2cds.audit.chain import Head, read_anchor
from her2cds.audit.database import Database
from her2cds.audit.entry import GENESIS, Entry
from her2cds.audit.log import AuditLog, Choice
from her2cds.audit.tables import ENTRIES
from her2cds.errors import AuditError
from tests.audit.helpers import KNOWLEDGE, record, with_full_rights
from tests.audit.postgresql import PostgreSQL
from tests.conftest import PROJECT

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


def log_of(url: str, entries: int) -> AuditLog:
    """A log with entries, one a day from the first of January."""
    days = iter(range(1000))
    log = AuditLog.open(url, clock=lambda: NEW_YEAR + timedelta(days=next(days)))
    for _ in range(entries):
        record(log)
    return log


def faults(url: str) -> list[str]:
    return [str(fault) for fault in AuditLog.open(url).verify().faults]


# --- What is kept -----------------------------------------------------------------------------------


def test_an_entry_says_when_who_what_with_which_versions_and_what_the_answer_was(url: str) -> None:
    log = AuditLog.open(url, clock=lambda: NEW_YEAR)
    body = '{"id": "p", "note": "größer ≥ 😀"}'
    log.record(who="dr-a", request="evaluate", knowledge=KNOWLEDGE, input=body.encode(), output='{"rank": 1}')
    (entry,) = AuditLog.open(url).entries()
    assert (entry.number, entry.recorded_at) == (1, "2026-01-01T00:00:00.000000Z")
    assert (entry.who, entry.request, entry.outcome) == ("dr-a", "evaluate", "answered")
    assert (entry.knowledge_id, entry.knowledge_version, entry.knowledge_hash) == ("kb", "1.0", "abc")
    assert entry.software_version
    assert entry.input_hash == hashlib.sha256(body.encode()).hexdigest()
    assert (entry.input, entry.output, entry.refusal) == (body, '{"rank": 1}', None)
    assert entry.previous_hash == GENESIS


def test_of_a_refused_request_the_body_is_not_kept(url: str) -> None:
    log = AuditLog.open(url)
    log.record(who="a", request="evaluate", knowledge=KNOWLEDGE, input=b"SECRET", refusal="$.x: unknown field")
    log.record(who="a", request="evaluate", knowledge=KNOWLEDGE, refusal="body too large")
    first, second = log.entries()
    assert (first.outcome, first.input, first.output) == ("refused", None, None)
    assert first.input_hash == hashlib.sha256(b"SECRET").hexdigest()
    assert second.input_hash is None
    assert "SECRET" not in first.to_json()


@pytest.mark.parametrize("refusal", ["a\0b", "a\ud800b", "a\x1bb", "a\u202eb"])
def test_a_refusal_that_quotes_what_cannot_be_printed_is_recorded_escaped(url: str, refusal: str) -> None:
    entry = AuditLog.open(url).record(who="a", request="evaluate", knowledge=KNOWLEDGE, input=refusal, refusal=refusal)
    assert entry.refusal is not None
    assert entry.refusal.startswith("a\\")
    assert entry.refusal.isprintable()
    assert AuditLog.open(url).verify().intact


def test_the_length_of_a_refusal_has_a_limit(url: str) -> None:
    entry = AuditLog.open(url).record(who="a", request="evaluate", knowledge=KNOWLEDGE, refusal="x" * 100_000)
    assert len(entry.refusal or "") == 8_000


@pytest.mark.parametrize(
    ("wrong", "mention"),
    [
        ({"who": ""}, "who"),
        ({"who": "a\nb"}, "who"),
        ({"who": "x" * 256}, "who"),
        ({"request": "Evaluate it"}, "request"),
        ({"request": "evaluate\n"}, "request"),
        ({"request": "prune"}, "request"),
        ({"output": None}, "either an output or a refusal"),
        ({"refusal": "no"}, "either an output or a refusal"),
        ({"input": b"caf\xe9"}, "input: found what is not UTF-8"),
        ({"output": "a\ud800"}, "output: found what is not UTF-8"),
        ({"input": "a\0"}, "input: found a NUL"),
    ],
)
def test_what_cannot_be_recorded_is_refused_with_a_reason(tmp_path: Path, wrong: dict[str, Any], mention: str) -> None:
    log = AuditLog.open(str(tmp_path / "audit.sqlite"))
    with pytest.raises(AuditError, match=mention):
        log.record(**{"who": "a", "request": "evaluate", "knowledge": KNOWLEDGE, "output": "{}"} | wrong)
    assert log.verify().entries == 0


def test_entries_are_chosen_by_requester_kind_time_and_number(url: str) -> None:
    log = log_of(url, 5)
    log.record(who="other", request="cds-hooks/order-sign", knowledge=KNOWLEDGE, output="{}")

    def numbers(choice: Choice) -> list[int]:
        return [entry.number for entry in log.entries(choice)]

    assert numbers(Choice()) == [1, 2, 3, 4, 5, 6]
    assert numbers(Choice(who="other")) == numbers(Choice(request="cds-hooks/order-sign")) == [6]
    assert numbers(Choice(since=NEW_YEAR + timedelta(days=3))) == [4, 5, 6]
    assert numbers(Choice(before=NEW_YEAR + timedelta(days=3))) == [1, 2, 3]
    assert numbers(Choice(last=2)) == [5, 6]
    assert log.entry(3).number == 3
    with pytest.raises(AuditError, match="there is no entry 7"):
        log.entry(7)


# --- Append-only ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement", ["UPDATE her2cds_audit_entry SET who = 'x' WHERE number = 1", "DELETE FROM her2cds_audit_entry"]
)
def test_the_database_itself_refuses_to_change_or_delete_an_entry(url: str, statement: str) -> None:
    log_of(url, 2)
    with pytest.raises(AuditError, match="append-only"), Database(url).writing() as connection:
        connection.execute(text(statement))
    assert faults(url) == []


def test_postgresql_refuses_to_truncate_the_entries(postgresql: PostgreSQL) -> None:
    url = postgresql.new_database("truncated")
    log_of(url, 1)
    with pytest.raises(AuditError, match="append-only"), Database(url).writing() as connection:
        connection.execute(text("TRUNCATE her2cds_audit_entry"))


def test_on_postgresql_a_role_that_may_only_add_and_read_is_enough_to_record(postgresql: PostgreSQL) -> None:
    url = postgresql.new_database("roles")
    log_of(url, 1)
    page = (PROJECT / "docs" / "audit.md").read_text(encoding="utf-8")
    grants = [line.strip() for line in page.splitlines() if line.startswith("    GRANT")]
    with Database(url).writing() as connection:
        for statement in ("CREATE ROLE recorder LOGIN", *grants):
            connection.execute(text(statement))
    narrow = url.replace("tests@", "recorder@")
    with AuditLog.open(narrow) as log:
        record(log)
        assert log.verify().entries == 2
        with pytest.raises(AuditError, match="permission denied"):
            log.prune(NEW_YEAR + timedelta(days=9), who="keeper")
    for statement in ("DROP TRIGGER her2cds_audit_no_change ON her2cds_audit_entry", "DELETE FROM her2cds_audit_entry"):
        with (
            pytest.raises(AuditError, match=r"must be owner|permission denied"),
            Database(narrow).writing() as connection,
        ):
            connection.execute(text(statement))
    assert AuditLog.open(url).verify().entries == 2


# --- Verification -----------------------------------------------------------------------------------


def test_an_untouched_log_is_intact(url: str) -> None:
    verification = log_of(url, 12).verify()
    assert verification.intact
    assert (verification.entries, verification.first, verification.head.number) == (12, 1, 12)
    assert AuditLog.open(url).verify().head == verification.head


def test_an_alteration_of_any_field_is_found_at_its_entry(url: str) -> None:
    changes = [
        "recorded_at = '2020-01-01T00:00:00.000000Z'",
        "who = 'another'",
        "request = 'explain'",
        "knowledge_id = 'x'",
        "knowledge_version = '9'",
        "knowledge_hash = NULL",
        "software_version = '9'",
        "input_hash = 'x'",
        "input = '{}'",
        "output = '{}'",
        "refusal = 'no'",
        "previous_hash = 'x'",
        "entry_hash = 'x'",
        "day = NULL",
    ]
    assert [one.split()[0] for one in changes] == [field.name for field in ENTRIES.c if field.name != "number"]
    log = log_of(url, len(changes))
    update = "UPDATE her2cds_audit_entry SET {} WHERE number = {}"
    with_full_rights(url, *(update.format(change, number) for number, change in enumerate(changes, 1)))
    altered = [fault.number for fault in log.verify().faults if "its content is not what was recorded" in fault.what]
    assert altered == list(range(1, len(changes) + 1))


@pytest.mark.parametrize("value", ["x'ff00'", "CAST(x'ff' AS TEXT)", "5"])
def test_an_alteration_into_what_is_no_text_is_found(tmp_path: Path, value: str) -> None:
    url = str(tmp_path / "audit.sqlite")
    log_of(url, 3)
    with_full_rights(url, f"UPDATE her2cds_audit_entry SET output = {value} WHERE number = 2")
    assert faults(url) == ["entry 2: its content is not what was recorded (altered)"]


def test_an_alteration_with_a_new_hash_is_found_at_the_next_entry(url: str) -> None:
    from dataclasses import replace

    log = log_of(url, 5)
    forged = replace(log.entry(3), who="another").sealed()
    change = "UPDATE her2cds_audit_entry SET who = :who, entry_hash = :hash WHERE number = 3"
    with_full_rights(url, change, who=forged.who, hash=forged.entry_hash)
    assert faults(url) == ["entry 4: it does not follow entry 3 as recorded (altered, replaced or reordered)"]


@pytest.mark.parametrize(
    ("removed", "found"),
    [
        ("number = 1", "entry 1: missing (removed)"),
        ("number = 3", "entry 3: missing (removed)"),
        ("number in (2, 3)", "entry 2: missing, up to entry 3 (removed)"),
        ("number = 5", "entry 5: missing (removed)"),
        ("number >= 4", "entry 4: missing, up to entry 5 (removed)"),
        ("1 = 1", "entry 1: missing, up to entry 5 (removed)"),
    ],
)
def test_removed_entries_are_found_even_at_the_ends(url: str, removed: str, found: str) -> None:
    log_of(url, 5)
    with_full_rights(url, f"DELETE FROM her2cds_audit_entry WHERE {removed}")
    assert faults(url) == [found]


def test_removed_entries_are_found_where_the_others_were_numbered_anew(url: str) -> None:
    log_of(url, 5)
    with_full_rights(
        url,
        "DELETE FROM her2cds_audit_entry WHERE number = 3",
        "UPDATE her2cds_audit_entry SET number = 3 WHERE number = 4",
        "UPDATE her2cds_audit_entry SET number = 4 WHERE number = 5",
        "UPDATE her2cds_audit_head SET last_number = 4",
    )
    assert [one.split(":")[0] for one in faults(url)] == ["entry 3", "entry 3", "entry 4"]


def test_reordered_entries_are_found(url: str) -> None:
    log_of(url, 5)
    with_full_rights(
        url,
        "UPDATE her2cds_audit_entry SET number = 99 WHERE number = 2",
        "UPDATE her2cds_audit_entry SET number = 2 WHERE number = 4",
        "UPDATE her2cds_audit_entry SET number = 4 WHERE number = 99",
    )
    assert {one.split(":")[0] for one in faults(url)} >= {"entry 2", "entry 4"}


def test_an_entry_added_past_the_log_is_found(url: str) -> None:
    log = log_of(url, 2)
    columns = "recorded_at, who, request, software_version, previous_hash, entry_hash"
    with_full_rights(
        url,
        f"INSERT INTO her2cds_audit_entry (number, {columns}) "
        f"SELECT 3, {columns} FROM her2cds_audit_entry WHERE number = 2",
    )
    assert [fault.number for fault in log.verify().faults] == [3, 3, 3]


def test_a_log_rewritten_from_end_to_end_is_found_by_an_anchor_kept_elsewhere(url: str, tmp_path: Path) -> None:
    anchor = read_anchor(str(log_of(url, 3).verify().head))
    assert AuditLog.open(url).verify([anchor]).intact
    other = log_of(f"sqlite:///{tmp_path}/other.sqlite", 0)
    for _ in range(4):
        record(other, "forger")
    found = other.verify([anchor])
    assert [str(fault) for fault in found.faults] == [
        "entry 3: it is not the entry of the anchor: the log was rewritten up to here or before"
    ]


def test_an_anchor_beyond_the_end_tells_that_the_end_was_cut_off(url: str) -> None:
    head = log_of(url, 3).verify().head
    log = AuditLog.open(url)
    found = log.verify([Head(5, head.hash)])
    assert [str(fault) for fault in found.faults] == ["entry 5: the anchor's entry is not there (removed)"]


def test_the_anchor_of_an_empty_log_holds_for_whatever_was_recorded_since(url: str) -> None:
    empty = read_anchor(str(log_of(url, 0).verify().head))
    assert empty == Head(0, GENESIS)
    log = log_of(url, 5)
    assert log.verify([empty]).intact
    log.prune(NEW_YEAR + timedelta(days=3), who="keeper")
    assert log.verify([empty]).intact
    other = log.verify([Head(0, "1" * 64)])
    assert [str(fault) for fault in other.faults] == ["entry 0: the anchor's entry is not there (removed)"]


@pytest.mark.parametrize("number", [0, 2, 3, 9])
def test_of_several_anchors_of_one_number_every_one_has_to_hold(url: str, number: int) -> None:
    log = log_of(url, 3)
    right = GENESIS if number == 0 else log.entry(min(number, 3)).entry_hash
    wrong = Head(number, "1" * 64)
    for anchors in ([Head(number, right), wrong], [wrong, Head(number, right)], [wrong, wrong]):
        assert [fault.number for fault in log.verify(anchors).faults] == [number]
    if number != 9:
        assert log.verify([Head(number, right)] * 2).intact


@pytest.mark.parametrize("change", ["DELETE FROM her2cds_audit_head", "UPDATE her2cds_audit_head SET last_hash = ''"])
def test_a_head_that_is_lost_or_altered_is_found(url: str, change: str) -> None:
    log = log_of(url, 2)
    with_full_rights(url, change)
    if change.startswith("UPDATE"):
        assert faults(url) == ["entry 2: it is the last, but not the one that the head names (altered)"]
        return
    with pytest.raises(AuditError, match="where the chain ends is gone"):
        log.verify()
    with pytest.raises(AuditError, match="where the chain ends is gone"):
        record(log)


@pytest.mark.parametrize(
    "said", ["Infinity", "-Infinity", "NaN", "1e999", '"many"', "null", "[]", "9" * 5000, "[" * 9000]
)
def test_an_altered_prune_entry_is_a_fault_whatever_it_says(url: str, said: str) -> None:
    log = log_of(url, 5)
    log.prune(NEW_YEAR + timedelta(days=3), who="keeper")
    output = f'{{"first": 1, "through": {said}, "last_hash": "x", "before": "y"}}'
    with_full_rights(url, "UPDATE her2cds_audit_entry SET output = :output WHERE number = 6", output=output)
    assert "entry 6: its content is not what was recorded (altered)" in faults(url)


@pytest.mark.parametrize("wrong", ["", "3", "3:xyz", "x:" + "0" * 64, "-1:" + "0" * 64])
def test_what_is_no_anchor_is_refused(wrong: str) -> None:
    with pytest.raises(AuditError, match="anchor"):
        read_anchor(wrong)


@pytest.mark.parametrize("number", [0, -1, 2**63 - 1, 2**63, 10**20, -(10**20)])
def test_a_number_that_no_entry_can_have_is_one_that_is_not_there(url: str, number: int) -> None:
    with pytest.raises(AuditError, match=f"there is no entry {number}"):
        log_of(url, 1).entry(number)


def test_more_entries_than_a_database_can_count_are_all_entries(url: str) -> None:
    assert len(list(log_of(url, 3).entries(Choice(last=10**20)))) == 3


def test_times_sort_as_text_from_the_first_year_to_the_last(url: str) -> None:
    log = log_of(url, 3)
    early, late = datetime(999, 12, 31, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)
    assert len(list(log.entries(Choice(since=early, before=late)))) == 3
    assert log.prune(early, who="keeper") is None
    assert log.prune(datetime.min.replace(tzinfo=UTC), who="keeper") is None


def test_a_time_that_is_outside_the_calendar_in_utc_is_refused(url: str) -> None:
    log = log_of(url, 1)
    for time, hours in ((datetime.min, 5), (datetime.max, -5)):
        with pytest.raises(AuditError, match="outside the years 1 to 9999"):
            list(log.entries(Choice(since=time.replace(tzinfo=timezone(timedelta(hours=hours))))))


# --- Retention --------------------------------------------------------------------------------------


def test_pruning_removes_what_is_older_and_leaves_a_chain_that_can_be_verified(url: str) -> None:
    log = log_of(url, 10)
    told = log.prune(NEW_YEAR + timedelta(days=6), who="keeper")
    assert told is not None
    assert (told.number, told.who, told.request) == (11, "keeper", "prune")
    assert json.loads(told.output or "")["through"] == 6
    assert [entry.number for entry in log.entries()] == [7, 8, 9, 10, 11]
    record(log)
    verification = log.verify()
    assert verification.intact
    assert (verification.first, verification.head.number, verification.head.pruned_through) == (7, 12, 6)


def test_what_was_pruned_is_not_left_in_the_sqlite_file(tmp_path: Path) -> None:
    path = tmp_path / "audit.sqlite"
    with AuditLog.open(str(path)) as log:
        for number in range(20):
            record(log, content=f'{{"note": "SECRET-{number} {"x" * 5000}"}}')
        log.prune(datetime(2999, 1, 1, tzinfo=UTC), who="keeper")
    # The write-ahead log is gone with its writers.
    assert {file.name: b"SECRET" in file.read_bytes() for file in tmp_path.iterdir()} == {
        "audit.sqlite": False,
        "audit.sqlite-queue": False,
    }


def test_what_was_pruned_is_gone_at_once_while_others_have_the_log_open(tmp_path: Path) -> None:
    path = tmp_path / "audit.sqlite"
    with AuditLog.open(str(path)) as service:
        for number in range(20):
            record(service, content=f'{{"note": "SECRET-{number} {"x" * 5000}"}}')
        with AuditLog.open(str(path)) as keeper:
            keeper.prune(datetime(2999, 1, 1, tzinfo=UTC), who="keeper")
            assert [file.name for file in tmp_path.iterdir() if b"SECRET" in file.read_bytes()] == []
        record(service)
        assert service.verify().intact


def test_a_reader_in_the_way_of_the_overwriting_is_told_of_and_it_can_be_done_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("her2cds.audit.log._MOMENT", 0.1)
    path = tmp_path / "audit.sqlite"
    with AuditLog.open(str(path)) as log, AuditLog.open(str(path)) as other:
        record(log, content='{"note": "SECRET"}')
        with Database(str(path)).reading() as reader:
            reader.execute(text("SELECT * FROM her2cds_audit_head"))
            assert log.prune(datetime(2999, 1, 1, tzinfo=UTC), who="keeper") is not None
            assert log.overwrite(0.1) is False
        assert other.overwrite() is True
        assert [file.name for file in tmp_path.iterdir() if b"SECRET" in file.read_bytes()] == []


def test_pruning_again_and_pruning_everything_keep_the_chain(url: str) -> None:
    log = log_of(url, 6)
    for days in (2, 4, 500, 900):
        assert log.prune(NEW_YEAR + timedelta(days=days), who="keeper") is not None
        assert log.verify().intact
    (left,) = log.entries()
    assert left.request == "prune"
    record(log)
    assert log.verify().intact


def test_pruning_where_nothing_is_old_enough_changes_nothing(url: str) -> None:
    log = log_of(url, 3)
    before = log.verify()
    assert log.prune(NEW_YEAR, who="keeper") is None
    assert log.verify() == before


def test_pruning_stops_at_the_first_entry_that_is_young_enough_even_if_the_clock_went_back(url: str) -> None:
    times = iter([0, 1, 30, 2, 3, 40])
    log = AuditLog.open(url, clock=lambda: NEW_YEAR + timedelta(days=next(times)))
    for _ in range(5):
        record(log)
    log.prune(NEW_YEAR + timedelta(days=10), who="keeper")
    assert [entry.number for entry in log.entries()] == [3, 4, 5, 6]


def test_entries_removed_after_pruning_are_found(url: str) -> None:
    log = log_of(url, 10)
    log.prune(NEW_YEAR + timedelta(days=4), who="keeper")
    with_full_rights(url, "DELETE FROM her2cds_audit_entry WHERE number <= 6")
    assert faults(url) == ["entry 5: missing, up to entry 6 (removed)"]


def test_a_pruning_that_no_entry_tells_of_is_found(url: str) -> None:
    log_of(url, 10)
    with_full_rights(
        url,
        "DELETE FROM her2cds_audit_entry WHERE number <= 6",
        "UPDATE her2cds_audit_head SET pruned_through = 6",
    )
    assert faults(url) == [
        "entry 1: missing, up to entry 6 (removed)",
        "entry 6: the head says pruned up to here, but a `prune` entry tells of none",
    ]


def test_a_broken_chain_is_not_pruned(url: str) -> None:
    log = log_of(url, 5)
    with_full_rights(url, "UPDATE her2cds_audit_entry SET who = 'x' WHERE number = 2")
    with pytest.raises(AuditError, match="not pruned, because its chain is broken"):
        log.prune(NEW_YEAR + timedelta(days=3), who="keeper")
    assert log.entry(1).number == 1


def test_an_anchor_that_was_pruned_asks_for_a_later_one_but_the_last_pruned_still_counts(url: str) -> None:
    log = log_of(url, 5)
    entries = list(log.entries())
    log.prune(NEW_YEAR + timedelta(days=3), who="keeper")
    early, last = (Head(one.number, one.entry_hash) for one in (entries[0], entries[2]))
    assert log.verify([last]).intact
    assert "was pruned (entry 6); give a later anchor" in str(log.verify([early]).faults[0])


# --- Opening ----------------------------------------------------------------------------------------


def test_a_log_that_is_not_there_is_not_made_by_asking_for_it(url: str, tmp_path: Path) -> None:
    with pytest.raises(AuditError, match=r"No such file|there is no audit log"):
        AuditLog.open(url, create=False)
    assert list(tmp_path.iterdir()) == []
    log_of(url, 1)
    assert AuditLog.open(url, create=False).verify().entries == 1


def test_a_log_from_before_entries_had_a_day_goes_on_with_its_hashes_as_they_were(url: str) -> None:
    log_of(url, 0)
    old = Entry(1, "2025-12-31T23:00:00.000000Z", "someone", "evaluate", "0.1.0", GENESIS, output="{}").sealed()
    values = {name: value for name, value in old.as_dict().items() if name != "day"}
    columns = ", ".join(values)
    with_full_rights(
        url,
        "ALTER TABLE her2cds_audit_entry DROP COLUMN day",
        "UPDATE her2cds_audit_version SET version_num = '0001'",
        f"INSERT INTO her2cds_audit_entry ({columns}) VALUES ({', '.join(f':{one}' for one in values)})",
        "UPDATE her2cds_audit_head SET last_number = 1, last_hash = :entry_hash",
        **values,
    )
    without_day = ["her2cds-audit-1", {name: value for name, value in values.items() if name != "entry_hash"}]
    hashed = json.dumps(without_day, sort_keys=True, separators=(",", ":"))
    assert old.entry_hash == hashlib.sha256(hashed.encode()).hexdigest()
    with AuditLog.open(url, create=False) as log:
        assert record(log).day is not None
        assert [entry.day is None for entry in log.entries()] == [True, False]
        assert log.verify().intact
    with_full_rights(url, "UPDATE her2cds_audit_entry SET day = '2025-12-31' WHERE number = 1")
    assert faults(url) == ["entry 1: its content is not what was recorded (altered)"]


def test_a_log_of_a_later_version_is_refused_with_a_remedy(url: str) -> None:
    log_of(url, 1)
    with_full_rights(url, "UPDATE her2cds_audit_version SET version_num = '9999'")
    with pytest.raises(AuditError, match="use the version that wrote them, or a later one"):
        AuditLog.open(url)


def test_the_migrations_make_the_tables_that_the_program_uses(url: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from her2cds.audit.tables import VERSION_TABLE, metadata

    log_of(url, 1)
    with Database(url).reading() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "compare_type": True})
        assert compare_metadata(context, metadata) == []


@pytest.mark.parametrize(
    ("wrong", "mention"),
    [
        ("mysql://u:secret@h/d", "'mysql'"),
        ("sqlite://", "without a file"),
        ("sqlite:///:memory:", "without a file"),
        ("://", "cannot be read"),
        ("postgresql://u:secret@h:port/d", "cannot be read"),
        ("/nowhere/at/all.sqlite", "No such file"),
        ("postgresql://u:secret@127.0.0.1:1/d", "connection"),
        ("postgresql://127.0.0.1:1/d?password=secret", "connection"),
    ],
)
def test_a_url_that_cannot_be_used_gets_a_reason_and_shows_no_password(wrong: str, mention: str) -> None:
    with pytest.raises(AuditError, match=mention) as caught:
        AuditLog.open(wrong)
    assert "secret" not in str(caught.value)


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database at all, but long enough to be looked at " * 20)
    before = path.read_bytes()
    with pytest.raises(AuditError, match="not a database"):
        AuditLog.open(str(path))
    assert path.read_bytes() == before


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "audit.sqlite"
    previous = os.umask(0)
    try:
        log = AuditLog.open(str(path))
        record(log)
    finally:
        os.umask(previous)
    modes = {file.name: oct(file.stat().st_mode & 0o777) for file in tmp_path.iterdir()}
    assert modes == dict.fromkeys([f"audit.sqlite{end}" for end in ("", "-queue", "-shm", "-wal")], "0o600")


def test_an_error_of_the_database_does_not_hold_the_patient(url: str) -> None:
    log = log_of(url, 1)
    with_full_rights(url, "ALTER TABLE her2cds_audit_entry RENAME TO elsewhere")
    with pytest.raises(AuditError) as caught:
        record(log, content='{"note": "SECRET"}')
    assert "SECRET" not in str(caught.value)
    assert caught.value.__cause__ is None
