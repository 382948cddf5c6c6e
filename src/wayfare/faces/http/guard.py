"""uvicorn's HTTP protocol with deadlines and a cap on headers: half-sent requests end, instead of holding a socket.

uvicorn by itself waits for ever for the rest of a request, and takes headers of any size. Here a request's head must
be complete after HEAD_SECONDS, its body must keep coming and be complete after BODY_SECONDS; the head has at most
HEAD_BYTES_MAX in HEADERS_MAX lines. What breaks a deadline is answered 408, what is too large 431.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

import structlog
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from wayfare.faces.http.headers import RAW

HEAD_SECONDS = 5.0  # also for a connection on which nothing is sent at all
BODY_STILL_SECONDS = 5.0  # without a byte of a body that is not complete
BODY_SECONDS = 30.0  # for a whole body, however steadily it trickles
HEAD_BYTES_MAX = 32 << 10
HEADERS_MAX = 100
WAITING_BYTES = 32 << 10  # of an answer that its client is slow to take, before whoever makes it has to wait

log = structlog.get_logger("wayfare.http")


class Flow(FlowControl):
    """uvicorn's, which also tells when reading goes on."""

    def __init__(self, transport: asyncio.Transport, reading: Callable[[], None]) -> None:
        super().__init__(transport)
        self._reading = reading

    def resume_reading(self) -> None:
        paused = self.read_paused
        super().resume_reading()
        if paused:
            self._reading()


class GuardedProtocol(HttpToolsProtocol):
    """For `uvicorn.Config(http=GuardedProtocol)`."""

    _deadline: asyncio.TimerHandle | None = None
    _body_ends_at = 0.0
    _head_bytes = 0
    _in_head = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self.flow = Flow(transport, self._reading_again)
        transport.set_write_buffer_limits(WAITING_BYTES)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX and b"\r\n\r\n" not in data[:HEAD_BYTES_MAX]:
                self._end(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._deadline is None:  # the next request on a connection kept alive
            self._expect_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        if len(self.headers) > HEADERS_MAX:
            self._end(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_headers_complete(self) -> None:
        self._forget()
        if self.transport.is_closing():
            return
        self._in_head = False
        self._body_ends_at = self.loop.time() + BODY_SECONDS
        self._expect_body()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        self._expect_body()

    def on_message_complete(self) -> None:
        self._forget()
        self._in_head = True
        self._head_bytes = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        self._forget()
        if not self.transport.is_closing():
            self._end(HTTPStatus.BAD_REQUEST)

    def shutdown(self) -> None:
        """The server is to end: streams, which would go on for ever, are told by the event that the app left for us."""
        if leaving := self.app_state.get("leaving"):
            leaving.set()
        super().shutdown()

    def _expect_head(self) -> None:
        self._in_head, self._head_bytes = True, 0
        self._deadline = self.loop.call_later(HEAD_SECONDS, self._late)

    def _expect_body(self) -> None:
        self._forget()
        left = max(0.0, self._body_ends_at - self.loop.time())
        still = left if self.flow.read_paused else BODY_STILL_SECONDS  # while we do not read, nobody is late
        self._deadline = self.loop.call_later(min(still, left), self._late)

    def _reading_again(self) -> None:
        if not self._in_head:
            self._expect_body()

    def _late(self) -> None:
        self._deadline = None
        self._end(HTTPStatus.REQUEST_TIMEOUT)

    def _forget(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _end(self, status: HTTPStatus) -> None:
        """Answer, where no answer has begun, and close."""
        self._forget()
        if self.transport.is_closing():
            return
        log.warning("connection ended", status=status.value, client=self.client[0] if self.client else "")
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self.transport.write(_answer(status, RAW))
        self.transport.close()


def _answer(status: HTTPStatus, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    lines = [f"HTTP/1.1 {status.value} {status.phrase}".encode(), b"connection: close", b"content-length: 0"]
    lines += [name + b": " + value for name, value in headers]
    return b"\r\n".join([*lines, b"", b""])


__all__: list[Any] = ["GuardedProtocol"]
