"""Our two tables in the database: what was done to it, and who does something now.

Both are in the schema dbo, and always named with it: a user may have another default schema. Every write of ours asks
for the fence in its own transaction, under a lock that it keeps (REPEATABLEREAD): a new holder has to change that row
first, so nobody can take over between the question and the commit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wayfare.core.changes import LOCK_TABLE, REVISIONS_TABLE, Entry, Standing
from wayfare.core.errors import Invalid, LockLost
from wayfare.systems.databases.sqlserver.dialect import DEFAULT_NAMESPACE, literal, quote
from wayfare.systems.databases.sqlserver.drivers import Connection

REVISIONS = f"{quote(DEFAULT_NAMESPACE)}.{quote(REVISIONS_TABLE)}"
LOCK = f"{quote(DEFAULT_NAMESPACE)}.{quote(LOCK_TABLE)}"
HISTORY_CHARACTERS_MAX = 255  # with those of the version 1,510 bytes; a key of an index has at most 1,700
VERSION_CHARACTERS_MAX = 500
_EXACT = "COLLATE Latin1_General_100_BIN2"  # "a" and "A" are two versions, whatever the database's collation

# The key is no clustered one, which may have 900 bytes only. `place` keeps the order in which entries were begun.
_CREATE_REVISIONS = f"""CREATE TABLE {REVISIONS} (
  place bigint IDENTITY(1,1) NOT NULL PRIMARY KEY CLUSTERED,
  history nvarchar({HISTORY_CHARACTERS_MAX}) {_EXACT} NOT NULL,
  version nvarchar({VERSION_CHARACTERS_MAX}) {_EXACT} NOT NULL,
  name nvarchar(max) NOT NULL, checksum nvarchar(200) NOT NULL, standing nvarchar(40) NOT NULL, done int NOT NULL,
  total int NOT NULL, environment nvarchar(max) NOT NULL, intent nvarchar(max) NOT NULL, by_whom nvarchar(max) NOT NULL,
  error nvarchar(max) NOT NULL, started_at float NOT NULL, ended_at float NULL,
  UNIQUE NONCLUSTERED (history, version))"""
_CREATE_LOCK = f"""CREATE TABLE {LOCK} (
  one int NOT NULL PRIMARY KEY CHECK (one = 1), holder nvarchar(max) NOT NULL, fence bigint NOT NULL,
  since float NOT NULL)"""
_COLUMNS = (
    *("history", "version", "name", "checksum", "standing", "done", "total", "environment", "intent", "by_whom"),
    *("error", "started_at", "ended_at"),
)
_LISTED = ", ".join(map(quote, _COLUMNS))
# `float` has the digits for a second's microseconds in this century.
_NOW = "DATEDIFF_BIG(microsecond, '1970-01-01', SYSUTCDATETIME()) / 1e6"


def exists(connection: Connection) -> bool:
    """Are both tables there?"""
    return not _missing(connection)


def create(connection: Connection) -> None:
    """Repeatable. Only for who holds the lock: two at once would collide."""
    for statement in _missing(connection):
        connection.run(statement)


def _missing(connection: Connection) -> list[str]:
    asked = f"SELECT OBJECT_ID({literal(REVISIONS)}) AS revisions, OBJECT_ID({literal(LOCK)}) AS lock_row"
    found = connection.rows(asked)[0]
    wanted = (("revisions", _CREATE_REVISIONS), ("lock_row", _CREATE_LOCK))
    return [statement for name, statement in wanted if found[name] is None]


def hold(connection: Connection, by: str) -> int:
    """Write who holds the lock; returns the fence, one more than the last holder's. Within a transaction."""
    connection.run(
        f"UPDATE {LOCK} SET holder = {text(by)}, fence = fence + 1, since = {_NOW} WHERE one = 1;\n"
        f"IF @@ROWCOUNT = 0 INSERT INTO {LOCK} (one, holder, fence, since) VALUES (1, {text(by)}, 1, {_NOW})"
    )
    return int(connection.rows(f"SELECT fence FROM {LOCK} WHERE one = 1")[0]["fence"])


def let_go(connection: Connection, fence: int) -> None:
    """Say that nobody holds it, unless somebody else does by now. Repeatable."""
    connection.run(f"UPDATE {LOCK} SET holder = N'' WHERE one = 1 AND fence = {fence:d}")


