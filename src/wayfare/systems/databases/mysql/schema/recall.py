"""The statements that make again what an action is about, from the server's own words."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from wayfare.core.statements import Action, Kind
from wayfare.systems.databases.mysql.connection import Connection
from wayfare.systems.databases.mysql.dialect import quote
from wayfare.systems.databases.mysql.schema import objects
from wayfare.systems.databases.mysql.schema.objects import Thing

_COLUMN = {Kind.SET_DEFAULT, Kind.DROP_DEFAULT, Kind.ALTER_TYPE, Kind.SET_NOT_NULL, Kind.DROP_NOT_NULL}
_WHOLE = {
    Kind.DROP_VIEW: ("view",),
    Kind.CREATE_VIEW: ("view",),
    Kind.CREATE_FUNCTION: ("function", "procedure"),
    Kind.DROP_FUNCTION: ("function", "procedure"),
    Kind.CREATE_TRIGGER: ("trigger",),
    Kind.DROP_TRIGGER: ("trigger",),
    Kind.CREATE_SEQUENCE: ("sequence",),
}
_REPLACES = {Kind.CREATE_VIEW, Kind.CREATE_FUNCTION, Kind.CREATE_TRIGGER}


def recall(connection: Connection, action: Action) -> Sequence[str]:
    """Of views, routines, triggers, indexes, constraints, and of columns that stay: as they stand now.

    Of tables and columns that go nothing: they have rows. A column comes back with its type, default and comment; the
    values that a narrower type would not hold make the server refuse that, and are not lost.
    """
    table, name = objects.plain(action.table), objects.plain(action.name)
    if kinds := _WHOLE.get(action.kind):
        found = [t for kind in kinds if (t := objects.show(connection, kind, name or table))]
        return [_whole(t, action.kind in _REPLACES) for t in found]
    if action.kind is Kind.DROP_INDEX:
        return _line(connection, table, _is_index(name), "ADD")
    if action.kind is Kind.DROP_CONSTRAINT:
        if name.upper() in ("", "PRIMARY"):
            return _line(connection, table, lambda line: line.startswith("PRIMARY KEY"), "ADD")
        start = f"CONSTRAINT {quote(name)} ".lower()
        return _line(connection, table, lambda line: line.lower().startswith(start) or _is_index(name)(line), "ADD")
    if action.kind in _COLUMN:
        start = quote(name).lower() + " "
        return _line(connection, table, lambda line: line.lower().startswith(start), "MODIFY COLUMN")
    return []


def _whole(thing: Thing, replace: bool) -> str:
    return re.sub(r"^CREATE ", "CREATE OR REPLACE ", thing.sql) if replace and thing.type == "view" else thing.sql


def _is_index(name: str) -> Callable[[str], bool]:
    pattern = re.compile(rf"(UNIQUE |FULLTEXT |SPATIAL )?KEY {re.escape(quote(name))} ", re.IGNORECASE)
    return lambda line: bool(pattern.match(line))


def _line(connection: Connection, table: str, wanted: Callable[[str], bool], verb: str) -> list[str]:
    """SHOW CREATE TABLE has one line for each column, index and constraint."""
    found = objects.show(connection, "table", table) if table else None
    lines = (line.strip().removesuffix(",") for line in found.sql.split("\n")[1:-1]) if found else ()
    return [f"ALTER TABLE {quote(table)} {verb} {line}" for line in lines if wanted(line)]
