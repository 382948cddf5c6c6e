"""The picture that plan, journal and progress add up to."""

from __future__ import annotations

import pytest

from unit.cli.story import START, done, failed, phase, plan_of, started, status
from wayfare.control.picture import Picture
from wayfare.core.events import Event, Name
from wayfare.core.findings import Finding, Severity
from wayfare.core.status import Status


def picture(*events, tables=None, chunks=2) -> Picture:
    made = Picture(plan_of(tables or {"orders": 100, "lines": 1000}, chunks))
    list(made.see(events))
    return made


def test_begins_with_what_the_plan_knows():
    found = picture()
    assert found.title == "sqlite:///shop.db → duckdb:///shop.duckdb"
    assert [(t.label, t.target, t.chunks, t.expected) for t in found.tables] == [
        ("orders", "main.orders", 2, 100),
        ("lines", "main.lines", 2, 1000),
    ]
    assert found.status is Status.QUEUED
    assert found.expected == 1100


def test_a_table_is_loaded_with_its_last_chunk():
    found = picture(status("running"), started("load orders 1/2", 0), done("load orders 1/2", 2, rows=60))
    orders = found.tables[0]
    assert (orders.rows, orders.running, orders.loaded) == (60, True, False)
    list(found.see([started("load orders 2/2", 2), done("load orders 2/2", 3, rows=44)]))
    assert (orders.rows, orders.loaded, orders.expected) == (104, True, 104)
    assert orders.ended_at - orders.started_at == 3


def test_progress_is_absolute_and_a_finished_step_counts_once():
    found = picture(status("running"), started("load orders 1/2", 0))
    found.measure({"load orders 1/2": {"rows": 10}}, START + 1)
    found.measure({"load orders 1/2": {"rows": 25}}, START + 2)
    assert found.rows == 25
    list(found.see([done("load orders 1/2", 3, rows=50)]))
    found.measure({"load orders 1/2": {"rows": 48}}, START + 3)  # the last word of progress may be late
    assert found.rows == 50


def test_a_repeated_chunk_begins_again():
    found = picture(status("running"), started("load orders 1/2", 0))
    found.measure({"load orders 1/2": {"rows": 40}}, START + 1)
    list(found.see([failed("load orders 1/2", 2, retryable=True), started("load orders 1/2", 3, attempt=2)]))
    found.measure({"load orders 1/2": {"rows": 5}}, START + 4)
    assert found.rows == 5
    assert found.retries == 1


def test_the_same_step_done_twice_counts_once():
    found = picture(status("running"), done("load orders 1/2", 1, rows=50), done("load orders 1/2", 2, rows=50))
    assert found.tables[0].chunks_done == 1
    assert found.phases[2].steps_done == 1
    assert found.rows == 50


def test_more_rows_than_estimated_are_no_trouble():
    found = picture(status("running"), started("load orders 1/2", 0))
    found.measure({"load orders 1/2": {"rows": 5000}}, START + 1)
    assert found.tables[0].expected == 5000


def test_pace_is_that_of_the_last_seconds():
    found = picture(status("running"), started("load lines 1/2", 0))
    for second, rows in enumerate([0, 10, 20, 30, 40, 50, 250, 450, 650, 850, 1050, 1250]):
        found.measure({"load lines 1/2": {"rows": rows}}, START + second)
    assert found.pace.per_second == pytest.approx(200, rel=0.05)


def test_time_left_needs_a_pace():
    found = picture(status("running"), started("load lines 1/2", 0))
    assert found.tables[1].seconds_left is None
    found.measure({"load lines 1/2": {"rows": 0}}, START)
    found.measure({"load lines 1/2": {"rows": 100}}, START + 1)
    assert found.tables[1].seconds_left == 9


def test_phases_run_and_end():
    found = picture(status("running"), *phase("check", 0, 0.5), *phase("stage", 0.5))
    check, stage = found.phases[:2]
    assert (check.running, check.seconds(START + 9)) == (False, 0.5)
    assert (stage.running, stage.seconds(START + 2.5)) == (True, 2.0)
    assert found.phase is stage


@pytest.mark.parametrize(
    ("to", "ended"),
    [
        ("waiting", False),
        ("succeeded", True),
        ("failed", True),
        ("cancelled", True),
        ("undoing", False),
        ("undone", True),
    ],
)
def test_ends(to, ended):
    found = picture(status("running"), status(to, START + 9, reason="because"))
    assert (found.ended, found.reason, found.ended_at) == (ended, "because", START + 9)


def test_a_resumed_run_goes_on():
    found = picture(
        status("running"), status("waiting", START + 5), status("queued", START + 8), status("running", START + 9)
    )
    assert (found.status, found.started_at, found.ended_at) == (Status.RUNNING, START, 0.0)


def test_findings_of_plan_and_journal_stand_once():
    told = Finding("type_widened", Severity.INFO, "wider", "orders.total", "nothing")
    found = Picture(plan_of({"orders": 1}, findings=[told]))
    data = {"code": told.code, "severity": "info", "message": told.message, "where": told.where, "advice": told.advice}
    list(
        found.see(
            [Event("r", Name.FINDING, "check", data=data), Event("r", Name.FINDING, "check", 2, {**data, "where": "x"})]
        )
    )
    assert [f.where for f in found.findings] == ["orders.total", "x"]


def test_steps_and_phases_that_the_plan_does_not_know_are_passed_over():
    found = picture(*phase("unheard", 0, 1), done("nobody knows", 1, rows=5))
    assert found.rows == 0
