"""Microsoft's own driver, mssql-python: answers come as Arrow, made without Python."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import mssql_python
import pyarrow as pa

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
    text = odbc_text.connection_string(options)
    connection = mssql_python.connect(text, autocommit=True, timeout=CONNECT_SECONDS_MAX)
    return NativeConnection(connection)
