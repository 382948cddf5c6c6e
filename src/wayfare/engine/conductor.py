"""Conducting a run: its phases in order, its steps alone or in lanes, its end, and its undoing.

Everything here may be done again from the start: what is finished is read from the store, so that a conductor that
comes after a crash does what the first one would have done next.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

from wayfare.core.errors import Bug, Stopped, WayfareError
from wayfare.core.events import Event, Name
from wayfare.core.plan import Phase, Step, Undoes
from wayfare.core.status import Status
from wayfare.engine.carry import ATTEMPTS_MAX, Carrier, Leaving, backoff_seconds, classified
from wayfare.engine.context import WHY, Context
from wayfare.engine.effects import effect_of, holder_of
from wayfare.engine.hold import Hold
from wayfare.engine.opened import OpenRun, OpenRuns
from wayfare.store.database import StoreAway
from wayfare.store.store import Store
from wayfare.store.work import Lane, Superseded

LOOK_SECONDS = 0.25  # how often steps carried out elsewhere are looked at
CHECK_SECONDS = 3.0  # … and whether their lanes are still there
WAVES_MAX = 20
STOPPED = {"pause": (Status.WAITING, "paused"), "cancel": (Status.CANCELLED, "cancelled")}


class Lanes(Protocol):
    """Where lanes come from: this process, or any that works for the same store."""

    def start(self, name: str, run: str, phase: int, limit_key: str) -> None:
        """Once, however often it is called with the same name."""
        ...

    def alive(self, prefix: str) -> bool:
        """Is there a lane, waiting or at work, whose name begins so?"""
        ...


@dataclass(frozen=True)
class Conductor:
    """Steps that run alone are carried out by the conductor itself; they do not count towards the limits of lanes."""

    store: Store
    carrier: Carrier
    runs: OpenRuns
    lanes: Lanes
    executor: str
    workers: int
    per_source: int

    def conduct(self, run: str, round_: int) -> None:
        """Take the run to where it stands still: ended, waiting or undone. Raises Superseded, Leaving, StoreAway."""
        begun = self.store.work.begin(run, round_, self.executor)
        if begun is None:
            return
        lane, status = begun
        hide: Callable[[str], str] = str
        try:
            with self.runs.using(run) as opened:
                hide = opened.hide
                if status is Status.UNDOING or not self._forward(lane, opened, round_):
                    self._back(lane, opened)
        except (Superseded, StoreAway):
            raise
        except Exception as error:  # such as addresses that cannot be unsealed: without this, the run would hang
            self.store.work.move(lane, Status.FAILED, str(classified(error, run, hide)))

    # Forward

    def _forward(self, lane: Lane, opened: OpenRun, round_: int) -> bool:
        """False when the run is to be rolled back."""
        try:
            if self._phases(lane, opened, round_):
                self.store.work.move(lane, Status.SUCCEEDED)
                return True
        except Superseded:
            raise
        except Stopped:  # a holder noticed it
            pass
        return self._stop(lane)

    def _phases(self, lane: Lane, opened: OpenRun, round_: int) -> bool:
        """False when something stopped it."""
        for hold, group in groupby(enumerate(opened.plan.phases), key=lambda numbered: numbered[1].hold):
            phases = list(group)
            with self._held(lane, opened, hold, [number for number, _ in phases]):
                if not all(self._phase(lane, opened, round_, number, phase) for number, phase in phases):
                    return False
        return True

    def _held(self, lane: Lane, opened: OpenRun, hold: str, phases: list[int]) -> AbstractContextManager[object]:
        """The phases' holder, opened anew by every conductor; none where nothing is left to do."""
        if not hold or all(self._complete(opened.run, phase) for phase in phases):
            return nullcontext()
        context = Context(self.store, opened, hold, 1, lambda: self.carrier.stop_reason(lane))
        return Hold(holder_of(hold), context)

    def _phase(self, lane: Lane, opened: OpenRun, round_: int, number: int, phase: Phase) -> bool:
        if not self._complete(opened.run, number):
            self.store.append(Event(opened.run, Name.PHASE_STARTED, phase.name, round_))
            if phase.together:
                self._together(lane, opened.run, round_, number)
            else:
                self.carrier.carry_all(lane, opened, number)
            if not self._complete(opened.run, number):
                return False
        self.store.append(Event(opened.run, Name.PHASE_DONE, phase.name))
        return True

    def _complete(self, run: str, phase: int) -> bool:
        return set(self.store.work.states(run, phase)) <= {"done"}

    def _together(self, lane: Lane, run: str, round_: int, phase: int) -> None:
        """Lanes carry the steps out. Where they are all lost (not by a crash: those recover), new ones are sent."""
        for wave in range(WAVES_MAX):
            self._send(run, f"{run}/{phase}/{round_}.{wave}", phase)
            if self._settled(lane, phase, f"{run}/{phase}/"):
                return
            self.store.work.reopen(run, phase, self.executor)
        raise Bug(f"the lanes of phase {phase} of run {run} keep getting lost.", remedy="See the log.")

    def _send(self, run: str, name: str, phase: int) -> None:
        for index, (key, steps) in enumerate(self.store.work.open_keys(run, phase).items()):
            most = min(self.workers, self.per_source) if key else self.workers
            for number in range(min(steps, most)):
                self.lanes.start(f"{name}.{index}.{number}", run, phase, key)

    def _settled(self, lane: Lane, phase: int, lanes: str) -> bool:
        """Wait until no step is in flight and none will start. False when no lane is there to start them."""
        check_at = time.monotonic() + CHECK_SECONDS
        while True:
            seen = self.carrier.settled
            states = self.store.work.states(lane.run, phase)
            if not states.get("running") and (not states.get("open") or self.carrier.stop_reason(lane)):
                return True
            if self.carrier.leaving.is_set():
                raise Leaving
            if time.monotonic() > check_at:
                if not self.lanes.alive(lanes):
                    return False
                check_at = time.monotonic() + CHECK_SECONDS
            self.carrier.wait_settled(seen, LOOK_SECONDS)

    def _stop(self, lane: Lane) -> bool:
        """Say why the run stands still. False when it is to be rolled back."""
        if self.carrier.leaving.is_set():
            raise Leaving
        asked = self.store.run(lane.run).asked
        why = self._why(lane.run, asked)
        if asked == "rollback":
            self.store.work.move(lane, Status.UNDOING, why or "rolled back on request")
            return False
        if failure := self.store.work.failure(lane.run):
            self.store.work.move(lane, Status.FAILED, failure)
        elif asked in STOPPED:
            to, told = STOPPED[asked]
            self.store.work.move(lane, to, why or told)
        else:
            raise Bug(f"run {lane.run} stopped for no reason.")
        return True

    def _why(self, run: str, asked: str) -> str:
        """The reason of a step that asked for it; "" where a person has. Told once: a later wish has its own."""
        note = self.store.notes(run, WHY) or {}
        if note:
            self.store.note(run, WHY, None)
        return str(note["reason"]) if note.get("what") == asked else ""

    # Back

    def _back(self, lane: Lane, opened: OpenRun) -> None:
        """Undo what was started, last first."""
        for position, name, attempt in self.store.work.started(lane.run):
            step = opened.plan.steps[position]
            context = Context(self.store, opened, name, attempt, self._leaving)
            try:
                if isinstance(undoes := effect_of(step.tag), Undoes):
                    self._undo(undoes, context, step)
                    self.store.work.undone(lane, position, name)
            except (Superseded, StoreAway):
                raise
            except Exception as error:
                reason = f"{name} could not be undone: {classified(error, name, opened.hide)}"
                self.store.work.move(lane, Status.FAILED, reason)
                return
        why = self._why(lane.run, "rollback") or self.store.run(lane.run).reason
        self.store.work.move(lane, Status.UNDONE, why)

    def _undo(self, effect: Undoes, context: Context, step: Step) -> None:
        for failures in range(1, ATTEMPTS_MAX + 1):
            if self.carrier.leaving.is_set():
                raise Leaving
            try:
                return effect.undo(context, step.args)
            except Stopped as stopped:  # asked by nobody but the end of this process
                raise Leaving from stopped
            except StoreAway:
                raise
            except WayfareError as error:
                if failures == ATTEMPTS_MAX or not error.retryable:
                    raise
                self.carrier.leaving.wait(backoff_seconds(failures, 0.5))
        return None

    def _leaving(self) -> str:
        return "this process ends" if self.carrier.leaving.is_set() else ""
