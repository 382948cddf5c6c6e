"""Processes that share a store, are killed, or lose their server: what was acknowledged is there, nobody is stuck."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from store.beds import as_app
from wayfare.core.address import Address
from wayfare.core.errors import Unavailable
from wayfare.core.events import Event, Name
from wayfare.core.plan import Plan
from wayfare.settings import Settings
from wayfare.store.database import StoreAway
from wayfare.store.schema import COUNTERS
from wayfare.store.store import Store
from wayfare.systems.databases.postgresql import testbed
from wayfare.systems.databases.postgresql.options import parameters

PROCESSES, TIMES = 4, 50
STATE = {"kind": "copy", "title": "", "request": {}, "fingerprint": "", "plan": Plan("copy", {}, ()), "addresses": {}}
COUNT = """
import sys, time
from pathlib import Path
import sqlalchemy as sa
from wayfare.settings import Settings
from wayfare.store.schema import COUNTERS
from wayfare.store.store import Store
store = Store.open(Settings(Path(sys.argv[1]), sys.argv[2]))
here = COUNTERS.c.name == "outbox"
for _ in range(int(sys.argv[3])):
    with store.write() as connection:
        value = connection.execute(sa.select(COUNTERS.c.value).where(here).with_for_update()).scalar_one()
        time.sleep(0.001)
        connection.execute(sa.update(COUNTERS).where(here).values(value=value + 1))
"""
WRITE = """
import sys
from pathlib import Path
from wayfare.core.events import Event, Name
from wayfare.settings import Settings
from wayfare.store.store import Store
store = Store.open(Settings(Path(sys.argv[1]), sys.argv[2]))
number = int(sys.argv[4])
while True:
    number += 1
    store.append(Event(sys.argv[3], Name.FINDING, "s", number))
    print(number, flush=True)
"""


def start(code: str, settings: Settings, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, str(settings.home), settings.store_url, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_processes_that_read_and_write_at_once_lose_nothing_and_are_never_refused(settings: Settings) -> None:
    """With SQLite's own defaults, most of these updates are lost, or refused because the database is locked."""
    with closing(Store.open(settings)) as store:
        started = [start(COUNT, settings, TIMES) for _ in range(PROCESSES)]
        said = [process.communicate()[1] for process in started]
        assert [process.returncode for process in started] == [0] * PROCESSES, said
        with store.read() as connection:
            assert connection.execute(sa.select(COUNTERS.c.value)).scalar() == PROCESSES * TIMES


def test_what_was_acknowledged_survives_a_kill(settings: Settings) -> None:
    with closing(Store.open(settings)) as store:
        run = store.create_run(**STATE).id
        acknowledged = 0
        for _ in range(3):
            with start(WRITE, settings, run, acknowledged) as process:
                assert process.stdout
                for _ in range(20):
                    acknowledged = int(process.stdout.readline())
                process.send_signal(signal.SIGKILL)
                acknowledged = max([acknowledged, *map(int, process.stdout.read().split())])
            kept = {e.attempt for e in store.events(run) if e.name is Name.FINDING}
            assert kept >= set(range(1, acknowledged + 1))
            acknowledged = max(kept)
        sequences = [event.sequence for event in store.events(run)]
        assert sequences == list(range(1, len(sequences) + 1))
        assert store.append(Event(run, Name.FINDING, "after", 1))


class Server:
    """A PostgreSQL of its own, to be killed and started again."""

    def __init__(self, address: Address) -> None:
        self.address = address
        with psycopg.connect(**parameters(address)) as connection:
            self.data = Path(connection.execute("SHOW data_directory").fetchone()[0])
        self.pid = int((self.data / "postmaster.pid").read_text().split()[0])
        self.started: list[subprocess.Popen[bytes]] = []

    def kill(self) -> None:
        """As when the machine loses its power; back when nobody listens any more."""
        os.kill(self.pid, signal.SIGQUIT)
        for process in self.started:
            process.wait()
        while self.listens():
            time.sleep(0.05)

    def start(self) -> None:
        user = testbed.UNPRIVILEGED if os.geteuid() == 0 else None
        command = [str(testbed.binaries() / "postgres"), "-D", str(self.data)]
        quiet = subprocess.DEVNULL
        self.started.append(subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet, user=user))
        self.pid = self.started[-1].pid
        while not self.listens():
            time.sleep(0.05)

    def listens(self) -> bool:
        try:
            psycopg.connect(**parameters(self.address)).close()
        except psycopg.OperationalError:
            return False
        return True


@pytest.fixture
def server() -> Iterator[Server]:
    try:
        with testbed.server() as address:
            found = Server(address)
            yield found
            if found.started:
                found.kill()
    except Unavailable as error:
        pytest.skip(str(error))


def test_a_server_that_goes_and_comes_back(server: Server, tmp_path: Path) -> None:
    """While it is away everything says so; when it is back, the same store goes on, and nothing was lost."""
    settings = Settings(tmp_path, as_app(server.address).url(reveal=True))
    with closing(Store.open(settings)) as store, ThreadPoolExecutor(1) as pool:
        run = store.create_run(**STATE).id
        stop = threading.Event()
        writing = pool.submit(write_through, store, run, stop)
        for _ in range(2):
            seen = len(store.events(run))
            while len(store.events(run)) < seen + 5:
                time.sleep(0.01)
            server.kill()
            for look in (
                lambda: store.run(run),
                store.runs,
                lambda: store.note(run, "k", 1),
                lambda: store.of("a").runs(),
            ):
                with pytest.raises(StoreAway) as away:
                    look()
                assert away.value.retryable
            with pytest.raises(StoreAway):
                Store.open(settings)
            server.start()
        stop.set()
        written = writing.result()
        assert {e.attempt for e in store.events(run) if e.name is Name.FINDING} == set(range(1, written + 1))


def write_through(store: Store, run: str, stop: threading.Event) -> int:
    """Writes event after event, each until it is acknowledged; gives how many."""
    number = 0
    while not stop.is_set():
        number += 1
        while True:
            try:
                store.append(Event(run, Name.FINDING, "s", number))
                break
            except StoreAway:
                time.sleep(0.05)
    return number
