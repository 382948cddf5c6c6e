"""A run from queued to its end, on both stores."""

from __future__ import annotations

import json

from engine.bed import CANARY, Bed, alive, put, wait_for
from wayfare.core.events import Name
from wayfare.core.plan import Phase, Step
from wayfare.core.status import Status


def test_phases_run_in_order_and_their_results_reach_later_steps(any_bed: Bed) -> None:
    together = Phase("load", tuple(put(f"c{i}", limit_key="source") for i in range(6)), together=True)
    seals = Phase("seal", (Step("test.outcomes", "look", {"tag": "test.put"}),))
    run = any_bed.run(Phase("make", (put("a"), put("b"))), together, seals, Phase("nothing", ()))
    ended = any_bed.carry_out(run)

    assert ended.status is Status.SUCCEEDED
    done = any_bed.steps(run, Name.STEP_DONE)
    assert done[:2] == ["put a", "put b"]
    assert done[-1] == "look"
    results = {s: {"file": s.removeprefix("put ")} for s in sorted(done[:-1])}
    assert any_bed.store.outcomes(run.id, "test.outcomes")["look"] == results
    assert any_bed.steps(run, Name.PHASE_DONE) == ["make", "load", "seal", "nothing"]
    assert any_bed.store.progress(run.id)["put a"] == {"rows": 7}
    assert sorted(any_bed.target(run)) == ["a", "b", "c0", "c1", "c2", "c3", "c4", "c5"]
    sequences = [e.sequence for e in any_bed.events(run)]
    assert sequences == list(range(1, len(sequences) + 1))


def test_one_holder_spans_consecutive_phases(bed: Bed) -> None:
    run = bed.run(
        Phase("before", (put("a"),)),
        Phase("load", (put("b"), put("c")), together=True, hold="test.hold"),
        Phase("more", (put("d"),), hold="test.hold"),
        Phase("after", (put("e"),)),
    )
    assert bed.carry_out(run).status is Status.SUCCEEDED
    story = [line.get("hold") or line.get("end") for line in bed.lines(run) if "hold" in line or "end" in line]
    assert story[0] == "a"
    assert story[1] == "open"
    assert set(story[2:4]) == {"b", "c"}
    assert story[4:] == ["d", "closed", "e"]
    assert bed.target(run)["b"] == '"held"'


def test_a_step_that_can_be_repeated_is_tried_five_times(bed: Bed) -> None:
    run = bed.run(Phase("try", (Step("test.flaky", "twice", {"failures": 2}),)))
    assert bed.carry_out(run).status is Status.SUCCEEDED
    assert [(e.name, e.attempt) for e in bed.events(run) if e.step == "twice" and e.name is not Name.FINDING] == [
        (Name.STEP_STARTED, 1), (Name.STEP_FAILED, 1), (Name.STEP_STARTED, 2), (Name.STEP_FAILED, 2),
        (Name.STEP_STARTED, 3), (Name.STEP_DONE, 3),
    ]  # fmt: skip
    assert len(bed.steps(run, Name.FINDING)) == 1

    hopeless = bed.run(Phase("try", (Step("test.flaky", "for ever", {"failures": 99}),)))
    ended = bed.carry_out(hopeless)
    assert ended.status is Status.FAILED
    assert ended.reason == "for ever: no answer."
    assert len(bed.steps(hopeless, Name.STEP_FAILED)) == 5


