"""What the tests of the audit log share: recording something, and altering rows as someone with full rights would."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from her2cds.audit.database import Database
from her2cds.audit.entry import Entry
from her2cds.audit.log import AuditLog
from her2cds.report.model import KnowledgeIdentity

KNOWLEDGE = KnowledgeIdentity(id="kb", version="1.0", content_hash="abc", evidence_cut_off="none")


def record(log: AuditLog, who: str = "someone", content: str = '{"id": "p"}') -> Entry:
    return log.record(who=who, request="evaluate", knowledge=KNOWLEDGE, input=content, output='{"answer": 1}')


def with_full_rights(url: str, *statements: str, **values: Any) -> None:
    """Drop what guards the rows, then run the statements."""
    with Database(url).writing() as connection:
        if connection.dialect.name == "sqlite":
            guards = [
                "DROP TRIGGER IF EXISTS her2cds_audit_no_update",
                "DROP TRIGGER IF EXISTS her2cds_audit_no_delete",
            ]
        else:
            guards = ["ALTER TABLE her2cds_audit_entry DISABLE TRIGGER USER"]
        for statement in (*guards, *statements):
            connection.execute(text(statement), values)
