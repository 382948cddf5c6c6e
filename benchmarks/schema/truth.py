"""What a rehearsal on an empty clone says of twenty statements, beside what they do to a million rows."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg

from benchmarks.results import Figure
from benchmarks.schema.ground import ROWS, ground
from benchmarks.schema.statements import STATEMENTS
from wayfare.core.address import Address
from wayfare.core.changes import Measured
from wayfare.core.statements import Statement
from wayfare.systems.databases.postgresql.database import PostgreSQL
from wayfare.systems.databases.postgresql.options import parameters

_LOOK = """
select c.oid, c.relname::text, c.relkind::text, pg_relation_filenode(c.oid), coalesce(s.seq_scan, 0)
from pg_class c left join pg_stat_xact_user_tables s on s.relid = c.oid
where c.relnamespace = 'public'::regnamespace and c.relkind <> 'c'
"""
_LOCKS = """
select relation, mode from pg_locks where pid = %s and locktype = 'relation' and granted and relation >= 16384
"""
_MODES = (
    *("AccessShareLock", "RowShareLock", "RowExclusiveLock", "ShareUpdateExclusiveLock"),
    *("ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock"),
)


def figures() -> Iterator[Figure]:
    wrong = dict.fromkeys(("locks", "rewrites", "scans", "creates", "drops"), 0)
    with ground() as address, PostgreSQL(address) as db:
        for statement in STATEMENTS:
            with db.schema().rehearsal() as clone:
                said = clone.run(statement)
            real = done(address, statement)
            for what in wrong:
                if _of(said, what) != real[what] or said.error:
                    wrong[what] += 1
                    print(f"  {statement.text}: {what}: said {_of(said, what)}, was {real[what]} {said.error}")
    limits = {"scans": 1}
    for what, count in wrong.items():
        yield Figure(
            f"{what}: wrong for so many of {len(STATEMENTS)}, on {ROWS:,} rows", count, limits.get(what, 0), ""
        )


def _of(said: Measured, what: str) -> object:
    """Triggers and the like are told as `trigger t on u`: only relations are compared."""
    found = getattr(said, what)
    return dict(found) if what == "locks" else {name for name in found if " " not in name}


def done(address: Address, statement: Statement) -> dict[str, object]:
    """The same of the real table, seen from another connection where that can be; it is rolled back."""
    with psycopg.connect(**parameters(address)) as real, psycopg.connect(autocommit=True, **parameters(address)) as eye:
        real.execute("set max_parallel_maintenance_workers = 0")
        before = {row[0]: row[1:] for row in real.execute(_LOOK)}
        real.execute(statement.text.encode())
        after = {row[0]: row[1:] for row in real.execute(_LOOK)}
        held = eye.execute(_LOCKS, (real.info.backend_pid,)).fetchall()
        real.rollback()
    locks: dict[str, str] = {}
    for oid, mode in held:
        if oid in before and before[oid][1] in "rmp":
            name = before[oid][0]
            locks[name] = max(locks.get(name, mode), mode, key=_MODES.index)
    kept = [oid for oid in before if oid in after]
    return {
        "locks": locks,
        "rewrites": {before[o][0] for o in kept if before[o][2] != after[o][2] and before[o][1] in "rm"},
        "scans": {before[o][0] for o in kept if after[o][3] > before[o][3]},
        "creates": {after[o][0] for o in after if o not in before},
        "drops": {before[o][0] for o in before if o not in after},
    }
