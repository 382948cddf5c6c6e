"""SQL Server for the tests: the stand-in of `testserver`, once for each driver that is here.

WAYFARE_TEST_SQLSERVER names a real server in its place: its user must be allowed to create databases.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import secrets
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytds

from wayfare.core.address import Address
from wayfare.core.errors import Unavailable
from wayfare.core.ports import CARRIED
from wayfare.core.redacted import Redacted
from wayfare.core.tables import Column, Meaning, Table
from wayfare.systems.databases.sqlserver import options
from wayfare.systems.databases.sqlserver.database import SqlServer
from wayfare.systems.databases.sqlserver.dialect import literal, named, quote
from wayfare.systems.databases.sqlserver.drivers import login
from wayfare.systems.databases.sqlserver.types import spelling
from wayfare.systems.testing import (
    Bed,
    Beds,
    Fresh,
    Seeding,
    debian_file,
    free_port,
    from_environment,
    process,
    wait_until,
)

USER, PASSWORD = "wayfare", "pass;word/%"
_PARAMETERS_MAX = 2_000
_ROWS_MAX = 1_000
_MODULE = "wayfare.systems.databases.sqlserver.testserver"


@contextmanager
def server(scratch: Path, encryption: str = "OFF") -> Iterator[Address]:
    """The stand-in, running; `scratch` gets its certificate (server.pem) and its log."""
    scratch.mkdir(parents=True, exist_ok=True)
    address = Address("sqlserver", "127.0.0.1", free_port(), "master", USER, Redacted(PASSWORD))
    certificate = [] if encryption == "NOT_SUPPORTED" else [str(scratch / "server.pem")]
    command = [sys.executable, "-m", _MODULE, str(address.port), USER, PASSWORD, encryption, *certificate]
    with process(command, scratch / "server.log") as running:
        plain = replace(address, options={"driver": "python-tds"})
        wait_until(lambda: _ready(plain), running, scratch / "server.log")
        yield address


def _ready(address: Address) -> None:
    with SqlServer(address) as database:
        database.execute("SELECT 1 AS here")


def bed(driver: str) -> Bed:
    @contextmanager
    def launch(scratch: Path) -> Iterator[Fresh]:
        chosen = {"driver": driver, **({"odbc_driver": _odbc_driver()} if driver == "odbc" else {})}
        if given := from_environment("WAYFARE_TEST_SQLSERVER"):
            yield fresh(replace(given, options={**given.options, **chosen}))
            return
        with server(scratch) as address:
            found = replace(address, options=chosen)
            _usable(found)
            yield fresh(found)

    return launch


def _odbc_driver() -> str:
    """The library of an ODBC driver: Microsoft's where it is installed, else FreeTDS. Raises Unavailable."""
    with contextlib.suppress(ImportError):
        package = Path(str(import_module("mssql_python_odbc").__file__)).parent
        if found := sorted(package.glob("libs/linux/debian_ubuntu/*/lib/libmsodbcsql*")):
            return str(found[0])
    debian_file("lib/*/libodbc.so.2", "libodbc2")
    return debian_file("lib/*/odbc/libtdsodbc.so", "tdsodbc")


def _usable(address: Address) -> None:
    """Raises Unavailable where the driver, or what it stands on, is not here."""
    with SqlServer(address) as database:
        database.execute("SELECT 1 AS here")


def fresh(address: Address) -> Fresh:
    def make() -> Address:
        name = f"bed_{secrets.token_hex(4)}"
        run(address, f"CREATE DATABASE {quote(name)}", f"ALTER DATABASE {quote(name)} SET ALLOW_SNAPSHOT_ISOLATION ON")
        return replace(address, database=name)

    return make


def run(address: Address, *statements: str) -> None:
    """Each as a batch of its own, by python-tds."""
    connection = login.connect(options.parse(replace(address, options={"driver": "python-tds"})))
    try:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
                while cursor.nextset():
                    pass
    finally:
        connection.close()


# ---- filling


