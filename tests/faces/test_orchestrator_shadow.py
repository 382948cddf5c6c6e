"""Document 001's Shadow: the application's own queries are tried on the clone before and after the change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from faces.orchestrating import Office, opened_office
from psql import counting, sql
from wayfare.core.address import Address
from wayfare.systems.testing import Fresh

TABLE = """
create table users (id bigint primary key, email text, age int);
insert into users select g, 'u' || g, g % 900 from generate_series(1, 20000) g;
create index by_age on users (age);
analyze users;
"""
READS_EMAIL = "select email from users where id = 7"
READS_AGE = "select count(*) from users where age = 7"


@pytest.fixture(scope="module")
def fresh() -> Iterator[Fresh]:
    with counting() as created:
        yield created


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, fresh: Fresh) -> Iterator[Office]:
    with opened_office(tmp_path_factory.mktemp("home"), fresh) as found:
        yield found


@pytest.fixture
def address(fresh: Fresh) -> Address:
    """An application has asked here, and its queries were counted."""
    made = fresh()
    sql(made, TABLE)
    sql(made, "create extension pg_stat_statements")
    for asked in (READS_EMAIL, READS_AGE, "select now() - interval '1 day' from users limit 1"):
        sql(made, asked)
    return made


@pytest.fixture
def database(office: Office, address: Address) -> str:
    return office.register(f"shop-{address.database}", address, "Staging")


def columns(address: Address) -> int:
    return int(sql(address, "select count(*) from information_schema.columns where table_name = 'users'")[0][0])


def findings(done: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {finding["code"]: finding for finding in done["findings"]}


def rehearsed(office: Office, done: dict[str, Any]) -> dict[str, Any]:
    """What the rehearsal's step has told."""
    run = done["executionId"].removeprefix("exec-")
    found: dict[str, Any] = office.store.outcomes(run, "schema.shadow")["rehearse on a clone"]
    return found


def test_what_breaks_a_query_is_refused(office: Office, database: str, address: Address) -> None:
    migration = office.draft(database, "ALTER TABLE users DROP COLUMN email;", strategy="Shadow")
    done = office.execute(migration)
    assert done["status"] == "Failed", done
    broken = findings(done)["query_breaks"]
    assert 'column "email" does not exist' in broken["message"]
    assert "select email from users where id = $1" in broken["message"]
    assert "a query breaks" in done["reason"]
    assert columns(address) == 3
    assert "_wayfare_revisions" not in str(sql(address, "select relname from pg_class"))


def test_what_becomes_dearer_is_told(office: Office, database: str, address: Address) -> None:
    """DROP INDEX names no table: it is known by its locks whose queries may feel it."""
    migration = office.draft(database, "DROP INDEX by_age;", strategy="Shadow")
    done = office.execute(migration)
    assert done["status"] == "Succeeded", done
    dearer = findings(done)["query_dearer"]
    assert "users is read whole, by_age is not used" in dearer["message"]
    assert "select count(*) from users where age = $1" in dearer["message"]
    told = rehearsed(office, done)
    assert told["queries_tried"] >= 2
    assert told["queries_not_planned"] >= 1  # a value may not stand open behind INTERVAL


def test_what_harms_none_goes_through(office: Office, database: str, address: Address) -> None:
    migration = office.draft(database, "ALTER TABLE users ADD COLUMN note text;", strategy="Shadow")
    done = office.execute(migration)
    assert done["status"] == "Succeeded", done
    assert not {"query_breaks", "query_dearer", "queries_not_tried"} & set(findings(done))
    assert rehearsed(office, done)["queries_tried"] >= 2
    assert columns(address) == 4


def test_where_they_are_not_counted_they_are_not_tried(office: Office, database: str, address: Address) -> None:
    sql(address, "drop extension pg_stat_statements")
    migration = office.draft(database, "ALTER TABLE users DROP COLUMN email;", strategy="Shadow")
    done = office.execute(migration)
    assert done["status"] == "Succeeded", done
    assert "does not count" in findings(done)["queries_not_tried"]["message"]
