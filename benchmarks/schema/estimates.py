"""How long statements take on a million rows, beside what was estimated from two percent of them."""

from __future__ import annotations

import time
from collections.abc import Iterator

import psycopg

from benchmarks.results import Figure
from benchmarks.schema.ground import ground
from benchmarks.schema.statements import STATEMENTS
from wayfare.core.address import Address
from wayfare.core.statements import Statement
from wayfare.systems.databases.postgresql.database import PostgreSQL
from wayfare.systems.databases.postgresql.options import parameters

FACTOR_MAX = 3.0
SECONDS_MIN = 0.1  # below, nobody asks how long it takes
TABLES = ("users", "orgs", "events")


def figures() -> Iterator[Figure]:
    """Of statements that take more than SECONDS_MIN."""
    refused = 0
    with ground() as address, PostgreSQL(address) as db:
        for statement in STATEMENTS:
            began = time.perf_counter()
            with db.schema().rehearsal(TABLES) as clone:
                found = clone.run(statement)
            whole, real = time.perf_counter() - began, done(address, statement)
            if found.error:
                print(f"  {statement.text}: {found.error}")
                refused += 1
            if max(real, found.estimate_seconds) < SECONDS_MIN:
                continue
            factor = max(real / found.estimate_seconds, found.estimate_seconds / real)
            told = f"{real:.1f} s, {found.estimate_seconds:.1f} s estimated within {whole:.1f} s"
            yield Figure(f"`{statement.text}`: {told}: a factor of", factor, FACTOR_MAX, "×")
    yield Figure("statements that were refused on the clone", refused, 0, "")


def done(address: Address, statement: Statement) -> float:
    """Seconds of the real one, as a change would be carried out; it is rolled back."""
    with psycopg.connect(**parameters(address)) as real:
        began = time.perf_counter()
        real.execute(statement.text.encode())
        seconds = time.perf_counter() - began
        real.rollback()
    with psycopg.connect(autocommit=True, **parameters(address)) as after:
        after.execute("vacuum")  # what an UPDATE left must not make the next one slower
        after.execute("checkpoint")
    return seconds
