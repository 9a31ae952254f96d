"""The day of an answer where it was given: the day in UTC may be another, and dates after it do not count.

Entries from before have none, and their hashes stay what they were.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the column."""
    op.add_column("her2cds_audit_entry", sa.Column("day", sa.String(10)))
