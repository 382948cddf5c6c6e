"""Any ODBC driver of the user's, through arrow-odbc: Microsoft's, or FreeTDS."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import arrow_odbc
import pyarrow as pa

from wayfare.core.errors import Unavailable
from wayfare.core.ports import BATCH_BYTES_MAX
from wayfare.systems.databases.sqlserver.drivers import odbc_text
from wayfare.systems.databases.sqlserver.options import CONNECT_SECONDS_MAX, Options

_ROWS_AT_ONCE = 1_000
_SMALL_BYTES = 64 << 10  # of a value that a catalog or a person asks for
_BUFFER_BYTES = 4 * BATCH_BYTES_MAX  # all (max) columns of a row share it; a longer value is an error, never cut


class OdbcConnection:
    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def rows(self, sql: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.table(sql).to_pylist()
        return found

    def run(self, sql: str) -> int:
        """Raises Unavailable: arrow-odbc reads answers, and leaves a batch that has several before its end."""
        raise Unavailable(
            "through arrow-odbc a database is only read: it cannot tell whether a batch was carried out to its end.",
            where="driver",
            remedy="Use driver=python-tds or driver=mssql-python.",
        )

    def limit(self, seconds: float) -> None:
        """Nothing that takes long is carried out here."""

    def table(self, sql: str) -> pa.Table:
        reader = self._read(sql, _ROWS_AT_ONCE, _SMALL_BYTES)
        if reader is None:
            return pa.table({})
        batches = list(reader)
        return pa.Table.from_batches(batches, reader.schema)

    def batches(self, sql: str, wires: Sequence[pa.DataType], rows: int) -> Iterator[Sequence[pa.Array]]:
        wide = sum(pa.types.is_string(kind) or pa.types.is_binary(kind) for kind in wires)
        share = (_BUFFER_BYTES - _SMALL_BYTES) // (wide + 1)
        for batch in self._read(sql, rows, share) or ():
            yield [a.cast(kind) for a, kind in zip(batch.columns, wires, strict=True)]

    def _read(self, sql: str, rows: int, wide: int) -> Any:
        """The driver writes into buffers of full width, so rows that may be wide come few at a time."""
        return self._connection.read_arrow_batches(
            sql,
            batch_size=rows,
            max_bytes_per_batch=_BUFFER_BYTES,
            fetch_concurrently=False,  # which would need the buffers twice
            max_text_size=wide,
            max_binary_size=wide,
        )

    def close(self) -> None:
        self._connection = None  # dropping it disconnects


def connect(options: Options) -> OdbcConnection:
    driver = f"Driver={{{options.odbc_driver}}};"
    text = driver + odbc_text.connection_string(options)
    return OdbcConnection(arrow_odbc.connect(text, login_timeout_sec=CONNECT_SECONDS_MAX))
