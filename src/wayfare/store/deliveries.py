"""What webhooks are still to be told, in the order in which it happened: one message of each at a time.

A message is made when the one before it has arrived, or was given up, so that a receiver that is down costs one row.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from wayfare.core.ids import new_record_id
from wayfare.store.bound import Bound
from wayfare.store.outbox import Publication, published
from wayfare.store.schema import COUNTERS
from wayfare.store.shelf import Record
from wayfare.store.wanted import DELIVERIES, WEBHOOKS

LEASE_SECONDS = 60.0  # longer than one attempt may take
READ_AT_ONCE = 200


def newest_sequence(store: Bound) -> int:
    with store.read() as connection:
        return int(connection.execute(sa.select(COUNTERS.c.value).where(COUNTERS.c.name == "outbox")).scalar() or 0)


@dataclass(frozen=True)
class Deliveries:
    """`everywhere` is the store of all tenants."""

    everywhere: Bound

    def webhooks(self) -> Sequence[Record]:
        """Those that have something to hear: a message that waits, or news that none was made of."""
        waits = sa.exists().where(DELIVERIES.c.webhook == WEBHOOKS.c.id, DELIVERIES.c.state == "waiting")
        newest = sa.select(COUNTERS.c.value).where(COUNTERS.c.name == "outbox").scalar_subquery()
        query = sa.select(WEBHOOKS).where(sa.or_(waits, WEBHOOKS.c.seen < newest)).order_by(WEBHOOKS.c.id)
        with self.everywhere.read() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def next(self, webhook: Record, body: Callable[[Publication], str | None], now: float) -> Record | None:
        """Claim the next message of a webhook: it is ours until its lease ends. None where none is due.

        `body` gives the message of a publication, or None where the webhook does not want it.
        """
        with self.everywhere.of(webhook["tenant"]).write() as connection:
            held = connection.execute(
                sa.select(WEBHOOKS.c.seen).where(WEBHOOKS.c.id == webhook["id"]).with_for_update()
            )
            seen = held.scalar_one_or_none()
            if seen is None:
                return None
            first = _first(connection, webhook["id"]) or _made(connection, webhook, seen, body)
            if first is None or first["next_at"] > now or first["lease_until"] > now:
                return None
            values = {"attempts": first["attempts"] + 1, "lease_until": now + LEASE_SECONDS}
            connection.execute(sa.update(DELIVERIES).where(DELIVERIES.c.id == first["id"]).values(**values))
        return {**first, **values}

    def settle(self, delivery: Record, state: str, reason: str, next_at: float) -> None:
        """Delivered, dead, or waiting until then. Nothing happens where another has taken it over."""
        values = {"state": state, "reason": reason, "next_at": next_at, "lease_until": 0.0}
        values["ended_at"] = None if state == "waiting" else time.time()
        ours = (DELIVERIES.c.id == delivery["id"], DELIVERIES.c.attempts == delivery["attempts"])
        with self.everywhere.of(delivery["tenant"]).write() as connection:
            connection.execute(sa.update(DELIVERIES).where(*ours, DELIVERIES.c.state == "waiting").values(**values))

    def of(
        self, store: Bound, webhook: str, limit: int, state: str = "", before: int | None = None
    ) -> Sequence[Record]:
        """Newest first; those in one state, or with a smaller sequence, where that is given."""
        query = sa.select(DELIVERIES).where(DELIVERIES.c.webhook == webhook).order_by(DELIVERIES.c.sequence.desc())
        if state:
            query = query.where(DELIVERIES.c.state == state)
        if before is not None:
            query = query.where(DELIVERIES.c.sequence < before)
        with store.read() as connection:
            return [dict(row) for row in connection.execute(query.limit(limit)).mappings()]

    def has(self, connection: sa.Connection, webhook: str, delivery: str) -> bool:
        there = (DELIVERIES.c.webhook == webhook, DELIVERIES.c.id == delivery)
        return connection.execute(sa.select(DELIVERIES.c.id).where(*there)).first() is not None

    def revive(self, connection: sa.Connection, webhook: str, delivery: str = "") -> int:
        """Let dead letters wait again, from their first attempt: all, or that one."""
        dead = [DELIVERIES.c.webhook == webhook, DELIVERIES.c.state == "dead"]
        if delivery:
            dead.append(DELIVERIES.c.id == delivery)
        values: dict[str, Any] = {"state": "waiting", "attempts": 0, "next_at": 0.0, "ended_at": None}
        return connection.execute(sa.update(DELIVERIES).where(*dead).values(**values)).rowcount

    def forget(self, connection: sa.Connection, webhook: str) -> None:
        connection.execute(sa.delete(DELIVERIES).where(DELIVERIES.c.webhook == webhook))


def _first(connection: sa.Connection, webhook: str) -> Record | None:
    query = sa.select(DELIVERIES).where(DELIVERIES.c.webhook == webhook, DELIVERIES.c.state == "waiting")
    row = connection.execute(query.order_by(DELIVERIES.c.sequence).limit(1)).mappings().one_or_none()
    return dict(row) if row else None


def _made(
    connection: sa.Connection, webhook: Record, seen: int, body: Callable[[Publication], str | None]
) -> Record | None:
    """The message of the next publication that is wanted, kept as waiting."""
    made: dict[str, Any] | None = None
    newest = connection.execute(sa.select(COUNTERS.c.value).where(COUNTERS.c.name == "outbox")).scalar() or 0
    news = published(connection, seen, limit=READ_AT_ONCE)
    for told in news:
        seen = told.sequence
        text = body(told)
        if text is not None:
            made = _message(webhook, told, text)
            connection.execute(sa.insert(DELIVERIES), made)
            break
    if not news:  # all up to `newest` are other tenants': numbers are given in the order of commits
        seen = max(seen, newest)
    connection.execute(sa.update(WEBHOOKS).where(WEBHOOKS.c.id == webhook["id"]).values(seen=seen))
    return made


def _message(webhook: Record, told: Publication, text: str) -> dict[str, Any]:
    now = time.time()
    return {
        "id": f"msg_{new_record_id().replace('-', '')}",
        "tenant": webhook["tenant"],
        "webhook": webhook["id"],
        "sequence": told.sequence,
        "topic": told.topic,
        "body": text,
        "state": "waiting",
        "attempts": 0,
        "next_at": 0.0,
        "lease_until": 0.0,
        "reason": "",
        "created_at": now,
        "ended_at": None,
    }
