"""Connections to the store: SQLite (WAL, one writer at a time) or PostgreSQL.

SQLite: with the defaults, concurrent updates are lost or refused as locked. So writers begin with BEGIN IMMEDIATE on
one connection (a second thread waits for it, without polling the file's lock), and readers read beside them.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, InvalidatePoolError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolEmpty

from wayfare.core.errors import Conflict, Unreachable
from wayfare.core.principal import tenant_id
from wayfare.settings import Settings
from wayfare.store import revisions
from wayfare.store.fence import PARAMETER, fence
from wayfare.store.revisions import EVERYTHING, SETTING

SCHEMA = "wayfare"
BUSY_MS = 30_000
# How long a store that does not answer is waited for: to connect, and until a broken line is noticed.
PATIENCE = {"connect_timeout": 3, "tcp_user_timeout": 10_000, "keepalives_idle": 10, "keepalives_interval": 3}
REST_SECONDS = 1.0  # a connection that was used since need not be asked whether it is there still
USED_AT = "used_at"
UPGRADE_LOCK = 7_293_001  # any number, the same in every process


class StoreAway(Unreachable):
    """Our own records cannot be reached. Apart from Unreachable, so that nobody takes it for a source or target."""


class Transactions:
    """Those of one tenant, or, by their own name `everywhere`, of all.

    `write` commits when left without an error. `read` is no transaction: each statement sees what is committed.
    """

    def __init__(self, tenant: str, writer: sa.Engine, reader: sa.Engine) -> None:
        self.tenant = tenant
        self._writer = writer
        self._reader = reader
        self._shared = writer.dialect.name == "postgresql"

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        with _classified(), self._writer.connect() as connection:
            connection.execution_options(**{PARAMETER: self.tenant})
            with connection.begin():
                self._tell_server(connection)
                yield connection

    @contextmanager
    def snapshot(self) -> Iterator[sa.Connection]:
        """A transaction that sees one state, whatever is written meanwhile. For reading only."""
        with _classified(), (self._writer if self._shared else self._reader).connect() as connection:
            connection.execution_options(**{PARAMETER: self.tenant})
            if self._shared:
                connection.execution_options(isolation_level="REPEATABLE READ")
            else:
                connection.exec_driver_sql("BEGIN")
            self._tell_server(connection)
            yield connection

    def _tell_server(self, connection: sa.Connection) -> None:
        """For this transaction. The connections of `everywhere` have been told when they were made."""
        if self._shared and self.tenant != EVERYTHING:
            connection.exec_driver_sql(f"SELECT set_config('{SETTING}', %s, true)", (self.tenant,))

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        with _classified(), self._reader.connect() as connection:
            connection.execution_options(**{PARAMETER: self.tenant})
            # The server keeps it between two uses of a connection: most ask for the same tenant again.
            if self._shared and self.tenant not in (EVERYTHING, connection.info.get(PARAMETER)):
                connection.exec_driver_sql(f"SELECT set_config('{SETTING}', %s, false)", (self.tenant,))
                connection.info[PARAMETER] = self.tenant
            yield connection

    def alone(self) -> AbstractContextManager[sa.Connection]:
        """For statements that commit by themselves. On SQLite a transaction, as writers wait in turn for only that."""
        return self.read() if self._shared else self.write()


class Connections:
    """Of one process to the store. No transaction can be had without saying whose rows it may touch."""

    def __init__(self, settings: Settings) -> None:
        self.embedded = settings.embedded
        self.queued = threading.Event()  # see Store.queued
        if self.embedded:
            settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
            url = sa.make_url(settings.store_url or sa.URL.create("sqlite", database=str(settings.home / "wayfare.db")))
            self._engines = [sqlite_engine(url, pool_size=1, max_overflow=0), sqlite_engine(url, pool_size=4)]
            # Fenced engines have a compiler of their own, but share the connections: there is one writer.
            fenced = [sa.create_engine(url, pool=engine.pool) for engine in self._engines]
            for writer in (self._engines[0], fenced[0]):
                sa.event.listen(writer, "begin", lambda c: c.exec_driver_sql("BEGIN IMMEDIATE"))
        else:
            free = postgresql_engine(settings.store_url, tenant=EVERYTHING)
            bound = postgresql_engine(settings.store_url)
            fenced, self._engines = [bound, _autocommitting(bound)], [free, _autocommitting(free)]
        fence(fenced[0])
        if self.embedded:
            fence(fenced[1])
        self._fenced = fenced
        self.everywhere = Transactions(EVERYTHING, *self._engines)

    def of(self, tenant: str) -> Transactions:
        """Raises Invalid for what cannot name a tenant."""
        return Transactions(tenant_id(tenant), *self._fenced)

    def upgrade(self) -> None:
        """Apply the missing revisions, all in one transaction. Any number of processes may do so at once."""
        if self.revision() == revisions.LATEST:
            return
        with self.changing() as connection:
            _apply(connection, _revision(connection))

    @contextmanager
    def changing(self) -> Iterator[sa.Connection]:
        """A transaction that may change the schema: of one process at a time. Raises Conflict in a newer store."""
        with self.everywhere.write() as connection:
            if not self.embedded:
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(UPGRADE_LOCK)))
                connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
            connection.exec_driver_sql(
                "CREATE TABLE IF NOT EXISTS alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"
            )
            if (have := _revision(connection)) > revisions.LATEST:
                remedy = "Update Wayfare, or give it another WAYFARE_HOME or WAYFARE_STORE."
                raise Conflict(
                    f"the store was written by a newer Wayfare (revision {have}).", where="WAYFARE_STORE", remedy=remedy
                )
            yield connection

    def close(self) -> None:
        for engine in (*self._engines, *self._fenced):
            engine.dispose()

    def revision(self) -> str:
        """The last that was applied; "" in a store without tables."""
        there = "SELECT name FROM sqlite_master WHERE name = 'alembic_version'"
        if not self.embedded:
            there = f"SELECT to_regclass('{SCHEMA}.alembic_version')"
        with self.everywhere.read() as connection:
            if connection.exec_driver_sql(there).scalar() is None:
                return ""
            return _revision(connection)


def _revision(connection: sa.Connection) -> str:
    return str(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() or "")


def _apply(connection: sa.Connection, have: str) -> None:
    for module in revisions.in_order():
        if module.revision > have:
            revisions.run(connection, module.STATEMENTS)
    connection.exec_driver_sql("DELETE FROM alembic_version")
    connection.execute(sa.text("INSERT INTO alembic_version VALUES (:v)"), {"v": revisions.LATEST})


def sqlite_engine(url: str | sa.URL, *, isolation_level: Literal["IMMEDIATE"] | None = None, **pool: int) -> sa.Engine:
    """`isolation_level` is sqlite3's: None for no hidden BEGIN, IMMEDIATE for one before the first write."""
    engine = sa.create_engine(url, poolclass=sa.QueuePool, connect_args={"check_same_thread": False}, **pool)

    @sa.event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _: Any) -> None:
        connection.isolation_level = None  # journal_mode cannot be set inside a transaction
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", f"busy_timeout={BUSY_MS}", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")
        connection.isolation_level = isolation_level

    return engine


