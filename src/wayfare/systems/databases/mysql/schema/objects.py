"""What a database's schema consists of, in the server's own words: SHOW CREATE, without what is no schema."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from wayfare.core.changes import Size
from wayfare.core.errors import Forbidden, NotFound, Refused
from wayfare.core.statements import Action, Statement
from wayfare.systems.databases.mysql import connection as link
from wayfare.systems.databases.mysql.connection import Connection
from wayfare.systems.databases.mysql.dialect import quote

OURS = re.compile(r"_wayfare_(revisions|lock)\Z|wf_[a-z0-9]{16}_|#sql")
_COUNTER = re.compile(r"(\) ENGINE=\S+)( AUTO_INCREMENT=\d+)")
_LISTS = {  # type → its names
    "table": "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() "
    "AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED')",
    "sequence": "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() "
    "AND table_type = 'SEQUENCE'",
    "view": "SELECT table_name FROM information_schema.views WHERE table_schema = DATABASE()",
    "function": "SELECT routine_name FROM information_schema.routines WHERE routine_schema = DATABASE() "
    "AND routine_type = 'FUNCTION'",
    "procedure": "SELECT routine_name FROM information_schema.routines WHERE routine_schema = DATABASE() "
    "AND routine_type = 'PROCEDURE'",
    "trigger": "SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = DATABASE()",
    "event": "SELECT event_name FROM information_schema.events WHERE event_schema = DATABASE()",
}
_TEXT_AT = {"table": 1, "sequence": 1, "view": 1, "function": 2, "procedure": 2, "trigger": 2, "event": 3}
_MODE_AT = {"function": 1, "procedure": 1, "trigger": 1, "event": 1}


@dataclass(frozen=True, slots=True)
class Thing:
    type: str
    name: str
    sql: str
    mode: str = ""  # the sql_mode it was made in, which it keeps


def things(connection: Connection) -> list[Thing]:
    """By type and name. Raises Forbidden where the user may not see a definition."""
    return [
        t for kind, sql in _LISTS.items() for name in _names(connection, sql) if (t := show(connection, kind, name))
    ]


def _names(connection: Connection, sql: str) -> list[str]:
    return sorted(str(n) for (n,) in link.rows(connection, sql) if not OURS.match(str(n)))


def show(connection: Connection, kind: str, name: str) -> Thing | None:
    """None when it is gone meanwhile."""
    try:
        row = link.rows(connection, f"SHOW CREATE {kind.upper()} {quote(name)}")[0]
    except (NotFound, Refused):
        return None
    text = row[_TEXT_AT[kind]]
    if text is None:
        remedy = "Grant SHOW_ROUTINE, or SELECT on mysql.proc, to this user."
        raise Forbidden(f"the definition of the {kind} {name} may not be seen.", where=name, remedy=remedy)
    if kind == "table":
        text = _COUNTER.sub(r"\1", text)
    return Thing(kind, name, str(text), str(row[_MODE_AT[kind]]) if kind in _MODE_AT else "")


def printed(found: Sequence[Thing]) -> str:
    ordered = sorted(found, key=lambda t: (list(_LISTS).index(t.type), t.name))
    return "".join(f"{t.sql};\n\n" for t in ordered)


def dump(connection: Connection) -> str:
    return printed(things(connection))


def plain(name: str) -> str:
    """Without the database: names of other databases are none of this schema's."""
    return name.rpartition(".")[2].strip("`")


def about(action: Action) -> frozenset[str]:
    named = (action.table, action.name, str(action.details.get("new", "")))
    return frozenset(plain(n) for n in named if n)


def shape(connection: Connection, statement: Statement) -> str:
    """Of whatever bears a name that the statement names: a table with its columns and indexes, a view, a routine."""
    names = frozenset().union(*(about(a) for a in statement.actions)) if statement.actions else frozenset()
    return hashlib.sha256("\n".join(_parts(connection, names)).encode()).hexdigest()


def _parts(connection: Connection, names: frozenset[str]) -> Iterator[str]:
    folded = {n.lower() for n in names}
    for kind, sql in _LISTS.items():
        for name in _names(connection, sql):
            if name.lower() in folded and (found := show(connection, kind, name)):
                yield f"{kind} {name} {found.sql}"


def sizes(connection: Connection) -> Mapping[str, Size]:
    """The server's estimates. By "name" and "database.name"."""
    (database,) = link.rows(connection, "SELECT DATABASE()")[0]
    found = link.rows(
        connection,
        "SELECT table_name, table_rows, COALESCE(data_length, 0) + COALESCE(index_length, 0) "
        "FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type <> 'VIEW'",
    )
    sized = {str(n): Size(int(rows or 0), int(size)) for n, rows, size in found if not OURS.match(str(n))}
    return {**sized, **{f"{database}.{n}": size for n, size in sized.items()}}
