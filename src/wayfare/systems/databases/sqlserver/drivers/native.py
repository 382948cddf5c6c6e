"""Microsoft's own driver, mssql-python: answers come as Arrow, made without Python."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import mssql_python
import pyarrow as pa

from wayfare.core.errors import NotFound
from wayfare.systems.databases.sqlserver.drivers import odbc_text
from wayfare.systems.databases.sqlserver.options import CONNECT_SECONDS_MAX, Options


class NativeConnection:
    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def rows(self, sql: str) -> list[dict[str, Any]]:
        with contextlib.closing(self._connection.cursor()) as cursor:
            cursor.execute(sql)
            if not cursor.description:
                return []
            names = [str(d[0]) for d in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def run(self, sql: str) -> int:
        """Of several statements in one batch this driver counts the rows of the first alone."""
        with contextlib.closing(self._connection.cursor()) as cursor:
            cursor.execute(sql)
            rows = 0 if cursor.description else max(cursor.rowcount, 0)
            while cursor.nextset():  # an error may be told behind several answers
                pass
            return rows

    def limit(self, seconds: float) -> None:
        """The driver counts in whole seconds."""
        self._connection.timeout = math.ceil(seconds)

    def table(self, sql: str) -> pa.Table:
        with contextlib.closing(self._connection.cursor()) as cursor:
            cursor.execute(sql)
            return cursor.arrow() if cursor.description else pa.table({})

    def batches(self, sql: str, wires: Sequence[pa.DataType], rows: int) -> Iterator[Sequence[pa.Array]]:
        with contextlib.closing(self._connection.cursor()) as cursor:
            cursor.execute(sql)
            for batch in cursor.arrow_reader(rows):
                yield [a.cast(kind) for a, kind in zip(batch.columns, wires, strict=True)]

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self._connection.close()


def connect(options: Options) -> NativeConnection:
    """Raises NotFound for a missing database, else the driver's own errors."""
    try:
        return NativeConnection(_opened(options))
    except mssql_python.Error as error:
        # Of the two errors for a missing database the driver keeps the wrong one; whether the login is good tells them
        # apart.
        if "Login failed" in str(error) and _logs_in(replace(options, database="master")):
            text = f"Cannot open database {options.database!r} requested by the login."
            raise NotFound(text, remedy="Correct its name in the URL, or let this login use it.") from error
        raise


def _opened(options: Options) -> Any:
    text = odbc_text.connection_string(options)
    return mssql_python.connect(text, autocommit=True, timeout=CONNECT_SECONDS_MAX)


def _logs_in(options: Options) -> bool:
    try:
        _opened(options).close()
    except mssql_python.Error:
        return False
    return True
