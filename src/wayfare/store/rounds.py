"""Which runs need a conductor. A round is one setting-going of a run; it names the workflow that conducts it."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from wayfare.core.status import Status
from wayfare.store.database import Transactions
from wayfare.store.schema import RUNS


class Rounds:
    def __init__(self, everywhere: Transactions) -> None:
        self._db = everywhere

    def to_conduct(self) -> Sequence[tuple[str, int]]:
        """(run, round) of what waits for a conductor: queued runs, and those at rest to roll back."""
        at_rest = RUNS.c.status.in_((Status.SUCCEEDED, Status.FAILED, Status.CANCELLED, Status.WAITING))
        return self._rounds(sa.or_(RUNS.c.status == Status.QUEUED, sa.and_(at_rest, RUNS.c.asked == "rollback")))

    def conducted(self) -> Sequence[tuple[str, int]]:
        """(run, round) of what some conductor should be at work on."""
        return self._rounds(RUNS.c.status.in_((Status.RUNNING, Status.UNDOING)))

    def next_round(self, run: str, round_: int) -> None:
        """Give the run a new name for its workflow, where the old one is lost."""
        with self._db.write() as connection:
            where = (RUNS.c.id == run, RUNS.c.round == round_)
            connection.execute(sa.update(RUNS).where(*where).values(round=round_ + 1))

    def _rounds(self, where: sa.ColumnElement[bool]) -> Sequence[tuple[str, int]]:
        with self._db.read() as connection:
            query = sa.select(RUNS.c.id, RUNS.c.round).where(where).order_by(RUNS.c.id)
            return [(row.id, row.round) for row in connection.execute(query)]
