"""The digest of a whole table: what both sides of a copy must agree on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import pyarrow as pa

from wayfare.core.ports import Chunk, Database, Relays
from wayfare.core.tables import Table
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

    Independent of order and chunks. The same comes of rows hashed in flight: the sum over landed batches of
    `rows_digest(Canonical(columns)(batch))`. `progress` is told the rows so far; `stopping` is called between batches.
    """
    total = _Total()
    side = Side(database, table, cast, view, chunks)
    side.scan(total.add_batch, threads=threads, stopping=stopping, progress=progress)
    return total.digest


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
