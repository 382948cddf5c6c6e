"""Runs, their steps and their journal."""

from wayfare.store.revisions import by_alembic

revision = "0001"
down_revision = None

STATEMENTS = (
    """
    CREATE TABLE runs (
      id TEXT NOT NULL PRIMARY KEY, kind TEXT NOT NULL, title TEXT NOT NULL,
      status TEXT NOT NULL, asked TEXT NOT NULL, halted INTEGER NOT NULL, reason TEXT NOT NULL,
      request TEXT NOT NULL, fingerprint TEXT NOT NULL, plan_digest TEXT NOT NULL, plan TEXT NOT NULL,
      created_at DOUBLE PRECISION NOT NULL, started_at DOUBLE PRECISION, ended_at DOUBLE PRECISION,
      executor TEXT NOT NULL, round INTEGER NOT NULL, moves INTEGER NOT NULL, last_sequence BIGINT NOT NULL
    )
    """,
    "CREATE INDEX runs_by_status ON runs (status, id)",
    "CREATE INDEX runs_by_fingerprint ON runs (fingerprint, id)",
    "CREATE TABLE addresses (run TEXT NOT NULL, role TEXT NOT NULL, sealed TEXT NOT NULL, PRIMARY KEY (run, role))",
    """
    CREATE TABLE events (
      run TEXT NOT NULL, sequence BIGINT NOT NULL, name TEXT NOT NULL, step TEXT NOT NULL, attempt BIGINT NOT NULL,
      data TEXT NOT NULL, at DOUBLE PRECISION NOT NULL, PRIMARY KEY (run, sequence)
    )
    """,
    "CREATE UNIQUE INDEX events_once ON events (run, step, attempt, name)",
    """
    CREATE TABLE steps (
      run TEXT NOT NULL, position INTEGER NOT NULL, phase INTEGER NOT NULL, name TEXT NOT NULL, tag TEXT NOT NULL,
      limit_key TEXT NOT NULL, state TEXT NOT NULL, attempt INTEGER NOT NULL, lane TEXT NOT NULL,
      PRIMARY KEY (run, position)
    )
    """,
    "CREATE INDEX steps_to_claim ON steps (run, phase, state, position)",
    "CREATE TABLE lanes (id TEXT NOT NULL PRIMARY KEY, run TEXT NOT NULL, token TEXT NOT NULL, executor TEXT NOT NULL)",
    "CREATE INDEX lanes_by_run ON lanes (run)",
    "CREATE TABLE notes (run TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (run, key))",
    "CREATE TABLE progress (run TEXT NOT NULL, step TEXT NOT NULL, amounts TEXT NOT NULL, PRIMARY KEY (run, step))",
)
UNDO = tuple(f"DROP TABLE {name}" for name in ("progress", "notes", "lanes", "steps", "events", "addresses", "runs"))


def upgrade() -> None:
    by_alembic(STATEMENTS)


def downgrade() -> None:
    by_alembic(UNDO)