def postgresql_engine(url: str, tenant: str = "") -> sa.Engine:
    options = f"-c search_path={SCHEMA}" + (f" -c {SETTING}={tenant}" if tenant else "")
    engine = sa.create_engine(
        postgresql_url(url),
        pool_use_lifo=True,  # the last that was used knows its tenant still, and needs no ping
        pool_size=5,
        max_overflow=10,
        connect_args={"options": options, "application_name": "wayfare", **PATIENCE},
    )
    _ping_what_rested(engine)
    return engine


def _ping_what_rested(engine: sa.Engine) -> None:
    """A server that was away has been so for longer than REST_SECONDS: what was used since is there still."""

    @sa.event.listens_for(engine, "checkin")
    def _note(_: Any, record: sa.pool.ConnectionPoolEntry) -> None:
        record.info[USED_AT] = time.monotonic()

    @sa.event.listens_for(engine, "checkout")
    def _ping(connection: Any, record: sa.pool.ConnectionPoolEntry, _: Any) -> None:
        if time.monotonic() - record.info.get(USED_AT, time.monotonic()) < REST_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error  # the pool makes new ones


def _autocommitting(engine: sa.Engine) -> sa.Engine:
    return engine.execution_options(isolation_level="AUTOCOMMIT")


def postgresql_url(url: str) -> sa.URL:
    return sa.make_url(url).set(drivername="postgresql+psycopg")


def plain_url(url: str) -> str:
    """The URL as PostgreSQL's own library takes it."""
    return sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


@contextmanager
def _classified() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        raise StoreAway(f"the store does not answer: {error.orig}", where="WAYFARE_STORE") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise StoreAway(f"the store closed the connection: {error.orig}", where="WAYFARE_STORE") from error
        raise
    except PoolEmpty as error:
        raise StoreAway("all connections to the store have been in use for long.", where="WAYFARE_STORE") from error
