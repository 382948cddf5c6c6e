"""What is held open while phases run (a snapshot), watched, and opened anew where it is lost.

Losing it ends no run. The steps that need it fail as Unreachable and are tried again, a few seconds long; meanwhile the
holder is called once more. What was done under the lost one is the capability's to judge, as after a crash.
"""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from typing import Self

import structlog

from wayfare.core.errors import WayfareError
from wayfare.core.plan import Alive, Holder, StepContext
from wayfare.engine.carry import ATTEMPTS_MAX, backoff_seconds

WATCH_SECONDS = 0.5  # well below the time that the attempts of a step take together

log = structlog.get_logger(__name__)


class Hold:
    """A context. Entering raises what the holder raises."""

    def __init__(self, holder: Holder, context: StepContext) -> None:
        self._holder = holder
        self._context = context
        self._over = threading.Event()
        self._watcher: threading.Thread | None = None
        self._open: AbstractContextManager[Alive | None] | None = None

    def __enter__(self) -> Self:
        alive = self._hold_at_last()
        if alive:
            self._watcher = threading.Thread(target=self._watch, args=(alive,), name="hold", daemon=True)
            self._watcher.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        if self._watcher:
            self._watcher.join()
        self._release()

    def _hold_at_last(self) -> Alive | None:
        """As often, and with the same waits, as a step is tried."""
        for failures in range(1, ATTEMPTS_MAX):
            try:
                return self._hold()
            except WayfareError as error:
                if not error.retryable:
                    raise
            self._over.wait(backoff_seconds(failures, 0.5))
            self._context.stopping()
        return self._hold()

    def _hold(self) -> Alive | None:
        opening = self._holder(self._context)
        alive = opening.__enter__()
        self._open = opening
        return alive

    def _release(self) -> None:
        """What cannot be closed has been lost, and so is closed: that is no reason for a run to fail."""
        closing, self._open = self._open, None
        try:
            if closing:
                closing.__exit__(None, None, None)
        except Exception as error:
            log.warning("what was held is lost", run=self._context.run, error=type(error).__name__)

    def _watch(self, alive: Alive | None) -> None:
        while alive and not self._over.wait(WATCH_SECONDS):
            if not alive():
                self._release()
                alive = self._held_again()

    def _held_again(self) -> Alive | None:
        """Where it cannot be had yet, it is as good as lost again. The steps say why, when their attempts are over."""
        try:
            return self._hold()
        except Exception as error:
            log.warning("what was held cannot be opened again yet", run=self._context.run, error=type(error).__name__)
            return lambda: False
