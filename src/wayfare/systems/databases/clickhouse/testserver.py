"""A stand-in for ClickHouse's HTTP interface over chdb, for the tests.

`python -m …testserver PORT FOLDER USER PASSWORD`.

The engine is the real one; only the listener is ours. It speaks what the adapter uses: parameters as settings, the
database, user and key headers, streamed request and answer bodies, and errors before and in the middle of an answer.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import chdb
import pyarrow as pa

from wayfare.systems.databases.clickhouse.dialect import quote, text_literal
from wayfare.systems.databases.clickhouse.errors import code_in

_NOT_SETTINGS = frozenset({"query", "database", "default_format", "wait_end_of_query", "query_id"})
_INSERT_FORMAT = re.compile(r"\sFORMAT\s+(\w+)\s*$", re.IGNORECASE)
_READ_BYTES = 1 << 20


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # an answer's head and body are two small writes
    folder = user = password = ""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Nobody reads it."""

    def do_GET(self) -> None:
        self._whole(b"Ok.\n")

    def do_POST(self) -> None:
        parameters = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        if self.headers.get("X-ClickHouse-User") != self.user or self.headers.get("X-ClickHouse-Key") != self.password:
            self._drain()
            self._fail(f"Code: 516. DB::Exception: {self.user}: Authentication failed. (AUTHENTICATION_FAILED)")
            return
        try:
            connection = self._connect(parameters)
        except RuntimeError as error:
            self._drain()
            self._fail(str(error))
            return
        try:
            self._answer(connection, parameters)
        finally:
            connection.close()

    def _connect(self, parameters: Mapping[str, str]) -> Any:
        connection = chdb.connect(self.folder)
        try:
            connection.query(f"USE {quote(parameters.get('database', 'default'))}")
            for name, value in parameters.items():
                if name not in _NOT_SETTINGS:
                    connection.query(f"SET {name} = {text_literal(value)}")
        except RuntimeError:
            connection.close()
            raise
        return connection

    def _answer(self, connection: Any, parameters: Mapping[str, str]) -> None:
        try:
            if "query" in parameters:
                self._insert(connection, parameters["query"])
                self._whole(b"")
            elif "default_format" in parameters:
                self._stream(connection, b"".join(self._body()).decode())
            else:
                connection.query(b"".join(self._body()).decode(), "Null")
                self._whole(b"")
        except RuntimeError as error:
            self._drain()
            self._fail(str(error))

    def _insert(self, connection: Any, statement: str) -> None:
        form = _INSERT_FORMAT.search(statement)
        assert form, "a body of rows needs a FORMAT"
        with connection.send_insert(statement[: form.start()], form[1]) as inserter:
            for piece in self._body():
                inserter.append(piece)
            inserter.finish()

    def _stream(self, connection: Any, statement: str) -> None:
        """One Arrow stream in one chunked body. After its first byte an error can only break the framing."""
        stream = connection.send_query(statement, "ArrowStream")
        try:
            first = stream.fetch()
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            try:
                if first is None:  # chdb streams nothing for no rows, not even the types
                    self._chunk(connection.query(statement, "ArrowStream").bytes())
                else:
                    self._blocks(first, stream)
            except RuntimeError as error:
                self._chunk(f"__exception__\r\n{error}\r\n__exception__".encode())
                self.close_connection = True
            else:
                self.wfile.write(b"0\r\n\r\n")
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        finally:
            stream.close()

    def _blocks(self, first: Any, stream: Any) -> None:
        sink = _Sink(self._chunk)
        reader = pa.ipc.open_stream(first.bytes())
        with pa.ipc.new_stream(sink, reader.schema) as writer:
            while True:
                for batch in reader:
                    writer.write_batch(batch)
                block = stream.fetch()
                if block is None:
                    return
                reader = pa.ipc.open_stream(block.bytes())

    def _chunk(self, data: bytes) -> None:
        if data:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))

    def _body(self) -> Iterator[bytes]:
        """The request's body as it comes. Raises RuntimeError when it breaks off."""
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            yield self.rfile.read(int(self.headers.get("Content-Length") or 0))
            return
        while size := int(self.rfile.readline() or b"-1", 16):
            if size < 0:
                raise RuntimeError("Code: 210. DB::NetException: the body broke off (NETWORK_ERROR)")
            while size:
                piece = self.rfile.read(min(size, _READ_BYTES))
                if not piece:
                    raise RuntimeError("Code: 210. DB::NetException: the body broke off (NETWORK_ERROR)")
                size -= len(piece)
                yield piece
            self.rfile.readline()
        self.rfile.readline()

    def _drain(self) -> None:
        self.close_connection = True  # whatever is left of the body is not read

    def _whole(self, data: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _fail(self, text: str) -> None:
        code = code_in(text)
        data = text.encode()
        try:
            self.send_response(404 if code in (60, 81) else 403 if code == 516 else 500)
            self.send_header("X-ClickHouse-Exception-Code", str(code))
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(data)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True


class _Sink:
    """What Arrow's writer needs of a file, given a function for its bytes."""

    closed = False

    def __init__(self, write: Any) -> None:
        self._write = write

    def write(self, data: Any) -> int:
        self._write(bytes(data))
        return len(data)

    def flush(self) -> None: ...

    def close(self) -> None: ...

    def writable(self) -> bool:
        return True


def main(port: str, folder: str, user: str, password: str) -> None:
    _Handler.folder, _Handler.user, _Handler.password = folder, user, password
    kept = chdb.connect(folder)  # the engine runs while any connection is open
    try:
        ThreadingHTTPServer(("127.0.0.1", int(port)), _Handler).serve_forever()
    finally:
        kept.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