def put(address: Address, table: Table, batches: Iterable[pa.RecordBatch]) -> None:
    """See `Seeding`: one table, with its rows, key, indexes and comments."""
    if table.name.startswith("#"):
        raise Unavailable("a name that begins with # is that of a temporary table.")
    connection = login.connect(options.parse(replace(address, options={"driver": "python-tds"})))
    try:
        with connection.cursor() as cursor:
            for statement in (*_create(table), *_comments(table)):
                cursor.execute(statement)
            if _identity(table):
                cursor.execute(f"SET IDENTITY_INSERT {named(table)} ON")
            for batch in batches:
                for sql, values in _inserts(table, batch):
                    cursor.execute(sql, values)
            if column := _identity(table):
                assert column.identity
                last = column.identity.next - column.identity.increment
                cursor.execute(f"DBCC CHECKIDENT ({literal(named(table))}, RESEED, {last})")
    finally:
        connection.close()


def _identity(table: Table) -> Column | None:
    return next((c for c in table.columns if c.identity), None)


def _create(table: Table) -> Iterator[str]:
    parts = [_column(c) for c in table.columns]
    if table.key:
        parts.append(f"PRIMARY KEY ({', '.join(map(quote, table.key))})")
    parts += [f"CONSTRAINT {quote(i.name)} UNIQUE ({_names(i.columns)})" for i in table.indexes if i.constraint]
    yield f"CREATE TABLE {named(table)} ({', '.join(parts)})"
    for index in table.indexes:
        if not index.constraint:
            unique = "UNIQUE " if index.unique else ""
            yield f"CREATE {unique}INDEX {quote(index.name)} ON {named(table)} ({_names(index.columns)})"


def _names(names: Sequence[str]) -> str:
    return ", ".join(map(quote, names))


def _column(column: Column) -> str:
    identity = f" IDENTITY({column.identity.next},{column.identity.increment})" if column.identity else ""
    return f"{quote(column.name)} {column.native}{identity}{'' if column.nullable else ' NOT NULL'}"


def _comments(table: Table) -> Iterator[str]:
    place = f"N'SCHEMA', {literal(table.namespace or 'dbo')}, N'TABLE', {literal(table.name)}"
    if table.comment:
        yield f"EXEC sp_addextendedproperty N'MS_Description', {literal(table.comment)}, {place}"
    for column in table.columns:
        if column.comment:
            at = f"{place}, N'COLUMN', {literal(column.name)}"
            yield f"EXEC sp_addextendedproperty N'MS_Description', {literal(column.comment)}, {at}"


def _inserts(table: Table, batch: pa.RecordBatch) -> Iterator[tuple[str, tuple[Any, ...]]]:
    columns = table.written
    makers = [_maker(c) for c in columns]
    rows = min(_ROWS_MAX, max(_PARAMETERS_MAX // len(columns), 1))
    names = _names([c.name for c in columns]).replace("%", "%%")
    head = f"INSERT INTO {named(table).replace('%', '%%')} ({names}) VALUES "
    for start in range(0, len(batch), rows):
        part = batch.slice(start, rows).to_pydict()
        values = [
            tuple(None if v is None else make(v) for v, make in zip(row, makers, strict=True))
            for row in zip(*(part[c.name] for c in columns), strict=True)
        ]
        marks = ", ".join(["(" + ", ".join(["%s"] * len(columns)) + ")"] * len(values))
        yield head + marks, tuple(v for row in values for v in row)


def _maker(column: Column) -> Callable[[Any], Any]:
    base = spelling(column.native).base
    if column.meaning is Meaning.UUID:
        return lambda value: uuid.UUID(bytes=value)
    if pa.types.is_binary(column.type) or pa.types.is_fixed_size_binary(column.type):
        return lambda value: pytds.Binary(value)
    makers: Mapping[str, Callable[[Any], Any]] = {"datetimeoffset": _zoned, "time": dt.time.isoformat}
    return makers.get(base, lambda value: value.isoformat(sep=" ") if isinstance(value, dt.datetime) else value)


def _zoned(value: dt.datetime) -> str:
    return value.isoformat(sep=" ", timespec="microseconds")


SEEDING = Seeding(put, CARRIED, name_bytes_max=120)
BEDS: Beds = {
    "sqlserver": bed("python-tds"),
    "sqlserver-native": bed("mssql-python"),
    "sqlserver-odbc": bed("odbc"),
}
