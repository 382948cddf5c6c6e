"""Two commands on one embedded store: one carries out, the other hands over and follows, and nobody works twice."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from stories.command import Wayfare

SOURCE = "sqlite:///shop.db"
SLOWLY = ("--rows-per-second", "600", "--rows-per-chunk", "100")
pytestmark = [pytest.mark.slow]


@pytest.fixture(autouse=True)
def shop(wayfare: Wayfare) -> None:
    with closing(sqlite3.connect(wayfare.folder / "shop.db")) as shop:
        shop.execute("CREATE TABLE items (id INTEGER PRIMARY KEY, note TEXT)")
        shop.executemany("INSERT INTO items VALUES (?, ?)", [(i, f"item {i}") for i in range(4_000)])
        shop.commit()


def test_the_same_copy_twice(wayfare: Wayfare) -> None:
    """The second command follows the run of the first; there is one run, and each row once."""
    words = ("copy", SOURCE, "duckdb:///copy.duckdb", *SLOWLY)
    first = wayfare.start(*words)
    wayfare.until(lambda: wayfare.status() == "running")
    second = wayfare(*words)
    done = first.end()
    assert (done.code, second.code) == (0, 0), done.err + second.err
    assert f"Process {first.process.pid} carries this out" in second.out
    runs = wayfare("runs", "list", "--json").json["runs"]
    assert [r["status"] for r in runs] == ["succeeded"]
    assert wayfare("verify", SOURCE, "duckdb:///copy.duckdb").code == 0


def test_ctrl_c_in_the_second_does_not_stop_the_first(wayfare: Wayfare) -> None:
    first = wayfare.start("copy", SOURCE, "duckdb:///copy.duckdb", *SLOWLY)
    wayfare.until(lambda: wayfare.status() == "running")
    second = wayfare.start("runs", "show", "--follow")
    second.interrupt()
    second.end()
    done = first.end()
    assert done.code == 0, done.err
    assert wayfare.status() == "succeeded"


def test_a_second_worker_is_refused(wayfare: Wayfare) -> None:
    first = wayfare.start("worker")
    wayfare.until(lambda: (wayfare.home / "lock").exists() and bool((wayfare.home / "lock").read_text()))
    second = wayfare("worker")
    first.process.terminate()
    first.end()
    assert second.code == 6, second.err
    assert f"pid {first.process.pid}" in second.err
    assert "Let it carry out the run" in second.err
