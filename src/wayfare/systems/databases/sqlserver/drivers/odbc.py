"""Any ODBC driver of the user's, through arrow-odbc: Microsoft's, or FreeTDS."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import arrow_odbc
import pyarrow as pa

from wayfare.core.ports import BATCH_BYTES_MAX
from wayfare.systems.databases.sqlserver.drivers import odbc_text
from wayfare.systems.databases.sqlserver.options import CONNECT_SECONDS_MAX, Options

_ROWS_AT_ONCE = 1_000
_WIDE_BYTES = 64 << 20  # of one value of a (max) type


class OdbcConnection:
    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def rows(self, sql: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.table(sql).to_pylist()
        return found

    def table(self, sql: str) -> pa.Table:
        reader = self._read(sql, _ROWS_AT_ONCE, 1 << 16)
        if reader is None:
            return pa.table({})
        batches = list(reader)
        return pa.Table.from_batches(batches, reader.schema)

    def batches(self, sql: str, wires: Sequence[pa.DataType], rows: int) -> Iterator[Sequence[pa.Array]]:
        for batch in self._read(sql, rows, _WIDE_BYTES) or ():
            yield [a.cast(kind) for a, kind in zip(batch.columns, wires, strict=True)]

    def _read(self, sql: str, rows: int, wide: int) -> Any:
        """The driver writes into buffers of full width, so rows that may be wide come few at a time."""
        return self._connection.read_arrow_batches(
            sql,
            batch_size=rows,
            max_bytes_per_batch=4 * BATCH_BYTES_MAX,
            max_text_size=wide,
            max_binary_size=wide,
        )

    def close(self) -> None:
        self._connection = None  # dropping it disconnects


def connect(options: Options) -> OdbcConnection:
    driver = f"Driver={{{options.odbc_driver}}};"
    text = driver + odbc_text.connection_string(options)
    return OdbcConnection(arrow_odbc.connect(text, login_timeout_sec=CONNECT_SECONDS_MAX))
