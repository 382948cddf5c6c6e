"""Looking at a server while a change is at work on it: who waits too long behind the change has it ended.

How slow the queries are meanwhile is noted for the page, and not judged: an index build makes everything slower, and
that passes. A client that stands still does not get that time back.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from wayfare.core.changes import Schema, Waiting, Watches
from wayfare.core.errors import WayfareError
from wayfare.core.findings import Finding, Severity
from wayfare.core.plan import StepContext
from wayfare.schema import observing
from wayfare.schema.subject import ChangeSubject
from wayfare.schema.watch import TICK_SECONDS, Watcher, stood_still


class Guard:
    """A thread with a look of its own. `reason` is "" until somebody has waited too long; then it stays."""

    def __init__(self, context: StepContext, schema: Watches, member: str, subject: ChangeSubject) -> None:
        self.reason = ""
        self.failed: BaseException | None = None  # nothing that a server says, but an error of ours
        self._context = context
        self._schema = schema
        self._member = member
        self._seconds_max = subject.limits.lock_wait_seconds_max
        self._watcher = observing.watcher(context, member, subject)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"watch {member}", daemon=True)

    def asked(self) -> str:
        """What `Policy.interrupted` wants."""
        return self.reason

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            pause = 0.0
            while not self._over.wait(pause):
                began = time.monotonic()
                self._tick()
                pause = max(0.0, TICK_SECONDS - (time.monotonic() - began))
        except WayfareError as error:
            told = f"{self._member} is not watched while the change is at work: {error.message}"
            self._context.finding(Finding("not_watched", Severity.WARNING, told, self._member, error.remedy))
        except Exception as error:
            self.failed = error

    def _tick(self) -> None:
        """What a server cannot answer now, it is asked again: what is wrong there, the statement itself tells."""
        try:
            waiting = self._look(self._watcher) if self._watcher else self._schema.waiting()
        except WayfareError as error:
            if not error.retryable:
                raise
            return
        self.reason = self.reason or stood_still(waiting, self._seconds_max)

    def _look(self, watcher: Watcher) -> Sequence[Waiting]:
        sample = self._schema.sample()
        lag = observing.lag_of(self._schema)
        watcher.look(sample, lag)
        observing.note(self._context, self._member, watcher, lag)
        return sample.waiting


@contextmanager
def guarded(context: StepContext, schema: Schema, member: str, subject: ChangeSubject) -> Iterator[Guard | None]:
    """While the block carries the change out. None where the system does not tell who waits.

    Afterwards, where somebody has waited too long, the run's roll-back is asked for: raises Stopped.
    """
    if not isinstance(schema, Watches):
        yield None
        return
    guard = Guard(context, schema, member, subject)
    guard.start()
    try:
        yield guard
    finally:
        guard.end()
        if guard.reason:
            context.ask("rollback", f"{member}: {guard.reason}")
    if guard.failed:
        raise guard.failed
