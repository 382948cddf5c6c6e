"""Sakila and Chinook taken through thirty changes over HTTP, on a primary with a hot standby that replays them."""

from __future__ import annotations

import random
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

import psycopg
import pytest

from faces.orchestrating import QUICK, Office, opened_office
from moving import data, run_script
from psql import sql
from stories.schema_changes import CHINOOK, SAKILA, Wanted
from wayfare.core.address import Address
from wayfare.core.changes import Changeable, Replicates
from wayfare.core.errors import Unavailable
from wayfare.systems.databases.postgresql import testbed
from wayfare.systems.databases.postgresql.options import parameters
from wayfare.systems.databases.postgresql.testcluster import COUNTING, standby
from wayfare.systems.registry import open_database

PUBLISHED = {
    "sakila": ("sakila/postgres-sakila-schema.sql", "sakila/postgres-sakila-data-copy.sql"),
    "chinook": ("chinook/Chinook_PostgreSql.sql",),
}
CHANGES = {"sakila": SAKILA, "chinook": CHINOOK}
APPROVERS = {"Low": (), "Medium": ("boss",), "High": ("boss", "chief")}
PHASES = {"phases": ["replica-1", "master"]}
CLIENTS = 6
CHANGED = "update inventory set store_id = store_id where inventory_id = %s"
UNCHANGED = """set session_replication_role = replica;  -- without triggers
update inventory set last_update = '2006-02-15 05:09:17'"""
SLOW = """CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_sleep(0.004); RETURN NEW; END $$;
CREATE TRIGGER dawdled BEFORE UPDATE ON inventory FOR EACH ROW EXECUTE FUNCTION dawdle();"""
HALF_WAY = Wanted(
    "half_way",
    "CREATE INDEX CONCURRENTLY rental_staff_idx ON rental (staff_id);\n"
    "ALTER TABLE film ADD CONSTRAINT film_cheap CHECK (rental_rate < 4) NOT VALID;\n"
    "UPDATE film SET rental_rate = rental_rate;",
    "ALTER TABLE film DROP CONSTRAINT film_cheap;\nDROP INDEX CONCURRENTLY rental_staff_idx;",
)


@dataclass(frozen=True)
class Cluster:
    primary: Address
    standby: Address

    def of(self, name: str) -> tuple[Address, Address]:
        return replace(self.primary, database=name), replace(self.standby, database=name)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with ExitStack() as stack:
        try:
            primary = stack.enter_context(testbed.server(*COUNTING))
            second = stack.enter_context(standby(primary))
        except Unavailable as reason:
            pytest.skip(str(reason))
        sql(primary, "create role reporting")
        for name in PUBLISHED:
            for database in (name, f"{name}_again"):
                load(primary, name, database)
        yield Cluster(primary, second)


def load(server: Address, name: str, database: str) -> None:
    sql(server, f"create database {database}")
    address = replace(server, database=database)
    for part in PUBLISHED[name]:
        run_script(address, data(part).decode("utf-8-sig"))
    sql(address, "create extension pg_stat_statements")
    sql(address, "analyze")


@pytest.fixture(scope="module")
def office(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with opened_office(tmp_path_factory.mktemp("home"), lambda: cluster.primary) as found:
        yield found


def dumped(address: Address) -> list[str]:
    """Schema and rows, without our own tables, the words that pg_dump makes up, and the order of rows."""
    program = str(testbed.binaries() / "pg_dump")
    place = ["-h", address.host, "-p", str(address.port), "-U", "postgres", address.database]
    found = subprocess.run(
        [program, "--inserts", "-T", "_wayfare*", *place], capture_output=True, text=True, check=True
    )
    return sorted(line for line in found.stdout.splitlines() if "restrict " not in line)


@pytest.mark.longest
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ["sakila", "chinook"])
def test_fifteen_changes_each(name: str, cluster: Cluster, office: Office) -> None:
    primary, copy = cluster.of(name)
    database = office.register(name, primary, replica_1=copy)
    changes: Sequence[Wanted] = CHANGES[name]
    assert len(changes) == 15
    for change in changes[:8]:
        carried(office, database, change)
    if name == "sakila":
        a_slow_change_takes_itself_back(office, database, primary)
        what_the_rows_refuse_leaves_nothing(office, database, primary)
    for change in changes[8:]:
        carried(office, database, change)
    again = replace(primary, database=f"{name}_again")
    for change in changes:
        by_hand(again, change.up)
    replayed(primary, copy)
    assert dumped(primary) == dumped(again)
    assert dumped(copy) == dumped(primary)


