"""What has changed in the journals since somebody last looked: cheap enough to ask ten times a second.

Every run counts its own events, so that one number for each run tells whether there is anything new.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import sqlalchemy as sa

from wayfare.core.status import Status
from wayfare.store.database import Transactions
from wayfare.store.schema import RUNS


class Changes:
    def __init__(self, transactions: Transactions) -> None:
        self._db = transactions

    def last_sequences(self, runs: Collection[str]) -> Mapping[str, int]:
        """Of each of these runs, the sequence of its last event. Runs that are not there are left out."""
        query = sa.select(RUNS.c.id, RUNS.c.last_sequence).where(RUNS.c.id.in_(sorted(runs)))
        with self._db.read() as connection:
            return {row.id: row.last_sequence for row in connection.execute(query)}

    def newest_sequences(self, limit: int) -> Mapping[str, int]:
        query = sa.select(RUNS.c.id, RUNS.c.last_sequence).order_by(RUNS.c.id.desc()).limit(limit)
        with self._db.read() as connection:
            return {row.id: row.last_sequence for row in connection.execute(query)}

    def runs_by_status(self) -> Mapping[Status, int]:
        query = sa.select(RUNS.c.status, sa.func.count()).group_by(RUNS.c.status)
        with self._db.read() as connection:
            return {Status(status): count for status, count in connection.execute(query)}

    def answers(self) -> None:
        """Raises StoreAway when the store does not."""
        with self._db.read() as connection:
            connection.execute(sa.select(RUNS.c.id).limit(1)).first()
