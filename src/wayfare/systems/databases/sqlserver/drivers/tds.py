"""python-tds: pure Python, so it runs anywhere; the rows are made into arrays here."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa

from wayfare.core.ports import BATCH_BYTES_MAX
from wayfare.systems.databases.sqlserver.drivers import login
from wayfare.systems.databases.sqlserver.drivers import rows as decoding
from wayfare.systems.databases.sqlserver.options import Options


class TdsConnection:
    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def rows(self, sql: str) -> list[dict[str, Any]]:
        cursor = self._connection.cursor()
        cursor.execute(sql)
        if not cursor.description:
            return []
        names = [str(d[0]) for d in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def run(self, sql: str) -> int:
        cursor = self._connection.cursor()
        cursor.execute(sql)
        rows, more = 0, True
        while more:  # an error may be told behind several answers
            rows += 0 if cursor.description else max(cursor.rowcount, 0)
            more = bool(cursor.nextset())
        return rows

    def limit(self, seconds: float) -> None:
        """Of each wait for the server; it answers a batch of this kind all at once."""
        if self._connection._tds_socket:  # a connection that is closed says so itself, at the next batch
            self._connection._tds_socket.sock.settimeout(seconds or None)

    def table(self, sql: str) -> pa.Table:
        cursor = self._connection.cursor()
        cursor.execute(sql)
        if not cursor.description:
            return pa.table({})
        names = [str(d[0]) or f"column{n}" for n, d in enumerate(cursor.description)]
        columns = list(zip(*cursor.fetchall(), strict=True)) or [()] * len(names)
        return pa.Table.from_arrays([_guessed(values) for values in columns], names=names)

    def batches(self, sql: str, wires: Sequence[pa.DataType], rows: int) -> Iterator[Sequence[pa.Array]]:
        cursor = self._connection.cursor()
        cursor.execute(sql)
        wide = [n for n, kind in enumerate(wires) if pa.types.is_string(kind) or pa.types.is_binary(kind)]
        gathered: list[Any] = []
        size = 0
        for row in decoding.rows(cursor):
            gathered.append(row)
            for place in wide:
                size += len(row[place] or ())
            if len(gathered) >= rows or size >= BATCH_BYTES_MAX:
                yield _arrays(gathered, wires)
                gathered, size = [], 0
        if gathered:
            yield _arrays(gathered, wires)

    def close(self) -> None:
        with contextlib.suppress(Exception):  # the server undoes what was not committed, whether it is told or not
            self._connection.close()


def _arrays(rows: Sequence[Any], wires: Sequence[pa.DataType]) -> list[pa.Array]:
    return [pa.array(values, kind) for values, kind in zip(zip(*rows, strict=True), wires, strict=True)]


def _guessed(values: Sequence[Any]) -> pa.Array:
    """What `execute` gives is for people and tests: Python's types as Arrow has them, anything else as text."""
    try:
        if any(isinstance(v, Decimal) for v in values):
            return pa.array(values, pa.decimal128(38, max(-v.as_tuple().exponent for v in values if v is not None)))
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        return pa.array([None if v is None else str(v) for v in values], pa.string())


def connect(options: Options) -> TdsConnection:
    return TdsConnection(login.connect(options))
