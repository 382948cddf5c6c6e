"""What people do with runs: pause, resume, cancel, roll back. Each records a wish that the carrier of the run obeys."""

from __future__ import annotations

import time
from collections.abc import Collection

from wayfare.core.errors import Conflict
from wayfare.core.status import ENDED, Status
from wayfare.store.records import Run
from wayfare.store.store import Store


def pause(store: Store, reference: str) -> Run:
    return store.ask(store.run(reference).id, "pause")


def resume(store: Store, reference: str) -> Run:
    return store.ask(store.run(reference).id, "resume")


def cancel(store: Store, reference: str, *, undo: bool = False) -> Run:
    """With `undo`, the target is left as it was before the run. Raises Conflict as `roll_back` does."""
    return roll_back(store, reference) if undo else store.ask(store.run(reference).id, "cancel")


def roll_back(store: Store, reference: str) -> Run:
    """Undo a run. Raises Conflict for a finished one that did not keep what it replaced."""
    run = store.run(reference)
    if run.kind == "copy" and run.status is Status.SUCCEEDED and not store.plan(run.id).subject.get("keep_replaced"):
        raise Conflict(
            f"run {run.id} has finished, and the tables it replaced are gone.",
            remedy="Copies that may have to be rolled back after their end are started with --keep-replaced.",
        )
    return store.ask(run.id, "rollback")


WAIT_STEP_SECONDS = 0.05


def wait(store: Store, run_id: str, seconds_max: float = float("inf"), until: Collection[Status] = ENDED) -> Run:
    """The run once it has ended, or as it is when the time is over. A run with an unfulfilled wish has not ended."""
    deadline = time.monotonic() + seconds_max
    while _goes_on(run := store.run(run_id), until) and time.monotonic() < deadline:
        time.sleep(WAIT_STEP_SECONDS)
    return run


def _goes_on(run: Run, until: Collection[Status]) -> bool:
    return run.status not in until and (run.status not in ENDED or bool(run.asked))
