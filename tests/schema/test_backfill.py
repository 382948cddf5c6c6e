"""Rows filled in parts: all of them once, in short parts, also where it is stopped and begun again."""

from __future__ import annotations

import pytest

from schema.conftest import Place
from wayfare.core.errors import Invalid, Stopped
from wayfare.schema.backfill import ROWS_MAX, Filled, backfill, resized
from wayfare.schema.recipes.recipe import Backfill

ROWS = 5000


@pytest.fixture
def filled(place: Place) -> Place:
    sql = place.database.execute  # type: ignore[attr-defined]
    sql("create table users (id integer primary key, email varchar(50), small varchar(50))")
    for start in range(0, ROWS, 500):
        sql(
            "insert into users (id, email) values " + ", ".join(f"({i * 7}, 'U{i}')" for i in range(start, start + 500))
        )
    return place


WISH = Backfill("users", "small = lower(email)", "small is null", "id")


def test_every_row_once(filled: Place) -> None:
    seen: list[Filled] = []
    done = backfill(filled.database, WISH, told=seen.append)  # type: ignore[arg-type]
    assert (done.rows, done.last) == (ROWS, str((ROWS - 1) * 7))
    assert len(seen) == done.parts > 1
    assert filled.rows("select count(*) as n from users where small = lower(email)")[0]["n"] == ROWS


def test_stopped_it_goes_on(filled: Place) -> None:
    calls = 0

    def stopping() -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise Stopped("enough.")

    with pytest.raises(Stopped):
        backfill(filled.database, WISH, stopping=stopping)  # type: ignore[arg-type]
    left = filled.rows("select count(*) as n from users where small is null")[0]["n"]
    assert 0 < int(str(left)) < ROWS
    backfill(filled.database, WISH)  # type: ignore[arg-type]
    assert filled.rows("select count(*) as n from users where small is null")[0]["n"] == 0


def test_parts_need_a_key(filled: Place) -> None:
    with pytest.raises(Invalid, match="need a key"):
        backfill(filled.database, Backfill("users", "small = ''", ""))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("size", "seconds", "expected"),
    [(1000, 0.01, 2000), (1000, 0.5, 500), (1000, 100.0, 2), (ROWS_MAX, 0.01, ROWS_MAX)],
)
def test_parts_grow_and_shrink(size: int, seconds: float, expected: int) -> None:
    assert resized(size, seconds) == expected
