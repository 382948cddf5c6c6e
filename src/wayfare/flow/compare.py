"""Find the rows in which two tables differ, in bounded memory, whatever their size and however many differ.

    1. both sides add up their rows' hashes in buckets, chosen by the key's hash (or the row's, without a key);
    2. of the buckets that disagree, both sides keep two numbers a row: the hashes of key and row. These say exactly
       which rows are missing, extra, doubled or changed, and how many;
    3. of the first few of those, both sides fetch the values.

Where the first pass finds nothing, there are no others. Memory: 16 bytes a bucket and side, 16 bytes a row of bad
buckets (at most HASHES_MAX of them, some times over while they are sorted), and the few rows shown.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from wayfare.flow.differences import Difference, Pair, described
from wayfare.flow.scan import THREADS, Side, never, nothing
from wayfare.kernel.hashing import Hashes, buckets, rows_hash

RowHashes: TypeAlias = npt.NDArray[np.uint64]  # (hash of the key, hash of the row): shape (rows, 2)

BUCKETS_MAX = 65_536
ROWS_PER_BUCKET = 64
HASHES_MAX = 400_000  # 6 MB a side
DIFFERENCES_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Comparison:
    """`differences` are the first few of `total`; where not `complete`, there are more than `total`."""

    rows_source: int
    rows_target: int
    differences: tuple[Difference, ...] = ()
    total: int = 0
    complete: bool = True

    @property
    def equal(self) -> bool:
        return not self.total


@dataclass(frozen=True, slots=True)
class Watch:
    """How to look: on how many threads, and who is told."""

    threads: int = THREADS
    stopping: Callable[[], None] = never
    progress: Callable[[int], None] = nothing


def compare(
    source: Side, target: Side, *, key: Sequence[str] = (), shown: int = DIFFERENCES_SHOWN, watch: Watch | None = None
) -> Comparison:
    """`key` names columns of the *prepared* batches (the landed names), the same places on both sides.

    Empty: rows have no identity, so that a changed row is one missing and one extra.
    """
    watch = watch or Watch()
    names = [c.name for c in target.columns]
    places = [names.index(name) for name in key]
    count = _bucket_count(max(source.table.rows_estimate, target.table.rows_estimate))
    here, there = (_sums(side, places, count, watch) for side in (source, target))
    rows_source, rows_target = int(here.rows.sum()), int(there.rows.sum())
    bad, complete = _bad_buckets(here, there)
    if not bad.any():
        return Comparison(rows_source, rows_target)
    pairs, total = _unequal(_hashes(source, places, bad, watch), _hashes(target, places, bad, watch), shown)
    wanted = np.array(sorted({row for p in pairs for row in (p.source, p.target) if row is not None}), np.uint64)
    examples = (_fetch(side, wanted, watch) for side in (source, target))
    differences = described(pairs, next(examples), next(examples), target.columns, places)
    return Comparison(rows_source, rows_target, differences, total, complete)


# -- the first pass ---------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Sums:
    sums: Hashes
    rows: npt.NDArray[np.int64]


def _bucket_count(rows: int) -> int:
    """A power of two. Unknown sizes get all the buckets: they cost a megabyte."""
    if rows <= 0:
        return BUCKETS_MAX
    return min(BUCKETS_MAX, 1 << (rows // ROWS_PER_BUCKET).bit_length())


def _sums(side: Side, places: Sequence[int], count: int, watch: Watch) -> _Sums:
    total = _Sums(np.zeros(count, np.uint64), np.zeros(count, np.int64))
    lock = threading.Lock()

    def visit(batch: pa.RecordBatch) -> None:
        keys, rows = _both_hashes(batch, places)
        sums, counts = buckets(keys, rows, count)
        with lock:
            total.sums += sums
            total.rows += counts

    _scan(side, visit, watch)
    return total


def _both_hashes(batch: pa.RecordBatch, places: Sequence[int]) -> tuple[Hashes, Hashes]:
    rows = rows_hash(batch)
    return (rows_hash(batch.select(list(places))) if places else rows), rows


def _scan(side: Side, visit: Callable[[pa.RecordBatch], None], watch: Watch) -> None:
    side.scan(visit, threads=watch.threads, stopping=watch.stopping, progress=watch.progress)


def _bad_buckets(source: _Sums, target: _Sums) -> tuple[npt.NDArray[np.bool_], bool]:
    """Which buckets to look into, and whether these are all that disagree."""
    bad = (source.sums != target.sums) | (source.rows != target.rows)
    held = np.cumsum(np.where(bad, np.maximum(source.rows, target.rows), 0))
    kept = bad & (held <= max(HASHES_MAX, int(held[bad][0]) if bad.any() else 0))
    return kept, bool((kept == bad).all())


# -- the second pass --------------------------------------------------------------------------------------------------


def _hashes(side: Side, places: Sequence[int], bad: npt.NDArray[np.bool_], watch: Watch) -> RowHashes:
    """(key's hash, row's hash) of every row in a bad bucket: shape (rows, 2)."""
    parts: list[Any] = [np.zeros((0, 2), np.uint64)]

    def visit(batch: pa.RecordBatch) -> None:
        both = np.column_stack(_both_hashes(batch, places))
        parts.append(both[bad[(both[:, 0] & np.uint64(len(bad) - 1)).astype(np.int64)]])

    _scan(side, visit, watch)
    return np.concatenate(parts)


def _unequal(source: RowHashes, target: RowHashes, shown: int) -> tuple[list[Pair], int]:
    """The first differing rows, paired by key, and how many there are in all."""
    kinds, surplus = _surplus(source, target)
    keys, starts = np.unique(kinds[:, 0], return_index=True)
    if not len(keys):
        return [], 0  # the tables changed between the passes
    here, there = (np.add.reduceat(np.maximum(side, 0), starts) for side in (surplus, -surplus))
    known = np.sort(source[:, 0])
    pairs: list[Pair] = []
    for start, end in zip(starts[:shown], [*starts[1:], len(kinds)][:shown], strict=True):
        pairs += _pairs(kinds[start:end], surplus[start:end], _holds(known, kinds[start, 0]), shown)
    return pairs[:shown], int(np.maximum(here, there).sum())


def _surplus(source: RowHashes, target: RowHashes) -> tuple[RowHashes, npt.NDArray[np.int64]]:
    """The (key, row) pairs that one side has more often, sorted, and how much more often the source has them."""
    rows = np.concatenate((source, target))
    signs = np.concatenate((np.ones(len(source), np.int64), -np.ones(len(target), np.int64)))
    order = np.lexsort((rows[:, 1], rows[:, 0]))
    rows, signs = rows[order], signs[order]
    starts = np.flatnonzero(np.concatenate(([True], (rows[1:] != rows[:-1]).any(axis=1)))[: len(rows)])
    surplus = np.add.reduceat(signs, starts) if len(rows) else signs
    unequal = np.flatnonzero(surplus)
    return rows[starts][unequal], surplus[unequal]


def _pairs(kinds: RowHashes, surplus: npt.NDArray[np.int64], known: bool, shown: int) -> list[Pair]:
    """The differing rows of one key: changed as far as both sides have some, the rest missing, extra or doubled."""
    here, there = (
        [int(row) for row, number in zip(kinds[:, 1], side, strict=True) for _ in range(min(shown, max(0, number)))]
        for side in (surplus, -surplus)
    )
    changed = [Pair("changed", a, b) for a, b in zip(here, there, strict=False)]
    missing = [Pair("missing", row, None) for row in here[len(changed) :]]
    more = "doubled" if known else "extra"
    return [*changed, *missing, *(Pair(more, None, row) for row in there[len(changed) :])]


def _holds(ascending: Hashes, wanted: np.uint64) -> bool:
    place = int(np.searchsorted(ascending, wanted))
    return place < len(ascending) and bool(ascending[place] == wanted)


# -- the third pass ---------------------------------------------------------------------------------------------------


def _fetch(side: Side, wanted: Hashes, watch: Watch) -> dict[int, pa.RecordBatch]:
    """One example of each wanted row, by its hash."""
    found: dict[int, pa.RecordBatch] = {}

    def visit(batch: pa.RecordBatch) -> None:
        hashes = rows_hash(batch)
        for place in np.flatnonzero(np.isin(hashes, wanted)):
            if int(hashes[place]) not in found:
                found[int(hashes[place])] = batch.take(pa.array([int(place)]))

    _scan(side, visit, watch)
    return found
