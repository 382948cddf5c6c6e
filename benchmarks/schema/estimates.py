"""How long statements take on a million rows, beside what was estimated from two percent of them."""

from __future__ import annotations

import time

import psycopg

from benchmarks.schema.ground import ROWS, ground, tell
from benchmarks.schema.statements import STATEMENTS
from wayfare.core.address import Address
from wayfare.core.statements import Statement
from wayfare.systems.databases.postgresql.database import PostgreSQL
from wayfare.systems.databases.postgresql.options import parameters

FACTOR_MAX = 3.0
SECONDS_MIN = 0.1  # below, nobody asks how long it takes
TABLES = ("users", "orgs", "events")


def run() -> bool:
    print(f"estimates: of statements that take more than {SECONDS_MIN} s on {ROWS:,} rows")
    broken = 0
    with ground() as address, PostgreSQL(address) as db:
        for statement in STATEMENTS:
            began = time.perf_counter()
            with db.schema().rehearsal(TABLES) as clone:
                found = clone.run(statement)
            whole, real = time.perf_counter() - began, done(address, statement)
            if found.error:
                print(f"  {statement.text}: {found.error}")
                broken += 1
            if max(real, found.estimate_seconds) < SECONDS_MIN:
                continue
            ratio = real / found.estimate_seconds
            broken += not 1 / FACTOR_MAX <= ratio <= FACTOR_MAX
            told = f"real {real:6.2f} s, estimate {found.estimate_seconds:6.2f} s, rehearsal {whole:4.1f} s"
            print(f"  {statement.text[:66]:68} {told}, real/estimate {ratio:.2f}", flush=True)
    return tell(f"estimates beyond a factor of {FACTOR_MAX:g}, or refused", broken, "", 0)


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
