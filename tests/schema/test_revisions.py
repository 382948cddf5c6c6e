"""Revisions on real databases: applied once and in order, whoever starts, dies or edits meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from schema.conftest import Place, opened
from wayfare.core.address import Address
from wayfare.core.changes import Standing
from wayfare.core.errors import Busy, Conflict, Invalid, NotFound, Refused
from wayfare.schema.revisions import runner
from wayfare.schema.revisions.files import read_folder
from wayfare.schema.revisions.history import HISTORY
from wayfare.schema.revisions.runner import Options

RUNNERS = 12  # the benchmark has a hundred
SLOWLY = Path(__file__).with_name("slowly.py")

FILES = {
    "0001_users.sql": "create table users (id integer primary key, email varchar(100));",
    "0001_users.down.sql": "drop table users;",
    "0002_orders.sql": "create table orders (id integer primary key, total integer);\n"
    "insert into orders values (1, 10);\ninsert into orders values (2, 20);",
    "0002_orders.down.sql": "drop table orders;",
    "0003_index.sql": "create index users_email on users (email);",
}


def write(folder: Path, **more: str) -> None:
    for name, text in {**FILES, **more}.items():
        (folder / name).write_text(text)


def versions(place: Place, *standings: Standing) -> list[str]:
    return [e.version for e in place.schema.entries(HISTORY) if e.standing in (standings or (Standing.APPLIED,))]


def test_applied_once_and_in_order(place: Place, folder: Path) -> None:
    write(folder)
    done = runner.apply(place.schema, read_folder(folder), Options(by="anna"))
    assert [e.version for e in done.entries] == ["0001", "0002", "0003"]
    assert versions(place) == ["0001", "0002", "0003"]
    assert {e.by for e in place.schema.entries(HISTORY)} == {"anna"}
    assert len(place.rows("select * from orders")) == 2
    assert runner.apply(place.schema, read_folder(folder), Options()).entries == ()


def test_up_to_a_version_and_back(place: Place, folder: Path) -> None:
    write(folder)
    before = place.schema.dump()
    files = read_folder(folder)
    runner.apply(place.schema, files, Options(to="0002"))
    assert versions(place) == ["0001", "0002"]
    runner.roll_back(place.schema, files, Options())
    assert versions(place) == ["0001"]
    assert versions(place, Standing.UNDONE) == ["0002"]
    runner.apply(place.schema, files, Options(to="0002"))
    runner.roll_back(place.schema, files, Options(to="0"))
    assert versions(place) == []
    assert place.schema.dump() == before


def test_without_a_way_back_nothing_is_taken_back(place: Place, folder: Path) -> None:
    write(folder)
    files = read_folder(folder)
    runner.apply(place.schema, files, Options())
    with pytest.raises(Invalid, match="has no way back"):
        runner.roll_back(place.schema, files, Options(to="0001"))
    assert versions(place) == ["0001", "0002", "0003"]


def test_a_refused_statement_leaves_what_the_history_says(place: Place, folder: Path) -> None:
    bad = "create table things (id integer primary key);\ninsert into nowhere values (3);"
    write(folder, **{"0004_bad.sql": bad})
    with pytest.raises(Refused) as raised:
        runner.apply(place.schema, read_folder(folder), Options())
    assert "line 2" in raised.value.where
    entry = place.schema.entries(HISTORY)[-1]
    assert (entry.version, entry.standing) == ("0004", Standing.FAILED)
    assert "nowhere" in entry.error
    there = "things" in {label.rpartition(".")[2] for label in place.schema.sizes()}
    assert there == (entry.done == 1) == (not place.schema.together)
    (folder / "0004_bad.sql").write_text(bad if entry.done else bad.replace("nowhere", "orders(id)"))
    if not entry.done:
        runner.apply(place.schema, read_folder(folder), Options())
        assert versions(place)[-1] == "0004"


def test_a_script_that_cannot_be_read_applies_nothing_at_all(place: Place, folder: Path) -> None:
    write(folder, **{"0004_bad.sql": "create table good (id integer);\n\ncreate tabel bad (id integer);"})
    with pytest.raises(Invalid) as raised:
        runner.apply(place.schema, read_folder(folder), Options())
    assert "0004_bad.sql line 3, column" in raised.value.where
    assert versions(place) == []


def test_a_script_may_not_end_its_transaction(place: Place, folder: Path) -> None:
    write(folder, **{"0004_bad.sql": "create table good (id integer);\ncommit;"})
    with pytest.raises(Invalid, match="transaction"):
        runner.apply(place.schema, read_folder(folder), Options())
    assert versions(place) == []


def test_many_start_at_once_and_one_is_at_work(fresh: Callable[[], Address], folder: Path) -> None:
    write(folder)
    address, files, did = fresh(), read_folder(folder), []
    together = threading.Barrier(RUNNERS)

    def start() -> None:
        with opened(address) as place:
            together.wait()
            did.append(len(runner.apply(place.schema, files, Options(wait_seconds=120)).entries))

    threads = [threading.Thread(target=start) for _ in range(RUNNERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(did) == [0] * (RUNNERS - 1) + [3]
    with opened(address) as place:
        assert versions(place) == ["0001", "0002", "0003"]
        assert len(place.rows("select * from orders")) == 2


def test_whoever_does_not_want_to_wait_is_told_who_is_at_work(place: Place, folder: Path) -> None:
    write(folder)
    with opened(place.address) as other:
        held = other.schema.lock("boris@elsewhere:1")
        assert held is not None
        with held, pytest.raises(Busy, match="boris@elsewhere:1 changes this schema now"):
            runner.apply(place.schema, read_folder(folder), Options(wait_seconds=0))
    assert runner.apply(place.schema, read_folder(folder), Options(wait_seconds=60)).entries


@pytest.mark.parametrize("after", [1, 3, 4])
def test_killed_anywhere_the_next_runner_goes_on(fresh: Callable[[], Address], folder: Path, after: int) -> None:
    """The process is killed as soon as it has told of its nth group of statements."""
    write(folder, **{"0004_more.sql": "create table a (id integer);\ncreate table b (id integer);"})
    address = fresh()
    if address.system == "sqlite":
        address = replace(address, options={**address.options, "lease_seconds": "2"})  # not half a minute
    child = subprocess.Popen(
        [sys.executable, str(SLOWLY), address.url(reveal=True), str(folder), str(after)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"now\n"
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    with opened(address) as place:
        begun = {e.version: e.done for e in place.schema.entries(HISTORY)}
        runner.apply(place.schema, read_folder(folder), Options(wait_seconds=120))
        assert versions(place) == ["0001", "0002", "0003", "0004"]
        assert len(place.rows("select * from orders")) == 2
        assert begun  # it was killed after its first group, so there is something to go on from


def test_files_that_were_edited_or_are_older_are_refused(place: Place, folder: Path) -> None:
    write(folder)
    runner.apply(place.schema, read_folder(folder), Options(environment="production"))
    with pytest.raises(Conflict, match="that of production, not of staging"):
        runner.apply(place.schema, read_folder(folder), Options(environment="staging"))
    (folder / "0001_users.sql").write_text("create table users (id integer);")
    with pytest.raises(Conflict, match=r"0001_users\.sql was edited"):
        runner.apply(place.schema, read_folder(folder), Options())
    runner.repair(place.schema, read_folder(folder), Options(), "0001", "accept")
    (folder / "0003_index.sql").unlink()
    with pytest.raises(Conflict, match="does not know yet"):
        runner.apply(place.schema, read_folder(folder), Options())


def test_repairs(place: Place, folder: Path) -> None:
    write(folder)
    files = read_folder(folder)
    assert "counts as applied" in runner.repair(place.schema, files, Options(), "0001", "mark")
    assert versions(place) == ["0001"]
    assert "forgotten" in runner.repair(place.schema, files, Options(), "0001", "forget")
    assert versions(place) == []
    with pytest.raises(NotFound, match="there is no revision 0009"):
        runner.repair(place.schema, files, Options(), "0009", "mark")


def test_a_runner_waits_out_the_lock_of_one_that_died(place: Place, folder: Path) -> None:
    write(folder)
    began = time.time()
    done = runner.apply(place.schema, read_folder(folder), Options())
    assert all(began - 1 <= e.started_at <= (e.ended_at or 0) <= time.time() + 1 for e in done.entries)
    assert place.schema.holder() is None or not place.schema.holder().alive  # type: ignore[union-attr]
