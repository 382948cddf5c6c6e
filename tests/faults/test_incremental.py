"""Incremental copies: by a time or a key, upserted; deletions told, or followed; columns that came and went."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from faults.ground import sql
from moving import file_address, move
from wayfare.control.copies import CopyRequest
from wayfare.copy.report import Report
from wayfare.core.address import Address
from wayfare.core.status import Status
from wayfare.systems.testing import Fresh

PAIRS = (("sqlite", "postgresql"), ("postgresql", "mariadb"))
MADE = (
    "CREATE TABLE notes (id integer PRIMARY KEY, text varchar(40), changed timestamp NOT NULL)",
    "INSERT INTO notes VALUES (1, 'one', '2024-01-01 10:00:00'), (2, 'two', '2024-01-02 10:00:00'), "
    "(3, 'three', '2024-01-03 10:00:00.000001')",
)


@pytest.fixture(params=PAIRS, ids=" to ".join)
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Address, Address]:
    ends: list[Address] = []
    for system in request.param:
        if system == "sqlite":
            ends.append(file_address(system, tmp_path / "shop.db"))
        else:
            fresh: Fresh = request.getfixturevalue(system)
            ends.append(fresh())
    sql(ends[0], *MADE)
    return ends[0], ends[1]


def again(home: Path, pair: tuple[Address, Address], cursor: str = "changed", **options: Any) -> Report:
    run, report = move(home, CopyRequest(*pair, incremental=True, cursor=cursor, **options))
    assert run.status is Status.SUCCEEDED, run.reason
    assert report.outcome == "equal"
    return report


def texts(address: Address) -> dict[int, str]:
    return dict(sql(address, "SELECT id, text FROM notes ORDER BY id"))


def loaded(report: Report) -> int:
    return report.rows


def codes(report: Report) -> set[str]:
    return {f.code for f in report.findings}


def test_by_time_with_upsert(home: Path, pair: tuple[Address, Address]) -> None:
    source, target = pair
    again(home, pair)
    assert texts(target) == {1: "one", 2: "two", 3: "three"}
    sql(source, "UPDATE notes SET text = 'TWO', changed = '2024-02-01 10:00:00' WHERE id = 2")
    sql(source, "INSERT INTO notes VALUES (4, 'four', '2024-01-03 10:00:00.000002')")
    sql(source, "UPDATE notes SET text = 'unseen' WHERE id = 1")  # its time did not change
    report = again(home, pair)
    assert loaded(report) == 2, "only what is new was read"
    assert texts(target) == {1: "one", 2: "TWO", 3: "three", 4: "four"}
    assert loaded(again(home, pair)) == 0
    assert texts(target) == {1: "one", 2: "TWO", 3: "three", 4: "four"}


def test_by_key(home: Path, pair: tuple[Address, Address]) -> None:
    source, target = pair
    again(home, pair, "id")
    sql(source, "INSERT INTO notes VALUES (10, 'ten', '2000-01-01 00:00:00'), (11, 'eleven', '2000-01-01 00:00:00')")
    assert loaded(again(home, pair, "id")) == 2
    assert texts(target) == {1: "one", 2: "two", 3: "three", 10: "ten", 11: "eleven"}


def test_since_a_given_time(home: Path, pair: tuple[Address, Address]) -> None:
    _, target = pair
    assert loaded(again(home, pair, since="2024-01-02 00:00:00")) == 2
    assert texts(target) == {2: "two", 3: "three"}


def test_deleted_rows_are_told_and_removed_on_request(home: Path, pair: tuple[Address, Address]) -> None:
    source, target = pair
    again(home, pair)
    sql(source, "DELETE FROM notes WHERE id = 2")
    report = again(home, pair)
    (told,) = (f for f in report.findings if f.code == "rows_deleted_in_source")
    assert "1 row" in told.message
    assert "id=2" in told.message
    assert "--deletes" in told.advice
    assert texts(target) == {1: "one", 2: "two", 3: "three"}
    report = again(home, pair, deletes=True)
    assert "rows_removed" in codes(report)
    assert texts(target) == {1: "one", 3: "three"}


def test_a_column_that_came_and_one_that_went(home: Path, pair: tuple[Address, Address]) -> None:
    source, target = pair
    again(home, pair)
    sql(source, "ALTER TABLE notes ADD COLUMN stars integer")
    sql(source, "INSERT INTO notes VALUES (4, 'four', '2024-03-01 00:00:00', 5)")
    report = again(home, pair)
    assert "column_added" in codes(report)
    assert sql(target, "SELECT id, stars FROM notes ORDER BY id") == [(1, None), (2, None), (3, None), (4, 5)]
    sql(source, "ALTER TABLE notes DROP COLUMN text")
    sql(source, "INSERT INTO notes VALUES (5, '2024-03-02 00:00:00', 1)")
    report = again(home, pair)
    (told,) = (f for f in report.findings if f.code == "column_removed")
    assert told.where.endswith("notes.text")
    assert texts(target) == {1: "one", 2: "two", 3: "three", 4: "four", 5: None}


def test_a_failed_one_is_not_skipped(home: Path, pair: tuple[Address, Address]) -> None:
    """Where one failed, the next continues after the last that succeeded."""
    source, target = pair
    again(home, pair)
    sql(source, "INSERT INTO notes VALUES (4, 'four', '2024-04-01 00:00:00')")
    sql(target, "ALTER TABLE notes RENAME TO away")
    sql(target, "CREATE TABLE notes (id integer PRIMARY KEY, text varchar(2), changed timestamp)")
    request = CopyRequest(source, target, incremental=True, cursor="changed")
    try:
        run, _ = move(home, request)
        assert run.status is Status.FAILED
    finally:
        sql(target, "DROP TABLE notes", "ALTER TABLE away RENAME TO notes")
    again(home, pair)
    assert texts(target) == {1: "one", 2: "two", 3: "three", 4: "four"}