def carried(office: Office, database: str, change: Wanted) -> None:
    """Approved by as many as its risk asks for, and carried out on both servers."""
    done = office.execute(approved(office, database, change), **PHASES)
    assert done["status"] == "Succeeded", (change.name, done)
    assert [phase["status"] for phase in done["phases"]] == ["Succeeded"] * len(done["phases"])
    assert {"replica-1", "master"} <= {phase["name"] for phase in done["phases"]}


def approved(office: Office, database: str, change: Wanted) -> str:
    """Not before the last of its approvers is it approved."""
    migration = office.draft(database, change.up, change.down, change.name)
    status = office.ask("dev", "POST", f"/migrations/{migration}/submit-approval", None, 201)["status"]
    risk = office.ask("viewer", "GET", f"/migrations/{migration}", None, 200)["riskLevel"]
    for who in APPROVERS[risk]:
        assert status == "Pending", (change.name, risk)
        status = office.ask(who, "POST", f"/migrations/{migration}/approve", {"notes": "seen"}, 200)["status"]
    assert status == "Approved", (change.name, risk)
    return migration


def by_hand(address: Address, script: str) -> None:
    """Statement by statement, as CONCURRENTLY asks for; none of them but the last has a semicolon in a body."""
    for statement in pieces(script):
        sql(address, statement)


def pieces(script: str) -> list[str]:
    """At semicolons that end a line outside of dollar quotes."""
    found, quoted = [""], False
    for line in script.splitlines(keepends=True):
        found[-1] += line
        quoted ^= line.count("$$") % 2 == 1
        if not quoted and line.rstrip().endswith(";"):
            found.append("")
    return [piece for piece in found if piece.strip()]


def replayed(primary: Address, copy: Address) -> None:
    with open_database(primary) as first, open_database(copy) as second:
        assert isinstance(first, Changeable)
        assert isinstance(second, Changeable)
        here, there = first.schema(), second.schema()
        assert isinstance(here, Replicates)
        assert isinstance(there, Replicates)
        position = here.position()
        for _ in range(1500):
            if there.reached(position):
                return
            time.sleep(0.02)
    raise AssertionError("the standby does not follow")


def a_slow_change_takes_itself_back(office: Office, database: str, primary: Address) -> None:
    """A trigger that sleeps, under load: the reason is told where people look for it, and in the run's journal."""
    before = dumped(primary)
    migration = approved(office, database, Wanted("dawdling", SLOW))
    with load_on(primary):
        done = office.execute(migration, baselineSeconds=5, observationSeconds=20, **PHASES)
    assert done["status"] == "RolledBack", done
    assert "queries of" in done["reason"]
    assert "slower than before" in done["reason"]
    run = done["executionId"].removeprefix("exec-")
    events = office.client.app.state.store.events(run, limit=1000)  # type: ignore[attr-defined]
    assert any("slower than before" in str(event.data) for event in events), events
    sql(primary, UNCHANGED)  # what the clients' updates set
    assert dumped(primary) == before


@contextmanager
def load_on(address: Address) -> Iterator[None]:
    """Half of the clients change `inventory`, half read `film`. One that fails is told when all have ended."""
    over, failed = threading.Event(), list[BaseException]()

    def client(number: int) -> None:
        chance = random.Random(number)
        try:
            with psycopg.connect(autocommit=True, **parameters(address)) as connection:
                while not over.is_set():
                    key = chance.randint(1, 1000)
                    if number % 2:
                        connection.execute(CHANGED, (key,))
                    else:
                        connection.execute("select title from film where film_id = %s", (key,))
                    over.wait(0.01)
        except psycopg.Error as error:
            failed.append(error)

    clients = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for each in clients:
        each.start()
    try:
        yield
    finally:
        over.set()
        for each in clients:
            each.join()
    assert failed == []


def what_the_rows_refuse_leaves_nothing(office: Office, database: str, primary: Address) -> None:
    """An index is committed by itself before dear films break the new check; no study of an empty clone sees that."""
    before = dumped(primary)
    done = office.execute(approved(office, database, HALF_WAY), **PHASES)
    assert done["status"] == "RolledBack", done
    assert "line 3" in done["reason"]
    assert "film_cheap" in done["reason"]
    assert dumped(primary) == before


def test_the_story_is_thirty_changes() -> None:
    assert len(SAKILA) + len(CHINOOK) == 30
    assert QUICK == {"observationSeconds": 0, "baselineSeconds": 0}
