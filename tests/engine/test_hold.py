"""What is held while phases run is opened anew where it is lost, and its loss ends no run."""

from __future__ import annotations

from engine.bed import Bed, put, wait_for
from wayfare.core.events import Name
from wayfare.core.plan import Phase
from wayfare.core.status import Status

HOLD = "test.perishable"


def test_a_lost_hold_is_opened_again_in_the_same_run(any_bed: Bed) -> None:
    steps = tuple(put(f"c{i}", tag="test.needs", limit_key="s", seconds=0.3) for i in range(6))
    run = any_bed.run(
        Phase("load", steps, together=True, hold=HOLD), Phase("verify", (put("v", tag="test.needs"),), hold=HOLD)
    )
    worker = any_bed.worker(run.id)
    wait_for(lambda: any_bed.steps(run, Name.STEP_DONE))
    (any_bed.folder(run) / "held").unlink()
    ended = any_bed.until(run, Status.SUCCEEDED, Status.FAILED)
    assert ended.status is Status.SUCCEEDED, ended.reason
    assert any_bed.trace(run, "hold") == ["open", "closed", "open", "closed"]
    assert len(any_bed.target(run)) == 7
    assert len(set(any_bed.target(run).values())) == 2, "each file tells which of the two it was made under"
    wait_for(lambda: not any_bed.error(worker))


def test_a_hold_that_cannot_be_had_at_once_is_tried_again(bed: Bed) -> None:
    run = bed.run(Phase("load", (put("a", seconds=2.5),), together=True, hold=HOLD))
    bed.worker(run.id)
    wait_for(lambda: bed.trace(run, "begin"))
    (bed.folder(run) / "cannot").touch()
    (bed.folder(run) / "held").unlink()
    assert bed.until(run, Status.SUCCEEDED, Status.FAILED).status is Status.SUCCEEDED
    assert bed.trace(run, "hold")[:4] == ["open", "closed", "cannot", "open"]


def test_a_hold_that_cannot_be_had_at_first_is_tried_again(bed: Bed) -> None:
    run = bed.run(Phase("load", (put("a"),), together=True, hold=HOLD))
    (bed.folder(run) / "cannot").touch()
    assert bed.carry_out(run).status is Status.SUCCEEDED
    assert bed.trace(run, "hold") == ["cannot", "open", "closed"]


def test_a_hold_that_is_lost_at_the_very_end_fails_nothing(bed: Bed) -> None:
    run = bed.run(Phase("load", (put("a", tag="test.breaks"),), hold=HOLD))
    assert bed.carry_out(run).status is Status.SUCCEEDED
    assert bed.trace(run, "hold") == ["open", "closed"]
