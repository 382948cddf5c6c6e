"""The statements that make again what an action is about, from the texts SQLite keeps."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from wayfare.core.statements import Action, Kind
from wayfare.systems.databases.sqlite.schema.objects import Thing, plain, things

_TYPES = {
    **dict.fromkeys((Kind.CREATE_INDEX, Kind.DROP_INDEX), "index"),
    **dict.fromkeys((Kind.CREATE_VIEW, Kind.DROP_VIEW), "view"),
    **dict.fromkeys((Kind.CREATE_TRIGGER, Kind.DROP_TRIGGER), "trigger"),
}


def recall(connection: sqlite3.Connection, action: Action) -> Sequence[str]:
    """Of indexes, triggers, views with their triggers, and the version that PRAGMA user_version sets.

    Of tables nothing: what DROP TABLE or DROP COLUMN takes has rows, and SQLite changes nothing else of a column.
    """
    if action.kind is Kind.SET and plain(action.name) == "user_version":
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        return [f"PRAGMA user_version = {version}"]
    wanted = _TYPES.get(action.kind)
    name = plain(action.name)
    return [t.sql for t in things(connection) if wanted and name in _names(t, wanted)]


def _names(thing: Thing, wanted: str) -> set[str]:
    own = {plain(thing.name)} if thing.type == wanted else set()
    return own | ({plain(thing.table)} if wanted == "view" and thing.type == "trigger" else set())
