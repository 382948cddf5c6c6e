"""Kill -9 after every event of the journal: the same end, and only what was in flight is done again."""

from __future__ import annotations

from collections import Counter

import pytest

from engine.bed import Bed, kill, put, wait_for
from wayfare.core.events import Name
from wayfare.core.plan import Phase
from wayfare.core.status import Status

PHASES = (
    Phase("make", (put("a"), put("b"))),
    Phase("load", tuple(put(f"c{i}", limit_key="s") for i in range(3)), together=True, hold="test.hold"),
    Phase("after", (put("z"),)),
)
FILES = ["a", "b", "c0", "c1", "c2", "z"]
EVENTS = 2 + 2 * len(FILES) + 2 * len(PHASES) + 1  # created and running; steps; phases; succeeded


@pytest.mark.slow
def test_kill_after_every_other_event(bed: Bed) -> None:
    killed_after(range(1, EVENTS, 2), bed)


@pytest.mark.thorough
def test_kill_after_every_event(any_bed: Bed) -> None:
    killed_after(range(1, EVENTS), any_bed)


def killed_after(events: range, bed: Bed) -> None:
    for event in events:
        run = bed.run(*PHASES)
        worker = bed.worker(run.id)
        bed.until_events(run, event)
        kill(worker)
        in_flight = Counter(bed.steps(run, Name.STEP_STARTED)) - Counter(bed.steps(run, Name.STEP_DONE))
        done_before = len(bed.steps(run, Name.STEP_DONE))

        ended = bed.carry_out(run)

        assert ended.status is Status.SUCCEEDED, event
        assert bed.target(run) == {f: '"held"' if f not in "ab" else "null" for f in FILES}, event
        repeated = {f"put {f}" for f, times in Counter(bed.trace(run, "begin")).items() if times > 1}
        assert repeated <= set(in_flight), (event, repeated, in_flight)
        assert Counter(bed.steps(run, Name.STEP_DONE)) == Counter(f"put {f}" for f in FILES), event
        assert bed.steps(run, Name.PHASE_DONE) == ["make", "load", "after"], event
        assert done_before + len(bed.steps(run, Name.STEP_DONE)[done_before:]) == len(FILES)


@pytest.mark.slow
def test_kill_after_every_event_of_a_roll_back(bed: Bed) -> None:
    files = ["a", "b", "c"]
    steps = tuple(put(f, tag="test.undoable", seconds=0.0) for f in files)
    for event in range(2 * len(files) + 5, 2 * len(files) + 5 + 2 + len(files)):
        run = bed.run(Phase("one", steps))
        assert bed.carry_out(run).status is Status.SUCCEEDED
        bed.store.ask(run.id, "rollback")
        worker = bed.worker(run.id)
        bed.until_events(run, event)
        kill(worker)
        assert bed.carry_out(run).status is Status.UNDONE
        assert bed.target(run) == {}
        assert bed.steps(run, Name.STEP_UNDONE) == ["put c", "put b", "put a"]


def test_three_workers_one_killed(shared: Bed) -> None:
    steps = tuple(put(f"c{i}", seconds=0.2, limit_key="s") for i in range(60))
    run = shared.run(Phase("load", steps, together=True), Phase("after", (put("z"),)))
    for _ in range(3):
        shared.worker()
    wait_for(lambda: len(shared.steps(run, Name.STEP_DONE)) >= 10)
    victim = int(shared.store.run(run.id).executor.rpartition(":")[2])  # the one that conducts
    kill(victim)
    done_before = set(shared.steps(run, Name.STEP_DONE))
    ended = shared.until(run, Status.SUCCEEDED, Status.FAILED)

    assert ended.status is Status.SUCCEEDED
    assert len(shared.target(run)) == 61
    assert Counter(shared.steps(run, Name.STEP_DONE)) == Counter([s.name for s in steps] + ["put z"])
    begun = Counter(f"put {f}" for f in shared.trace(run, "begin"))
    assert all(begun[step] == 1 for step in done_before)
    # A lane keeps its place for two seconds: the third worker may come too late to find one, or die before it does.
    assert len({line["pid"] for line in shared.lines(run)}) > 1
    assert Name.ADOPTED in {e.name for e in shared.events(run)}
    assert not ended.executor.endswith(f":{victim}")
