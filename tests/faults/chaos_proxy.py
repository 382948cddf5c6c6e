"""A bad network on one machine: a TCP proxy on loopback that delays, cuts in mid-answer, resets and falls silent."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from contextlib import suppress
from dataclasses import replace
from typing import Self

from wayfare.core.address import Address

PIECE_BYTES = 64 << 10
LOOK_SECONDS = 0.02
RESET = struct.pack("ii", 1, 0)  # linger for no time: closing sends RST instead of FIN


class ChaosProxy:
    """Stands before `upstream` while it is open; whoever connects to `address` goes through it.

    The faults are plain attributes, and may be set at any time from any thread.
    """

    def __init__(self, upstream: Address) -> None:
        self._upstream = upstream
        self.latency = 0.0  # seconds that every piece is late
        self.silent = False  # a black hole: connections stand, and nothing passes
        self.cut_after = 0  # a connection is reset, in the middle of a piece, after so many more bytes of all of them …
        self.cuts = 0  # … as often as this; then the network is good again
        self.passed = 0  # bytes so far, both ways together
        self._since_cut = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="chaos", daemon=True)

    @property
    def address(self) -> Address:
        return replace(self._upstream, host="127.0.0.1", port=self.port)

    def reset(self) -> None:
        """Break every connection that stands now."""
        self._loop.call_soon_threadsafe(lambda: [_break(w) for w in list(self._writers)])

    def __enter__(self) -> Self:
        self._thread.start()
        starting = asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._server = asyncio.run_coroutine_threadsafe(starting, self._loop).result()
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    def __exit__(self, *exc: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _close(self) -> None:
        self._server.close()
        for writer in list(self._writers):
            _break(writer)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for other in others:
            other.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            theirs, ours = await asyncio.open_connection(self._upstream.host, self._upstream.port)
        except OSError:
            _break(writer)
            return
        self._writers |= {writer, ours}
        with suppress(asyncio.CancelledError):  # the network ends
            await asyncio.gather(self._pump(reader, ours), self._pump(theirs, writer))
        for one in (writer, ours):
            one.close()
            self._writers.discard(one)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await reader.read(PIECE_BYTES):
                while self.silent:
                    await asyncio.sleep(LOOK_SECONDS)
                if self.latency:
                    await asyncio.sleep(self.latency)
                if self._is_cut(len(piece)):
                    writer.write(piece[: len(piece) // 2])
                    await writer.drain()
                    raise ConnectionAbortedError
                writer.write(piece)
                await writer.drain()
            writer.write_eof()
            return
        _break(writer)

    def _is_cut(self, count: int) -> bool:
        self.passed += count
        self._since_cut += count
        if not self.cuts or self._since_cut < self.cut_after:
            return False
        self.cuts -= 1
        self._since_cut = 0
        return True


def _break(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()
