"""A run that nobody carries out, whose journal the test writes; and clients that watch it."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import websockets
from websockets.asyncio.client import connect

from wayfare.core.events import Event, Name
from wayfare.core.plan import Phase, Plan, Step
from wayfare.store.records import Run
from wayfare.store.store import Store

PLAN = Plan("copy", {"title": "a → b", "tables": []}, (Phase("load", (Step("test.none", "load a"),)),))


def new_run(store: Store) -> Run:
    return store.create_run(kind="copy", title="a → b", request={}, fingerprint="f", plan=PLAN, addresses={})


def write(store: Store, run: str, number: int, size: int = 20) -> None:
    data = {"code": "test", "severity": "info", "message": f"{number}".ljust(size, "x"), "where": "", "advice": ""}
    store.append(Event(run, Name.FINDING, f"finding {number}", data=data))


def write_many(store: Store, run: str, count: int, per_second: float, size: int = 20) -> None:
    began = time.monotonic()
    for number in range(count):
        write(store, run, number, size)
        time.sleep(max(0.0, began + (number + 1) / per_second - time.monotonic()))


@dataclass
class Watcher:
    """One WebSocket. Keeps the sequences it was told, and how long after their making."""

    url: str
    since: int = 0
    sequences: list[int] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    ended: bool = False
    code: int = 0

    async def watch(self, until: int = 2**62, opening: AbstractAsyncContextManager[Any] | None = None) -> None:
        """Until the server closes, or the event with that sequence was told. `opening` says when it may connect."""
        async with opening or nullcontext():
            socket = await connect(f"{self.url}?since={self.since}", compression=None, open_timeout=60)
        try:
            async for message in socket:
                self._take(json.loads(message))
                if self.since >= until:
                    return
        except websockets.ConnectionClosed:
            pass
        finally:
            await socket.close()
            self.code = socket.close_code or 0

    def _take(self, told: dict[str, Any]) -> None:
        now = time.time()
        for event in told["events"]:
            self.sequences.append(event["sequence"])
            self.delays.append(now - event["at"])
            self.since = event["sequence"]
        self.ended = self.ended or told["ended"]


async def watch_all(watchers: list[Watcher]) -> None:
    """Some connect at a time: where hundreds share a busy processor, the last would be late with their first words."""
    opening = asyncio.Semaphore(20)
    await asyncio.gather(*(w.watch(opening=opening) for w in watchers))


async def all_there(watchers: list[Watcher]) -> asyncio.Task[None]:
    """They watch, and each was told something: who still connects while hundreds listen may be late for that."""
    watching = asyncio.create_task(watch_all(watchers))
    while not all(w.sequences for w in watchers) and not watching.done():
        await asyncio.sleep(0.1)
    return watching
