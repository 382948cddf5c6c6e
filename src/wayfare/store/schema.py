"""Our tables, as SQLAlchemy sees them. Their making is in `revisions/`; a test holds both against each other.

Other packages declare theirs on the same METADATA, each with revisions of its own in the same folder.
A column whose name begins with `sealed` holds what `seal` made, and is found by that name when keys are changed.
JSON is kept as text in ASCII: the same on every store, and safe for U+0000, which PostgreSQL refuses in text.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Index, Integer, MetaData, Table, Text
from sqlalchemy.sql.schema import SchemaItem


class Word(Text):
    """A member of an enumeration of ours, which is text.

    SQLAlchemy would ask its object mapper what such a value may be, and another thread may just be loading that.
    """

    cache_ok = True

    def coerce_compared_value(self, op: object, value: object) -> Word:
        return self


METADATA = MetaData()  # of every package that keeps records of its own


def _table(name: str, *items: SchemaItem) -> Table:
    return Table(name, METADATA, *items)


def tenant_column(*, primary_key: bool = False) -> Column[str]:
    """What makes a table fenced: see `fence`. Its revision also needs `fenced(…)`, for PostgreSQL's own fence."""
    return Column("tenant", Text, primary_key=primary_key, nullable=False)


RUNS = _table(
    "runs",
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("status", Word, nullable=False),
    Column("asked", Text, nullable=False),
    Column("halted", Integer, nullable=False),  # 1: a step failed, so nothing more may start in this round
    Column("reason", Text, nullable=False),
    Column("request", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("plan_digest", Text, nullable=False),
    Column("plan", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("started_at", Double),
    Column("ended_at", Double),
    Column("executor", Text, nullable=False),
    Column("round", Integer, nullable=False),  # how often somebody set the run going; names its workflows
    Column("moves", Integer, nullable=False),  # changes of status: the attempt of the next STATUS event
    Column("last_sequence", BigInteger, nullable=False),  # events are numbered 1, 2, 3 … in each run, without gaps
    tenant_column(),
    Index("runs_by_status", "status", "id"),
    Index("runs_by_fingerprint", "fingerprint", "id"),
    Index("runs_by_tenant", "tenant", "id"),
)
ADDRESSES = _table(
    "addresses",
    Column("run", Text, primary_key=True),
    Column("role", Text, primary_key=True),
    Column("sealed", Text, nullable=False),
    tenant_column(),
)
EVENTS = _table(
    "events",
    Column("run", Text, primary_key=True),
    Column("sequence", BigInteger, primary_key=True),
    Column("name", Word, nullable=False),
    Column("step", Text, nullable=False),
    Column("attempt", BigInteger, nullable=False),
    Column("data", Text, nullable=False),
    Column("at", Double, nullable=False),
    tenant_column(),
    Index("events_once", "run", "step", "attempt", "name", unique=True),
)
STEPS = _table(
    "steps",
    Column("run", Text, primary_key=True),
    Column("position", Integer, primary_key=True),  # in the plan, from 0
    Column("phase", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("tag", Text, nullable=False),
    Column("limit_key", Text, nullable=False),
    Column("state", Text, nullable=False),  # open, running, done, failed, undone
    Column("attempt", Integer, nullable=False),  # 0: never started
    Column("lane", Text, nullable=False),  # who carries it now, or did last
    tenant_column(),
    Index("steps_to_claim", "run", "phase", "state", "position"),
)
LANES = _table(
    "lanes",
    Column("id", Text, primary_key=True),
    Column("run", Text, nullable=False),
    Column("token", Text, nullable=False),  # of the one incarnation that may write
    Column("executor", Text, nullable=False),
    tenant_column(),
    Index("lanes_by_run", "run"),
)
NOTES = _table(
    "notes",
    Column("run", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
    tenant_column(),
)
PROGRESS = _table(
    "progress",
    Column("run", Text, primary_key=True),
    Column("step", Text, primary_key=True),
    Column("amounts", Text, nullable=False),
    tenant_column(),
)
OF_A_RUN = (ADDRESSES, EVENTS, STEPS, LANES, NOTES, PROGRESS)

COUNTERS = _table(
    "counters",
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)
OUTBOX = _table(
    "outbox",
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),  # over all tenants, in the order of commits
    tenant_column(),
    Column("topic", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("at", Double, nullable=False),
    Index("outbox_by_tenant", "tenant", "sequence"),
    Index("outbox_by_age", "at"),
)
AUDIT = _table(
    "audit",
    tenant_column(primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),  # 1, 2, 3 … in each tenant
    Column("at", Double, nullable=False),
    Column("principal", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("details", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
)
AUDIT_HEADS = _table(
    "audit_heads",
    tenant_column(primary_key=True),
    Column("sealed", Text, nullable=False),  # how many entries there are, and the hash of the last
)
