"""Runs watched live, on a real server: nothing lost, resumed by sequence, stalled clients bounded, a quick end."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx2
import pytest
from websockets.asyncio.client import connect

import asking
from faces.journal import Watcher, all_there, new_run, write, write_many
from faces.server import Server, serving
from wayfare.core.status import Status
from wayfare.engine.lock import Lock
from wayfare.settings import Settings
from wayfare.store.store import Store

MIB = 1 << 20


@contextmanager
def scene(home: Path) -> Iterator[tuple[Server, Store]]:
    """A server that carries nothing out, because the test has the lock, and the store it reads."""
    with closing(Store.open(Settings(home))) as store:
        lock = Lock(home)
        try:
            with serving(home) as server:
                yield server, store
        finally:
            lock.release()


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Store]]:
    with scene(tmp_path_factory.mktemp("home")) as made:
        yield made


def socket_url(server: Server, run: str) -> str:
    return f"ws://127.0.0.1:{server.port}/ws/runs/{run}"


def sse(server: Server, run: str, since: int = 0, header: str = "", most: int = 2**62) -> list[tuple[str, str, str]]:
    """(id, event, data) of a stream, until it ends or `most` events came."""
    found: list[tuple[str, str, str]] = []
    block: dict[str, str] = {}
    headers = {"Last-Event-ID": header} if header else {}
    with (
        httpx2.Client(verify=False, timeout=30) as client,
        client.stream("GET", f"{server.url}/api/runs/{run}/events?since={since}", headers=headers) as answer,
    ):
        assert answer.status_code == 200
        for line in answer.iter_lines():
            name, _, value = line.partition(": ")
            if line:
                block[name] = value
            elif "event" in block:
                found.append((block.get("id", ""), block["event"], block["data"]))
                block = {}
            if sum(kind == "event" for _, kind, _ in found) >= most:
                break
    return found


def test_a_stream_tells_all_and_ends(stage: tuple[Server, Store]) -> None:
    server, store = stage
    run = new_run(store).id
    writer = threading.Thread(target=lambda: (write_many(store, run, 50, 100), store.move(run, Status.CANCELLED)))
    writer.start()
    found = sse(server, run)
    writer.join()
    ids = [int(i) for i, kind, _ in found if kind == "event"]
    assert ids == list(range(1, 53))  # created, 50 findings, cancelled
    assert found[-1][1] == "end"
    assert any(kind == "progress" for _, kind, _ in found)
    assert json.loads(found[1][2])["name"] in ("created", "finding")
    again = asking.get(f"{server.url}/api/runs/{run}/events", headers={"Last-Event-ID": "52"})
    assert again.status_code == 204


def test_a_stream_is_resumed_by_sequence(stage: tuple[Server, Store]) -> None:
    server, store = stage
    run = new_run(store).id
    write_many(store, run, 30, 10_000)
    first = [int(i) for i, kind, _ in sse(server, run, most=10) if kind == "event"]
    last = first[9]
    rest = [int(i) for i, kind, _ in sse(server, run, header=str(last), most=31 - last) if kind == "event"]
    assert first[:10] + rest == list(range(1, 32))
    by_query = [int(i) for i, kind, _ in sse(server, run, since=25, most=6) if kind == "event"]
    assert by_query == list(range(26, 32))


def test_who_comes_late_reads_the_journal(stage: tuple[Server, Store]) -> None:
    """More events than are at hand, while somebody watches already."""
    server, store = stage
    run = new_run(store).id

    async def play() -> Watcher:
        early = Watcher(socket_url(server, run))
        watching = asyncio.create_task(early.watch(2501))
        await asyncio.to_thread(write_many, store, run, 2500, 100_000)
        await watching
        late = Watcher(socket_url(server, run))
        await late.watch(2501)
        assert early.sequences == list(range(1, 2502))
        return late

    assert asyncio.run(play()).sequences == list(range(1, 2502))


@pytest.mark.slow
def test_four_hundred_watch_and_nothing_is_lost(stage: tuple[Server, Store]) -> None:
    """Check 37: 400 WebSockets, 100 events a second."""
    server, store = stage
    run = new_run(store).id

    async def play() -> list[Watcher]:
        watchers = [Watcher(socket_url(server, run)) for _ in range(400)]
        watching = await all_there(watchers)
        await asyncio.to_thread(write_many, store, run, 500, 100)
        await asyncio.to_thread(store.move, run, Status.CANCELLED)
        await asyncio.wait_for(watching, 120)
        return watchers

    watchers = asyncio.run(play())
    assert all(w.sequences == list(range(1, 503)) for w in watchers)
    assert all(w.ended and w.code == 1000 for w in watchers)
    delays = sorted(d for w in watchers for d, n in zip(w.delays, w.sequences, strict=True) if n > 1)
    print(f"p50 {delays[len(delays) // 2] * 1000:.0f} ms, p99 {delays[int(len(delays) * 0.99)] * 1000:.0f} ms")


@pytest.mark.slow
def test_stalled_clients_cost_little(tmp_path: Path) -> None:
    """Check 38: fifty that never read what is sent to them, over both kinds of stream."""
    with scene(tmp_path) as (server, store):
        _stall(server, store, 50)


def _stall(server: Server, store: Store, clients: int) -> None:
    run = new_run(store).id
    sse(server, run, most=1)
    before = server.memory()
    sockets = [server.connect(4096) for _ in range(clients)]
    try:
        for number, one in enumerate(sockets):
            path = f"/api/runs/{run}/events" if number % 2 else f"/ws/runs/{run}"
            upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            upgrade += "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            one.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{'' if number % 2 else upgrade}\r\n".encode())
        write_many(store, run, 2000, 1000, size=1000)
        time.sleep(2)
        assert server.memory() - before <= 20 * MIB
        assert len(sse(server, run, most=2001)) >= 2001  # others are served meanwhile
    finally:
        for one in sockets:
            one.close()


@pytest.mark.slow
def test_the_end_comes_soon_with_two_hundred_watching(tmp_path: Path) -> None:
    """Check 36: SIGTERM, exit 0 within ten seconds; each client hears of it."""
    with scene(tmp_path) as (server, store):
        run = new_run(store).id

        async def play() -> tuple[list[Watcher], int, float]:
            watchers = [Watcher(socket_url(server, run)) for _ in range(200)]
            watching = await all_there(watchers)
            code, seconds = await asyncio.to_thread(server.end)
            await asyncio.wait_for(watching, 20)
            return watchers, code, seconds

        streams = [threading.Thread(target=sse, args=(server, run)) for _ in range(10)]
        for stream in streams:
            stream.start()
        watchers, code, seconds = asyncio.run(play())
        for stream in streams:
            stream.join(20)
    assert code == 0
    assert seconds <= 10
    assert {w.code for w in watchers} <= {1001, 1012}


def test_what_clients_say_is_not_heard(stage: tuple[Server, Store]) -> None:
    server, store = stage
    run = new_run(store).id

    async def play() -> list[int]:
        found: list[int] = []
        async with connect(socket_url(server, run), compression=None) as socket:
            for said in ("text", b"bytes", "x" * 10_000):
                await socket.send(said)
            write(store, run, 1)
            while not found or found[-1] < 2:
                found += [e["sequence"] for e in json.loads(await socket.recv())["events"]]
        return found

    assert asyncio.run(play()) == [1, 2]


def test_a_run_of_nobody(stage: tuple[Server, Store]) -> None:
    server, _ = stage
    assert asking.get(f"{server.url}/api/runs/{'0' * 16}/events").status_code == 404
    with pytest.raises(Exception, match="404"):
        asyncio.run(Watcher(socket_url(server, "0" * 16)).watch())


def test_a_foreign_page_cannot_watch(stage: tuple[Server, Store]) -> None:
    server, store = stage
    run = new_run(store).id
    write(store, run, 1)
    for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = asking.get(f"{server.url}/api/runs/{run}/journal", headers=headers)
        assert answer.status_code == 403
        assert answer.headers["content-type"] == "application/problem+json"
    own = {"Origin": server.url, "Sec-Fetch-Site": "same-origin"}
    assert asking.get(f"{server.url}/api/runs/{run}/journal", headers=own).status_code == 200
