"""The entries, the head of the chain, and triggers that refuse to change or remove what was recorded.

There is no way down: it would remove the log.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_ENTRY, _HEAD = "her2cds_audit_entry", "her2cds_audit_head"
_REFUSED = "the audit log is append-only"

# The triggers keep honest programs honest; against those who may drop them stands the chain.
_SQLITE_TRIGGERS = (
    f"""CREATE TRIGGER her2cds_audit_no_update BEFORE UPDATE ON {_ENTRY}
        BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END""",
    f"""CREATE TRIGGER her2cds_audit_no_delete BEFORE DELETE ON {_ENTRY}
        WHEN OLD.number > (SELECT pruned_through FROM {_HEAD})
        BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END""",
)
_POSTGRESQL_TRIGGERS = (
    f"""CREATE FUNCTION her2cds_audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF TG_OP = 'DELETE' THEN
            IF OLD.number <= (SELECT pruned_through FROM {_HEAD}) THEN RETURN OLD; END IF;
          END IF;
          RAISE EXCEPTION '{_REFUSED}';
        END $$""",
    f"""CREATE TRIGGER her2cds_audit_no_change BEFORE UPDATE OR DELETE ON {_ENTRY}
        FOR EACH ROW EXECUTE FUNCTION her2cds_audit_refuse()""",
    f"""CREATE TRIGGER her2cds_audit_no_truncate BEFORE TRUNCATE ON {_ENTRY}
        FOR EACH STATEMENT EXECUTE FUNCTION her2cds_audit_refuse()""",
)


def upgrade() -> None:
    """Make the tables and their triggers, and the head of an empty chain."""
    number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        _ENTRY,
        sa.Column("number", number, primary_key=True, autoincrement=False),
        sa.Column("recorded_at", sa.String(32), nullable=False, index=True),
        sa.Column("who", sa.String(255), nullable=False),
        sa.Column("request", sa.String(64), nullable=False),
        sa.Column("knowledge_id", sa.Text),
        sa.Column("knowledge_version", sa.Text),
        sa.Column("knowledge_hash", sa.Text),
        sa.Column("software_version", sa.Text, nullable=False),
        sa.Column("input_hash", sa.String(64), index=True),
        sa.Column("input", sa.Text),
        sa.Column("output", sa.Text),
        sa.Column("refusal", sa.Text),
        sa.Column("previous_hash", sa.String(64), nullable=False),
        sa.Column("entry_hash", sa.String(64), nullable=False),
    )
    head = op.create_table(
        _HEAD,
        sa.Column("id", sa.Integer, sa.CheckConstraint("id = 1"), primary_key=True, autoincrement=False),
        sa.Column("last_number", number, nullable=False),
        sa.Column("last_hash", sa.String(64), nullable=False),
        sa.Column("pruned_through", number, nullable=False),
    )
    op.bulk_insert(head, [{"id": 1, "last_number": 0, "last_hash": "0" * 64, "pruned_through": 0}])
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    for statement in _POSTGRESQL_TRIGGERS if on_postgresql else _SQLITE_TRIGGERS:
        op.execute(statement)
