"""What one attempt of one step may touch: `core.plan.StepContext`."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import NoReturn

from wayfare.core.codec import encode
from wayfare.core.errors import Conflict, Stopped
from wayfare.core.events import Event, Name
from wayfare.core.findings import Finding
from wayfare.core.plan import Json
from wayfare.core.ports import Database
from wayfare.core.redacted import Redacted
from wayfare.engine.opened import OpenRun
from wayfare.store.derived import derived
from wayfare.store.store import Store

ASK_SECONDS = 0.15  # how long an answer of the store holds for `stopping`
WHY = "why"  # the note of a step that stopped its run: what it asked for, and the reason
TELL_SECONDS = 0.2  # progress is written at most this often

StopReason = Callable[[], str]


class Context:
    """Safe to use from the threads that a step starts."""

    def __init__(self, store: Store, opened: OpenRun, step: str, attempt: int, stop_reason: StopReason) -> None:
        self.run = opened.run
        self.subject = opened.plan.subject
        self.attempt = attempt
        self._store = store
        self._opened = opened
        self._step = step
        self._stop_reason = stop_reason
        self._lock = threading.Lock()
        self._ask_at = 0.0
        self._tell_at = 0.0
        self._amounts: dict[str, int] = {}
        self._untold = False

    def open(self, role: str) -> Database:
        return self._opened.database(role)

    def progress(self, **amounts: int) -> None:
        with self._lock:
            self._amounts.update(amounts)
            self._untold = True
            now = time.monotonic()
            if now < self._tell_at:
                return
            self._tell_at = now + TELL_SECONDS
        self.tell()

    def tell(self) -> None:
        """Write down the last amounts, where they are not yet written."""
        with self._lock:
            if not self._untold:
                return
            self._untold = False
            amounts = dict(self._amounts)
        self._store.set_progress(self.run, self._step, amounts)

    def stopping(self) -> None:
        now = time.monotonic()
        with self._lock:
            if now < self._ask_at:
                return
            self._ask_at = now + ASK_SECONDS
        if reason := self._stop_reason():
            self._ask_at = 0.0  # every later call raises too
            raise Stopped(f"{self._step} was stopped ({reason}).")

    def ask(self, what: str, reason: str) -> NoReturn:
        self._store.note(self.run, WHY, {"what": what, "reason": reason})
        with suppress(Conflict):  # somebody has asked for a roll-back already, and that goes first
            self._store.ask(self.run, what)
        raise Stopped(reason)

    def finding(self, finding: Finding) -> None:
        data = encode(finding)
        text = json.dumps(data, sort_keys=True).encode()
        number = int.from_bytes(hashlib.blake2b(text, digest_size=6).digest())  # in place of the attempt: once, always
        self._store.append(Event(self.run, Name.FINDING, self._step, number, data))

    def note(self, key: str, value: Json) -> None:
        self._store.note(self.run, key, value)

    def notes(self, key: str) -> Json:
        return self._store.notes(self.run, key)

    def secret(self, purpose: str) -> Redacted:
        return derived(self._store.sealer, purpose)

    def outcomes(self, tag: str) -> Mapping[str, Json]:
        return self._store.outcomes(self.run, tag)
