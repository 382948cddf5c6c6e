"""The thread that begins what is due. Every process with an engine has one; claims decide which of them begins what."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Self, TypeVar

import structlog

from wayfare.control import carrying, starting
from wayfare.core.errors import WayfareError
from wayfare.store.claims import Migrations, Schedules, Start
from wayfare.store.store import Store

LOOK_SECONDS = 0.5
OUTAGE_SECONDS = 2.0  # between looks while the store is away
SLOTS = 4  # claims that this process works on at once; what it does not claim, others may

LAPSED_MAX = 500  # migrations whose runs are at work, looked at in one round
T = TypeVar("T")

log = structlog.get_logger("wayfare.schedules")


class Scheduler:
    """`with Scheduler(store):` looks while open. What is begun when it closes is finished by whoever comes next."""

    def __init__(self, store: Store, policies: carrying.Policies, look_seconds: float = LOOK_SECONDS) -> None:
        self._everywhere = store.everywhere
        self._policies = policies
        self._look_seconds = look_seconds
        self._leaving = threading.Event()
        self._free = threading.Semaphore(SLOTS)
        self._pool = ThreadPoolExecutor(SLOTS, thread_name_prefix="due")
        self._thread = threading.Thread(target=self._look_for_ever, name="scheduler", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._leaving.set()
        self._thread.join()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _look_for_ever(self) -> None:
        while not self._leaving.is_set():
            wait = self._look_seconds
            try:
                self.look(time.time())
            except WayfareError as error:
                log.warning("what is due cannot be looked for", error=str(error))
                wait = OUTAGE_SECONDS
            except Exception as error:  # this thread must outlive whatever happens
                log.error("unexpected error", exc_info=error)
                wait = OUTAGE_SECONDS
            self._leaving.wait(wait)

    def look(self, now: float) -> None:
        """Claim what is due, and what others have left behind, as far as there are slots."""
        schedules, migrations = Schedules(self._everywhere), Migrations(self._everywhere)
        for start in schedules.lapsed(now, SLOTS):
            self._in_slot(partial(schedules.take_over, start), self._begin)
        for record in schedules.due(now, SLOTS):
            self._in_slot(partial(starting.claimed, self._everywhere, record, now), self._begin)
        for record in migrations.lapsed(now, LAPSED_MAX):
            if carrying.watched(self._everywhere, record) is None:
                self._in_slot(partial(migrations.take_over, record), partial(self._carry, again=True))
        for record in migrations.due(now, SLOTS):
            self._in_slot(partial(migrations.claim, record, carrying.BY_SCHEDULE), self._carry)

    def _begin(self, start: Start) -> None:
        starting.begin(self._everywhere, start)

    def _carry(self, record: carrying.Record, again: bool = False) -> None:
        carrying.carry(self._everywhere, record, self._policies, again=again)

    def _in_slot(self, claim: Callable[[], T | None], work: Callable[[T], None]) -> None:
        if self._leaving.is_set() or not self._free.acquire(blocking=False):
            return
        claimed = None
        try:
            claimed = claim()
        finally:
            if claimed is None:
                self._free.release()
        if claimed is not None:
            self._pool.submit(self._worked, work, claimed)

    def _worked(self, work: Callable[[T], None], claimed: T) -> None:
        try:
            work(claimed)
        except WayfareError as error:  # the lease runs out, and somebody tries again
            log.warning("what is due could not be begun", error=str(error))
        except Exception as error:
            log.error("unexpected error", exc_info=error)
        finally:
            self._free.release()
