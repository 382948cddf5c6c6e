"""Carrying out one step: claim, effect, outcome. Attempts, waits between them, and what is told of errors."""

from __future__ import annotations

import json
import random
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from wayfare.core.errors import Bug, Stopped, WayfareError
from wayfare.core.plan import Json, Step
from wayfare.engine.context import Context
from wayfare.engine.effects import effect_of
from wayfare.engine.opened import OpenRun
from wayfare.store.store import Store
from wayfare.store.work import Claim, Lane, Superseded

ATTEMPTS_MAX = 5
WAIT_FIRST_SECONDS = 0.2
WAIT_SECONDS_MAX = 10.0
SHIFT_SECONDS = 2.0  # how long a lane keeps its place while others wait for it

log = structlog.get_logger(__name__)


class Leaving(BaseException):
    """This process ends. Not an Exception, so that DBOS records no outcome: whoever comes next takes the work up."""


@dataclass
class Carrier:
    """Carries steps for the lanes of this process."""

    store: Store
    leaving: threading.Event = field(default_factory=threading.Event)
    settled: int = 0  # how many steps came to rest in this process
    _settling: threading.Condition = field(default_factory=threading.Condition)

    def stop_reason(self, lane: Lane) -> str:
        return "this process ends" if self.leaving.is_set() else self.store.work.stop_reason(lane)

    def wait_settled(self, seen: int, seconds: float) -> None:
        """Until more steps than `seen` have come to rest here; at most so long, as others rest elsewhere."""
        with self._settling:
            self._settling.wait_for(lambda: self.settled > seen, seconds)

    def carry_all(
        self,
        lane: Lane,
        opened: OpenRun,
        phase: int,
        limit_key: str | None = None,
        others_wait: Callable[[], bool] | None = None,
    ) -> bool:
        """One step of the phase after another, until none is open or the run is to stop.

        False when a shift is over before that, and `others_wait` for the lane's place.
        """
        steps = opened.plan.steps
        shift_ends = time.monotonic() + SHIFT_SECONDS
        while claim := self._claim(lane, phase, limit_key):
            self._carry(claim, steps[claim.position], opened)
            with self._settling:
                self.settled += 1
                self._settling.notify_all()
            if others_wait and time.monotonic() > shift_ends:
                if others_wait():
                    return False
                shift_ends = time.monotonic() + SHIFT_SECONDS
        return True

    def _claim(self, lane: Lane, phase: int, limit_key: str | None) -> Claim | None:
        if self.leaving.is_set():
            raise Leaving
        return self.store.work.claim(lane, phase, limit_key)

    def _carry(self, claim: Claim, step: Step, opened: OpenRun) -> None:
        for failures in range(1, ATTEMPTS_MAX + 1):
            began = time.monotonic()
            error = self._attempt(claim, step, opened, began)
            if error is None:
                return
            final = failures == ATTEMPTS_MAX or not error.retryable
            self.store.work.failed(claim, told(error), final=final)
            if final or not self._wait(claim, failures):
                return
            claim = self.store.work.again(claim)

    def _attempt(self, claim: Claim, step: Step, opened: OpenRun, began: float) -> WayfareError | None:
        """None when the step is settled: done, or stopped and open again."""
        context = Context(self.store, opened, claim.name, claim.attempt, lambda: self.stop_reason(claim.lane))
        try:
            result = effect_of(step.tag).run(context, step.args)
            json.dumps(result)  # a result that is no JSON is the effect's error, not the store's
        except Superseded:
            raise
        except Stopped:
            self.store.work.release(claim)
            return None
        except Exception as error:
            return classified(error, step.name, opened.hide)
        finally:
            context.tell()
        self.store.work.done(claim, result, time.monotonic() - began)
        return None

    def _wait(self, claim: Claim, failures: int) -> bool:
        """Wait before the next attempt. False (and the step is open again) when the run is to stop meanwhile."""
        until = time.monotonic() + backoff_seconds(failures, random.random())  # noqa: S311
        while (left := until - time.monotonic()) > 0:
            if self.stop_reason(claim.lane):
                self.store.work.release(claim)
                return False
            self.leaving.wait(min(left, 0.2))
        return True


def backoff_seconds(failures: int, jitter: float) -> float:
    """Doubling from 0.2 s to 10 s, shortened by up to a half so that siblings do not come back together."""
    return float(min(WAIT_FIRST_SECONDS * 2 ** (failures - 1), WAIT_SECONDS_MAX)) * (1 - jitter / 2)


def classified(error: Exception, where: str, hide: Callable[[str], str] = str) -> WayfareError:
    """Ours stay as they are. Anything else is a bug: its traceback goes to the log, its class and text to people."""
    if isinstance(error, WayfareError):
        return error
    log.error("unexpected error", where=where, traceback=hide("".join(traceback.format_exception(error))))
    return Bug(hide(f"{type(error).__name__}: {error}"), remedy="Please report it, with the log.", where=where)


def told(error: WayfareError) -> dict[str, Json]:
    """An error as the journal keeps it."""
    fields = {"code": error.code, "message": error.message, "remedy": error.remedy, "where": error.where}
    return {**fields, "retryable": error.retryable}
