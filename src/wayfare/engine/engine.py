"""The engine of one process: takes queued runs from the store and carries them out, alone or beside other workers."""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Self

import structlog

from wayfare.core.status import ENDED, Status
from wayfare.engine.carry import Carrier, Leaving
from wayfare.engine.conductor import Conductor
from wayfare.engine.lock import Lock
from wayfare.engine.logs import to_files
from wayfare.engine.opened import OpenDatabase, OpenRuns
from wayfare.settings import Settings
from wayfare.store.database import StoreAway
from wayfare.store.store import Store
from wayfare.store.work import Superseded

TAKE_SECONDS = 0.2  # how often queued runs are looked for
HEAL_SECONDS = 5.0  # how often runs without a conductor are looked for
FORGET_SECONDS = 7 * 86_400.0  # how long DBOS's records of what has ended are kept
PRUNE_SECONDS = 90 * 86_400.0  # how long runs are kept after their end; their reports stay, being proof
FORGET_EVERY_SECONDS = 3600.0
OUTAGE_SECONDS = 1.0  # between attempts while the store is away
LEAVE_SECONDS_MAX = 30.0  # how long steps in flight may take to notice that the process ends
EMBEDDED = "embedded"  # the fixed executor id: on SQLite the next process recovers what the last one left

log = structlog.get_logger(__name__)


class Engine:
    """`with Engine(…) as engine:` begins to take runs. One at a time in a process.

    Raises Conflict when another process has the embedded store.
    """

    def __init__(self, settings: Settings, store: Store, open_database: OpenDatabase) -> None:
        self._settings = settings
        self._store = store = store.everywhere  # runs of every tenant are carried out
        self.executor = f"{socket.gethostname()}:{os.getpid()}"
        self._carrier = Carrier(store)
        self._runs = OpenRuns(store, open_database)
        self._poke = store.queued  # so that a run of this very process need not wait for the next look
        self._active = 0
        self._still = threading.Condition()
        self._heal_at = self._forget_at = 0.0
        self._taken: set[tuple[str, int]] = set()

    def __enter__(self) -> Self:
        settings = self._settings
        settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        with ExitStack() as opened:
            if settings.embedded:
                opened.callback(Lock(settings.home).release)
            to_files(settings)
            from wayfare.engine.durable import Durable  # DBOS: only who carries out runs pays for its import

            dbos_id = EMBEDDED if settings.embedded else f"{self.executor}:{secrets.token_hex(4)}"
            self._durable = Durable(settings, dbos_id, self)
            limits = (settings.workers, settings.per_source)
            self._conductor = Conductor(self._store, self._carrier, self._runs, self._durable, self.executor, *limits)
            opened.callback(self._durable.close)
            self._durable.launch()
            self._opened = opened.pop_all()
        self._taker = threading.Thread(target=self._take_for_ever, name="taker", daemon=True)
        self._taker.start()
        return self

    def __exit__(self, *exc: object) -> None:
        """Steps in flight stop at their next look; what is unfinished is taken up by the next process."""
        self._carrier.leaving.set()
        self._poke.set()
        with self._still:
            if not self._still.wait_for(lambda: self._active == 0, LEAVE_SECONDS_MAX):
                log.warning("steps are still in flight", active=self._active)
        self._taker.join()
        self._opened.close()

    def work(self, until: str | None = None, stop: threading.Event | None = None) -> None:
        """Block until that run stands still (ended or waiting) and is closed here; without one, until `stop` is set."""
        self._poke.set()
        stop = stop or threading.Event()
        while not stop.is_set() and not (until and self._stands_still(until)):
            with self._still:
                self._still.wait(TAKE_SECONDS)

    def _stands_still(self, run: str) -> bool:
        found = self._store.run(run)
        return (found.status in ENDED or found.status is Status.WAITING) and not found.asked and run not in self._runs

    # What DBOS calls

    def conduct(self, run: str, round_: int) -> None:
        self._outlast(lambda: self._conductor.conduct(run, round_), run)

    def carry(self, name: str, run: str, phase: int, limit_key: str) -> None:
        self._outlast(lambda: self._carry(name, run, phase, limit_key), name)

    def _carry(self, name: str, run: str, phase: int, limit_key: str) -> None:
        with self._place(limit_key):
            lane = self._store.work.enter(name, run, self.executor)
            with self._runs.using(run) as opened:
                finished = self._carrier.carry_all(lane, opened, phase, limit_key, self._others_wait)
            if not finished:
                name, _, shift = name.partition("+")
                self._durable.start(f"{name}+{int(shift or 0) + 1}", run, phase, limit_key)

    @contextmanager
    def _place(self, limit_key: str) -> Iterator[None]:
        """Among the lanes at work here. On a shared store the queue has seen to it. Raises Leaving."""
        if self._durable.slots is None:
            yield
            return
        with self._durable.slots.taken(limit_key, self._carrier.leaving.is_set) as found:
            if not found:
                raise Leaving
            yield

    def _others_wait(self) -> bool:
        """Other lanes, or on a shared store other workers, which cannot be asked."""
        return not self._settings.embedded or self._durable.lane_waits()

    def _outlast(self, do: Callable[[], None], what: str) -> None:
        """Do it, and do it again while the store is away: everything here may be repeated."""
        with self._counted():
            while True:
                try:
                    do()
                    return
                except Superseded:
                    log.warning("taken over by another process", what=what)
                    return
                except StoreAway as error:
                    log.warning("waiting for the store", what=what, error=str(error))
                if self._carrier.leaving.wait(OUTAGE_SECONDS):
                    raise Leaving

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._still:
            self._active += 1
        try:
            yield
        finally:
            with self._still:
                self._active -= 1
                self._still.notify_all()

    # Taking runs

    def _take_for_ever(self) -> None:
        while not self._carrier.leaving.is_set():
            try:
                self._take()
                self._care()
            except Exception as error:  # this thread must outlive whatever happens to the store
                log.warning("runs cannot be taken", exc_info=error)
                self._carrier.leaving.wait(OUTAGE_SECONDS)
            self._poke.wait(TAKE_SECONDS)
            self._poke.clear()

    def _care(self) -> None:
        now = time.monotonic()
        if now > self._heal_at:
            self._heal_at = now + HEAL_SECONDS
            self._heal()
        if now > self._forget_at:
            self._forget_at = now + FORGET_EVERY_SECONDS
            self._durable.forget(FORGET_SECONDS)
            self._store.prune(PRUNE_SECONDS)

    def _take(self) -> None:
        for taken in self._store.work.rounds.to_conduct():
            if taken not in self._taken:
                self._durable.conduct(*taken)
                self._taken.add(taken)

    def _heal(self) -> None:
        """A run whose workflow is not there (DBOS's records were lost, or a bug ended it) gets a new one."""
        for run, round_ in [*self._store.work.rounds.conducted(), *self._store.work.rounds.to_conduct()]:
            if not self._durable.conducting(run, round_):
                self._store.work.rounds.next_round(run, round_)
                self._durable.conduct(run, round_ + 1)
