"""What a file's schema consists of: as text, as digests, in sizes."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from wayfare.core.changes import LOCK_TABLE, REVISIONS_TABLE, Size
from wayfare.core.statements import Action, Kind, Statement
from wayfare.systems.databases.sqlite import density
from wayfare.systems.databases.sqlite.dialect import OURS, quote, rowid
from wayfare.systems.databases.sqlite.schema.canonical import canonical

DBSTAT_BYTES_MAX = 256 << 20  # it reads every page
ROWS_COUNTED_MAX = 100_000  # of a table without rowids or statistics
_ORDER = ("table", "index", "view", "trigger")
_PRAGMAS = ("user_version", "application_id", "journal_mode", "page_size", "auto_vacuum", "encoding")
_OBJECTS = (
    "SELECT m.type, m.name, m.tbl_name, m.sql FROM sqlite_master m "
    "LEFT JOIN pragma_table_list l ON l.name = m.name AND l.schema = 'main' "
    "WHERE m.sql IS NOT NULL AND coalesce(l.type, '') <> 'shadow' AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
    "ORDER BY m.rowid"
)


NOTHING = "PRAGMA user_version = 0;\n"  # the dump of an empty file


@dataclass(frozen=True, slots=True)
class Thing:
    type: str  # "table", "index", "view", "trigger"
    name: str
    table: str  # what an index or trigger belongs to
    sql: str


def things(connection: sqlite3.Connection) -> list[Thing]:
    """In the order they were made. Without our tables, those of a copy on its way, and what virtual tables keep."""
    found = (Thing(*row) for row in connection.execute(_OBJECTS).fetchall())
    return [t for t in found if not {t.name, t.table} & {LOCK_TABLE, REVISIONS_TABLE} and not OURS.match(t.table)]


def dump(connection: sqlite3.Connection) -> str:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    ordered = sorted(things(connection), key=lambda t: (_ORDER.index(t.type), t.name))
    return "".join([f"PRAGMA user_version = {version};\n", *(f"{canonical(t.sql)};\n" for t in ordered)])


def plain(name: str) -> str:
    """Names are the same in any case, and "main." goes without saying."""
    folded = name.lower()
    return folded.removeprefix("main.")


def about(action: Action) -> frozenset[str]:
    """The names that an action is about."""
    named = (action.table, action.name, str(action.details.get("new", "")), str(action.details.get("references", "")))
    return frozenset(plain(n) for n in named if n)


def shape(connection: sqlite3.Connection, statement: Statement) -> str:
    """Of what it names, with its indexes and triggers; for PRAGMA of what pragmas leave in the file."""
    names = frozenset(n for a in statement.actions for n in about(a))
    parts = [
        f"{t.type} {t.name} {canonical(t.sql)}" for t in things(connection) if {plain(t.name), plain(t.table)} & names
    ]
    if statement.kind in (Kind.SET, Kind.OTHER):
        parts += [f"{name} {connection.execute(f'PRAGMA {name}').fetchone()}" for name in _PRAGMAS]
    return hashlib.sha256("\n".join(sorted(parts)).encode()).hexdigest()


def sizes(connection: sqlite3.Connection) -> Mapping[str, Size]:
    """By "name" and "main.name". Bytes with the indexes'; of large files shared out by rows."""
    rows = {t.name: _rows(connection, t.name) for t in things(connection) if t.type == "table"}
    taken = _bytes(connection, rows)
    found = {name: Size(count, taken.get(name, 0)) for name, count in rows.items()}
    return {**found, **{f"main.{name}": size for name, size in found.items()}}


def columns(connection: sqlite3.Connection, table: str) -> Sequence[str]:
    """Those that can be written."""
    sql = "SELECT name FROM pragma_table_xinfo(?) WHERE hidden = 0"
    return [n for (n,) in connection.execute(sql, (table,))]


def row_name(connection: sqlite3.Connection, table: str) -> str:
    """The name by which rows are numbered; "" for tables without rowids, and virtual ones."""
    sql = "SELECT type, wr FROM pragma_table_list WHERE schema = 'main' AND name = ?"
    kind, without = connection.execute(sql, (table,)).fetchone()
    return "" if without or kind != "table" else rowid(tuple(columns(connection, table)))


def _rows(connection: sqlite3.Connection, table: str) -> int:
    """Estimated by how the rowids lie: a few probes, whatever the size."""
    if by := row_name(connection, table):
        return density.measure(connection, table, by).rows
    if known := _counted(connection, table):
        return known
    sql = f"SELECT count(*) FROM (SELECT 1 FROM {quote(table)} LIMIT {ROWS_COUNTED_MAX})"
    return int(connection.execute(sql).fetchone()[0])


def _counted(connection: sqlite3.Connection, table: str) -> int:
    """What ANALYZE counted; 0 when it never ran."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_stat1'").fetchone():
        return 0
    row = connection.execute("SELECT max(CAST(stat AS INTEGER)) FROM sqlite_stat1 WHERE tbl = ?", (table,)).fetchone()
    return int(row[0] or 0)


def _bytes(connection: sqlite3.Connection, rows: Mapping[str, int]) -> Mapping[str, int]:
    (pages,), (size,) = (connection.execute(f"PRAGMA {p}").fetchone() for p in ("page_count", "page_size"))
    if pages * size <= DBSTAT_BYTES_MAX and (measured := dict(_measured(connection))):
        return measured
    total = max(sum(rows.values()), 1)
    return {name: pages * size * count // total for name, count in rows.items()}


def _measured(connection: sqlite3.Connection) -> Iterator[tuple[str, int]]:
    """Nothing where SQLite was built without dbstat."""
    if not connection.execute("SELECT 1 FROM pragma_module_list WHERE name = 'dbstat'").fetchone():
        return
    sql = (
        "SELECT m.tbl_name, sum(s.pgsize) FROM dbstat s JOIN sqlite_master m ON m.name = s.name "
        "WHERE s.aggregate = TRUE GROUP BY m.tbl_name"
    )
    yield from connection.execute(sql)
