"""A run told live, over Server-Sent Events and WebSocket: both read the same journal by sequence.

A client that was cut off comes back with the last sequence it has seen, and misses nothing. Amounts (rows by table) are
told beside the events; of them only the newest count, so that they have no sequence.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from fastapi import FastAPI, WebSocket
from starlette.websockets import WebSocketDisconnect

from wayfare.control.watching import Told, Watched, Watching
from wayfare.core.errors import RateLimited
from wayfare.faces.http.threads import quickly
from wayfare.store.store import Store

STREAMS_MAX = 2000  # open in this process
HEARTBEAT_SECONDS = 15.0  # proxies close what is silent for longer
STREAM_SECONDS_MAX = 600.0  # then the client comes back by itself, so that a revoked credential does not watch for ever
STALLED_SECONDS = 30.0  # a client that takes nothing for so long is let go; it can come back
GOING_AWAY, TRY_LATER = 1001, 1013  # RFC 6455 close codes
PROTOCOL = "wayfare.events"  # a client that sends its token as a subprotocol asks for this one too


@dataclass(frozen=True, slots=True)
class News:
    events: Iterable[Told] = ()
    progress: str = ""  # JSON; "" when nothing has changed
    ended: bool = False

    def as_sse(self) -> str:
        parts = [f"id: {e.sequence}\nevent: event\ndata: {e.text}\n\n" for e in self.events]
        if self.progress:
            parts.append(f"event: progress\ndata: {self.progress}\n\n")
        if self.ended:
            parts.append("event: end\ndata: {}\n\n")
        return "".join(parts) or ":\n\n"  # a comment: the heartbeat

    def as_json(self) -> str:
        """`{"events": […], "progress": {…} or null, "ended": false}`"""
        return _json(tuple(self.events), self.progress, self.ended)


@lru_cache(maxsize=64)
def _json(events: tuple[Told, ...], progress: str, ended: bool) -> str:
    """Nearly all who watch a run are told the same: it is put together once."""
    told = ",".join(e.text for e in events)
    return f'{{"events":[{told}],"progress":{progress or "null"},"ended":{str(ended).lower()}}}'


class Bell:
    """Wakes whoever waits in the server's loop, from any thread: all of one moment by one call, as each costs a look of
    the loop at its sockets."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._rung: list[asyncio.Event] = []

    def ring(self, event: asyncio.Event) -> None:
        with self._lock:
            self._rung.append(event)
            first = len(self._rung) == 1
        if first:
            with suppress(RuntimeError):  # the loop has just been closed
                self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        with self._lock:
            rung, self._rung = self._rung, []
        for event in rung:
            event.set()


class Leaving:
    """Set when the server is asked to end; whoever waits for news is woken by it."""

    def __init__(self) -> None:
        self.now = False
        self._woken: set[asyncio.Event] = set()

    def set(self) -> None:
        self.now = True
        for event in self._woken:
            event.set()

    def wakes(self, event: asyncio.Event) -> None:
        self._woken.add(event)

    def forget(self, event: asyncio.Event) -> None:
        self._woken.discard(event)

    def __len__(self) -> int:
        return len(self._woken)


def refuse_too_many(app: FastAPI) -> None:
    """Raises RateLimited when STREAMS_MAX streams are open in this process."""
    if len(app.state.leaving) >= STREAMS_MAX:
        raise RateLimited("too many streams are open here.", retry_after_seconds=5, remedy="Come back a little later.")


@asynccontextmanager
async def watched(app: FastAPI, store: Store, run: str, news: asyncio.Event) -> AsyncIterator[Watched]:
    """Raises RateLimited as `refuse_too_many` does, NotFound, StoreAway."""
    refuse_too_many(app)
    watching: Watching = app.state.watching
    leaving: Leaving = app.state.leaving
    bell: Bell = app.state.bell
    opened = watching.watched(store, run, lambda: bell.ring(news))
    leaving.wakes(news)
    try:
        found = await quickly(opened.__enter__)
        try:
            yield found
        finally:
            opened.__exit__(None, None, None)
    finally:
        leaving.forget(news)


async def news_of(app: FastAPI, found: Watched, since: int, woken: asyncio.Event) -> AsyncIterator[News]:
    """Everything after `since`, until the run has ended, the server leaves, or it is time to show the credential again.

    Empty ones are heartbeats.
    """
    leaving: Leaving = app.state.leaving
    progress = ""
    until = time.monotonic() + STREAM_SECONDS_MAX
    while not leaving.now and time.monotonic() < until:
        woken.clear()
        events = found.news(since)
        if events is None:
            events = await quickly(found.behind, since)
        since = events[-1].sequence if events else since
        ended = found.ended and since >= found.last
        amounts, progress = found.progress if found.progress != progress else "", found.progress
        yield News(events, amounts, ended)
        if ended:
            return
        if since >= found.last:
            with suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    await woken.wait()


def sse(app: FastAPI, store: Store, run: str, since: int) -> AsyncIterator[str]:
    """The text of a stream. Raises RateLimited at once: later, an answer would have begun."""
    refuse_too_many(app)
    return _sse(app, store, run, since)


async def _sse(app: FastAPI, store: Store, run: str, since: int) -> AsyncIterator[str]:
    woken = asyncio.Event()
    async with watched(app, store, run, woken) as found:
        yield "retry: 1000\n\n"
        async for news in news_of(app, found, since, woken):
            yield news.as_sse()


async def over_socket(socket: WebSocket, store: Store, run: str, since: int) -> None:
    """One task reads and one writes, and the first to finish ends both: a handler that only writes never hears that
    its client has left, and would keep the server from ending."""
    woken = asyncio.Event()
    async with watched(socket.app, store, run, woken) as found:
        await socket.accept(subprotocol=PROTOCOL if PROTOCOL in socket.scope.get("subprotocols", ()) else None)
        news = news_of(socket.app, found, since, woken)
        both = {asyncio.create_task(_read(socket)), asyncio.create_task(_write(socket, news))}
        try:
            done, _ = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in both:
                one.cancel()
            await asyncio.gather(*both, return_exceptions=True)
        for one in done:
            one.result()


async def _read(socket: WebSocket) -> None:
    """What clients say is of no interest, but that they have left is."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass


async def _write(socket: WebSocket, news: AsyncIterator[News]) -> None:
    code: Any = GOING_AWAY
    with suppress(WebSocketDisconnect):
        try:
            async for one in news:
                async with asyncio.timeout(STALLED_SECONDS):
                    await socket.send_text(one.as_json())
                code = 1000 if one.ended else GOING_AWAY
        except TimeoutError:
            code = TRY_LATER
        await socket.close(code)
