"""What Alembic runs to apply revisions: on the connection it is given, in the transaction that it is in."""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
