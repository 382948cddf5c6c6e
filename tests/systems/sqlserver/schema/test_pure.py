"""What is decided without a server: tries for locks, places in scripts, texts as literals."""

from __future__ import annotations

import pytest

from wayfare.core.errors import Busy, Forbidden, Invalid, Refused, Unreachable
from wayfare.core.statements import Statement
from wayfare.systems.databases.sqlserver.errors import classified, classify, line_of
from wayfare.systems.databases.sqlserver.schema.history import text
from wayfare.systems.databases.sqlserver.schema.ladder import POLL_SECONDS, STEP_BACK_SECONDS, rung
from wayfare.systems.databases.sqlserver.schema.refusals import refusal, where

BATCH = Statement("CREATE TABLE a (b int);\n  INSERT INTO a\n  VALUES (1)", 10, 5)


class ServersError(Exception):
    """As python-tds tells one."""

    def __init__(self, number: int, line: int, message: str) -> None:
        super().__init__(message)
        self.msg_no, self.line = number, line


@pytest.mark.parametrize(
    ("waited", "queue_ms", "pause"),
    [(0, 0, POLL_SECONDS), (19, 0, POLL_SECONDS), (21, 50, STEP_BACK_SECONDS), (59, 100, STEP_BACK_SECONDS)],
)
def test_first_it_polls_and_then_it_queues(waited, queue_ms, pause):
    found = rung(waited, 60, (50, 100))
    assert (found.queue_ms, found.pause_seconds) == (queue_ms, pause)


def test_a_try_that_did_much_work_is_not_repeated_at_once():
    assert rung(0, 60, (50, 100), last_seconds=3).pause_seconds == STEP_BACK_SECONDS


@pytest.mark.parametrize(
    ("line", "told"),
    [(0, "line 10, column 5"), (1, "line 10, column 5"), (2, "line 11, column 3"), (9, "line 10, column 5")],
)
def test_the_place_is_that_of_the_line_which_the_server_told(line, told):
    assert where(BATCH, line) == told


def test_the_line_comes_from_the_drivers_error():
    with pytest.raises(Refused) as refused, classified():
        raise ServersError(515, 2, "Cannot insert the value NULL")
    assert line_of(refused.value) == 2
    found = refusal(refused.value, BATCH)
    assert (type(found), found.where) == (Refused, "line 11, column 3")
    assert "rows" in found.remedy


@pytest.mark.parametrize(
    ("number", "kind"), [(1222, Busy), (1205, Busy), (262, Forbidden), (10054, Unreachable), (2714, Refused)]
)
def test_what_becomes_of_a_refusal(number, kind):
    known = classify(ServersError(number, 1, "said"))
    assert known is not None
    assert type(refusal(known, BATCH)) is kind


@pytest.mark.parametrize(
    "said", ["[HYT00] Lock request time out period exceeded.", "Transaction was deadlocked on lock"]
)
def test_a_driver_that_leaves_the_number_out_is_understood(said):
    error = type("OperationalError", (Exception,), {"__module__": "mssql_python.exceptions"})(said)
    assert isinstance(classify(error), Busy)


def test_texts_are_literals_that_nothing_ends():
    assert text("it's") == "N'it''s'"
    assert text("a\\\nb") == "CAST(0x61005c000a006200 AS nvarchar(max))"
    for bad in ("a\0b", "\ud800"):
        with pytest.raises(Invalid):
            text(bad)