def test_a_failure_stops_the_siblings_and_the_same_run_can_be_resumed(any_bed: Bed) -> None:
    slow = [put(f"slow{i}", seconds=60, limit_key="s") for i in range(8)]
    run = any_bed.run(
        Phase("load", (Step("test.refused", "bad", {"seconds": 0.3}, "s"), *slow), together=True),
        Phase("after", (put("z"),)),
    )
    ended = any_bed.carry_out(run)
    assert ended.status is Status.FAILED
    assert ended.reason == "bad: the table is full. Make room."
    failed = [e for e in any_bed.events(run) if e.name is Name.STEP_FAILED]
    assert [dict(e.data) for e in failed] == [
        {
            "code": "refused",
            "message": "the table is full.",
            "remedy": "Make room.",
            "where": "target",
            "retryable": False,
        }
    ]
    assert any_bed.trace(run, "begin")
    assert not any_bed.trace(run, "end")

    (any_bed.folder(run) / "target" / "mended").touch()
    again = any_bed.run(Phase("load", (Step("test.refused", "good"),)))
    assert any_bed.carry_out(again).status is Status.FAILED  # its own folder is not mended
    (any_bed.folder(again) / "target" / "mended").touch()
    any_bed.store.ask(again.id, "resume")
    assert any_bed.carry_out(again).status is Status.SUCCEEDED
    assert any_bed.steps(again, Name.STEP_DONE) == ["good"]


def test_a_bug_keeps_its_traceback_for_the_log(bed: Bed) -> None:
    run = bed.run(Phase("one", (Step("test.buggy", "divide"), put("never"))))
    ended = bed.carry_out(run)
    assert ended.status is Status.FAILED
    assert "ZeroDivisionError" in ended.reason
    assert "Traceback" not in json.dumps([dict(e.data) for e in bed.events(run)])
    logged = (bed.settings.home / "logs" / "wayfare.log").read_text()
    assert "Traceback" in logged
    assert not (bed.settings.home / "worker.log").read_text()
    assert not bed.trace(run, "begin")


def test_an_unknown_effect_fails_the_run(bed: Bed) -> None:
    ended = bed.carry_out(bed.run(Phase("one", (Step("test.nobody", "x"),))))
    assert ended.status is Status.FAILED
    assert "test.nobody" in ended.reason


def test_a_database_is_opened_once_for_a_run(bed: Bed) -> None:
    run = bed.run(Phase("one", (Step("test.opens", "x"),)))
    assert bed.carry_out(run).status is Status.SUCCEEDED
    assert bed.store.outcomes(run.id, "test.opens") == {"x": [True, "memory"]}


def test_a_second_process_hands_its_run_to_the_owner(bed: Bed) -> None:
    from wayfare.engine.lock import owner

    assert owner(bed.settings) is None
    first = bed.worker()
    wait_for(lambda: owner(bed.settings) == first)
    refused = bed.worker()
    wait_for(lambda: not alive(refused))
    assert bed.error(refused).startswith("Conflict: ")
    assert f"pid {first}" in bed.error(refused)
    run = bed.run(Phase("one", (put("a"),)))  # this process only records it
    bed.until(run, Status.SUCCEEDED)
    assert {line["pid"] for line in bed.lines(run)} == {first}


def test_a_password_is_in_no_file_and_no_event(bed: Bed) -> None:
    run = bed.run(Phase("one", (Step("test.opens", "open"), put("a"), Step("test.leaky", "repeat it"))))
    ended = bed.carry_out(run)
    assert ended.status is Status.FAILED
    assert "memory://me:***@somewhere" in ended.reason
    files = [path for path in bed.settings.home.rglob("*") if path.is_file()]
    assert {"wayfare.db", "engine.db", "wayfare.log", "key"} <= {path.name for path in files}
    assert not [path for path in files if CANARY.encode() in path.read_bytes()]
    assert CANARY not in repr(bed.events(run))


def test_runs_are_forgotten_long_after_their_end_and_reports_are_kept(any_bed: Bed) -> None:
    old, last = (any_bed.run(Phase("one", (put("a"),))) for _ in range(2))
    for run in (old, last):
        assert any_bed.carry_out(run).status is Status.SUCCEEDED
    report = any_bed.settings.home / "runs" / old.id / "report.json"
    report.parent.mkdir(parents=True)
    report.write_text("proof")
    ancient = "UPDATE runs SET ended_at = ended_at - 91 * 86400.0"
    with any_bed.store.everywhere.write() as connection:
        connection.exec_driver_sql(ancient)
    any_bed.worker()
    wait_for(lambda: [r.id for r in any_bed.store.runs()] == [last.id], "the old one to be forgotten")
    assert any_bed.events(old) == []
    assert report.read_text() == "proof"
