"""The target's disk fills up: told as that, the old table is as it was, and nothing is left of the new one."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from faults.copying import failure, roll_back
from faults.ground import fill, same, sql, tables
from moving import file_address, move
from wayfare.control.copies import CopyRequest
from wayfare.core.address import Address
from wayfare.core.status import Status
from wayfare.systems.testing import Fresh

MEGABYTES = 3  # of room; the rows need more
MADE = ("CREATE TABLE items (id integer PRIMARY KEY, old varchar(10))", "INSERT INTO items VALUES (1, 'kept')")


@pytest.fixture
def small() -> Iterator[Path]:
    """A folder on a disk of a few megabytes."""
    folder = Path(tempfile.mkdtemp(prefix="wayfare-small-"))
    command = ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m,mode=777", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        folder.rmdir()
        pytest.skip("only root may mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def source(sqlite: Address) -> Address:
    fill(sqlite, 5_000)
    sql(sqlite, "CREATE TABLE bulk (id integer PRIMARY KEY, text varchar)")
    sql(sqlite, "INSERT INTO bulk SELECT id, hex(randomblob(1000)) FROM items")
    return sqlite


def fills_up(source: Address, target: Address, home: Path) -> None:
    run, _ = move(home, CopyRequest(source, target))
    assert run.status is Status.FAILED
    told = failure(home)
    assert told["code"] == "full", told
    assert told["remedy"], told
    assert sql(target, "SELECT id, old FROM items") == [(1, "kept")]


@pytest.mark.parametrize("system", ["sqlite", "duckdb"])
def test_a_file(system: str, small: Path, source: Address, home: Path) -> None:
    target = file_address(system, small / "copy.db")
    sql(target, *MADE)
    fills_up(source, target, home)
    assert roll_back(home).status is Status.UNDONE
    assert sql(target, "SELECT id, old FROM items") == [(1, "kept")]
    assert tables(target) == {"items"}


def test_postgresql(small: Path, postgresql: Fresh, source: Address, home: Path) -> None:
    """The new tables go to a tablespace on the small disk. With more room, the same copy goes on."""
    target = postgresql()
    sql(target, *MADE)
    shutil.chown(small, "nobody")
    sql(target, f"CREATE TABLESPACE small LOCATION '{small}'")
    try:
        sql(target, f"ALTER DATABASE {target.database} SET default_tablespace = small")
        fills_up(source, target, home)
        subprocess.run(["mount", "-o", "remount,size=100m", str(small)], check=True)
        run, report = move(home, CopyRequest(source, target))
        assert (run.status, report.outcome) == (Status.SUCCEEDED, "equal"), run.reason
        assert same(source, target)
        assert tables(target) == {"items", "visits", "bulk"}
    finally:
        sql(target, "DROP SCHEMA public CASCADE", f"ALTER DATABASE {target.database} RESET default_tablespace")
        sql(target, "DROP TABLESPACE small")


def test_postgresql_undone(small: Path, postgresql: Fresh, source: Address, home: Path) -> None:
    target = postgresql()
    sql(target, *MADE)
    shutil.chown(small, "nobody")
    sql(target, f"CREATE TABLESPACE small LOCATION '{small}'")
    try:
        sql(target, f"ALTER DATABASE {target.database} SET default_tablespace = small")
        fills_up(source, target, home)
        assert roll_back(home).status is Status.UNDONE
        assert tables(target) == {"items"}
    finally:
        sql(target, "DROP SCHEMA public CASCADE", f"ALTER DATABASE {target.database} RESET default_tablespace")
        sql(target, "DROP TABLESPACE small")