def holder(connection: Connection) -> tuple[str, int, float] | None:
    """By whom, the fence, since when; None where nobody wrote that they hold it."""
    if not exists(connection):
        return None
    rows = connection.rows(f"SELECT holder, fence, since FROM {LOCK} WHERE one = 1 AND holder <> N''")
    return (rows[0]["holder"], int(rows[0]["fence"]), float(rows[0]["since"])) if rows else None


def check_fence(connection: Connection, fence: int) -> None:
    """Within the transaction of a write, before it. Raises LockLost."""
    asked = f"SELECT fence FROM {LOCK} WITH (REPEATABLEREAD) WHERE one = 1 AND fence = {fence:d}"
    if not connection.rows(asked):
        raise LockLost(
            f"another runner has taken over the schema since this one had fence {fence}.",
            where=LOCK_TABLE,
            remedy="Look at what it does; nothing was changed by this statement.",
        )


def acceptable(entry: Entry) -> None:
    """Raises Invalid for what the table cannot hold as it is: before anything is done."""
    for name, value in zip(_COLUMNS, _row(entry), strict=True):
        if isinstance(value, str):
            text(value, name)
    for name, value, most in (
        ("history", entry.history, HISTORY_CHARACTERS_MAX),
        ("version", entry.version, VERSION_CHARACTERS_MAX),
    ):
        if len(value.encode("utf-16-le")) // 2 > most:
            raise Invalid(f"a {name} has at most {most} characters here.", where=value[:80], remedy="Shorten it.")


def keep(connection: Connection, entry: Entry) -> None:
    """Make or replace an entry; its place in the order stays. Repeatable. No MERGE: it needs HOLDLOCK to be safe."""
    values = [_sql(value) for value in _row(entry)]
    pairs = list(zip(map(quote, _COLUMNS), values, strict=True))
    changed = ", ".join(f"{name} = {value}" for name, value in pairs[2:])
    key = " AND ".join(f"{name} = {value}" for name, value in pairs[:2])
    connection.run(
        f"UPDATE {REVISIONS} SET {changed} WHERE {key};\n"
        f"IF @@ROWCOUNT = 0 INSERT INTO {REVISIONS} ({_LISTED}) VALUES ({', '.join(values)})"
    )


def forget(connection: Connection, history: str, version: str) -> None:
    """Repeatable: who is not there is forgotten already."""
    connection.run(f"DELETE FROM {REVISIONS} WHERE history = {text(history)} AND version = {text(version)}")


def entries(connection: Connection, history: str, limit: int) -> Sequence[Entry]:
    """In the order they were begun; with a limit, the last ones."""
    if not exists(connection):
        return []
    top = f"TOP ({limit:d}) " if limit else ""
    where = f" WHERE history = {text(history)}" if history else ""
    asked = f"SELECT {top}{_LISTED} FROM {REVISIONS}{where} ORDER BY started_at DESC, place DESC"
    return [_entry(*(row[name] for name in _COLUMNS)) for row in reversed(connection.rows(asked))]


def text(value: str, name: str = "") -> str:
    """As a literal. Raises Invalid for a NUL, and for what is not Unicode.

    In a literal, a backslash before the end of a line takes both away, so a text with one is written by its bytes
    (https://learn.microsoft.com/sql/t-sql/language-elements/sql-server-utilities-statements-backslash).
    """
    if "\0" in value:
        raise Invalid("a text of the history cannot hold a NUL character.", where=name, remedy="Remove it.")
    try:
        raw = value.encode("utf-16-le")
    except UnicodeEncodeError as error:
        raise Invalid(f"a text of the history is not Unicode: {error}.", where=name) from error
    return f"CAST(0x{raw.hex()} AS nvarchar(max))" if "\\\n" in value or "\\\r" in value else literal(value)


def _sql(value: Any) -> str:
    if value is None:
        return "NULL"
    return text(value) if isinstance(value, str) else repr(value)


def _row(entry: Entry) -> tuple[Any, ...]:
    return (
        *(entry.history, entry.version, entry.name, entry.checksum, entry.standing.value, entry.done, entry.total),
        *(entry.environment, entry.intent, entry.by, entry.error, entry.started_at, entry.ended_at),
    )


def _entry(history: str, version: str, name: str, checksum: str, standing: str, *rest: Any) -> Entry:
    """A row, whose columns are the entry's fields in their order."""
    return Entry(history, version, name, checksum, Standing(standing), *rest)
