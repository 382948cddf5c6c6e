"""What others do to a database while its schema is changed: done by each system's own driver, as a stranger would."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
import pytds

from wayfare.core.address import Address
from wayfare.core.changes import LOCK_TABLE, Held
from wayfare.systems.databases.mysql.testbed import connect as mysql


@contextmanager
def _sqlite_writer(address: Address) -> Iterator[None]:
    with closing(sqlite3.connect(address.database, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield


def _sqlite_ends(address: Address) -> None:
    """The lease is over, as it is for a process that was stopped for longer."""
    with closing(sqlite3.connect(address.database)) as connection:
        connection.execute(f"UPDATE {LOCK_TABLE} SET until = 1")
        connection.commit()


@contextmanager
def _mysql_reader(address: Address) -> Iterator[None]:
    with closing(mysql(address)) as connection, connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT * FROM orders")
        yield


def _mysql_ends(address: Address) -> None:
    """The connections of whoever has a lock in this database are ended by an administrator."""
    with closing(mysql(address)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()")
        for (number,) in cursor.fetchall():
            cursor.execute(f"KILL {number}")


def postgres(address: Address) -> Any:
    return psycopg.connect(
        host=address.host,
        port=address.port,
        user=address.user,
        password=address.password.reveal(),
        dbname=address.database,
        autocommit=True,
    )


@contextmanager
def _postgres_reader(address: Address) -> Iterator[None]:
    with closing(postgres(address)) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT * FROM orders")
        yield


def _postgres_ends(address: Address) -> None:
    with closing(postgres(address)) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )


def tds(address: Address) -> Any:
    """In autocommit mode: transactions are begun in words."""
    return pytds.connect(
        dsn=address.host,
        port=address.port,
        user=address.user,
        password=address.password.reveal(),
        database=address.database,
        autocommit=True,
        appname="a stranger",
    )


def batch(connection: Any, sql: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        rows = list(cursor.fetchall()) if cursor.description else []
        while cursor.nextset():
            pass
        return rows


@contextmanager
def _sqlserver_writer(address: Address) -> Iterator[None]:
    """A reader would keep its locks only for its statement."""
    with closing(tds(address)) as connection:
        batch(connection, "BEGIN TRANSACTION")
        batch(connection, "UPDATE orders SET note = note")
        yield
        batch(connection, "ROLLBACK TRANSACTION")


_HOLDING = (
    "SELECT request_session_id FROM sys.dm_tran_locks WHERE resource_type = 'APPLICATION' "
    "AND resource_database_id = DB_ID() AND request_session_id <> @@SPID"
)


def _sqlserver_ends(address: Address) -> None:
    """KILL asks for it, and does not wait."""
    with closing(tds(address)) as connection:
        for (number,) in batch(connection, _HOLDING):
            batch(connection, f"KILL {number}")
        deadline = time.monotonic() + 10
        while batch(connection, _HOLDING):
            assert time.monotonic() < deadline
            time.sleep(0.02)


_OCCUPYING = {
    "sqlite": _sqlite_writer,
    "mysql": _mysql_reader,
    "postgresql": _postgres_reader,
    "sqlserver": _sqlserver_writer,
}
_ENDING = {"sqlite": _sqlite_ends, "mysql": _mysql_ends, "postgresql": _postgres_ends, "sqlserver": _sqlserver_ends}


def occupied(db: Any) -> Any:
    """Somebody else's transaction that stands in the way of a change of the table `orders`."""
    return _OCCUPYING[db.system](db.address)


@contextmanager
def lost(db: Any) -> Iterator[Held]:
    """A lock whose holder does not know yet that it has lost it."""
    held = db.schema().lock("who stood still")
    assert held is not None
    with held:
        _ENDING[db.system](db.address)
        yield held
