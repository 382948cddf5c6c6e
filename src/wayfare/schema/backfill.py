"""Filling rows in parts: each a short transaction, as fast as replicas and locks allow. May be stopped and begun again.

The parts follow a key, so each row is looked at once; rows that the condition no longer takes are passed over, so a
backfill that was interrupted goes on where it stood. An update that may not meet a row twice needs a condition that
says which rows are done.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from wayfare.core.changes import Replicates
from wayfare.core.errors import Invalid
from wayfare.core.ports import Executes
from wayfare.schema.recipes.recipe import Backfill

ROWS_FIRST = 1000
ROWS_MAX = 100_000
SECONDS_EACH = 0.25  # a part: long enough to be worth its commit, too short for anybody to notice its locks
LAG_PAUSE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Filled:
    """How far it is."""

    rows: int  # looked at
    parts: int
    waited_seconds: float  # for replicas
    last: str = ""  # the key up to which everything is done


Told = Callable[[Filled], None]


def backfill(
    database: Executes,
    wish: Backfill,
    *,
    replicas: Sequence[Replicates] = (),
    lag_seconds_max: float = 5.0,
    stopping: Callable[[], None] = lambda: None,
    told: Told = lambda filled: None,
) -> Filled:
    """Bring it to its end. Raises Invalid without a key, what the database raises, and what `stopping` raises."""
    if not wish.key:
        raise Invalid("the parts need a key to follow.", where="key", remedy="Name the table's primary key.")
    filled, size = Filled(0, 0, 0.0), ROWS_FIRST
    last: object = None
    while (part := _next(database, wish, last, size)) is not None:
        stopping()
        began = time.monotonic()
        database.execute(_update(wish, last, part[0]))
        seconds = time.monotonic() - began
        waited = _yield_to(replicas, lag_seconds_max, stopping)
        last = part[0]
        filled = Filled(filled.rows + part[1], filled.parts + 1, filled.waited_seconds + waited, str(last))
        told(filled)
        size = resized(size, seconds)
    return filled


def resized(size: int, seconds: float) -> int:
    """Towards parts of SECONDS_EACH, by a factor of two at most."""
    fitting = size * SECONDS_EACH / max(seconds, 0.001)
    return int(max(1, min(fitting, size * 2, ROWS_MAX)))


def _next(database: Executes, wish: Backfill, last: object, size: int) -> tuple[object, int] | None:
    """(the last key of the next part, its rows); None at the end."""
    inner = f"select {wish.key} as k from {wish.table}{_after(wish, last)} order by {wish.key} limit {size}"
    row = database.execute(f"select max(k) as last, count(*) as n from ({inner}) as part").to_pylist()[0]
    found = list(row.values())
    return (found[0], int(found[1])) if found[1] else None


def _update(wish: Backfill, last: object, upto: object) -> str:
    where = [f"({wish.where})"] if wish.where.strip() else []
    where += [f"{wish.key} > {literal(last)}"] if last is not None else []
    where.append(f"{wish.key} <= {literal(upto)}")
    return f"update {wish.table} set {wish.set_expression} where {' and '.join(where)}"


def _after(wish: Backfill, last: object) -> str:
    return "" if last is None else f" where {wish.key} > {literal(last)}"


def literal(value: object) -> str:
    """A key as SQL: numbers as they are, anything else as text, which every system casts to the column's type."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    return "'" + str(value).replace("'", "''") + "'"


def _yield_to(replicas: Sequence[Replicates], lag_seconds_max: float, stopping: Callable[[], None]) -> float:
    """Wait while one of them is too far behind; gives the seconds."""
    began = time.monotonic()
    while any(replica.lag_seconds() > lag_seconds_max for replica in replicas):
        stopping()
        time.sleep(LAG_PAUSE_SECONDS)
    return time.monotonic() - began
