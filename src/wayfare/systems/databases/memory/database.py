"""Tables in this process's memory. All databases of one name (`memory://name`) are the same while the process lives."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import pyarrow as pa

from wayfare.core.address import Address
from wayfare.core.errors import Conflict, NotFound
from wayfare.core.landing import Landing
from wayfare.core.ports import CARRIED, ROWS_PER_BATCH, Chunk, Facts, Mode, Ticket, chunks_at
from wayfare.core.tables import Column, Table

Row = dict[str, Any]


@dataclass(slots=True)
class Stored:
    """One table and its rows."""

    table: Table
    rows: list[Row] = field(default_factory=list)


@dataclass(slots=True)
class Shelf:
    """All tables of one name, and what unfinished runs have put beside them."""

    tables: dict[str, Stored] = field(default_factory=dict)
    staged: dict[str, dict[str, Stored]] = field(default_factory=dict)  # run → label → table
    ledger: dict[str, dict[tuple[str, int], int]] = field(default_factory=dict)  # run → (label, chunk) → rows
    aside: dict[str, dict[str, Stored | None]] = field(default_factory=dict)  # run → label → what was replaced
    lock: threading.RLock = field(default_factory=threading.RLock)


_SHELVES: dict[str, Shelf] = {}


class MemoryDatabase:
    system = "memory"
    name_bytes_max = 1 << 16
    has_namespaces = True
    default_namespace = ""
    folds_case = False
    carries = CARRIED - {"view"}

    def __init__(self, address: Address) -> None:
        self.address = address
        self._shelf = _SHELVES.setdefault(address.host or address.database, Shelf())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None: ...

    def check(self) -> Facts:
        return Facts(version="Memory")

    def tables(self) -> Sequence[Table]:
        with self._shelf.lock:
            found = [replace(s.table, rows_estimate=len(s.rows)) for s in self._shelf.tables.values()]
        return sorted(found, key=lambda t: (t.namespace, t.name))

    def land(self, column: Column) -> Landing:
        return Landing(replace(column, origin=self.system, native=str(column.type)))

    def split(self, table: Table, rows_per_chunk: int, view: str = "") -> Sequence[Chunk]:
        rows = self._find(table).rows
        if len(table.key) != 1 or not pa.types.is_integer(table.column(table.key[0]).type):
            return [Chunk(rows_estimate=len(rows))]
        keys = sorted(row[table.key[0]] for row in rows)
        return chunks_at(table.key[0], keys[rows_per_chunk::rows_per_chunk], min(rows_per_chunk, len(rows)))

    def read(self, table: Table, chunk: Chunk, view: str = "") -> Iterator[pa.RecordBatch]:
        with self._shelf.lock:
            rows = [row for row in self._find(table).rows if _inside(chunk, row)]
        schema = table.arrow()
        for start in range(0, len(rows), ROWS_PER_BATCH):
            yield pa.RecordBatch.from_pylist(rows[start : start + ROWS_PER_BATCH], schema=schema)

    def staged(self, run: str, table: Table) -> Table:
        return replace(table, hints=(*table.hints, ("staged", run)))

    def stage(self, run: str, tables: Sequence[Table]) -> None:
        with self._shelf.lock:
            shelf = self._shelf.staged.setdefault(run, {})
            for table in tables:
                shelf.setdefault(table.label, Stored(replace(table, hints=())))
            self._shelf.ledger.setdefault(run, {})

    def write(self, ticket: Ticket, table: Table, batches: Iterable[pa.RecordBatch]) -> int:
        entry = (ticket.table, ticket.chunk)
        ledger = self._shelf.ledger.setdefault(ticket.run, {})
        if entry in ledger:
            return ledger[entry]
        rows = [row for batch in batches for row in batch.to_pylist()]
        with self._shelf.lock:
            if entry not in ledger:
                self._find(table).rows.extend(rows)
                ledger[entry] = len(rows)
        return ledger[entry]

    def seal(self, run: str, table: Table) -> None:
        """Raises Conflict when the primary key does not hold."""
        rows = self._shelf.staged[run][table.label].rows
        keys = Counter(tuple(row[k] for k in table.key) for row in rows)
        if table.key and keys and max(keys.values()) > 1:
            raise Conflict(f"the primary key of {table.label} does not hold: {keys.most_common(1)[0][0]} stands twice.")

    def publish(self, run: str, tables: Sequence[Table], mode: Mode) -> None:
        with self._shelf.lock:
            staged = self._shelf.staged.get(run, {})
            for table in tables:
                if table.label in staged:
                    self._place(run, staged.pop(table.label), mode)

    def _place(self, run: str, new: Stored, mode: Mode) -> None:
        label = new.table.label
        old = self._shelf.tables.get(label)
        if mode is Mode.REPLACE or old is None:
            self._shelf.aside.setdefault(run, {})[label] = old
            self._shelf.tables[label] = new
            return
        keys = {tuple(row[k] for k in old.table.key) for row in new.rows} if mode is Mode.MERGE else set()
        kept = [row for row in old.rows if tuple(row[k] for k in old.table.key) not in keys] if keys else old.rows
        old.rows = [*kept, *new.rows]

    def finish(self, run: str) -> None:
        with self._shelf.lock:
            for part in (self._shelf.staged, self._shelf.ledger, self._shelf.aside):
                part.pop(run, None)

    def discard(self, run: str) -> None:
        with self._shelf.lock:
            for label, old in self._shelf.aside.get(run, {}).items():
                if old is None:
                    self._shelf.tables.pop(label, None)
                else:
                    self._shelf.tables[label] = old
            self.finish(run)

    def delete(self, table: Table, keys: pa.RecordBatch) -> int:
        gone = {tuple(row.values()) for row in keys.select(list(table.key)).to_pylist()}
        with self._shelf.lock:
            stored = self._find(table)
            kept = [row for row in stored.rows if tuple(row[k] for k in table.key) not in gone]
            removed = len(stored.rows) - len(kept)
            stored.rows = kept
        return removed

    def add_columns(self, table: Table, columns: Sequence[Column]) -> None:
        with self._shelf.lock:
            stored = self._find(table)
            have = {c.name for c in stored.table.columns}
            new = [c for c in columns if c.name not in have]
            stored.table = replace(stored.table, columns=(*stored.table.columns, *new))
            for row in stored.rows:
                row.update({c.name: None for c in new})

    def _find(self, table: Table) -> Stored:
        run = dict(table.hints).get("staged", "")
        shelf = self._shelf.staged.get(run, {}) if run else self._shelf.tables
        if table.label not in shelf:
            raise NotFound(f"there is no table {table.label}.", where="memory")
        return shelf[table.label]


def _inside(chunk: Chunk, row: Row) -> bool:
    if chunk.by and not _between(row[chunk.by], chunk.low, chunk.high):
        return False
    return not chunk.cursor or _after(row[chunk.cursor], chunk)


def _between(value: Any, low: Any, high: Any) -> bool:
    return (low is None or value >= low) and (high is None or value < high)


def _after(value: Any, chunk: Chunk) -> bool:
    """Cursor bounds are integers, or text compared with the value's ISO form."""
    if value is None:
        return False
    if not isinstance(value, int):
        value = str(value)
    return (chunk.after is None or value > chunk.after) and (chunk.upto is None or value <= chunk.upto)
