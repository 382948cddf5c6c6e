"""Read a whole table, chunk by chunk, on a few threads, and show every batch to a visitor."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

import pyarrow as pa

from wayfare.core.errors import Stopped
from wayfare.core.ports import Chunk, Database
from wayfare.core.tables import Column, Table
from wayfare.flow.canonical import Canonical
from wayfare.flow.cast import Cast

T = TypeVar("T")

ROWS_PER_CHUNK = 500_000
THREADS = 2


def never() -> None:
    """Nobody asks to stop."""


def nothing(rows: int) -> None:
    """Nobody wants to know how far it is."""


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison: the rows of a table as they are compared (landed, and canonically spelt)."""

    database: Database
    table: Table
    cast: Cast | None = None
    view: str = ""
    chunks: Sequence[Chunk] | None = None
    _canonical: Canonical = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_canonical", Canonical(self.columns))

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns of the batches that `prepared` gives."""
        return tuple(c.landing.column for c in self.cast.columns) if self.cast else self.table.written

    def prepared(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        return self._canonical(self.cast(batch) if self.cast else batch)

    def parts(self) -> Sequence[Chunk]:
        return self.database.split(self.table, ROWS_PER_CHUNK, self.view) if self.chunks is None else self.chunks

    def scan(
        self,
        visit: Callable[[pa.RecordBatch], None],
        *,
        threads: int = THREADS,
        stopping: Callable[[], None] = never,
        progress: Callable[[int], None] = nothing,
    ) -> None:
        """`scan`, of the prepared batches."""

        def prepared(batch: pa.RecordBatch) -> None:
            visit(self.prepared(batch))

        told = (threads, stopping, progress)
        scan(self.database, self.table, self.parts(), prepared, self.view, *told)


def scan(
    database: Database,
    table: Table,
    chunks: Sequence[Chunk],
    visit: Callable[[pa.RecordBatch], None],
    view: str = "",
    threads: int = THREADS,
    stopping: Callable[[], None] = never,
    progress: Callable[[int], None] = nothing,
) -> None:
    """Show every batch to `visit`, from several threads at once. `progress` is told all rows so far."""
    counter = Counter(progress)

    def chunk(part: Chunk, stopping: Callable[[], None]) -> None:
        for batch in database.read(table, part, view):
            stopping()
            visit(batch)
            counter.add(batch.num_rows)

    in_parallel(chunks, chunk, threads, stopping)


class Counter:
    """Rows so far, over all threads."""

    def __init__(self, progress: Callable[[int], None]) -> None:
        self._progress = progress
        self._lock = threading.Lock()
        self._rows = 0

    def add(self, rows: int) -> None:
        with self._lock:
            self._rows += rows
            self._progress(self._rows)


def in_parallel(
    items: Iterable[T],
    work: Callable[[T, Callable[[], None]], None],
    threads: int,
    stopping: Callable[[], None] = never,
) -> None:
    """Work on all items. `work` calls the function it is given between its batches: it raises Stopped after `stopping`
    did, or after an error elsewhere, which is the one raised here.
    """
    remaining, lock = iter(items), threading.Lock()
    failed = threading.Event()

    def halt() -> None:
        stopping()
        if failed.is_set():
            raise _Elsewhere("another part of the same scan failed.")

    def worker() -> None:
        try:
            while not failed.is_set():
                with lock:
                    item = next(remaining, _DONE)
                if item is _DONE:
                    return
                work(item, halt)  # type: ignore[arg-type] # _DONE was turned away above
        except BaseException:
            failed.set()
            raise

    if threads <= 1:
        worker()
        return
    with ThreadPoolExecutor(threads, thread_name_prefix="scan") as pool:
        futures = [pool.submit(worker) for _ in range(threads)]
    errors = [error for f in futures if (error := f.exception())]
    if errors:
        raise next((e for e in errors if not isinstance(e, _Elsewhere)), errors[0])


class _Elsewhere(Stopped):
    """This part was given up because of another's error."""


_DONE = object()
