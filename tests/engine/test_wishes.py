"""Pause, resume, cancel, roll back: asked from another process than the one at work."""

from __future__ import annotations

import pytest

from engine.bed import Bed, alive, put, wait_for
from wayfare.core.errors import Conflict
from wayfare.core.events import Name
from wayfare.core.plan import Phase, Step
from wayfare.core.status import Status


def chunks(count: int, tag: str = "test.put", seconds: float = 0.05) -> Phase:
    steps = (put(f"c{i}", tag=tag, seconds=seconds, limit_key="s") for i in range(count))
    return Phase("load", tuple(steps), together=True)


def test_a_paused_run_goes_on_where_it_stood(any_bed: Bed) -> None:
    run = any_bed.run(Phase("first", (put("a"),)), chunks(20, seconds=0.2), Phase("last", (put("z"),)))
    worker = any_bed.worker(run.id)
    wait_for(lambda: len(any_bed.steps(run, Name.STEP_DONE)) >= 4)
    any_bed.store.ask(run.id, "pause")
    wait_for(lambda: not alive(worker))
    paused = any_bed.store.run(run.id)
    assert paused.status is Status.WAITING
    assert paused.reason == "paused"
    finished = any_bed.steps(run, Name.STEP_DONE)
    assert 4 <= len(finished) < 21

    any_bed.store.ask(run.id, "resume")
    assert any_bed.carry_out(run).status is Status.SUCCEEDED
    assert len(any_bed.target(run)) == 22
    ends = any_bed.trace(run, "end")
    assert len(ends) == len(set(ends)) == 22  # nothing that was finished ran again


def test_cancel_keeps_what_was_done(any_bed: Bed) -> None:
    run = any_bed.run(chunks(20, "test.undoable", 0.2))
    worker = any_bed.worker(run.id)
    wait_for(lambda: len(any_bed.steps(run, Name.STEP_DONE)) >= 4)
    any_bed.store.ask(run.id, "cancel")
    wait_for(lambda: not alive(worker))
    assert any_bed.store.run(run.id).status is Status.CANCELLED
    assert 4 <= len(any_bed.target(run)) < 20
    assert not any_bed.trace(run, "undo")


def test_a_roll_back_waits_for_the_steps_in_flight_and_undoes_in_reverse(any_bed: Bed) -> None:
    first = Phase("first", (put("a", tag="test.undoable"), put("b", tag="test.undoable"), put("kept")))
    run = any_bed.run(first, chunks(20, "test.undoable", 0.2))
    worker = any_bed.worker(run.id)
    wait_for(lambda: len(any_bed.trace(run, "begin")) >= 10)
    any_bed.store.ask(run.id, "rollback")
    wait_for(lambda: not alive(worker))
    assert any_bed.store.run(run.id).status is Status.UNDONE
    assert list(any_bed.target(run)) == ["kept"]  # its effect cannot be undone
    words = ["begin" if "begin" in line else "undo" if "undo" in line else "end" for line in any_bed.lines(run)]
    assert "begin" not in words[words.index("undo") :]
    undone = any_bed.trace(run, "undo")
    begun = {line["begin"] for line in any_bed.lines(run) if "begin" in line}
    assert set(undone) == begun - {"kept"}
    assert undone[-2:] == ["b", "a"]
    assert any_bed.steps(run, Name.STEP_UNDONE) == [f"put {file}" for file in undone]


@pytest.mark.parametrize("broken", [False, True], ids=["succeeded", "failed"])
def test_an_ended_run_can_be_rolled_back(bed: Bed, broken: bool) -> None:
    more = (Step("test.refused", "bad"),) if broken else ()
    run = bed.run(Phase("one", (put("a", tag="test.undoable"), *more)))
    assert bed.carry_out(run).status is (Status.FAILED if broken else Status.SUCCEEDED)
    bed.store.ask(run.id, "rollback")
    assert bed.carry_out(run).status is Status.UNDONE
    assert bed.target(run) == {}
    with pytest.raises(Conflict):
        bed.store.ask(run.id, "resume")


def test_a_paused_run_can_be_rolled_back(bed: Bed) -> None:
    run = bed.run(chunks(20, "test.undoable", 0.2))
    worker = bed.worker(run.id)
    wait_for(lambda: len(bed.trace(run, "end")) >= 4)
    bed.store.ask(run.id, "pause")
    wait_for(lambda: not alive(worker))
    bed.store.ask(run.id, "rollback")
    assert bed.carry_out(run).status is Status.UNDONE
    assert bed.target(run) == {}


def test_a_worker_that_is_told_to_leave_does_so_and_the_next_one_goes_on(any_bed: Bed) -> None:
    import os
    import signal

    run = any_bed.run(chunks(20, seconds=0.2))
    worker = any_bed.worker()
    wait_for(lambda: len(any_bed.trace(run, "end")) >= 4)
    os.kill(worker, signal.SIGTERM)
    wait_for(lambda: not alive(worker))
    assert any_bed.store.run(run.id).status is Status.RUNNING
    assert any_bed.carry_out(run).status is Status.SUCCEEDED
    ends = any_bed.trace(run, "end")
    assert len(ends) == len(set(ends)) == 20
