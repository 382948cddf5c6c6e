"""Our tables, as SQLAlchemy sees them. Their making is in `revisions/`; a test holds both against each other.

JSON is kept as text in ASCII: the same on every store, and safe for U+0000, which PostgreSQL refuses in text.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Integer, MetaData, Table, Text

META = MetaData()


def _table(name: str, *columns: Column[object]) -> Table:
    return Table(name, META, *columns)


RUNS = _table(
    "runs",
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("status", Text, nullable=False),
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
)
ADDRESSES = _table(
    "addresses",
    Column("run", Text, primary_key=True),
    Column("role", Text, primary_key=True),
    Column("sealed", Text, nullable=False),
)
EVENTS = _table(
    "events",
    Column("run", Text, primary_key=True),
    Column("sequence", BigInteger, primary_key=True),
    Column("name", Text, nullable=False),
    Column("step", Text, nullable=False),
    Column("attempt", BigInteger, nullable=False),
    Column("data", Text, nullable=False),
    Column("at", Double, nullable=False),
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
)
LANES = _table(
    "lanes",
    Column("id", Text, primary_key=True),
    Column("run", Text, nullable=False),
    Column("token", Text, nullable=False),  # of the one incarnation that may write
    Column("executor", Text, nullable=False),
)
NOTES = _table(
    "notes",
    Column("run", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
PROGRESS = _table(
    "progress",
    Column("run", Text, primary_key=True),
    Column("step", Text, primary_key=True),
    Column("amounts", Text, nullable=False),
)
OF_A_RUN = (ADDRESSES, EVENTS, STEPS, LANES, NOTES, PROGRESS)
