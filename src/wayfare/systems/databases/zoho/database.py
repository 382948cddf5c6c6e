"""Zoho CRM as a source.

A module is read as one chunk by pages, as each page tells the token of the next; or as chunks of 200,000 records each,
where it is exported. Zoho has no view of one moment, so what changes during a copy is found by the proof or belongs to
the next copy; the finding `source_moves` says so. Rows that went are found by their keys (`copy.deletes`), not by
Zoho's list of deleted records, which forgets after sixty days and does not know what this token may no longer see.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from typing import Self

import pyarrow as pa

from wayfare.core.address import Address
from wayfare.core.errors import NotFound
from wayfare.core.findings import Finding, Severity
from wayfare.core.landing import Landing
from wayfare.core.ports import BATCH_BYTES_MAX, WHOLE, Chunk, Facts
from wayfare.core.tables import Column, Table
from wayfare.systems.databases.zoho import catalog, export, landing, options, pages
from wayfare.systems.databases.zoho.client import Client
from wayfare.systems.databases.zoho.options import Bulk
from wayfare.systems.databases.zoho.rows import Rows
from wayfare.systems.databases.zoho.types import SYSTEM, exportable, place
from wayfare.systems.databases.zoho.window import Window

RECORDS_PER_BATCH = 2_000  # ten pages: so often a run can be seen to move, and can be stopped
EXPORTS = "exports"  # what the bounds of a chunk count

MOVES = Finding(
    "source_moves",
    Severity.INFO,
    "Zoho CRM shows no single moment: every record is copied whole, as it was while its module was being read, but "
    "records of two modules may be minutes apart.",
    advice="Copy while few people work there; if a foreign key does not hold for that reason, add foreign_keys=off.",
)


class ZohoDatabase:
    system = SYSTEM

    def __init__(self, address: Address) -> None:
        self.address = address
        self._options = options.parse(address)
        self._client = Client(self._options)
        self._lock = threading.Lock()
        self._just_read: catalog.Catalog | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._client.close()

    def check(self) -> Facts:
        """Reads the whole catalog, and keeps it for the call of `tables` that follows."""
        found = catalog.read(self._client, self._options)
        with self._lock:
            self._just_read = found
        return Facts("Zoho CRM (API v8)", (MOVES, *found.findings))

    def tables(self) -> Sequence[Table]:
        with self._lock:
            found, self._just_read = self._just_read, None
        return (found or catalog.read(self._client, self._options)).tables

    def split(self, table: Table, rows_per_chunk: int, view: str = "") -> Sequence[Chunk]:
        if dict(table.hints).get(catalog.ROUTE) != catalog.EXPORT or table.rows_estimate <= export.RECORDS_MAX:
            return [WHOLE]
        count = -(-table.rows_estimate // export.RECORDS_MAX)
        # The last one goes on to the end: there may be more records by then.
        return [Chunk(i, EXPORTS, i, i + 1 if i < count - 1 else None, export.RECORDS_MAX) for i in range(count)]

    def read(self, table: Table, chunk: Chunk, view: str = "") -> Iterator[pa.RecordBatch]:
        window = Window.of(chunk)
        rows = Rows(table)
        gathered: list[pages.Record] = []
        size, began = 0, None
        try:
            for page in self._pages(table, chunk, window):
                began = began or page.now
                gathered += [r for r in page.records if window.holds(r, began)]
                size += page.size
                if len(gathered) >= RECORDS_PER_BATCH or size >= BATCH_BYTES_MAX:
                    yield rows(gathered)
                    gathered, size = [], 0
        except NotFound as error:
            raise NotFound(f"there is no module {table.label}.", where=table.label, remedy=error.remedy) from error
        if gathered:
            yield rows(gathered)

    def land(self, column: Column) -> Landing:
        return landing.land(column)

    def _pages(self, table: Table, chunk: Chunk, window: Window) -> Iterator[pages.Page]:
        hints = dict(table.hints)
        route = hints.get(catalog.ROUTE, catalog.PAGES)
        if route == catalog.PEOPLE:
            return pages.users(self._client)
        module = _module(table, hints, window)
        if route == catalog.PAGES or (window.since and self._options.bulk is not Bulk.ALWAYS):
            return pages.pages(self._client, module, window.since)
        first = int(chunk.low or 0) + 1
        last = int(chunk.high) if chunk.high is not None else None
        return export.exported(self._client, module, self._cells(table, hints, module), first, last)

    def _cells(self, table: Table, hints: dict[str, str], module: pages.Module) -> export.Cells:
        """Which of the table's fields an export tells, and how; the rest is asked for afterwards."""
        display: dict[str, str] = json.loads(hints.get(catalog.DISPLAY, "{}"))
        places = [(c, place(c)) for c in table.written]
        named = {where.field for _, where in places if where.part == "name"}
        owners = {where.field for _, where in places} & set(hints.get(catalog.OWNERS, "").split(","))
        afterwards = {where.field for c, where in places if not exportable(c)}
        afterwards |= {field for field in named - owners if not display.get(field)}
        others = {where.field for _, where in places if where.part in ("id", "name")} - owners - afterwards
        return export.Cells(
            plain=tuple(f for f in module.fields if f not in owners | others | afterwards),
            lookups={f: f"{f}.{display[f]}" if f in named else "" for f in sorted(others)},
            owners=tuple(sorted(owners)),
            names=self._names() if owners & named else {},
            afterwards=tuple(sorted(afterwards)),
        )

    def _names(self) -> dict[str, str]:
        """The users' names by their ids."""
        found = (user for page in pages.users(self._client) for user in page.records)
        return {str(user["id"]): str(user["full_name"]) for user in found}


def _module(table: Table, hints: dict[str, str], window: Window) -> pages.Module:
    fields = {place(c).field: None for c in table.written if c.name != "id"}
    if window.cursor and window.cursor != "id":
        fields[window.cursor] = None
    states = tuple(s for s in hints.get(catalog.STATES, "").split(",") if s)
    path = hints.get(catalog.PATH, table.name)
    return pages.Module(path, tuple(fields), bool(hints.get(catalog.TIMED)), states)
