"""Revisions go up, down and up again, and leave what this Wayfare means; stores are brought up to date when opened."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
import sqlalchemy as sa

from wayfare.core.errors import Conflict, Invalid
from wayfare.core.principal import DEFAULT_TENANT
from wayfare.settings import Settings
from wayfare.store import revisions, upgrades
from wayfare.store.database import Connections
from wayfare.store.schema import OF_A_RUN, RUNS
from wayfare.store.store import Store

NUMBERS = [name[1:5] for name in revisions.names()]


def made(settings: Settings) -> set[str]:
    with closing(Connections(settings)) as connections, connections.everywhere.read() as connection:
        return set(sa.inspect(connection).get_table_names()) - {"alembic_version"}


def test_up_down_and_up_again(settings: Settings) -> None:
    assert upgrades.standing(settings) == upgrades.Standing("", NUMBERS[-1], revisions.names())
    upgrades.upgrade(settings)
    assert upgrades.differences(settings) == []
    tables = made(settings)
    for number in [*reversed(NUMBERS[:-1]), "base"]:
        assert upgrades.downgrade(settings, number).revision == number.replace("base", "")
    assert made(settings) == set()
    assert upgrades.upgrade(settings) == upgrades.Standing(NUMBERS[-1], NUMBERS[-1], [])
    assert upgrades.differences(settings) == []
    assert made(settings) == tables


def test_each_step_down_and_up_leaves_no_difference(settings: Settings) -> None:
    upgrades.upgrade(settings)
    for number in ["base", *NUMBERS[:-1]]:
        upgrades.downgrade(settings, number)
        assert upgrades.differences(settings)
        upgrades.upgrade(settings)
        assert upgrades.differences(settings) == []


def test_opening_a_store_makes_the_same(settings: Settings) -> None:
    Store.open(settings).close()
    assert upgrades.differences(settings) == []
    assert upgrades.standing(settings).pending == []
    upgrades.downgrade(settings, "0001")
    Store.open(settings).close()
    assert upgrades.differences(settings) == []


def test_a_difference_is_told(settings: Settings) -> None:
    Store.open(settings).close()
    with closing(Connections(settings)) as connections, connections.everywhere.write() as connection:
        connection.exec_driver_sql("DROP INDEX runs_by_tenant")
        connection.exec_driver_sql("ALTER TABLE outbox ADD COLUMN more TEXT")
    found = " ".join(upgrades.differences(settings))
    assert "runs_by_tenant" in found
    assert "more" in found


def test_what_was_there_before_tenants_is_of_the_default_one(settings: Settings) -> None:
    with closing(Connections(settings)) as connections, connections.changing() as connection:
        revisions.run(connection, revisions.in_order()[0].STATEMENTS)
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES ('0001')")
        run = "INSERT INTO runs VALUES ('r', 'k', 't', 'failed', '', 0, '', '{}', '', '', '{}', 1, 1, 1, '', 1, 0, 1)"
        for statement in (
            run,
            "INSERT INTO events VALUES ('r', 1, 'created', '', 1, '{}', 1)",
            "INSERT INTO addresses VALUES ('r', 'source', 'x')",
            "INSERT INTO notes VALUES ('r', 'k', '1')",
        ):
            connection.exec_driver_sql(statement)
    with closing(Store.open(settings)) as store:
        assert store.run("r").tenant == DEFAULT_TENANT
        assert len(store.events("r")) == 1
        assert store.notes("r", "k") == 1
        assert store.of("another").runs() == []


def test_a_tenant_must_be_said_from_then_on(shared: Settings) -> None:
    """On PostgreSQL, where a default can be taken away: nothing is of the default tenant by mistake."""
    with closing(Store.open(shared)) as store, store.everywhere.read() as connection:
        found = sa.inspect(connection)
        for table in (RUNS, *OF_A_RUN):
            column = next(c for c in found.get_columns(table.name) if c["name"] == "tenant")
            assert column["default"] is None


def test_a_revision_that_is_not_there_is_refused(settings: Settings) -> None:
    upgrades.upgrade(settings)
    with pytest.raises(Invalid, match="Known: base, 0001"):
        upgrades.downgrade(settings, "0999")
    upgrades.downgrade(settings, "0001")
    with pytest.raises(Invalid, match="which is before"):
        upgrades.downgrade(settings, "0002")


def test_a_newer_store_is_left_alone(settings: Settings) -> None:
    Store.open(settings).close()
    with closing(Connections(settings)) as connections, connections.everywhere.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    for change in (upgrades.upgrade, lambda s: upgrades.downgrade(s, "0001"), Store.open):
        with pytest.raises(Conflict, match="newer Wayfare"):
            change(settings)
    assert upgrades.standing(settings).revision == "9999"


def test_many_open_a_store_at_once(settings: Settings) -> None:
    """Each finds it new, or one revision old; one of them changes it."""
    for first in (None, "0001"):
        if first:
            upgrades.downgrade(settings, first)
        with ThreadPoolExecutor(6) as pool:
            for store in pool.map(lambda _: Store.open(settings), range(6)):
                store.close()
        assert upgrades.standing(settings).pending == []
    assert upgrades.differences(settings) == []


def test_a_revision_that_fails_leaves_the_store_as_it_was(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    last = revisions.in_order()[-1]
    monkeypatch.setattr(last, "STATEMENTS", ("CREATE TABLE half (id TEXT)", "CREATE TABLE half (id TEXT)"))
    with pytest.raises(Exception, match="half"):
        Store.open(settings)
    assert upgrades.standing(settings).revision == ""
    assert made(settings) == set()


def test_names_are_in_a_row() -> None:
    modules = revisions.in_order()
    assert [m.revision for m in modules] == NUMBERS == [f"{n:04}" for n in range(1, len(modules) + 1)]
    assert [m.down_revision for m in modules] == [None, *NUMBERS[:-1]]
    assert NUMBERS[-1] == revisions.LATEST
    for module in modules:
        assert module.__doc__
        assert module.STATEMENTS
        assert module.UNDO


@pytest.mark.parametrize("state", ["new", "current", "old"])
def test_a_store_is_opened_without_alembic(settings: Settings, state: str) -> None:
    """Its import would take longer than many a command."""
    if state != "new":
        Store.open(settings).close()
    if state == "old":
        upgrades.downgrade(settings, "0001")
    code = """
import sys
from pathlib import Path
from wayfare.settings import Settings
from wayfare.store.store import Store
Store.open(Settings(Path(sys.argv[1]), sys.argv[2])).close()
print(sorted({name.partition(".")[0] for name in sys.modules} & {"alembic", "mako", "cryptography"}))
"""
    command = [sys.executable, "-c", code, str(settings.home), settings.store_url]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[]\n"
