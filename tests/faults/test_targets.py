"""Targets that do not fit: other columns, names that collide, folders and files that may not be written."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from faults.copying import failure, refused, roll_back
from faults.ground import fill, same, sql, tables
from moving import file_address, move
from prepared import COMMAND
from wayfare.control.copies import CopyRequest
from wayfare.core.address import Address
from wayfare.core.errors import Conflict, Forbidden, Invalid, NotFound
from wayfare.core.ports import Mode
from wayfare.core.status import Status
from wayfare.systems.testing import Fresh


@pytest.fixture
def source(sqlite: Address) -> Address:
    fill(sqlite, 100, 9)
    return sqlite


@pytest.fixture(params=["postgresql", "mariadb", "duckdb", "sqlite"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Address:
    if request.param in ("duckdb", "sqlite"):
        return file_address(request.param, tmp_path / f"target.{request.param}")
    fresh: Fresh = request.getfixturevalue(request.param)
    return fresh()


WAYS = {
    "append": {"mode": Mode.APPEND},
    "merge": {"mode": Mode.MERGE},
    "data-only": {"data_only": True},
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("columns", "named"),
    [
        ("code varchar(10) PRIMARY KEY, colour varchar(10)", "none of the source's columns"),
        ("id integer PRIMARY KEY, must varchar(10) NOT NULL", "must"),
    ],
)
def test_a_table_with_other_columns(
    source: Address, target: Address, home: Path, way: str, columns: str, named: str
) -> None:
    sql(target, f"CREATE TABLE items ({columns})", "INSERT INTO items VALUES (7, 'old')")
    before = sql(target, "SELECT * FROM items")
    error = refused(home, CopyRequest(source, target, tables=("items",), **WAYS[way]))
    assert isinstance(error, Invalid), error
    assert "items" in str(error)
    assert named in str(error) or "price is missing" in str(error)
    assert error.remedy
    assert sql(target, "SELECT * FROM items") == before
    assert tables(target) == {"items"}


def test_a_value_that_does_not_fit_the_existing_column(source: Address, target: Address, home: Path) -> None:
    """Told before or during the run; the table is as it was, and undoing leaves nothing."""
    if target.system == "sqlite":
        pytest.skip("SQLite's columns hold what they are given")
    sql(target, "CREATE TABLE items (id integer PRIMARY KEY, price numeric(3,2), note varchar(200))")
    request = CopyRequest(source, target, tables=("items",), mode=Mode.APPEND)
    run, _ = move(home, request)
    assert run.status is Status.FAILED
    assert "price" in run.reason, run.reason
    assert re.search(r"\bitems\b", str(failure(home)["where"])), "as people call it, not as it is staged"
    assert sql(target, "SELECT count(*) FROM items") == [(0,)]
    assert roll_back(home).status is Status.UNDONE
    assert tables(target) == {"items"}


@pytest.mark.parametrize("way", ["append", "merge"])
def test_a_table_that_fits(source: Address, target: Address, home: Path, way: str) -> None:
    run, _ = move(home, CopyRequest(source, target, tables=("items",)))
    assert run.status is Status.SUCCEEDED, run.reason
    sql(source, "UPDATE items SET id = id + 1000, note = 'second'")
    run, _ = move(home, CopyRequest(source, target, tables=("items",), **WAYS[way]))
    assert run.status is Status.SUCCEEDED, run.reason
    found = sql(target, "SELECT count(*), sum(CASE WHEN note = 'second' THEN 1 ELSE 0 END) FROM items")
    assert [tuple(map(int, row)) for row in found] == [(200, 100)]
    assert tables(target) == {"items"}


@pytest.mark.parametrize(("option", "where"), [("tables", "--tables"), ("exclude", "--exclude")])
def test_a_list_that_matches_nothing(source: Address, target: Address, home: Path, option: str, where: str) -> None:
    error = refused(home, CopyRequest(source, target, **{option: ("itms",)}))
    assert isinstance(error, NotFound)
    assert error.where == where
    assert "'itms'" in str(error)
    assert "items" in error.remedy
    assert not Path(target.database).exists() if target.system in ("duckdb", "sqlite") else tables(target) == set()


def test_everything_excluded(source: Address, duckdb: Address, home: Path) -> None:
    error = refused(home, CopyRequest(source, duckdb, exclude=("*",)))
    assert isinstance(error, (NotFound, Invalid))
    assert error.remedy


def test_an_empty_source(sqlite: Address, duckdb: Address, home: Path) -> None:
    sql(sqlite, "CREATE TABLE t (a)", "DROP TABLE t")
    error = refused(home, CopyRequest(sqlite, duckdb))
    assert isinstance(error, (NotFound, Invalid))
    assert error.remedy


def test_names_that_collide(postgresql: Fresh, target: Address, home: Path) -> None:
    """Two schemas with one table name each, in a target that has but one place for both."""
    if target.system in ("postgresql", "duckdb"):
        pytest.skip("it has schemas of its own")
    source = postgresql()
    sql(source, "CREATE SCHEMA other", "CREATE TABLE items (a integer)", "CREATE TABLE other.items (b integer)")
    error = refused(home, CopyRequest(source, target))
    assert isinstance(error, Conflict)
    assert "public.items" in str(error)
    assert "other.items" in str(error)
    assert error.remedy


def test_source_and_target_are_one(source: Address, home: Path) -> None:
    assert isinstance(refused(home, CopyRequest(source, source)), Invalid)


RIGHTS = "-dac_override,-dac_read_search,-fowner,-chown"  # what lets root write where others may not


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Path]:
    """A folder of somebody else, with a shop in it, that may be read and not be written."""
    folder = tmp_path / "locked"
    folder.mkdir()
    fill(file_address("sqlite", folder / "shop.db"), 10, 3)
    folder.chmod(0o555)
    yield folder
    folder.chmod(0o755)


def as_anybody(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The command without root's power over files."""
    less = ["setpriv", "--bounding-set", RIGHTS] if os.geteuid() == 0 else []
    if less and not shutil.which("setpriv"):
        pytest.skip("root writes everywhere, and there is no setpriv to take that away")
    environ = {**os.environ, "WAYFARE_HOME": str(home), "COLUMNS": "200"}
    return subprocess.run([*less, *COMMAND, *words], env=environ, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("system", ["sqlite", "duckdb", "clickhouse"])
def test_a_folder_that_may_not_be_written(locked: Path, home: Path, system: str) -> None:
    before = sorted(p.name for p in locked.iterdir())
    target = f"{system}:///{locked}/copy.{system}"
    answer = as_anybody(home, "copy", f"sqlite:///{locked}/shop.db", target)
    assert answer.returncode == Forbidden.exit_code, answer.stderr
    assert str(locked) in answer.stderr
    assert "Traceback" not in answer.stderr
    assert "should not have" not in answer.stderr
    assert sorted(p.name for p in locked.iterdir()) == before


@pytest.mark.parametrize("system", ["sqlite", "duckdb"])
def test_a_file_that_may_only_be_read(locked: Path, home: Path, tmp_path: Path, system: str) -> None:
    target = file_address(system, tmp_path / f"copy.{system}")
    sql(target, "CREATE TABLE items (id integer)", "INSERT INTO items VALUES (42)")
    Path(target.database).chmod(0o444)
    answer = as_anybody(home, "copy", f"sqlite:///{locked}/shop.db", target.url())
    assert answer.returncode == Forbidden.exit_code, answer.stderr
    assert target.database in answer.stderr
    assert "Traceback" not in answer.stderr
    assert sql(target, "SELECT id FROM items") == [(42,)]


def test_a_source_that_may_only_be_read(locked: Path, home: Path, duckdb: Address) -> None:
    """Reading needs no right to write, not even beside the file."""
    (locked / "shop.db").chmod(0o444)
    answer = as_anybody(home, "copy", f"sqlite:///{locked}/shop.db", duckdb.url())
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert same(file_address("sqlite", locked / "shop.db"), duckdb)


@pytest.mark.parametrize("system", ["sqlite", "duckdb"])
def test_a_folder_that_is_not_there(source: Address, home: Path, tmp_path: Path, system: str) -> None:
    error = refused(home, CopyRequest(source, file_address(system, tmp_path / "nowhere" / "copy.db")))
    assert isinstance(error, NotFound)
    assert "nowhere" in str(error)
    assert error.remedy


def test_a_user_without_the_right_to_create(source: Address, postgresql: Fresh, home: Path) -> None:
    target = postgresql()
    sql(target, "DROP USER IF EXISTS weak", "CREATE USER weak", "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    weak = replace(target, user="weak")
    run, _ = move(home, CopyRequest(source, weak))
    assert run.status is Status.FAILED
    assert "permission denied" in run.reason
    assert tables(target) == set()
