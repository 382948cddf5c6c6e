"""Our two tables in the file: who may change the schema now, and what was done to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from wayfare.core.changes import LOCK_TABLE, REVISIONS_TABLE, Entry, Holder, Standing
from wayfare.core.errors import Invalid
from wayfare.systems.databases.sqlite.dialect import listed, quote

_TYPES = {"done": "INTEGER", "total": "INTEGER", "started_at": "REAL", "ended_at": "REAL"}
_NAMES = tuple(f.name for f in fields(Entry))
_COLUMNS = ", ".join(f"{quote(n)} {_TYPES.get(n, 'TEXT')}{'' if n == 'ended_at' else ' NOT NULL'}" for n in _NAMES)
# The row of the lock is never removed: its fence must grow from one holder to the next. `until` 0 is a released lock.
CREATE_LOCK = (
    f"CREATE TABLE IF NOT EXISTS {LOCK_TABLE} (id INTEGER PRIMARY KEY CHECK (id = 1), holder TEXT NOT NULL, "
    "fence INTEGER NOT NULL, since REAL NOT NULL, until REAL NOT NULL)"
)
# `seq` keeps the order in which entries were begun: replacing one leaves its number.
CREATE_REVISIONS = (
    f"CREATE TABLE IF NOT EXISTS {REVISIONS_TABLE} (seq INTEGER PRIMARY KEY AUTOINCREMENT, {_COLUMNS}, "
    "UNIQUE (history, version))"
)
_TAKE = (
    f"INSERT INTO {LOCK_TABLE} (id, holder, fence, since, until) VALUES (1, ?, 1, ?, ?) ON CONFLICT (id) DO UPDATE "
    "SET holder = excluded.holder, fence = fence + 1, since = excluded.since, until = excluded.until "
    "WHERE until <= excluded.since RETURNING fence"
)
_KEEP = (
    f"INSERT INTO {REVISIONS_TABLE} ({listed(_NAMES)}) VALUES ({', '.join('?' * len(_NAMES))}) "
    "ON CONFLICT (history, version) DO UPDATE SET "
    + ", ".join(f"{quote(n)} = excluded.{quote(n)}" for n in _NAMES if n not in ("history", "version"))
)


def has(connection: sqlite3.Connection, table: str) -> bool:
    return bool(
        connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (table,)).fetchone()
    )


def holder(connection: sqlite3.Connection, now: float) -> Holder | None:
    """Who has the lock, or had it and never gave it back: then not alive."""
    if not has(connection, LOCK_TABLE):
        return None
    row = connection.execute(f"SELECT holder, fence, since, until FROM {LOCK_TABLE} WHERE until > 0").fetchone()
    if row is None:
        return None
    by, fence, since, until = row
    return Holder(by, fence, since, until, alive=until > now)


def take(connection: sqlite3.Connection, by: str, now: float, until: float) -> int | None:
    """The new fence; None when somebody has the lock. To be called in a write transaction."""
    connection.execute(CREATE_LOCK)
    row = connection.execute(_TAKE, (by, now, until)).fetchone()
    return int(row[0]) if row else None


def renew(connection: sqlite3.Connection, fence: int, now: float, until: float) -> bool:
    """False when the lease has ended, or is another's. To be called in a write transaction."""
    sql = f"UPDATE {LOCK_TABLE} SET until = ? WHERE fence = ? AND until > ?"
    return connection.execute(sql, (until, fence, now)).rowcount == 1


def release(connection: sqlite3.Connection, fence: int) -> None:
    connection.execute(f"UPDATE {LOCK_TABLE} SET until = 0 WHERE fence = ?", (fence,))


def keep(connection: sqlite3.Connection, entry: Entry) -> None:
    """Raises Invalid for a NUL: SQLite would keep it, but most that read the table would stop there."""
    values = [getattr(entry, n) for n in _NAMES]
    for name, value in zip(_NAMES, values, strict=True):
        if isinstance(value, str) and "\0" in value:
            raise Invalid("a text of the history cannot hold a NUL character.", where=name, remedy="Remove it.")
    connection.execute(CREATE_REVISIONS)
    connection.execute(_KEEP, values)


def forget(connection: sqlite3.Connection, history: str, version: str) -> None:
    if has(connection, REVISIONS_TABLE):
        connection.execute(f"DELETE FROM {REVISIONS_TABLE} WHERE history = ? AND version = ?", (history, version))


def entries(connection: sqlite3.Connection, history: str, limit: int) -> Sequence[Entry]:
    """The last `limit` (0: all) in the order they were begun."""
    if not has(connection, REVISIONS_TABLE):
        return []
    where, given = (" WHERE history = ?", (history,)) if history else ("", ())
    sql = f"SELECT {listed(_NAMES)} FROM {REVISIONS_TABLE}{where} ORDER BY started_at DESC, seq DESC LIMIT ?"
    rows = connection.execute(sql, (*given, limit or -1)).fetchall()
    return [_entry(*row) for row in reversed(rows)]


def _entry(history: str, version: str, name: str, checksum: str, standing: str, *rest: Any) -> Entry:
    """A row, whose columns are the entry's fields in their order."""
    return Entry(history, version, name, checksum, Standing(standing), *rest)
