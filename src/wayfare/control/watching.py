"""Runs watched live by many: one look at the store for all who watch in this process, the journal as the only truth.

A thread asks every LOOK_SECONDS which watched runs have new events, reads those once, and keeps the newest of each run
at hand. Who watches has no queue, only the sequence it has come to: it takes what is at hand, or reads the journal
where it has fallen behind. So nothing is lost, a stalled reader costs nothing, and a look may come late.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Self

import structlog

from wayfare.control.picture import Picture
from wayfare.control.telling import event_json, folded, progress_json
from wayfare.core.errors import WayfareError
from wayfare.core.events import Event
from wayfare.core.status import ENDED
from wayfare.store.store import Store

LOOK_SECONDS = 0.1
PROGRESS_SECONDS = 0.5  # amounts change all the time; the newest are enough
OUTAGE_SECONDS = 1.0
AT_HAND_CHARACTERS = 500_000  # events of each watched run
GIVEN_AT_ONCE = 200  # to one who watches …
GIVEN_CHARACTERS_MAX = 32_000  # … so that what waits for a stalled client stays small
READ_AT_ONCE = 1000
READ_BEHIND = 32  # by each who has fallen behind: many may have

log = structlog.get_logger("wayfare.watching")
Wake = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Told:
    """An event, written once for all who watch."""

    sequence: int
    text: str  # JSON


@dataclass(eq=False)
class Watched:
    """What is known of one run that somebody watches. Whoever watches it reads `progress` and `ended`."""

    run: str
    store: Store  # of the run's tenant
    picture: Picture
    last: int  # sequence of the newest event taken in
    at_hand: list[Told] = field(default_factory=list)  # without gaps, the newest last
    progress: str = ""  # JSON
    ended: bool = False
    wakes: set[Wake] = field(default_factory=set)

    def news(self, since: int) -> Sequence[Told] | None:
        """Events after `since`, at most GIVEN_AT_ONCE; None when they are no longer at hand (see `behind`)."""
        events = self.at_hand  # replaced, never changed in place, so that no lock is needed to read it
        if since >= self.last:
            return ()
        if not events or since + 1 < events[0].sequence:
            return None
        start = since + 1 - events[0].sequence
        return few(events[start : start + GIVEN_AT_ONCE])

    def behind(self, since: int) -> Sequence[Told]:
        """The same from the journal. Blocks."""
        return few(told(self.store.events(self.run, since=since, limit=READ_BEHIND)))

    def take_in(self, events: Sequence[Event]) -> None:
        for _ in self.picture.see(events):
            pass
        self.at_hand = newest([*self.at_hand, *told(events)])
        self.last = events[-1].sequence

    def measure(self) -> bool:
        """Are there new amounts?"""
        self.picture.measure(self.store.progress(self.run), time.time())
        before, self.progress = self.progress, json.dumps(progress_json(self.picture), separators=(",", ":"))
        return self.progress != before

    def look_for_end(self) -> None:
        """A run that has ended and is to be rolled back goes on."""
        self.ended = self.picture.status in ENDED and not self.store.run(self.run).asked


class Watching:
    """`with watching:` looks while open. Thread-safe."""

    def __init__(self) -> None:
        self._runs: dict[str, Watched] = {}
        self._lock = threading.Lock()
        self._leave = threading.Event()
        self._somebody = threading.Event()
        self._measure_at = 0.0

    def __enter__(self) -> Self:
        self._leave.clear()
        self._thread = threading.Thread(target=self._look_for_ever, name="watching", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._leave.set()
        self._somebody.set()
        self._thread.join()

    @contextmanager
    def watched(self, store: Store, run: str, wake: Wake) -> Iterator[Watched]:
        """While open, `wake` is called (by another thread) whenever there may be news of the run.

        Blocks at first, to read what has happened so far. Raises NotFound, StoreAway.
        """
        found = self._join(store, run, wake)
        try:
            yield found
        finally:
            with self._lock:
                found.wakes.discard(wake)
                if not found.wakes and self._runs.get(run) is found:
                    del self._runs[run]

    def _join(self, store: Store, run: str, wake: Wake) -> Watched:
        with self._lock:
            if found := self._runs.get(run):
                found.wakes.add(wake)
                return found
        picture, last = folded(store, run, time.time())
        made = Watched(run, store, picture, last, progress=json.dumps(progress_json(picture), separators=(",", ":")))
        made.look_for_end()
        with self._lock:
            found = self._runs.setdefault(run, made)  # somebody may have been faster
            found.wakes.add(wake)
        self._somebody.set()
        return found

    def _look_for_ever(self) -> None:
        while not self._leave.is_set():
            pause = LOOK_SECONDS
            try:
                if not self._look():
                    self._somebody.wait()
            except WayfareError as error:
                log.warning("runs cannot be watched", error=str(error))
                pause = OUTAGE_SECONDS
            except Exception as error:  # this thread must outlive whatever happens to the store
                log.error("runs cannot be watched", exc_info=error)
                pause = OUTAGE_SECONDS
            self._leave.wait(pause)

    def _look(self) -> bool:
        """False when nobody watches."""
        with self._lock:
            runs = list(self._runs.values())
            if not runs:
                self._somebody.clear()
                return False
        measuring = time.monotonic() >= self._measure_at
        if measuring:
            self._measure_at = time.monotonic() + PROGRESS_SECONDS
        last = runs[0].store.everywhere.changes.last_sequences([watched.run for watched in runs])
        for found in runs:
            try:
                self._look_at(found, last.get(found.run, found.last), measuring)
            except WayfareError:
                raise
            except Exception as error:  # whatever one journal holds, the others are watched
                log.error("a run cannot be watched", run=found.run, exc_info=error)
        return True

    def _look_at(self, found: Watched, last: int, measuring: bool) -> None:
        news = last > found.last
        while found.last < last and (events := found.store.events(found.run, since=found.last, limit=READ_AT_ONCE)):
            found.take_in(events)
        if news:
            found.look_for_end()
        if ((news or measuring) and found.measure()) or news:
            with self._lock:
                wakes = list(found.wakes)
            for wake in wakes:
                wake()


def few(events: Sequence[Told]) -> Sequence[Told]:
    """The first of them, as many as may be given at once; one at least."""
    sizes = accumulate(len(event.text) for event in events)
    return events[: max(1, sum(size <= GIVEN_CHARACTERS_MAX for size in sizes))]


def newest(events: Sequence[Told]) -> list[Told]:
    """The last of them, as many as are kept at hand; one at least."""
    sizes = accumulate(len(event.text) for event in reversed(events))
    return list(events[-max(1, sum(size <= AT_HAND_CHARACTERS for size in sizes)) :])


def told(events: Iterable[Event]) -> list[Told]:
    return [Told(e.sequence, json.dumps(event_json(e), separators=(",", ":"))) for e in events]
