"""The digest of a whole table: what both sides of a copy must agree on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence

import pyarrow as pa

from wayfare.core.ports import Chunk, Database, Relays
from wayfare.core.tables import Column, Table
from wayfare.flow.canonical import Canonical
from wayfare.flow.cast import Cast
from wayfare.flow.scan import THREADS, Counter, Side, in_parallel, never, nothing
from wayfare.kernel.hashing import EMPTY, Digest, rows_digest


def table_digest(
    database: Database,
    table: Table,
    *,
    view: str = "",
    cast: Cast | None = None,
    chunks: Sequence[Chunk] | None = None,
    threads: int = THREADS,
    stopping: Callable[[], None] = never,
    progress: Callable[[int], None] = nothing,
) -> Digest:
    """Over all rows (or those of `chunks`), as `cast` makes them, in canonical spelling.

    Independent of order and chunks. `progress` is told the rows so far; `stopping` is called between batches.
    """
    total = _Total()
    side = Side(database, table, cast, view, chunks)
    side.scan(total.add_batch, threads=threads, stopping=stopping, progress=progress)
    return total.digest


def digested(
    batches: Iterable[pa.RecordBatch], columns: Sequence[Column], passed: Callable[[Digest], None]
) -> Iterator[pa.RecordBatch]:
    """Hash landed batches in flight: `passed` is told each batch's part of `table_digest` before the batch goes on."""
    canonical = Canonical(columns)
    for batch in batches:
        passed(rows_digest(canonical(batch)))
        yield batch


def relay_digest(
    database: Relays,
    table: Table,
    form: str,
    *,
    view: str = "",
    chunks: Sequence[Chunk],
    threads: int = THREADS,
    stopping: Callable[[], None] = never,
    progress: Callable[[int], None] = nothing,
) -> Digest:
    """Over the rows as they are sent in the relay format `form`. Compare it only with digests of the same format."""
    total, counter = _Total(), Counter(progress)

    def chunk(part: Chunk, stopping: Callable[[], None]) -> None:
        for parcel in database.send(table, part, form, view):
            stopping()
            total.add(Digest(parcel.rows, parcel.digest))
            counter.add(parcel.rows)

    in_parallel(chunks, chunk, threads, stopping)
    return total.digest


class _Total:
    """A digest that threads add to."""

    def __init__(self) -> None:
        self.digest = EMPTY
        self._lock = threading.Lock()

    def add(self, part: Digest) -> None:
        with self._lock:
            self.digest += part

    def add_batch(self, batch: pa.RecordBatch) -> None:
        self.add(rows_digest(batch))
