"""A module as an export: Zoho writes up to 200,000 records into a file, which is then fetched and read.

An export has no order that one could ask for, and the next one begins where the count of the last one ended; records
that two of them hold are found by their ids. Its cells are given here in the shape of a page's records: a lookup's
cell is an id, its name is asked for as a column of the other module (`Account_Name.Account_Name`), and names of users
are known beforehand. What no cell can hold (files, structures) is asked for by id afterwards.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO

import numpy as np

from wayfare.core.errors import Busy, Refused
from wayfare.systems.databases.zoho.client import VERSION, Client
from wayfare.systems.databases.zoho.pages import Module, Page, Record, whole
from wayfare.systems.databases.zoho.rows import moment
from wayfare.systems.databases.zoho.window import MODIFIED

RECORDS_MAX = 200_000
RECORDS_PER_PAGE = 2_000  # as they are given on
READY_SECONDS_MAX = 3600.0
LOOK_FIRST_SECONDS = 0.1
LOOK_SECONDS_MAX = 10.0
_CELL_CHARACTERS_MAX = 1 << 27


@dataclass(frozen=True, slots=True)
class Cells:
    """What an export is asked for, and how its cells become records."""

    plain: tuple[str, ...]  # fields whose cell is the value
    lookups: Mapping[str, str] = field(default_factory=dict)  # field → the column that has its name, "" without
    owners: tuple[str, ...] = ()  # fields whose cell is the id of a user
    names: Mapping[str, str] = field(default_factory=dict)  # of users, by id
    afterwards: tuple[str, ...] = ()  # fields to be asked for by id

    def asked(self) -> list[str]:
        return ["id", *self.plain, *self.owners, *self.lookups, *(name for name in self.lookups.values() if name)]

    def record(self, cells: Mapping[str, str]) -> Record:
        """An empty cell is no value: Zoho keeps no empty texts."""
        found: Record = {name: cells[name] or None for name in ("id", *self.plain)}
        for name, column in self.lookups.items():
            found[name] = (
                {"id": cells[name], "name": cells[column] or None if column else None} if cells[name] else None
            )
        for name in self.owners:
            found[name] = {"id": cells[name], "name": self.names.get(cells[name])} if cells[name] else None
        return found


def exported(client: Client, module: Module, cells: Cells, first: int, last: int | None) -> Iterator[Page]:
    """The records of the exports `first` (from 1) to `last` (None: as long as there are more)."""
    number, began = first, None
    known = np.empty(0, np.int64)
    while last is None or number <= last:
        with tempfile.TemporaryFile() as file:
            more, now = _fetched(client, module, cells, number, file)
            began = began or now
            ids: list[int] = []
            for records, size in _read(file, cells, module, client):
                ids += [int(r["id"]) for r in records]
                yield Page(_afterwards(client, module, cells, records), size, began)
        known = np.concatenate((known, np.array(ids, np.int64)))
        if len(np.unique(known)) < len(known):
            message = f"records of {module.path} stand in two exports, as others changed meanwhile."
            raise Busy(message, remedy="It is tried again.", where=client.options.api_domain)
        if not more:
            return
        number += 1


def _fetched(
    client: Client, module: Module, cells: Cells, number: int, file: BinaryIO
) -> tuple[bool, dt.datetime | None]:
    """Have one export made, and fetch its archive. Are there more records after it, and when was it begun?"""
    query = {"module": {"api_name": module.path}, "fields": cells.asked(), "page": number}
    made = client.post(f"/bulk/{VERSION}/read", {"query": query, "file_type": "csv"})
    identity = str(made.body["data"][0]["details"]["id"])
    result = _ready(client, module, identity)
    if result.get("count"):
        client.download(f"/bulk/{VERSION}/read/{identity}/result", file)
    return bool(result.get("more_records")), made.now


def _ready(client: Client, module: Module, identity: str) -> Mapping[str, Any]:
    """Wait until the export is written. Raises Busy when that fails or takes more than an hour."""
    deadline, pause = time.monotonic() + READY_SECONDS_MAX, LOOK_FIRST_SECONDS
    while time.monotonic() < deadline:
        time.sleep(pause)
        pause = min(pause * 2, LOOK_SECONDS_MAX)
        told = client.get(f"/bulk/{VERSION}/read/{identity}").body["data"][0]
        state = str(told.get("state", "")).upper()
        if state == "COMPLETED":
            result: Mapping[str, Any] = told["result"]
            return result
        if state in ("FAILURE", "FAILED"):
            raise Busy(f"the export of {module.path} failed at Zoho.", where=client.options.api_domain)
    raise Busy(f"the export of {module.path} was not ready within an hour.", where=client.options.api_domain)


def _read(file: BinaryIO, cells: Cells, module: Module, client: Client) -> Iterator[tuple[list[Record], int]]:
    """Records of the archive's one file, some at a time, with the bytes they came in."""
    if file.seek(0, io.SEEK_END) == 0:
        return
    where = client.options.api_domain
    csv.field_size_limit(_CELL_CHARACTERS_MAX)
    try:
        with zipfile.ZipFile(file) as archive, archive.open(archive.namelist()[0]) as data:
            rows = csv.DictReader(io.TextIOWrapper(data, "utf-8-sig", newline=""))
            if missing := sorted(set(cells.asked()) - set(rows.fieldnames or ())):
                raise Refused(f"the export of {module.path} lacks {', '.join(missing)}.", where=where)
            gathered: list[Record] = []
            start = 0
            for row in rows:
                gathered.append(cells.record(row))
                if len(gathered) == RECORDS_PER_PAGE:
                    end = data.tell()
                    yield gathered, end - start
                    gathered, start = [], end
            if gathered:
                yield gathered, data.tell() - start
    except (zipfile.BadZipFile, IndexError, UnicodeDecodeError, csv.Error) as error:
        raise Busy(f"the export of {module.path} is damaged: {error}.", where=where) from error


def _afterwards(client: Client, module: Module, cells: Cells, records: Sequence[Record]) -> list[Record]:
    """The records with the fields that no cell can hold; one that was deleted meanwhile is left out.

    A record that has changed since the export was made is asked for anew as a whole.
    """
    if not cells.afterwards:
        return list(records)
    timed = module.timed and MODIFIED in cells.plain
    further = replace(module, fields=(*cells.afterwards, *((MODIFIED,) if timed else ())))
    found = whole(client, further, [str(r["id"]) for r in records])
    there = {i: r for r in records if (i := str(r["id"])) in found}
    changed = [i for i, record in there.items() if timed and _moved(record, found[i])]
    anew = whole(client, module, changed) if changed else {}
    still = {i: {**found[i], **record} for i, record in there.items() if i not in changed}
    return [*still.values(), *anew.values()]


def _moved(one: Record, other: Record) -> bool:
    times = [r.get(MODIFIED) for r in (one, other)]
    return None not in times and moment(times[0]) != moment(times[1])
