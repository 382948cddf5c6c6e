"""What was answered to requests with an idempotency key."""

from wayfare.store.revisions import by_alembic, fenced

revision = "0005"
down_revision = "0004"
DECLARED_IN = "wayfare.store.answers"

STATEMENTS = (
    """
    CREATE TABLE answers (
      tenant TEXT NOT NULL, principal TEXT NOT NULL, key TEXT NOT NULL, digest TEXT NOT NULL, sealed TEXT NOT NULL,
      until DOUBLE PRECISION NOT NULL, PRIMARY KEY (tenant, principal, key)
    )
    """,
    "CREATE INDEX answers_by_age ON answers (until)",
    *fenced("answers"),
)
UNDO = ("DROP TABLE answers",)


def upgrade() -> None:
    by_alembic(STATEMENTS)


def downgrade() -> None:
    by_alembic(UNDO)
