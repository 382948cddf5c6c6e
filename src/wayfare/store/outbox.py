"""What others are told of changes: written in the change's transaction, read by sequence, by webhooks among others.

Runs have a journal of their own; only their changes of status are told here (`run.succeeded`, …), for those who watch
all runs. Sequences count without gaps in the order of commits: whoever takes a number holds the counter until the
transaction ends, so that no reader can pass by a number that is yet to come.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from wayfare.core.plan import Json
from wayfare.store.records import dumps
from wayfare.store.schema import COUNTERS, OUTBOX

_COUNTER = "outbox"
_NEXT = (
    sa.update(COUNTERS)
    .where(COUNTERS.c.name == _COUNTER)
    .values(value=COUNTERS.c.value + 1)
    .returning(COUNTERS.c.value)
)


@dataclass(frozen=True, slots=True)
class Publication:
    sequence: int
    tenant: str
    topic: str  # what kind of change: "connection.created"
    subject: str  # the id of what has changed
    data: Json
    at: float  # seconds since the epoch


def publish(connection: sa.Connection, tenant: str, topic: str, subject: str, data: Json) -> None:
    """Call it last in a transaction: others who publish wait for its end."""
    sequence = connection.execute(_NEXT).scalar_one()
    row = {"sequence": sequence, "tenant": tenant, "topic": topic, "subject": subject}
    connection.execute(sa.insert(OUTBOX), {**row, "data": dumps(data), "at": time.time()})


def published(
    connection: sa.Connection, since: int, *, limit: int, topics: Collection[str] = ()
) -> Sequence[Publication]:
    query = sa.select(OUTBOX).where(OUTBOX.c.sequence > since).order_by(OUTBOX.c.sequence).limit(limit)
    if topics:
        query = query.where(OUTBOX.c.topic.in_(list(topics)))
    rows = connection.execute(query).all()
    return [Publication(r.sequence, r.tenant, r.topic, r.subject, json.loads(r.data), r.at) for r in rows]


def prune(connection: sa.Connection, older_than_seconds: float) -> int:
    """Forget what was told that long ago; gives how many."""
    old = OUTBOX.c.at < time.time() - older_than_seconds
    return connection.execute(sa.delete(OUTBOX).where(old)).rowcount
