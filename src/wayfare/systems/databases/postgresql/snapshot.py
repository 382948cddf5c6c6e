"""One consistent view for many connections: a transaction that stays open and lends its snapshot."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Self

import psycopg

from wayfare.systems.databases.postgresql.connect import Connections, readable
from wayfare.systems.databases.postgresql.read import BEGIN_READ


class ExportedSnapshot:
    """`token` is valid on this server, in any process, until this is closed or its connection breaks."""

    shared = True
    everywhere = True

    def __init__(self, connections: Connections) -> None:
        self._stack = ExitStack()
        self._connection = self._stack.enter_context(connections.transaction(begin=BEGIN_READ))
        row = self._connection.execute("select pg_export_snapshot()").fetchone()
        assert row
        self.token = str(row[0])

    def alive(self) -> bool:
        """The server speaks to an idle connection to say goodbye, and seldom else: only then is it asked."""
        try:
            if readable(self._connection.fileno()):
                self._connection.execute("select 1")
        except (psycopg.Error, OSError):
            return False
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()
