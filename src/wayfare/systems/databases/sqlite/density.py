"""How rows lie along an integer key, from a few probes: no scan, whatever the table's size.

A file's rowids may have holes. At evenly spaced places we look how far the next rows reach. Where that differs from
place to place we look closer; between two places that are alike the rows are taken to lie evenly. Estimates only
steer the size of chunks: the chunks always cover every row exactly once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from wayfare.core.tables import Table
from wayfare.systems.databases.sqlite.dialect import by_rowid, quote

PLACES = 16
ROWS_PER_PLACE = 64
HALVINGS_MAX = 16
LAST = 2**63 - 2  # a stretch ends one behind its last key, which must still be a key
ALIKE = 2.0  # densities that differ by less than this factor


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
    if not isinstance(low, int) or not isinstance(high, int):
        return NOTHING
    low, high = min(low, LAST), min(high, LAST)
    probe = _Probe(connection, key, source)
    width = high + 1 - low
    places = min(PLACES, max(width // ROWS_PER_PLACE, 1))
    edges = [low + width * i // places for i in range(places)]
    stretches = [s for a, b in zip(edges, [*edges[1:], high + 1], strict=True) for s in _stretches(probe, a, b)]
    return Density([*(a for a, _ in stretches), high + 1], [count for _, count in stretches])


@dataclass(frozen=True, slots=True)
class _Probe:
    connection: sqlite3.Connection
    key: str
    source: str

    def reach(self, low: int, high: int) -> tuple[int, int]:
        """Rows found at the start of a stretch, and where the next would be."""
        found, last = self.connection.execute(
            f"SELECT count(*), max(k) FROM (SELECT {self.key} AS k FROM {self.source} "
            f"WHERE {self.key} >= ? AND {self.key} < ? ORDER BY {self.key} LIMIT {ROWS_PER_PLACE})",
            (low, high),
        ).fetchone()
        return (found, last + 1) if found == ROWS_PER_PLACE else (found, high)


def _stretches(probe: _Probe, low: int, high: int, halvings: int = HALVINGS_MAX) -> Iterator[tuple[int, int]]:
    """(start, rows) of parts that lie evenly."""
    found, reached = probe.reach(low, high)
    if reached >= high:
        yield low, found
        return
    middle = (reached + high) // 2
    later, reached_later = probe.reach(middle, high)
    here, there = found / (reached - low), later / max(reached_later - middle, 1)
    alike = max(here, there) < ALIKE * min(here, there)
    if alike or not halvings:
        yield low, round((here + there) / 2 * (high - low))
        return
    yield from _stretches(probe, low, middle, halvings - 1)
    yield from _stretches(probe, middle, high, halvings - 1)


def cut_by(table: Table) -> str:
    """A rowid name, or the single integer key of a table without rowids; "" for a table that cannot be cut."""
    hints = dict(table.hints)
    if "virtual" in hints:
        return ""
    if "without_rowid" not in hints:
        return by_rowid(table)
    single = len(table.key) == 1 and pa.types.is_integer(table.column(table.key[0]).type)
    return table.key[0] if single else ""
