"""A copy that is under way in a thread, so that something can happen to it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from moving import home, move
from wayfare.control import runs as control
from wayfare.control.copies import CopyRequest
from wayfare.copy.report import Report
from wayfare.core.errors import WayfareError
from wayfare.core.events import Event, Name
from wayfare.engine.engine import Engine
from wayfare.store.records import Run
from wayfare.store.store import Store
from wayfare.systems.registry import open_database

SECONDS_MAX = 120.0


@dataclass
class UnderWay:
    store: Store
    _moving: Future[tuple[Run, Report]]

    def until(self, ready: Callable[[Run], bool]) -> None:
        deadline = time.monotonic() + SECONDS_MAX
        while not ((found := self.store.runs(limit=1)) and ready(found[0])):
            assert time.monotonic() < deadline, "it did not come to that"
            assert not self._moving.done(), f"it was over before: {self._moving}"
            time.sleep(0.01)

    def until_rows(self, count: int = 1) -> None:
        """So many rows have arrived: from here on it is midway."""
        self.until(lambda run: sum(a.get("rows", 0) for a in self.store.progress(run.id).values()) >= count)

    def ask(self, what: str) -> None:
        """Such as "pause"."""
        self.store.ask(self.store.run("last").id, what)

    def end(self) -> tuple[Run, Report]:
        return self._moving.result(SECONDS_MAX)


@contextmanager
def under_way(folder: Path, request: CopyRequest) -> Iterator[UnderWay]:
    with home(folder) as (_, store), ThreadPoolExecutor(1) as pool:
        copy = UnderWay(store, pool.submit(move, folder, request))
        yield copy
        copy.end()


def failure(folder: Path) -> dict[str, object]:
    """What the journal says about why the newest run failed: code, message, remedy."""
    return dict([e for e in events(folder) if e.name is Name.STEP_FAILED][-1].data)


def events(folder: Path) -> list[Event]:
    with home(folder) as (_, store):
        return list(store.events(store.run("last").id, limit=100_000))


def roll_back(folder: Path) -> Run:
    """As `wayfare runs rollback` does."""
    with home(folder) as (settings, store):
        run = control.roll_back(store, "last")
        with Engine(settings, store, open_database) as engine:
            engine.work(until=run.id)
        return store.run(run.id)


def refused(folder: Path, request: CopyRequest) -> WayfareError:
    """The error that keeps a copy from being started at all."""
    try:
        move(folder, request)
    except WayfareError as error:
        return error
    raise AssertionError("the copy was started")
