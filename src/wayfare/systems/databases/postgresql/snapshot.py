"""One consistent view for many connections: a transaction that stays open and lends its snapshot."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Self

from wayfare.systems.databases.postgresql.connect import Connections
from wayfare.systems.databases.postgresql.read import BEGIN_READ


class ExportedSnapshot:
    """`token` is valid on this server, in any process, until this is closed or its connection breaks."""

    shared = True
    everywhere = True

    def __init__(self, connections: Connections) -> None:
        self._stack = ExitStack()
        connection = self._stack.enter_context(connections.transaction(begin=BEGIN_READ))
        row = connection.execute("select pg_export_snapshot()").fetchone()
        assert row
        self.token = str(row[0])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()
