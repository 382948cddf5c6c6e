"""Look through a source for the values that its target could not keep: what a dry run says before anything moves."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from wayfare.core.findings import Finding, Severity
from wayfare.core.landing import Landing
from wayfare.core.ports import Chunk, Database
from wayfare.core.tables import Table
from wayfare.flow import limits
from wayfare.flow.cast import NO_MASKS, Cast, ColumnCast, example
from wayfare.flow.exact import Mask as Marks
from wayfare.flow.mask import Mask
from wayfare.flow.scan import ROWS_PER_CHUNK, THREADS, never, nothing, scan


@dataclass(slots=True)
class _Tally:
    count: int
    example: str


def at_risk(table: Table, landed: Sequence[Landing], masks: Mapping[str, Mask] = NO_MASKS) -> tuple[ColumnCast, ...]:
    """The columns whose values must be looked at. Pure. Raises Invalid where no conversion leads to a landed column."""
    return tuple(c for c in Cast(table, landed, masks=masks).columns if c.at_risk)


def probe(
    database: Database,
    table: Table,
    landed: Sequence[Landing],
    *,
    masks: Mapping[str, Mask] = NO_MASKS,
    allow_loss: frozenset[str] = frozenset(),
    view: str = "",
    chunks: Sequence[Chunk] | None = None,
    threads: int = THREADS,
    stopping: Callable[[], None] = never,
    progress: Callable[[int], None] = nothing,
) -> tuple[Finding, ...]:
    """A finding for each column and kind of value that cannot be kept: how many, and one of them.

    Reads the columns at risk and no others. Severity is ERROR, or WARNING for the columns in `allow_loss`.
    """
    columns = at_risk(table, landed, masks)
    if not columns:
        return ()
    tallies: dict[tuple[str, str], _Tally] = {}
    lock = threading.Lock()

    def visit(batch: pa.RecordBatch) -> None:
        for column in columns:
            array = column.masked(batch.column(column.source.name))
            _, found = column.converted(array, rounding=False)
            for code, marks in found:
                with lock:
                    _count(tallies, column, array, code, marks)

    seen = table.only(frozenset(c.source.name for c in columns))
    parts = database.split(table, ROWS_PER_CHUNK, view) if chunks is None else chunks
    scan(database, seen, parts, visit, view=view, threads=threads, stopping=stopping, progress=progress)
    places = {c.source.name: i for i, c in enumerate(columns)}
    ordered = sorted(tallies.items(), key=lambda item: (places[item[0][0]], item[0][1]))
    return tuple(_finding(table, *place, tally, place[0] in allow_loss) for place, tally in ordered)


def _count(
    tallies: dict[tuple[str, str], _Tally], column: ColumnCast, array: pa.Array, code: str, marks: Marks
) -> None:
    place = (column.source.name, code)
    if place not in tallies:
        tallies[place] = _Tally(0, example(array, column, marks))
    tallies[place].count += int(marks.sum())


def _finding(table: Table, name: str, code: str, tally: _Tally, allowed: bool) -> Finding:
    where = f"{table.label}.{name}"
    values = "1 value is" if tally.count == 1 else f"{tally.count:,} values are"
    message = f"{values} {limits.REASONS[code]}, such as {tally.example}."
    if allowed:
        return Finding(code, Severity.WARNING, message, where, "This loss is allowed, and will be counted.")
    advice = f"Allow the loss with --allow-loss {where}, exclude the column, or map it to another type."
    return Finding(code, Severity.ERROR, message, where, advice)
