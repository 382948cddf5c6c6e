"""The embedded engine: chdb. One engine a process, on one folder; every connection runs one statement at a time.

A Database keeps connections of its own, as many as its threads use at once. Whether the engine runs is not theirs to
say: see `running`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from wayfare.core.errors import Conflict, WayfareError
from wayfare.systems.databases.clickhouse import running
from wayfare.systems.databases.clickhouse.dialect import quote, text_literal
from wayfare.systems.databases.clickhouse.errors import classify
from wayfare.systems.databases.clickhouse.options import Embedded
from wayfare.systems.databases.clickhouse.port import SETTINGS

_SETTINGS = {
    **SETTINGS,
    "output_format_arrow_compression_method": "none",  # nothing travels
    "materialize_statistics_on_insert": "0",  # merges make them, off the copy's way; older servers lack the setting
}
_OTHER_FOLDER = "already initialized with path"


class EmbeddedEngine:
    """See `port.Engine`."""

    def __init__(self, options: Embedded) -> None:
        self.where = options.folder
        self._options = options
        self._idle: list[Any] = []
        self._lock = threading.Lock()
        self._running: running.Use | None = None

    def command(self, sql: str, settings: Mapping[str, str] | None = None) -> None:
        with self._connection() as connection, self._calling():
            for name, value in (settings or {}).items():
                connection.query(f"SET {name} = {text_literal(value)}")
            connection.query(sql, "Null")
            for name in settings or {}:
                usual = text_literal(_SETTINGS[name]) if name in _SETTINGS else "DEFAULT"
                connection.query(f"SET {name} = {usual}")

    def query(self, sql: str) -> Iterator[pa.RecordBatch]:
        with self._connection() as connection:
            with self._calling():
                stream = connection.send_query(sql, "ArrowStream")
            try:
                while (block := self._fetch(stream)) is not None:
                    # chdb gives every block as an Arrow stream of its own.
                    yield from pa.ipc.open_stream(pa.py_buffer(block))
            finally:
                stream.close()

    def insert(self, sql: str, form: str, blocks: Iterable[bytes]) -> None:
        with self._connection() as connection:
            with self._calling():
                inserter = connection.send_insert(sql, form)
            try:
                for block in blocks:  # an exception of theirs is not the engine's
                    with self._calling():
                        inserter.append(block)
                with self._calling():
                    inserter.finish()
            finally:
                inserter.cancel()  # nothing, once it has finished

    def _fetch(self, stream: Any) -> bytes | None:
        with self._calling():
            block = stream.fetch()
            return None if block is None else bytes(block.bytes())

    @contextmanager
    def _calling(self) -> Iterator[None]:
        """Around what calls the engine, and nothing else: chdb raises RuntimeError with the engine's words."""
        try:
            yield
        except RuntimeError as error:
            raise self._failed(error) from error

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
            use, self._running = self._running, None
        for connection in idle:
            connection.close()
        if use:
            use.end()

    @contextmanager
    def _connection(self) -> Iterator[Any]:
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        try:
            connection = connection or self._connect()
            yield connection
        except BaseException:
            if connection is not None:
                connection.close()  # it may be in the middle of a statement
            raise
        with self._lock:
            self._idle.append(connection)

    def _connect(self) -> Any:
        with self._calling():
            with self._lock:
                self._running = self._running or running.begin(self._options.folder)
            connection = running.connect(self._options.folder)
        try:
            with self._calling():
                for name, value in _SETTINGS.items():
                    connection.query(f"SET {name} = {text_literal(value)}")
                connection.query(f"USE {quote(self._options.database)}")
        except BaseException:
            connection.close()
            raise
        return connection

    def _failed(self, error: RuntimeError) -> WayfareError:
        text = str(error)
        if _OTHER_FOLDER in text:
            return Conflict(
                "one process can have only one folder open with the embedded engine, and another is open.",
                remedy="Keep both databases in one folder (clickhouse:///folder?database=name), or use a server.",
                where=self.where,
            )
        return classify(text, self.where)
