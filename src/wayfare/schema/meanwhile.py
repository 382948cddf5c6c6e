"""Looking at a server while a change is at work on it: who waits too long behind the change has it ended.

How slow the queries are meanwhile is noted for the page, and not judged: an index build makes everything slower, and
that passes. A client that stands still does not get that time back.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from wayfare.core.changes import Schema, Waiting, Watches
from wayfare.core.errors import Conflict, Stopped, WayfareError
from wayfare.core.findings import Finding, Severity
from wayfare.core.plan import StepContext
from wayfare.schema import observing
from wayfare.schema.subject import ChangeSubject
from wayfare.schema.watch import TICK_SECONDS, Watcher, stood_still
from wayfare.systems.beside import beside


class Guard:
    """A thread that looks at who waits. `reason` is "" until somebody has waited too long; then it stays.

    `look` is asked again when it raises what can be tried again; all else ends the looking, and `blind` is told.
    """

    def __init__(
        self,
        look: Callable[[], Sequence[Waiting]],
        seconds_max: float,
        blind: Callable[[WayfareError], None],
        first_after: float = 0.0,
    ) -> None:
        self.reason = ""
        self.failed: BaseException | None = None  # nothing that a server says, but an error of ours
        self._look = look
        self._seconds_max = seconds_max
        self._blind = blind
        self._first_after = first_after

    def asked(self) -> str:
        """What `Policy.interrupted` wants."""
        return self.reason

    def at_work(self) -> AbstractContextManager[None]:
        """While the block carries the change out."""
        return beside("who waits behind a change", self._run)

    def _run(self, over: threading.Event) -> None:
        try:
            pause = self._first_after
            while not over.wait(pause):
                began = time.monotonic()
                self._tick()
                pause = max(0.0, TICK_SECONDS - (time.monotonic() - began))
        except WayfareError as error:
            self._blind(error)
        except Exception as error:
            self.failed = error

    def _tick(self) -> None:
        """What a server cannot answer now, it is asked again: what is wrong there, the statement itself tells."""
        try:
            waiting = self._look()
        except WayfareError as error:
            if not error.retryable:
                raise
            return
        self.reason = self.reason or stood_still(waiting, self._seconds_max)


@contextmanager
def guarded(context: StepContext, schema: Schema, member: str, subject: ChangeSubject) -> Iterator[Guard | None]:
    """While the block carries the change out. None where the system does not tell who waits.

    Afterwards, where somebody has waited too long, the run's roll-back is asked for: raises Stopped.
    """
    if not isinstance(schema, Watches):
        yield None
        return
    watched: Watches = schema
    watcher = observing.watcher(context, member, subject)

    def blind(error: WayfareError) -> None:
        told = f"{member} is not watched while the change is at work: {error.message}"
        context.finding(Finding("not_watched", Severity.WARNING, told, member, error.remedy))

    def look() -> Sequence[Waiting]:
        return _noted(context, watched, member, watcher) if watcher else watched.waiting()

    guard = Guard(look, subject.limits.lock_wait_seconds_max, blind)
    try:
        with guard.at_work():
            yield guard
    finally:
        if guard.reason:
            context.ask("rollback", f"{member}: {guard.reason}")
    if guard.failed:
        raise guard.failed


def _noted(context: StepContext, schema: Watches, member: str, watcher: Watcher) -> Sequence[Waiting]:
    sample = schema.sample()
    lag = observing.lag_of(schema)
    watcher.look(sample, lag)
    observing.note(context, member, watcher, lag)
    return sample.waiting


_LET_THEM_GO_ON = (
    "Do it when fewer use the table, or in safer steps: `wayfare schema recipe` knows some. "
    "--client-wait, over HTTP client_wait_seconds, lets them wait for longer."
)


@contextmanager
def unhindered(schema: Schema, seconds_max: float) -> Iterator[Callable[[], str]]:
    """The same where no run is: gives what `Policy.interrupted` wants. 0: clients wait for as long as it takes.

    Raises Conflict for what was ended. A server that does not tell who waits is changed unwatched.
    """
    if not seconds_max or not isinstance(schema, Watches):
        yield lambda: ""
        return
    guard = Guard(schema.waiting, seconds_max, lambda error: None, first_after=TICK_SECONDS)
    try:
        with guard.at_work():
            yield guard.asked
    except Stopped as error:
        if not guard.reason:
            raise
        told = f"{guard.reason} It was ended, so that they go on; nothing of the statement stays."
        raise Conflict(told, where=error.where, remedy=_LET_THEM_GO_ON) from error
    if guard.failed:
        raise guard.failed
