"""Revisions while others use the database: who waits too long behind one of them has it ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from beds import running
from behind import client, reader
from psql import sql
from schema.conftest import Place, opened
from wayfare.core.address import Address
from wayfare.core.changes import Standing
from wayfare.core.errors import Conflict
from wayfare.schema.revisions import runner
from wayfare.schema.revisions.files import read_folder
from wayfare.schema.revisions.history import HISTORY
from wayfare.schema.revisions.runner import Options
from wayfare.systems.databases.mysql.testbed import connect


@pytest.fixture(scope="module")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Address]]:
    with running("postgresql", tmp_path_factory.mktemp("postgresql")) as made:
        yield made


@pytest.fixture(scope="module")
def maria(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Address]]:
    with running("mariadb", tmp_path_factory.mktemp("mariadb")) as made:
        yield made


@pytest.fixture
def shop(postgresql: Callable[[], Address]) -> Iterator[Place]:
    with opened(postgresql()) as place:
        sql(place.address, "create table users (id int)")
        yield place


def test_a_change_that_others_wait_for_is_ended(shop: Place, folder: Path) -> None:
    before = shop.schema.dump()
    (folder / "0001_slow.sql").write_text("alter table users add column x int;\nselect pg_sleep(50);")
    with reader(shop.address), pytest.raises(Conflict, match=r"clients waited \d+\.\d s behind the change") as raised:
        runner.apply(shop.schema, read_folder(folder), Options(client_wait_seconds_max=1))
    assert raised.value.where == "0001_slow"
    assert "--client-wait" in raised.value.remedy
    assert shop.schema.dump() == before
    assert [e for e in shop.schema.entries(HISTORY) if e.standing is Standing.APPLIED] == []
    (folder / "0001_slow.sql").write_text("alter table users add column x int;")
    assert runner.apply(shop.schema, read_folder(folder), Options()).entries, "nothing of it is in the way"


def test_those_who_may_wait_do(shop: Place, folder: Path) -> None:
    (folder / "0001_slow.sql").write_text("alter table users add column x int;\nselect pg_sleep(2);")
    with reader(shop.address):
        done = runner.apply(shop.schema, read_folder(folder), Options(client_wait_seconds_max=0))
    assert [e.standing for e in done.entries] == [Standing.APPLIED]


def test_where_each_change_commits_itself(maria: Callable[[], Address], folder: Path) -> None:
    """It would take 50 s."""
    address = maria()
    at_work = "SELECT 1 FROM information_schema.processlist WHERE info LIKE '/* wayfare%'"
    (folder / "0001_late.sql").write_text("CREATE TABLE late AS SELECT id FROM users WHERE SLEEP(0.1) = 0;")
    with opened(address) as place, closing(connect(address)) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE users (id INT PRIMARY KEY)")
        cursor.execute("INSERT INTO users SELECT seq FROM seq_1_to_500")
        before = place.schema.dump()
        options = Options(client_wait_seconds_max=1)
        with (
            client(lambda: cursor.execute(at_work), lambda: cursor.execute("LOCK TABLES users WRITE")),
            pytest.raises(Conflict, match="clients waited"),
        ):
            runner.apply(place.schema, read_folder(folder), options)
        cursor.execute("UNLOCK TABLES")
        assert place.schema.dump() == before
