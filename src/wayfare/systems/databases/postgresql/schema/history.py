"""Our two tables in the target: what was done to it, and who does something now.

Both are in the default namespace, and always named with it: a script may set another search path. Every write of ours
asks for the fence in its own transaction, FOR SHARE: a new holder has to change that row first, so nobody can take over
between the question and the commit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wayfare.core.changes import LOCK_TABLE, REVISIONS_TABLE, Entry, Standing
from wayfare.core.errors import LockLost
from wayfare.systems.databases.postgresql.connect import Connection
from wayfare.systems.databases.postgresql.dialect import DEFAULT_NAMESPACE, qualified

REVISIONS = qualified(DEFAULT_NAMESPACE, REVISIONS_TABLE)
LOCK = qualified(DEFAULT_NAMESPACE, LOCK_TABLE)

_CREATE = f"""
create table if not exists {REVISIONS} (
  place bigint generated always as identity, history text not null, version text not null, name text not null,
  checksum text not null, standing text not null, done integer not null, total integer not null,
  environment text not null, intent text not null, by_whom text not null, error text not null,
  started_at double precision not null, ended_at double precision, primary key (history, version));
create table if not exists {LOCK} (
  one integer primary key check (one = 1), holder text not null, fence bigint not null,
  since double precision not null)
"""
_COLUMNS = (
    "history, version, name, checksum, standing, done, total, environment, intent, by_whom, error, started_at, ended_at"
)
_KEPT = ", ".join(f"{c} = excluded.{c}" for c in _COLUMNS.split(", ")[2:])
_MARKS = ", ".join(["%s"] * len(_COLUMNS.split(", ")))


def exists(connection: Connection) -> bool:
    """Are both tables there?"""
    found = connection.execute("select to_regclass(%s), to_regclass(%s)", (REVISIONS, LOCK)).fetchone()
    return bool(found and found[0] and found[1])


def create(connection: Connection) -> None:
    """Repeatable. Only for who holds the lock: CREATE … IF NOT EXISTS twice at once may collide."""
    if not exists(connection):
        connection.execute(_CREATE)


def hold(connection: Connection, by: str) -> int:
    """Write who holds the lock; returns the fence, one more than the last holder's. Repeatable: it only grows."""
    row = connection.execute(
        f"insert into {LOCK} as l values (1, %s, 1, extract(epoch from clock_timestamp()))"
        " on conflict (one) do update set holder = excluded.holder, fence = l.fence + 1, since = excluded.since"
        " returning fence",
        (by,),
    ).fetchone()
    assert row
    return int(row[0])


def let_go(connection: Connection, fence: int) -> None:
    """Say that nobody holds it, unless somebody else does by now. Repeatable."""
    connection.execute(f"update {LOCK} set holder = '' where one = 1 and fence = %s", (fence,))


def holder(connection: Connection) -> tuple[str, int, float] | None:
    """By whom, the fence, since when; None where nobody wrote that they hold it."""
    if not exists(connection):
        return None
    row = connection.execute(f"select holder, fence, since from {LOCK} where one = 1 and holder <> ''").fetchone()
    return (row[0], row[1], row[2]) if row else None


def check_fence(connection: Connection, fence: int) -> None:
    """Within the transaction of a write, before it. Raises LockLost."""
    if not connection.execute(f"select 1 from {LOCK} where one = 1 and fence = %s for share", (fence,)).fetchone():
        raise LockLost(
            f"another runner has taken over the schema since this one had fence {fence}.",
            where=LOCK_TABLE,
            remedy="Look at what it does; nothing was changed by this statement.",
        )


def keep(connection: Connection, entry: Entry) -> None:
    """Make or replace an entry; its place in the order stays. Repeatable."""
    connection.execute(
        f"insert into {REVISIONS} ({_COLUMNS}) values ({_MARKS}) on conflict (history, version) do update set {_KEPT}",
        _row(entry),
    )


def forget(connection: Connection, history: str, version: str) -> None:
    """Repeatable: who is not there is forgotten already."""
    connection.execute(f"delete from {REVISIONS} where history = %s and version = %s", (history, version))


def entries(connection: Connection, history: str, limit: int) -> Sequence[Entry]:
    """In the order they were begun; with a limit, the last ones."""
    if not exists(connection):
        return []
    rows = connection.execute(
        f"select {_COLUMNS} from {REVISIONS} where %s in ('', history) order by started_at desc, place desc limit %s",
        (history, limit or None),
    ).fetchall()
    return [_entry(row) for row in reversed(rows)]


def _row(entry: Entry) -> tuple[Any, ...]:
    return (
        *(entry.history, entry.version, entry.name, entry.checksum, entry.standing.value, entry.done, entry.total),
        *(entry.environment, entry.intent, entry.by, entry.error, entry.started_at, entry.ended_at),
    )


def _entry(row: tuple[Any, ...]) -> Entry:
    history, version, name, checksum, standing, *rest = row
    return Entry(history, version, name, checksum, Standing(standing), *rest)
