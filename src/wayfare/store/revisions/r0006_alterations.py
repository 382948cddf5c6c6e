"""Schema changes: clusters that can be changed, what is wanted of them, and who said yes."""

from wayfare.store.revisions import by_alembic, fenced

revision = "0006"
down_revision = "0005"
DECLARED_IN = "wayfare.store.wanted"

_SHELF = (
    "id TEXT NOT NULL PRIMARY KEY, tenant TEXT NOT NULL, number BIGINT NOT NULL, version INTEGER NOT NULL, "
    "created_at DOUBLE PRECISION NOT NULL, updated_at DOUBLE PRECISION NOT NULL"
)
_TABLES = ("clusters", "alterations", "approvals")

STATEMENTS = (
    f"""
    CREATE TABLE clusters (
      {_SHELF}, name TEXT NOT NULL, system TEXT NOT NULL, environment TEXT NOT NULL, sealed TEXT NOT NULL,
      members TEXT NOT NULL, health TEXT NOT NULL, active TEXT NOT NULL
    )
    """,
    "CREATE UNIQUE INDEX clusters_by_name ON clusters (tenant, name)",
    f"""
    CREATE TABLE alterations (
      {_SHELF}, title TEXT NOT NULL, cluster TEXT NOT NULL, state TEXT NOT NULL, author TEXT NOT NULL,
      author_name TEXT NOT NULL, strategy TEXT NOT NULL, claimed TEXT NOT NULL, tags TEXT NOT NULL,
      sealed TEXT NOT NULL, studied TEXT NOT NULL, digest TEXT NOT NULL, run TEXT NOT NULL
    )
    """,
    "CREATE INDEX alterations_by_cluster ON alterations (tenant, cluster, number)",
    f"""
    CREATE TABLE approvals (
      {_SHELF}, alteration TEXT NOT NULL, state TEXT NOT NULL, digest TEXT NOT NULL, needed INTEGER NOT NULL,
      author TEXT NOT NULL, author_name TEXT NOT NULL, reviews TEXT NOT NULL, expires_at DOUBLE PRECISION NOT NULL
    )
    """,
    "CREATE INDEX approvals_by_alteration ON approvals (alteration, number)",
    *(f"CREATE UNIQUE INDEX {table}_by_number ON {table} (tenant, number)" for table in _TABLES),
    *fenced(*_TABLES),
)
UNDO = tuple(f"DROP TABLE {table}" for table in _TABLES)


def upgrade() -> None:
    by_alembic(STATEMENTS)


def downgrade() -> None:
    by_alembic(UNDO)
