"""Bad input and broken connections, each as its class of error."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa
import pytest

from wayfare.core.address import Address
from wayfare.core.errors import Busy, Forbidden, Invalid, NotFound, Refused, Unauthenticated, Unreachable
from wayfare.core.ports import WHOLE
from wayfare.core.redacted import Redacted
from wayfare.core.tables import Table
from wayfare.systems.databases.postgresql.database import PostgreSQL
from wayfare.systems.databases.postgresql.testbed import server
from wayfare.systems.testing import free_port


@pytest.fixture(scope="module")
def guarded() -> Iterator[Address]:
    """A server that asks everybody but postgres for a password, and has few connections."""
    with server("max_connections = 6", "superuser_reserved_connections = 3") as address, PostgreSQL(address) as db:
        db.execute("create user guest password 'right'")
        db.execute("create database secret")
        db.execute("revoke connect on database secret from public")
        hba = str(db.execute("show hba_file").column(0)[0])
        with open(hba, "w") as file:
            file.write("host all postgres all trust\nhost all all all scram-sha-256\n")
        db.execute("select pg_reload_conf()")
        yield replace(address, user="guest", password=Redacted("right"))


def refusal(address: Address) -> Exception:
    with pytest.raises(Exception) as caught, PostgreSQL(address) as db:
        db.check()
    return caught.value


def test_logins_that_fail(guarded: Address) -> None:
    with PostgreSQL(guarded) as db:
        assert db.check().version.startswith("PostgreSQL 1")
    pairs = [
        (replace(guarded, password=Redacted("wrong")), Unauthenticated),
        (replace(guarded, password=Redacted("")), Unauthenticated),
        (replace(guarded, user="nobody here"), Unauthenticated),
        (replace(guarded, database="no such"), NotFound),
        (replace(guarded, database="secret"), Forbidden),
        (replace(guarded, port=free_port()), Unreachable),
        (replace(guarded, host="no-such-host.invalid"), Unreachable),
    ]
    for address, expected in pairs:
        error = refusal(address)
        assert type(error) is expected, error
        assert "wrong" not in str(error)
        assert address.host in str(error)


def test_too_many_connections_is_busy(guarded: Address) -> None:
    opened = [PostgreSQL(guarded) for _ in range(6)]
    errors = []
    held = []
    for db in opened:
        try:
            snapshot = db.snapshot()
            snapshot.__enter__()
            held.append(snapshot)
        except Exception as error:
            errors.append(error)
    for snapshot in held:
        snapshot.__exit__(None, None, None)
    for db in opened:
        db.__exit__(None, None, None)
    assert errors
    assert {type(e) for e in errors} == {Busy}


def test_options_are_libpqs() -> None:
    with pytest.raises(Invalid, match="no option 'colour'"):
        PostgreSQL(Address.parse("postgresql://host/db?colour=red"))


def test_a_snapshot_that_has_ended(db: PostgreSQL) -> None:
    db.execute("create table t (i int)")
    table = db.tables()[0]
    with db.snapshot() as snapshot:
        token = snapshot.token
        db.execute("insert into t values (1)")
        assert [b.num_rows for b in db.read(table, WHOLE, token)] == []
    for bad in (token, "00000000-00000000-1", "no'token"):
        with pytest.raises(Unreachable, match="has ended"):
            list(db.read(table, WHOLE, bad))


def test_a_backend_that_is_killed(db: PostgreSQL, way: str) -> None:
    db.execute("create table t as select i, repeat('x', 1000) from generate_series(1, 200000) i")
    batches = db.read(db.tables()[0], WHOLE)
    next(batches)
    db.execute("select pg_terminate_backend(pid) from pg_stat_activity where query like 'copy%'")
    with pytest.raises(Unreachable):
        list(batches)
    assert sum(b.num_rows for b in db.read(db.tables()[0], WHOLE)) == 200_000


def test_an_error_in_the_middle_of_the_rows(db: PostgreSQL, way: str) -> None:
    db.execute("create table t (i int, d numeric(5,2)); insert into t select i, i from generate_series(1, 900) i")
    db.execute("insert into t values (0, 'NaN')")
    with pytest.raises(Refused, match=r"public\.t\.d: a stored number is NaN.*--map"):
        list(db.read(db.tables()[0], WHOLE))
    db.execute("create table u as select array[[1, 2]] as a")
    with pytest.raises(Refused, match=r"public\.u\.a: a stored array has several dimensions"):
        list(db.read(db.tables()[1], WHOLE))


def test_locks_and_missing_rights(db: PostgreSQL) -> None:
    db.execute("create table t (i int)")
    table = db.tables()[0]
    with pytest.raises(NotFound, match=r'public\.missing" does not exist'):
        list(db.read(Table("missing", table.columns), WHOLE))
    db.execute("create table s (i int); alter table s enable row level security; create role weak login")
    db.execute("grant select on s to weak")
    with PostgreSQL(replace(db.address, user="weak")) as weak:
        with pytest.raises(Forbidden, match="permission denied"):
            list(weak.read(table, WHOLE))
        with pytest.raises(Forbidden, match="row-level security"):
            list(weak.read(replace(table, name="s"), WHOLE))
    db.execute("drop owned by weak; drop role weak")
    db.execute("begin; lock table t in access exclusive mode")  # the connection is dropped at once: no lock stays
    assert [b.num_rows for b in db.read(table, WHOLE)] == []


def test_values_that_arrow_cannot_express(db: PostgreSQL, way: str) -> None:
    db.execute("create table t (at timestamp); insert into t values ('infinity'), ('-infinity'), ('0044-03-15 BC')")
    found = [v.value for b in db.read(db.tables()[0], WHOLE) for v in b.column(0)]
    assert found == [2**63 - 1, -(2**63), -63_517_824_000_000_000]  # extract(epoch …), in microseconds
    db.execute("insert into t values ('294276-01-01')")
    with pytest.raises(Refused, match=r"public\.t\.at"):
        list(db.read(db.tables()[0], WHOLE))
    assert isinstance(found[0], int)
    assert pa.types.is_timestamp(db.tables()[0].columns[0].type)
