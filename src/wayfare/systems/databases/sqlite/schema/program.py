"""What a statement would do, read from the program that SQLite makes of it (EXPLAIN): also with empty tables.

ALTER TABLE is made of ordinary loops over the table and over SQLite's own catalog, and these are seen here: a cursor
that is opened on the root page of a table, and rewound, reads all of it; one that also inserts writes it anew.
https://www.sqlite.org/opcode.html
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from wayfare.core.statements import Kind, Statement

_LOOPS = ("Rewind", "Last")
_ROWS_OF_THEIR_OWN = {Kind.INSERT, Kind.UPDATE, Kind.DELETE}  # these change rows, and are not called a rewriting


@dataclass(frozen=True, slots=True)
class Program:
    scans: tuple[str, ...] = ()
    rewrites: tuple[str, ...] = ()
    rebuilds: tuple[str, ...] = ()


def read(connection: sqlite3.Connection, statement: Statement) -> Program:
    """Raises sqlite3.Error where the statement cannot even be compiled."""
    roots = _roots(connection)
    cursors: dict[int, str] = {}  # number of a cursor → the table or index it is on
    scans, rewrites, rebuilds = set(), set(), set()
    for _, opcode, p1, p2, p3, *_ in connection.execute(f"EXPLAIN {statement.text}"):
        if opcode in ("OpenRead", "OpenWrite", "ReopenIdx"):
            cursors[p1] = roots.get(p2, "") if p3 == 0 else ""
        elif opcode in _LOOPS and cursors.get(p1):
            scans.add(cursors[p1])
        elif opcode == "Insert" and cursors.get(p1) in scans:
            rewrites.add(cursors[p1])
        elif opcode == "Clear":  # P1 is the root page: emptied, and filled again
            rebuilds.add(roots.get(p1, ""))
        elif opcode == "Vacuum":
            everything = set(roots.values())
            scans, rewrites = scans | everything, rewrites | everything
        elif opcode == "VOpen":  # ADD COLUMN asks pragma_quick_check whether all rows keep its constraints
            scans |= {a.table for a in statement.actions if a.kind is Kind.ADD_COLUMN}
    tables = _tables(connection)
    own = statement.kind in _ROWS_OF_THEIR_OWN
    return Program(
        tuple(sorted(scans & tables)),
        () if own else tuple(sorted(rewrites & tables)),
        () if own else tuple(sorted(r for r in rebuilds - tables if r)),
    )


def _roots(connection: sqlite3.Connection) -> dict[int, str]:
    rows = connection.execute("SELECT rootpage, name FROM sqlite_master WHERE rootpage > 0")
    return {int(page): str(name) for page, name in rows}


def _tables(connection: sqlite3.Connection) -> set[str]:
    rows = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    )
    return {str(name) for (name,) in rows}
