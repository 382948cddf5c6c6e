"""The dynamic views, whose rows are made when they are asked for, and what T-SQL knows of a connection's own state."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from sqlglot import exp, parse_one
from sqlglot.dialects.duckdb import DuckDB

from wayfare.systems.databases.sqlserver.testserver.locking import Locks, Owner, Resource

_VIEWS = {
    "dm_tran_locks": (
        *("request_session_id", "resource_type", "resource_database_id", "resource_associated_entity_id"),
        *("resource_description", "request_mode", "request_status"),
    ),
    "dm_exec_sessions": ("session_id", "program_name", "login_name", "host_name", "status"),
}
_APPLOCK = re.compile(
    r"(?i)\bapplock_(?P<which>mode|test)\s*\(\s*N?'[^']*'\s*,\s*N?'(?P<name>(?:[^']|'')*)'\s*"
    r"(?:,\s*N?'(?P<mode>\w+)'\s*)?,\s*N?'session'\s*\)"
)
_ARGUMENT = re.compile(r"(?i)@(\w+)\s*=\s*(?:N?'((?:[^']|'')*)'|(-?\d+))")

Find = Callable[[str, str], int | None]  # schema, name → object_id


def with_views(tree: Any, locks: Locks, database: str, number: int, find: Find) -> Any:
    """The tree, with the rows of such views in their place."""
    for table in list(tree.find_all(exp.Table)):
        if table.db.lower() == "sys" and table.name.lower() in _VIEWS:
            name = table.name.lower()
            rows = _locks(locks, database, number, find) if name == "dm_tran_locks" else _connections(locks)
            table.replace(_derived(_VIEWS[name], rows, table.alias_or_name))
    return tree


def _locks(locks: Locks, database: str, number: int, find: Find) -> Iterable[tuple[Any, ...]]:
    for session, (place, schema, name), mode in list(locks.listed()):
        if place != database.lower():
            continue
        if schema:
            yield session, "OBJECT", number, find(schema, name) or 0, "", mode, "GRANT"
        else:
            yield session, "APPLICATION", number, 0, f"0:[{name}]:(00000000)", mode, "GRANT"


def _connections(locks: Locks) -> Iterable[tuple[Any, ...]]:
    for owner in locks.owners():
        yield owner.number, owner.program, "wayfare", owner.host, "sleeping"


def _derived(names: tuple[str, ...], rows: Iterable[tuple[Any, ...]], alias: str) -> Any:
    shown = [f"({', '.join(repr(v) for v in row)})" for row in rows]
    nothing = f"({', '.join(['0' if 'id' in n else repr('') for n in names])})"
    where = "" if shown else " WHERE 1 = 0"
    sql = f"SELECT * FROM (VALUES {', '.join(shown or [nothing])}) AS made({', '.join(names)}){where}"
    made: Any = parse_one(sql, read=DuckDB)
    return made.subquery(alias)


def with_applocks(text: str, locks: Locks, owner: Owner, database: str) -> str:
    """APPLOCK_MODE and APPLOCK_TEST, answered."""

    def answer(found: re.Match[str]) -> str:
        resource: Resource = (database.lower(), "", found["name"].replace("''", "'"))
        if found["which"].lower() == "mode":
            return "'Exclusive'" if resource in owner.applications else "'NoLock'"
        return str(int(locks.application_free(owner, resource)))

    return _APPLOCK.sub(answer, text)


def applock(text: str, locks: Locks, owner: Owner, database: str) -> int:
    """What sp_getapplock and sp_releaseapplock of the session return; the rest of the call is `text`."""
    given = {m[1].lower(): (m[2] or "").replace("''", "'") or m[3] for m in _ARGUMENT.finditer(text)}
    if (given.get("lockowner") or "").lower() != "session":
        return -999
    resource: Resource = (database.lower(), "", given["resource"])
    if "lockmode" in given:
        return 0 if locks.take_application(owner, resource) else -1
    return 0 if locks.release_application(owner, resource) else -999
