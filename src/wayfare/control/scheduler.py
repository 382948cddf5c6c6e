"""The thread that begins what is due, and tells webhooks. Every process with an engine has one; claims decide who does
what.
"""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import Self

import structlog

from wayfare.control import carrying, delivering, starting
from wayfare.control.leases import at_work
from wayfare.control.slots import Slots
from wayfare.core.errors import WayfareError
from wayfare.store.claims import Migrations, Schedules, Start
from wayfare.store.shelf import Record
from wayfare.store.store import Store

LOOK_SECONDS = 0.5
OUTAGE_SECONDS = 2.0  # between looks while the store is away
SLOTS = 4  # claims that this process works on at once; what it does not claim, others may
POSTS = 4  # webhooks that it tells at once
LAPSED_MAX = 500  # migrations whose runs are at work, looked at in one round

log = structlog.get_logger("wayfare.schedules")


class Scheduler:
    """`with Scheduler(store):` looks while open. What is begun when it closes is finished by whoever comes next."""

    def __init__(self, store: Store, policies: carrying.Policies, look_seconds: float = LOOK_SECONDS) -> None:
        self._everywhere = store.everywhere
        self._policies = policies
        self._look_seconds = look_seconds
        self._leaving = threading.Event()
        self._due = Slots(SLOTS, "due")
        self._posts = Slots(POSTS, "webhook")
        self._told: set[str] = set()  # the webhooks that are being told
        self._thread = threading.Thread(target=self._look_for_ever, name="scheduler", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._leaving.set()
        self._thread.join()
        self._due.close()
        self._posts.close()

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
            if at_work(start.run):
                continue
            self._due.use(partial(schedules.take_over, start), self._begin)
        for record in schedules.due(now, SLOTS):
            self._due.use(partial(starting.claimed, self._everywhere, record, now), self._begin)
        for record in migrations.lapsed(now, LAPSED_MAX):
            if not at_work(record["id"]) and carrying.watched(self._everywhere, record) is None:
                self._due.use(partial(migrations.take_over, record), partial(self._carry, again=True))
        for record in migrations.due(now, SLOTS):
            self._due.use(partial(migrations.claim, record, carrying.BY_SCHEDULE), self._carry)
        for webhook in delivering.waiting(self._everywhere):
            if webhook["id"] not in self._told:
                self._posts.use(partial(self._taken, webhook), self._tell)

    def _begin(self, start: Start) -> None:
        starting.begin(self._everywhere, start, self._policies.connections)

    def _carry(self, record: Record, again: bool = False) -> None:
        carrying.carry(self._everywhere, record, self._policies, again=again)

    def _tell(self, webhook: Record) -> None:
        try:
            ways = delivering.Ways(self._policies.calls, self._policies.smtp)
            delivering.deliver(self._everywhere, webhook, ways)
        finally:
            self._told.discard(webhook["id"])

    def _taken(self, webhook: Record) -> Record:
        self._told.add(webhook["id"])
        return webhook
