"""Our two tables in the database: who may change the schema now, and what was done to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from wayfare.core.changes import LOCK_TABLE, REVISIONS_TABLE, Entry, Standing
from wayfare.core.errors import Invalid
from wayfare.systems.databases.mysql import connection as link
from wayfare.systems.databases.mysql.connection import Connection
from wayfare.systems.databases.mysql.dialect import literal, quote

VERSION_CHARACTERS_MAX = 500  # two keys of 255 and 500 characters of four bytes are what an index of InnoDB holds
_TYPES = {
    "history": "VARCHAR(255)",
    "version": f"VARCHAR({VERSION_CHARACTERS_MAX})",
    "done": "INT",
    "total": "INT",
    "started_at": "DOUBLE",
    "ended_at": "DOUBLE",
}
_NAMES = tuple(f.name for f in fields(Entry))
_LISTED = ", ".join(quote(n) for n in _NAMES)
_COLUMNS = ", ".join(
    f"{quote(n)} {_TYPES.get(n, 'LONGTEXT')} {'NULL' if n == 'ended_at' else 'NOT NULL'}" for n in _NAMES
)
_OPTIONS = "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"
CREATE_LOCK = (
    f"CREATE TABLE IF NOT EXISTS {LOCK_TABLE} (id TINYINT PRIMARY KEY, holder LONGTEXT NOT NULL, "
    f"fence BIGINT NOT NULL, since DOUBLE NOT NULL) {_OPTIONS}"
)
# `seq` keeps the order in which entries were begun: replacing one leaves its number.
CREATE_REVISIONS = (
    f"CREATE TABLE IF NOT EXISTS {REVISIONS_TABLE} (seq BIGINT AUTO_INCREMENT PRIMARY KEY, {_COLUMNS}, "
    f"UNIQUE KEY by_version (history, version)) {_OPTIONS} ROW_FORMAT=DYNAMIC"
)


def has(connection: Connection, table: str) -> bool:
    sql = f"SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = {literal(table)}"
    return bool(link.rows(connection, sql))


def take(connection: Connection, by: str, now: float) -> int:
    """The new fence. To be called by whoever has the server's lock."""
    link.run(
        connection,
        f"INSERT INTO {LOCK_TABLE} (id, holder, fence, since) VALUES (1, {text(by)}, 1, {now!r}) "
        "ON DUPLICATE KEY UPDATE fence = fence + 1, holder = VALUES(holder), since = VALUES(since)",
    )
    return int(link.value(connection, f"SELECT fence FROM {LOCK_TABLE} WHERE id = 1"))


def keep(connection: Connection, entry: Entry) -> None:
    values = ", ".join(_sql(n, getattr(entry, n)) for n in _NAMES)
    changed = ", ".join(f"{quote(n)} = VALUES({quote(n)})" for n in _NAMES if n not in ("history", "version"))
    link.run(
        connection, f"INSERT INTO {REVISIONS_TABLE} ({_LISTED}) VALUES ({values}) ON DUPLICATE KEY UPDATE {changed}"
    )


def acceptable(entry: Entry) -> None:
    """Raises Invalid for what the table cannot hold as it is: before anything is done."""
    for name in _NAMES:
        _sql(name, getattr(entry, name))
    if len(entry.version) > VERSION_CHARACTERS_MAX:
        raise Invalid(f"a version has at most {VERSION_CHARACTERS_MAX} characters here.", where=entry.version[:80])


def forget(connection: Connection, history: str, version: str) -> None:
    sql = f"DELETE FROM {REVISIONS_TABLE} WHERE history = {text(history)} AND version = {text(version)}"
    link.run(connection, sql)


def entries(connection: Connection, history: str, limit: int) -> Sequence[Entry]:
    """The last `limit` (0: all) in the order they were begun."""
    if not has(connection, REVISIONS_TABLE):
        return []
    where = f" WHERE history = {text(history)}" if history else ""
    last = f" LIMIT {limit:d}" if limit else ""
    sql = f"SELECT {_LISTED} FROM {REVISIONS_TABLE}{where} ORDER BY started_at DESC, seq DESC{last}"
    rows = link.rows(connection, sql)
    return [_entry(dict(zip(_NAMES, row, strict=True))) for row in reversed(rows)]


def _entry(row: dict[str, Any]) -> Entry:
    return Entry(**{**row, "standing": Standing(row["standing"])})


def _sql(name: str, value: object) -> str:
    if value is None:
        return "NULL"
    return repr(value) if isinstance(value, (int, float)) else text(str(value), name)


def text(value: str, name: str = "") -> str:
    """A literal that no setting of the connection reads in another way. Raises Invalid for a NUL."""
    if "\0" in value:
        raise Invalid("a text of the history cannot hold a NUL character.", where=name, remedy="Remove it.")
    try:
        return f"CONVERT(x'{value.encode().hex()}' USING utf8mb4)" if value else "''"
    except UnicodeEncodeError as error:
        raise Invalid(f"a text of the history is not Unicode: {error}.", where=name) from error
