"""See a run through: carried out by this process, or watched while another one carries it out.

Either way the picture comes from the store. Ctrl-C pauses a run of our own, and leaves one of another process alone.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from wayfare.cli.views import Silent, View
from wayfare.control.picture import Picture
from wayfare.core.errors import Conflict
from wayfare.core.events import Event
from wayfare.core.status import ENDED, Status
from wayfare.settings import Settings
from wayfare.store.store import Store
from wayfare.systems.registry import open_database

if TYPE_CHECKING:
    from wayfare.engine.engine import Engine
    from wayfare.engine.opened import OpenDatabase

LOOK_SECONDS = 0.25
STILL = ENDED | {Status.WAITING}
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def see_through(settings: Settings, store: Store, run: str, view: View) -> Picture:
    """Until the run has ended or waits, or nobody wants to watch. Raises what keeps the engine from starting."""
    from wayfare.engine.lock import owner

    other = owner(settings)
    if other is None:
        return _carry(settings, store, run, view)
    view.notice(f"Process {other} carries this out. Ctrl-C leaves it running.")
    return watch(store, run, view)


def watch(store: Store, run: str, view: View) -> Picture:
    """Follow a run that another process carries out, until it stands still or Ctrl-C."""
    follower = _Follower(store, run, view)
    with _stop_signals() as stop, view:
        while not stop.event.is_set() and not _stands_still(store, run):
            follower.look()
            stop.event.wait(LOOK_SECONDS)
        follower.look()
    return follower.picture


def work(settings: Settings, store: Store) -> None:
    """Carry out whatever is queued, and begin what is due, until SIGINT or SIGTERM."""
    from wayfare.access.egress import for_calls, for_work
    from wayfare.control.carrying import Policies
    from wayfare.control.reaching import opener
    from wayfare.control.scheduler import Scheduler

    allowed = settings.egress_allow
    calls = for_calls(on_loopback=settings.embedded, allowed=allowed)
    here = Policies(for_work(allowed), calls, settings.smtp)
    with (
        _stop_signals() as stop,
        _engine(settings, store, opener(here.connections)) as engine,
        Scheduler(store, here),
    ):
        engine.work(stop=stop.event)


def picture_of(store: Store, run: str) -> Picture:
    """How the run stands now."""
    follower = _Follower(store, run, Silent())
    follower.look()
    return follower.picture


def _carry(settings: Settings, store: Store, run: str, view: View) -> Picture:
    """The engine has a thread of its own, so that the picture moves from the start and signals are heard at once."""
    follower = _Follower(store, run, view)
    leave = threading.Event()

    def carry() -> None:
        with _engine(settings, store) as engine:
            engine.work(until=run, stop=leave)

    with _stop_signals() as stop, view, ThreadPoolExecutor(1) as pool:
        working = pool.submit(carry)
        obeyed = 0
        while not working.done():
            follower.look()
            if stop.times > obeyed:
                obeyed = stop.times
                _obey(store, run, view, leave, again=obeyed > 1)
            wait([working], LOOK_SECONDS)
        follower.look()
    working.result()
    return follower.picture


def _obey(store: Store, run: str, view: View, leave: threading.Event, *, again: bool) -> None:
    """The first Ctrl-C pauses, which lets what is in flight come to a good end; the next one leaves at once."""
    if again:
        leave.set()
        return
    try:
        store.ask(run, "pause")
        doing = "Pausing: what is in flight is left in order."
    except Conflict:
        doing = "This cannot be paused now; it soon ends."  # it is being undone, or has just come to its end
    view.notice(f"{doing} Ctrl-C again leaves at once; nothing is lost by it.")


def _stands_still(store: Store, run: str) -> bool:
    found = store.run(run)
    return found.status in STILL and not found.asked


def _engine(settings: Settings, store: Store, opens: OpenDatabase = open_database) -> Engine:
    from wayfare.control.capabilities import register
    from wayfare.engine.engine import Engine

    register()
    return Engine(settings, store, opens)


class _Follower:
    """Reads a run's journal and progress, each event once. The view hears of what happens from now on."""

    def __init__(self, store: Store, run: str, view: View) -> None:
        self._store, self._run, self._view = store, run, view
        self._since = 0
        self.picture = Picture(store.plan(run))
        for _ in self._news():
            pass

    def look(self) -> None:
        for event in self._news():
            self._view.tell(event, self.picture)
        self.picture.measure(self._store.progress(self._run), time.time())
        self._view.refresh(self.picture)

    def _news(self) -> Iterator[Event]:
        while events := self._store.events(self._run, since=self._since):
            self._since = events[-1].sequence
            yield from self.picture.see(events)


class _Stop:
    """Counts how often we were asked to stop."""

    def __init__(self) -> None:
        self.times = 0
        self.event = threading.Event()


@contextmanager
def _stop_signals() -> Iterator[_Stop]:
    """While this is open, Ctrl-C and SIGTERM are counted instead of breaking off whatever runs."""
    stop = _Stop()

    def handle(number: int, frame: FrameType | None) -> None:
        stop.times += 1
        stop.event.set()

    before = {number: signal.signal(number, handle) for number in STOP_SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
