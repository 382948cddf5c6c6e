"""The story in lines."""

from __future__ import annotations

import pytest

from unit.cli.story import START, done, failed, phase, plan_of, started, status
from wayfare.control.picture import Picture
from wayfare.control.plain import clean, line
from wayfare.core.events import Event, Name


def told(*events, chunks=1, tables=None) -> list[str]:
    picture = Picture(plan_of(tables or {"orders": 100}, chunks))
    return [text for event in picture.see(events) if (text := line(event, picture))]


def test_a_story():
    assert told(
        Event("r", Name.CREATED),
        status("running"),
        *phase("check", 0, 0.25),
        started("load orders 1/2", 1),
        done("load orders 1/2", 2, rows=50),
        started("load orders 2/2", 2),
        done("load orders 2/2", 3, rows=51),
        status("succeeded", START + 4),
        chunks=2,
    ) == [
        "running: sqlite:///shop.db → duckdb:///shop.duckdb",
        "check: done in 250 ms",
        "load orders: 101 rows in 2.0 s (50 rows/s)",
        "succeeded",
    ]


def test_an_empty_table_has_no_rate():
    assert told(started("load orders 1/1", 0), done("load orders 1/1", 1, rows=0)) == ["load orders: 0 rows in 1.0 s"]


@pytest.mark.parametrize(("retryable", "end"), [(True, "the line broke., trying again"), (False, "the line broke.")])
def test_failures(retryable, end):
    assert told(failed("load orders 1/1", 1, retryable=retryable, message="the line broke.")) == [
        f"load orders 1/1: {end}"
    ]


def test_findings_name_their_place():
    data = {"code": "x", "severity": "warning", "message": "look", "where": "orders.total", "advice": ""}
    assert told(Event("r", Name.FINDING, "check", data=data)) == ["warning: orders.total: look"]


def test_a_pause_tells_its_reason():
    assert told(status("running"), status("waiting", reason="paused"))[-1] == "waiting (paused)"


@pytest.mark.parametrize("code", [*range(32), 127, *range(128, 160)])
def test_no_control_character_passes(code):
    assert clean(f"a{chr(code)}b") == f"a\\x{code:02x}b"
