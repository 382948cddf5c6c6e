"""Tables and columns whose names are meant to break things, through a whole copy, from PostgreSQL to each system."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from beds import TARGETS, running
from contract.zoo import HOSTILE_NAMES
from faults.copying import refused
from faults.ground import sql, tables
from moving import file_address, move
from wayfare.control.copies import CopyRequest, plan_copy, verify
from wayfare.core.address import Address
from wayfare.core.status import Status
from wayfare.systems.registry import open_database
from wayfare.systems.testing import Fresh

WORDS = (
    *("from", "Table", "group by", "übergröße", "naïve 'quoted' name", "漢" * 21, "a" * 63),
    *(" leading", "-- drop", "%s%%", "tab\there", "a;DROP TABLE x", "/* */", "0", "1st", "NULL", "true", "user"),
    *("e\u0301", "\u00e9", "☂ rain", "zero\u200bwidth", "\u202eleft", "&amp;<b>", "a,b", "(a)", "@@global", "=1+1"),
    *("'; --", '""', "``", "[]", "$$", "a||b"),
)
NAMES = tuple(dict.fromkeys((*HOSTILE_NAMES, *WORDS)))  # more than 50


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@pytest.fixture(scope="module")
def source(postgresql: Fresh) -> Address:
    """A table of each name, with columns and an index of other such names and a foreign key; one with all columns."""
    address = postgresql()
    for number, name in enumerate(NAMES):
        column, other = (quoted(NAMES[(number + n) % len(NAMES)]) for n in (1, 2))
        key = f", FOREIGN KEY ({column}) REFERENCES {quoted(NAMES[0])}" if number else ""
        sql(
            address,
            f"CREATE TABLE {quoted(name)} ({column} integer PRIMARY KEY, {other} text{key})",
            f"CREATE INDEX {quoted(f'{name[:20]} {number}')} ON {quoted(name)} ({column}, {other})",
            f"INSERT INTO {quoted(name)} VALUES (1, 'it''s'), (2, NULL)",
        )
    columns = ", ".join(f"{quoted(name)} integer" for name in NAMES)
    values = ", ".join("7" * len(NAMES))
    sql(address, f'CREATE TABLE "all of them" ({columns})', f'INSERT INTO "all of them" VALUES ({values})')
    return address


SYSTEMS = [name for name in TARGETS if name not in ("memory", "clickhouse-http", "mysql")]


@pytest.mark.slow
@pytest.mark.parametrize("system", SYSTEMS)
def test_every_name_arrives(system: str, source: Address, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    if system in ("postgresql", "mariadb"):
        check(source, request.getfixturevalue(system)(), tmp_path)
    elif system in ("sqlite", "duckdb"):
        check(source, file_address(system, tmp_path / "copy"), tmp_path)
    else:
        with running(system, tmp_path) as fresh:
            check(source, fresh(), tmp_path)


def check(source: Address, target: Address, folder: Path) -> None:
    run, report = move(folder / "home", CopyRequest(source, target))
    assert run.status is Status.SUCCEEDED, run.reason
    assert report.outcome == "equal", [f for f in report.findings if f.severity == "error"]
    with open_database(source) as one, open_database(target) as other:
        wanted = {t.name: [c.name for c in t.columns] for t in one.tables()}
        assert {t.name: [c.name for c in t.columns] for t in other.tables()} == wanted
    assert verify(CopyRequest(source, target), rows=True).outcome == "equal"


@pytest.mark.parametrize("place", ["table", "column"])
def test_names_that_a_target_cannot_have_are_refused_before_anything_is_made(
    place: str, postgresql: Fresh, mariadb: Fresh, tmp_path: Path
) -> None:
    one, other = postgresql(), mariadb()
    names = ("open ", "id") if place == "table" else ("t", "open ")
    sql(one, f"CREATE TABLE {quoted(names[0])} (key integer PRIMARY KEY, {quoted(names[1])} integer)")
    request = CopyRequest(one, other)
    finding = next(f for f in plan_copy(request).findings if f.code == "name_impossible")
    assert finding.where == ("public.open " if place == "table" else "public.t.open ")
    error = refused(tmp_path, request)
    assert (error.code, error.where) == ("invalid", finding.where)
    assert "--map" in error.remedy
    assert tables(other) == set()
    if place == "table":
        run, _ = move(tmp_path, replace(request, renames={"open ": "open"}))
        assert run.status is Status.SUCCEEDED, run.reason
