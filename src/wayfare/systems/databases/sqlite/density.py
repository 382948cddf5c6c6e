"""How rows lie along an integer key, from a few probes: no scan, whatever the table's size.

A file's rowids may have holes. At evenly spaced places we look how far the next rows reach; between two places the rows are
taken to lie evenly. Estimates only steer the size of chunks: the chunks always cover every row exactly once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from wayfare.systems.databases.sqlite.dialect import quote

PLACES = 48
ROWS_PER_PLACE = 64


@dataclass(frozen=True, slots=True)
class Density:
    """Estimated rows in each stretch [bounds[i], bounds[i + 1])."""

    bounds: Sequence[int]
    counts: Sequence[int]

    @property
    def rows(self) -> int:
        return sum(self.counts)

    def cuts(self, rows_per_chunk: int) -> list[int]:
        """Keys at which to cut so that each part has about that many rows; [] when one part is enough."""
        parts = -(-self.rows // max(rows_per_chunk, 1))
        cuts: list[int] = []
        seen = 0
        for low, high, count in zip(self.bounds, self.bounds[1:], self.counts, strict=False):
            while len(cuts) + 1 < parts and seen + count >= (goal := self.rows * (len(cuts) + 1) // parts):
                cut = low + (high - low) * max(goal - seen, 0) // max(count, 1)
                cuts.append(min(cut, high - 1))
            seen += count
        return sorted({c for c in cuts if self.bounds[0] < c})


NOTHING = Density((0, 0), (0,))


def measure(connection: sqlite3.Connection, table: str, by: str) -> Density:
    """`by` is a rowid name or an integer key."""
    key, source = quote(by), quote(table)
    low = connection.execute(f"SELECT min({key}) FROM {source}").fetchone()[0]
    high = connection.execute(f"SELECT max({key}) FROM {source}").fetchone()[0]
    if low is None or not isinstance(low, int) or not isinstance(high, int):
        return NOTHING
    width = high - low + 1
    places = min(PLACES, max(width // ROWS_PER_PLACE, 1))
    bounds = [low + width * i // places for i in range(places)] + [high + 1]
    query = (
        f"SELECT count(*), max(k) FROM (SELECT {key} AS k FROM {source} WHERE {key} >= ? AND {key} < ? "
        f"ORDER BY {key} LIMIT {ROWS_PER_PLACE})"
    )
    counts = [
        _reach(*connection.execute(query, (a, b)).fetchone(), a, b) for a, b in zip(bounds, bounds[1:], strict=False)
    ]
    return Density(bounds, counts)


def _reach(found: int, last: int | None, low: int, high: int) -> int:
    if found < ROWS_PER_PLACE or last is None:
        return found
    return found * (high - low) // (last + 1 - low)
