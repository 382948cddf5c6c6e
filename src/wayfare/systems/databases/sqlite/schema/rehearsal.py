"""A rehearsal: the same schema in memory, with some of the rows where estimates are wanted. The file is only read."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise

from wayfare.core.changes import Blocks, Measured
from wayfare.core.errors import Unavailable
from wayfare.core.statements import Action, Kind, Statement
from wayfare.systems.databases.sqlite.dialect import listed, literal, quote
from wayfare.systems.databases.sqlite.errors import classified
from wayfare.systems.databases.sqlite.files import Files
from wayfare.systems.databases.sqlite.schema import objects, program
from wayfare.systems.databases.sqlite.schema import recall as recalling
from wayfare.systems.databases.sqlite.schema.objects import Thing, plain

ROWS_SAMPLED_MIN = 5_000
ROWS_SAMPLED_MAX = 200_000
SHARE_SAMPLED = 0.02
STRETCHES = 32
BYTES_SAMPLED_MAX = 64 << 20
LOCK = "EXCLUSIVE"  # SQLite's word; it locks the file, whatever the table


@contextmanager
def rehearsal(files: Files, sample: Collection[str]) -> Iterator[Clone]:
    """Raises Unavailable where the file has tables of a module that is not loaded here."""
    with closing(sqlite3.connect("file::memory:", uri=True, isolation_level=None, check_same_thread=False)) as clone:
        with classified(files.path, "cloning the schema"):
            if files.vacant():
                origin = _Origin(True, {})
            else:
                clone.execute(f"ATTACH {literal(files.uri())} AS origin")
                origin = _fill(clone, files, sample)
                clone.execute("DETACH origin")
        clone.set_authorizer(_harmless)
        yield Clone(clone, origin.log_ahead, origin.scales)


@dataclass(frozen=True, slots=True)
class _Origin:
    log_ahead: bool  # does the file keep a write-ahead log, so that readers go on?
    scales: dict[str, float]  # table → its rows for one of the clone's


def _harmless(code: int, first: str | None, *_: object) -> int:
    """A rehearsed statement opens no other file: VACUUM attaches one without a name, VACUUM INTO one with."""
    return sqlite3.SQLITE_DENY if code == sqlite3.SQLITE_ATTACH and first != "" else sqlite3.SQLITE_OK


def _fill(clone: sqlite3.Connection, files: Files, sample: Collection[str]) -> _Origin:
    wanted = {plain(t) for t in sample}
    with files.reader("cloning the schema") as reader:
        all_things = objects.things(reader)
        (mode,) = reader.execute("PRAGMA journal_mode").fetchone()
        (version,) = reader.execute("PRAGMA user_version").fetchone()
        clone.execute(f"PRAGMA user_version = {version}")
        scales = {}
        for thing in (t for t in all_things if t.type == "table"):
            _make(clone, thing)
            if plain(thing.name) in wanted:
                scales[plain(thing.name)] = _take_along(clone, reader, thing.name)
        for thing in (t for t in all_things if t.type != "table"):
            _make(clone, thing)
    return _Origin(mode == "wal", scales)


def _make(clone: sqlite3.Connection, thing: Thing) -> None:
    try:
        clone.execute(thing.sql)
    except sqlite3.Error as error:
        raise Unavailable(
            f"the {thing.type} {thing.name} cannot be made in a clone: {error}.",
            where=thing.name,
            remedy="Rehearse with an SQLite that has what it needs, or apply without a rehearsal.",
        ) from error


def _take_along(clone: sqlite3.Connection, reader: sqlite3.Connection, table: str) -> float:
    """Copy stretches of rows, evenly spaced; how many of the file's rows each of them stands for."""
    names = listed(tuple(objects.columns(reader, table)))
    size = objects.sizes(reader)[table]
    width = max(size.bytes // max(size.rows, 1), 1)
    rows = min(max(int(size.rows * SHARE_SAMPLED), ROWS_SAMPLED_MIN), ROWS_SAMPLED_MAX, BYTES_SAMPLED_MAX // width)
    by = objects.row_name(reader, table)
    into = f"INSERT INTO main.{quote(table)} ({names}) SELECT {names} FROM origin.{quote(table)}"
    clone.execute("BEGIN")
    if size.rows <= rows or not by:
        taken = clone.execute(f"{into} LIMIT {rows}").rowcount
    else:
        low, high = (
            reader.execute(f"SELECT {f}({quote(by)}) FROM {quote(table)}").fetchone()[0] for f in ("min", "max")
        )
        edges = [low + (high + 1 - low) * i // STRETCHES for i in range(STRETCHES + 1)]
        stretch = f"{into} WHERE {quote(by)} >= ? AND {quote(by)} < ? ORDER BY {quote(by)} LIMIT {rows // STRETCHES}"
        taken = sum(clone.execute(stretch, pair).rowcount for pair in pairwise(edges))
    clone.execute("COMMIT")
    return max(size.rows, taken) / taken if taken else 1.0


@dataclass(slots=True)
class Clone:
    """A `Rehearsal`."""

    _connection: sqlite3.Connection
    _log_ahead: bool
    _scales: dict[str, float] = field(default_factory=dict)

    def dump(self) -> str:
        return objects.dump(self._connection)

    def recall(self, action: Action) -> Sequence[str]:
        return recalling.recall(self._connection, action)

    def run(self, statement: Statement) -> Measured:
        """Locks are the file's: while the statement runs, others write nothing to any table of it.

        Readers go on where the file keeps a write-ahead log; with a rollback journal they are kept out while it
        commits, which for large changes is most of the time, so that is told as blocking everything.
        """
        connection = self._connection
        before = {t.name: t for t in objects.things(connection)}
        pages = connection.serialize()
        try:
            found = program.read(connection, statement)
            seconds = self._carry(statement)
        except (sqlite3.Error, sqlite3.Warning, ValueError) as error:
            return Measured(0.0, error=str(error))
        after = {t.name: t for t in objects.things(connection)}
        touched = self._touched(statement, before)
        blocks = Blocks.WRITES if self._log_ahead else Blocks.EVERYTHING
        measured = Measured(
            seconds,
            locks=dict.fromkeys(touched, LOCK),
            blocks=dict.fromkeys(touched, blocks),
            scans=found.scans,
            rewrites=found.rewrites,
            rebuilds=found.rebuilds,
            creates=tuple(sorted(after.keys() - before.keys())),
            drops=tuple(sorted(before.keys() - after.keys())),
            log_bytes=_changed(pages, connection.serialize(), self._page_size()),
        )
        for action in statement.actions:
            if action.kind is Kind.RENAME_TABLE:
                scale = self._scales.get(plain(action.table), 1.0)
                self._scales[plain(str(action.details.get("new", "")))] = scale
        concerned = {plain(t) for t in (*touched, *found.scans, *found.rewrites)}
        scale = max((self._scales.get(t, 1.0) for t in concerned), default=1.0)
        return replace(measured, estimate_seconds=seconds * scale)

    def _carry(self, statement: Statement) -> float:
        """Seconds. Whatever is refused leaves nothing."""
        connection = self._connection
        if not statement.alone:
            connection.execute("SAVEPOINT rehearsal")
        started = time.perf_counter()
        try:
            for _ in connection.execute(statement.text):
                pass
            seconds = time.perf_counter() - started
            if not statement.alone:
                connection.execute("RELEASE rehearsal")
        except sqlite3.Error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")  # the savepoint began the transaction
            raise
        return seconds

    def _touched(self, statement: Statement, before: dict[str, Thing]) -> list[str]:
        """Tables there were that the statement names, or whose index or trigger it names."""
        names = {n for a in statement.actions for n in objects.about(a)}
        belong = (t.table for t in before.values() if {plain(t.name), plain(t.table)} & names)
        return sorted({t for t in belong if t in before and before[t].type == "table"})

    def _page_size(self) -> int:
        return int(self._connection.execute("PRAGMA page_size").fetchone()[0])


def _changed(before: bytes, after: bytes, page: int) -> int:
    """Bytes of the pages that differ: what goes into a log or journal."""
    places = range(0, max(len(before), len(after)), page)
    return sum(page for at in places if before[at : at + page] != after[at : at + page])
