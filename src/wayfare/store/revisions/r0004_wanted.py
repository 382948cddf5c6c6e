"""What people keep and plan: connections, services, migrations, schedules and their starts, webhooks and deliveries."""

from wayfare.store.revisions import by_alembic, fenced

revision = "0004"
down_revision = "0003"
DECLARED_IN = "wayfare.store.wanted"
DECLARED_IN = "wayfare.store.wanted"

_SHELF = (
    "id TEXT NOT NULL PRIMARY KEY, tenant TEXT NOT NULL, number BIGINT NOT NULL, version INTEGER NOT NULL, "
    "created_at DOUBLE PRECISION NOT NULL, updated_at DOUBLE PRECISION NOT NULL"
)
_SHELVES = ("connections", "services", "migrations", "schedules", "webhooks")
_TABLES = (*_SHELVES, "starts", "deliveries")

STATEMENTS = (
    f"""
    CREATE TABLE connections (
      {_SHELF}, name TEXT NOT NULL, system TEXT NOT NULL, sealed TEXT NOT NULL, checked TEXT NOT NULL
    )
    """,
    "CREATE UNIQUE INDEX connections_by_name ON connections (tenant, name)",
    f"""
    CREATE TABLE services (
      {_SHELF}, name TEXT NOT NULL, url TEXT NOT NULL, ours INTEGER NOT NULL, taken INTEGER NOT NULL
    )
    """,
    f"""
    CREATE TABLE migrations (
      {_SHELF}, owner TEXT NOT NULL, owner_name TEXT NOT NULL, service BIGINT NOT NULL, variety TEXT NOT NULL,
      sealed TEXT NOT NULL, due_at DOUBLE PRECISION, status TEXT NOT NULL, run TEXT NOT NULL, started_by TEXT NOT NULL,
      lease_until DOUBLE PRECISION NOT NULL, attempts INTEGER NOT NULL, result TEXT NOT NULL, error TEXT NOT NULL,
      started_at DOUBLE PRECISION, ended_at DOUBLE PRECISION
    )
    """,
    "CREATE INDEX migrations_by_due ON migrations (status, due_at)",
    "CREATE INDEX migrations_by_owner ON migrations (tenant, owner, number)",
    f"""
    CREATE TABLE schedules (
      {_SHELF}, name TEXT NOT NULL, cron TEXT NOT NULL, at DOUBLE PRECISION, note TEXT NOT NULL, zone TEXT NOT NULL,
      missed TEXT NOT NULL, paused INTEGER NOT NULL, next_at DOUBLE PRECISION, owner TEXT NOT NULL,
      owner_name TEXT NOT NULL, wanted TEXT NOT NULL, sealed TEXT NOT NULL
    )
    """,
    "CREATE UNIQUE INDEX schedules_by_name ON schedules (tenant, name)",
    "CREATE INDEX schedules_by_next ON schedules (paused, next_at)",
    """
    CREATE TABLE starts (
      schedule TEXT NOT NULL, due_at DOUBLE PRECISION NOT NULL, tenant TEXT NOT NULL, state TEXT NOT NULL,
      run TEXT NOT NULL, attempts INTEGER NOT NULL, lease_until DOUBLE PRECISION NOT NULL, passed_over BIGINT NOT NULL,
      reason TEXT NOT NULL, at DOUBLE PRECISION NOT NULL, PRIMARY KEY (schedule, due_at)
    )
    """,
    "CREATE INDEX starts_by_state ON starts (state, lease_until)",
    f"""
    CREATE TABLE webhooks (
      {_SHELF}, kind TEXT NOT NULL, url TEXT NOT NULL, topics TEXT NOT NULL, sealed TEXT NOT NULL, seen BIGINT NOT NULL
    )
    """,
    """
    CREATE TABLE deliveries (
      id TEXT NOT NULL PRIMARY KEY, tenant TEXT NOT NULL, webhook TEXT NOT NULL, sequence BIGINT NOT NULL,
      topic TEXT NOT NULL, body TEXT NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL,
      next_at DOUBLE PRECISION NOT NULL, lease_until DOUBLE PRECISION NOT NULL, reason TEXT NOT NULL,
      created_at DOUBLE PRECISION NOT NULL, ended_at DOUBLE PRECISION
    )
    """,
    "CREATE UNIQUE INDEX deliveries_once ON deliveries (webhook, sequence)",
    "CREATE INDEX deliveries_by_state ON deliveries (state, next_at)",
    *(f"CREATE UNIQUE INDEX {shelf}_by_number ON {shelf} (tenant, number)" for shelf in _SHELVES),
    *fenced(*_TABLES),
)
UNDO = tuple(f"DROP TABLE {table}" for table in _TABLES)


def upgrade() -> None:
    by_alembic(STATEMENTS)


def downgrade() -> None:
    by_alembic(UNDO)
