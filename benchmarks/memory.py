"""Whether the memory of a copy grows with the table: a narrow table, made by the servers themselves."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.ends import End
from benchmarks.ends.mariadb import MariaDB
from benchmarks.ends.postgresql import PostgreSQL
from benchmarks.fleet import Fleet
from benchmarks.measure import measure
from benchmarks.paths import TITLES
from benchmarks.places import environment
from benchmarks.race import Say, gist, patience, prepare, scratch
from benchmarks.results import Figure
from benchmarks.tools import Trip, wayfare

RSS_MB_MAX = 400
ROWS = (2_000_000, 20_000_000)
# A relay, both ways through Arrow, and the embedded engine: its memory is told, not limited.
PATHS = (
    ("postgresql", "postgresql"),
    ("mariadb", "postgresql"),
    ("postgresql", "mariadb"),
    ("mariadb", "clickhouse"),
)
_COLUMNS = "n as id, n % 1000 as bucket, n * 0.5 as half, concat('row ', n) as label"


def figures(fleet: Fleet, rows: Sequence[int], say: Say) -> list[Figure]:
    """The peak resident memory of `wayfare copy` with verification, for each path and size. Raises on a failed copy."""
    found = []
    for count in rows:
        table = f"narrow_{count}"
        for system in dict.fromkeys(source for source, _ in PATHS):
            _make(fleet.source(system), table, count)
        for source, target in PATHS:
            found.append(
                _figure(
                    fleet.source(source), fleet.target(target), table, count, f"{TITLES[source]} → {TITLES[target]}"
                )
            )
            say(f"  {found[-1].what}: {found[-1].value:.0f} MB")
        for system in dict.fromkeys(source for source, _ in PATHS):
            _run(fleet.source(system), f"drop table {table}")
    return found


def _figure(source: End, target: End, table: str, count: int, title: str) -> Figure:
    prepare(source, target)
    with scratch() as folder:
        call = wayfare(Trip(source, target, table, folder, {}))
        cost = measure(call.words, folder / "log", environment(**call.environment), timeout=patience(count))
    if cost.exit_code:
        raise RuntimeError(f"{title}, {count:,} rows: exit code {cost.exit_code}: {gist(cost.tail)}")
    embedded = target.schema == "default"
    return Figure(f"{title}, {count:,} rows", cost.rss_peak / 1e6, None if embedded else RSS_MB_MAX, "MB")


def _make(end: End, table: str, count: int) -> None:
    series = (
        f"generate_series(1, {count}) as s(n)"
        if isinstance(end, PostgreSQL)
        else f"(select seq as n from seq_1_to_{count}) s"
    )
    if isinstance(end, PostgreSQL):
        _run(end, f"create table {table} as select {_COLUMNS.replace('n as id', 'n::bigint as id')} from {series}")
        _run(end, f"alter table {table} add primary key (id)")
        _run(end, f"vacuum analyze {table}")
    else:
        _run(end, f"create table {table} (id bigint primary key) select {_COLUMNS} from {series}")
        _run(end, f"analyze table {table}")


def _run(end: End, sql: str) -> None:
    assert isinstance(end, PostgreSQL | MariaDB)
    end.run(sql)
