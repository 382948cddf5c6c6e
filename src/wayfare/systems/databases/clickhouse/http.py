"""A server's HTTP interface, by the standard library alone: rows stream both ways, and no request is sent twice."""

from __future__ import annotations

import http.client
import io
import ssl
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlencode

import pyarrow as pa

from wayfare.core.errors import WayfareError
from wayfare.kernel.stream import connected
from wayfare.systems.databases.clickhouse.errors import broken, classify, code_in
from wayfare.systems.databases.clickhouse.options import Remote
from wayfare.systems.databases.clickhouse.port import SETTINGS

CONNECT_SECONDS_MAX = 10.0
ANSWER_SECONDS_MAX = 3600.0  # a mutation or a big insert may be silent for long
_TAIL_BYTES = 8192


class HttpEngine:
    """See `port.Engine`. Connections are kept alive, one for each thread that is at work."""

    def __init__(self, options: Remote) -> None:
        self.where = f"{options.host}:{options.port}"
        self._options = options
        self._idle: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()

    def command(self, sql: str, settings: Mapping[str, str] | None = None) -> None:
        # Commands wait for their end before the status line, so that a failure is never a half-sent success.
        with self._request({"wait_end_of_query": "1", **(settings or {})}, sql.encode()) as answer, self._wire():
            answer.read()

    def query(self, sql: str) -> Iterator[pa.RecordBatch]:
        settings = {"default_format": "ArrowStream", "output_format_arrow_compression_method": "lz4_frame"}
        with self._request(settings, sql.encode()) as answer:
            body = _Tail(answer)
            try:
                # A server that fails midway writes its error into the body and breaks the chunk framing.
                reader = pa.ipc.open_stream(pa.PythonFile(body, "r"))
                while (batch := _next(reader)) is not None:
                    yield batch
                body.read()
            except (pa.ArrowException, http.client.HTTPException, OSError) as error:
                said = body.tail.decode(errors="replace")
                raise (classify(said, self.where) if code_in(said) else broken(error, self.where)) from error

    def insert(self, sql: str, form: str, blocks: Iterable[bytes]) -> None:
        statement = {"query": f"{sql} FORMAT {form}", "wait_end_of_query": "1"}
        with self._request(statement, blocks) as answer, self._wire():
            answer.read()

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    @contextmanager
    def _request(
        self, parameters: Mapping[str, str], body: bytes | Iterable[bytes]
    ) -> Iterator[http.client.HTTPResponse]:
        """One exchange. The connection is used again only when the whole answer was read without an error."""
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        connection = self._connect() if connection is None or _stale(connection) else connection
        try:
            answer = self._exchange(connection, parameters, body)
            yield answer
            reusable = answer.isclosed() and not answer.will_close
        except BaseException:
            connection.close()
            raise
        if reusable:
            with self._lock:
                self._idle.append(connection)
        else:
            connection.close()

    def _exchange(
        self, connection: http.client.HTTPConnection, parameters: Mapping[str, str], body: bytes | Iterable[bytes]
    ) -> http.client.HTTPResponse:
        path = "/?" + urlencode({**SETTINGS, "database": self._options.database, **parameters})
        headers = {"X-ClickHouse-User": self._options.user, "Content-Type": "application/octet-stream"}
        if self._options.password:
            headers["X-ClickHouse-Key"] = self._options.password.reveal()
        if not isinstance(body, bytes):
            self._stream(connection, path, headers, body)
        with self._wire():
            if isinstance(body, bytes):
                connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            if answer.status != http.client.OK:
                raise self._failed(answer)
            return answer

    def _stream(
        self, connection: http.client.HTTPConnection, path: str, headers: Mapping[str, str], blocks: Iterable[bytes]
    ) -> None:
        """Send a body of unknown length. When the server hangs up early, its answer says why: so go on to read it."""
        with self._wire():
            connection.putrequest("POST", path)
            for name, value in {**headers, "Transfer-Encoding": "chunked"}.items():
                connection.putheader(name, value)
            connection.endheaders()
        for block in blocks:  # an exception of theirs is not the network's
            with self._wire():
                if block and not _sent(connection, b"%x\r\n" % len(block), block, b"\r\n"):
                    return
        with self._wire():
            _sent(connection, b"0\r\n\r\n")

    @contextmanager
    def _wire(self) -> Iterator[None]:
        """Around what touches the network, and nothing else."""
        try:
            yield
        except (http.client.HTTPException, OSError) as error:
            raise broken(error, self.where) from error

    def _failed(self, answer: http.client.HTTPResponse) -> WayfareError:
        code = answer.headers.get("X-ClickHouse-Exception-Code", "0")
        text = answer.read(1 << 16).decode(errors="replace")
        return classify(text, self.where, int(code) if code.isdigit() else 0)

    def _connect(self) -> http.client.HTTPConnection:
        host, port = self._options.host, self._options.port
        made = (
            http.client.HTTPSConnection(host, port, timeout=CONNECT_SECONDS_MAX, context=self._options.tls())
            if self._options.secure
            else http.client.HTTPConnection(host, port, timeout=CONNECT_SECONDS_MAX)
        )
        # http.client has no other way to be given a socket: TLS comes around it, and asks for the host's name.
        made._create_connection = lambda place, *_: connected(  # type: ignore[attr-defined]
            self._options.resolved(host, port), port, CONNECT_SECONDS_MAX
        )
        try:
            with self._wire():
                _answers(made)
        except BaseException:
            made.close()
            raise
        return made


def _answers(connection: http.client.HTTPConnection) -> None:
    """Connect. Something may listen and never answer: a ping finds out while the short timeout holds."""
    connection.connect()
    connection.request("GET", "/ping")
    connection.getresponse().read()
    if connection.sock is None:  # the ping's answer closed the connection
        connection.connect()
    connection.sock.settimeout(ANSWER_SECONDS_MAX)


def _next(reader: pa.RecordBatchReader) -> pa.RecordBatch | None:
    try:
        return reader.read_next_batch()
    except StopIteration:
        return None


def _sent(connection: http.client.HTTPConnection, *parts: bytes) -> bool:
    """False when the other side closed its end."""
    try:
        for part in parts:
            connection.send(part)
    except (BrokenPipeError, ConnectionResetError):
        return False
    return True


def _stale(connection: http.client.HTTPConnection) -> bool:
    """Has the server closed this idle connection? Then there is an end, or an error, to read from its socket."""
    if connection.sock is None:
        return True
    connection.sock.settimeout(0.0)
    try:
        gone = connection.sock.recv(1) is not None
    except (BlockingIOError, ssl.SSLWantReadError):
        gone = False
    except OSError:
        gone = True
    connection.sock.settimeout(ANSWER_SECONDS_MAX)
    if gone:
        connection.close()
    return gone


class _Tail(io.RawIOBase):
    """A body that remembers its end, where a server writes why it stopped."""

    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self._answer = answer
        self.tail = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        try:
            data = self._answer.read(None if size < 0 else size)
        except http.client.IncompleteRead as error:
            self.tail = (self.tail + error.partial)[-_TAIL_BYTES:]
            raise
        self.tail = data[-_TAIL_BYTES:] if len(data) >= _TAIL_BYTES else (self.tail + data)[-_TAIL_BYTES:]
        return data
