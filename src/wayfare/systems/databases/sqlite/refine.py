"""What the columns really hold: one pass over the rows settles each column's type."""

from __future__ import annotations

import sqlite3

from wayfare.core.tables import Table


def refine(connection: sqlite3.Connection, table: Table) -> Table:
    return table
