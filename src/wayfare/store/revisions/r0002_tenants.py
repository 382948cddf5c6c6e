"""Every record has a tenant, that of before being `default`; and there are an outbox and an audit log."""

from wayfare.store.revisions import OnPostgreSQL, by_alembic, fenced, unfenced

revision = "0002"
down_revision = "0001"

OF_BEFORE = ("runs", "addresses", "events", "steps", "lanes", "notes", "progress")
NEW = ("outbox", "audit", "audit_heads")

STATEMENTS = (
    *(f"ALTER TABLE {table} ADD COLUMN tenant TEXT NOT NULL DEFAULT 'default'" for table in OF_BEFORE),
    # Only what was there is of the default tenant: who writes from now on says whose it is. (SQLite keeps the default.)
    *(OnPostgreSQL(f"ALTER TABLE {table} ALTER COLUMN tenant DROP DEFAULT") for table in OF_BEFORE),
    "CREATE INDEX runs_by_tenant ON runs (tenant, id)",
    "CREATE TABLE counters (name TEXT NOT NULL PRIMARY KEY, value BIGINT NOT NULL)",
    "INSERT INTO counters VALUES ('outbox', 0)",
    """
    CREATE TABLE outbox (
      sequence BIGINT NOT NULL PRIMARY KEY, tenant TEXT NOT NULL, topic TEXT NOT NULL, subject TEXT NOT NULL,
      data TEXT NOT NULL, at DOUBLE PRECISION NOT NULL
    )
    """,
    "CREATE INDEX outbox_by_tenant ON outbox (tenant, sequence)",
    "CREATE INDEX outbox_by_age ON outbox (at)",
    """
    CREATE TABLE audit (
      tenant TEXT NOT NULL, sequence BIGINT NOT NULL, at DOUBLE PRECISION NOT NULL, principal TEXT NOT NULL,
      action TEXT NOT NULL, subject TEXT NOT NULL, outcome TEXT NOT NULL, details TEXT NOT NULL,
      previous TEXT NOT NULL, hash TEXT NOT NULL, PRIMARY KEY (tenant, sequence)
    )
    """,
    "CREATE TABLE audit_heads (tenant TEXT NOT NULL PRIMARY KEY, sealed TEXT NOT NULL)",
    *fenced(*OF_BEFORE, *NEW),
)
UNDO = (
    *unfenced(*OF_BEFORE),
    "DROP INDEX runs_by_tenant",
    *(f"ALTER TABLE {table} DROP COLUMN tenant" for table in OF_BEFORE),
    *(f"DROP TABLE {table}" for table in ("counters", *NEW)),
)


def upgrade() -> None:
    by_alembic(STATEMENTS)


def downgrade() -> None:
    by_alembic(UNDO)
