"""How many runs there are in each status, and how many rows the newest have copied: for metrics."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

from wayfare.core.status import Status
from wayfare.store.store import Store

FRESH_SECONDS = 2.0  # a tally is given again so long, however many ask
RUNS_SUMMED_MAX = 200


@dataclass(frozen=True, slots=True)
class Tally:
    by_status: Mapping[Status, int]  # every status has its number
    rows_copied: int  # in finished chunks, of the newest RUNS_SUMMED_MAX runs

    @property
    def queued(self) -> int:
        return self.by_status[Status.QUEUED]


class Tallies:
    """Thread-safe. Of all tenants. A run is summed again only when something has happened to it."""

    def __init__(self, store: Store) -> None:
        self._store = store.everywhere
        self._lock = threading.Lock()
        self._rows: dict[str, tuple[int, int]] = {}  # run → last sequence, rows
        self._last: tuple[float, Tally] | None = None

    def take(self) -> Tally:
        """Raises StoreAway."""
        with self._lock:
            if self._last is None or time.monotonic() - self._last[0] > FRESH_SECONDS:
                self._last = (time.monotonic(), self._taken())
            return self._last[1]

    def _taken(self) -> Tally:
        changes = self._store.changes
        counts, newest = changes.runs_by_status(), changes.newest_sequences(RUNS_SUMMED_MAX)
        self._rows = {run: self._rows_of(run, sequence) for run, sequence in newest.items()}
        by_status = {status: counts.get(status, 0) for status in Status}
        return Tally(by_status, sum(rows for _, rows in self._rows.values()))

    def _rows_of(self, run: str, sequence: int) -> tuple[int, int]:
        known = self._rows.get(run)
        if known and known[0] == sequence:
            return known
        loads = self._store.outcomes(run, "copy.load").values()
        return sequence, sum(int(load.get("rows", 0)) for load in loads)
