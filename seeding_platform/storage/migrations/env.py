"""Runs the migrations on the connection that `storage.migration` hands over; it holds the lock and the transaction."""

from __future__ import annotations

from alembic import context

from seeding_platform.storage.schema import VERSION_TABLE, metadata


def run() -> None:
    """Configure Alembic and run what is asked of it."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        version_table=VERSION_TABLE,
        render_as_batch=True,  # SQLite alters a table by making it anew
    )
    with context.begin_transaction():
        context.run_migrations()


if __name__ == "env_py":  # the name that Alembic runs this file under; who imports it under another one only looks at it
    run()
