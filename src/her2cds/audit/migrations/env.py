"""Run by Alembic: brings the tables up to date over the connection that `her2cds.audit.database` hands in."""

from __future__ import annotations

from alembic import context

from her2cds.audit.tables import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
)
with context.begin_transaction():
    context.run_migrations()
