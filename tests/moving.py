"""Carrying out a copy in this process, through the same path as the command line."""

from __future__ import annotations

import lzma
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import wayfare.copy.steps  # noqa: F401  registers the effects
from wayfare.control.copies import CopyRequest, start_copy
from wayfare.control.reports import report_of
from wayfare.copy.report import Report
from wayfare.core.address import Address
from wayfare.engine.engine import Engine
from wayfare.settings import Settings
from wayfare.store.records import Run
from wayfare.store.store import Store
from wayfare.systems.registry import open_database

DATA = Path(__file__).parent / "data"


def data(name: str) -> bytes:
    return lzma.decompress((DATA / f"{name}.xz").read_bytes())


def file_address(system: str, path: Path) -> Address:
    return Address.parse(f"{system}:///{quote(str(path))}")


@contextmanager
def home(path: Path) -> Iterator[tuple[Settings, Store]]:
    settings = Settings.read({"WAYFARE_HOME": str(path)})
    store = Store.open(settings)
    try:
        yield settings, store
    finally:
        store.close()


def move(path: Path, request: CopyRequest) -> tuple[Run, Report]:
    """Run one copy to its end, with `path` as WAYFARE_HOME."""
    with home(path) as (settings, store):
        run, _ = start_copy(store, request)
        with Engine(settings, store, open_database) as engine:
            engine.work(until=run.id)
        return store.run(run.id), report_of(store, run.id)


def run_script(address: Address, script: str) -> None:
    """Load a published SQL script, with psql's COPY blocks, into an empty PostgreSQL, MySQL or SQL Server database."""
    if address.system == "sqlserver":
        _run_sqlserver(address, script)
        return
    script = re.sub(r"(?im)^(DROP DATABASE|CREATE DATABASE|USE|\\c)\b[^;]*;", "", script)
    if address.system == "mysql":
        _run_mysql(address, script)
    else:
        _run_postgresql(address, script)


def _run_sqlserver(address: Address, script: str) -> None:
    """Its batches are separated by GO; those about the database itself are left out."""
    from wayfare.systems.databases.sqlserver import testbed

    batches = re.split(r"(?im)^GO\s*$", script)
    testbed.run(address, *(b for b in batches if b.strip() and not re.search(r"\bDATABASE\b|^\s*USE\b", b)))


def _run_mysql(address: Address, script: str) -> None:
    import pymysql
    from pymysql.constants import CLIENT

    place = {"host": address.host, "port": address.port, "user": address.user, "database": address.database}
    connection = pymysql.connect(
        **place, password=address.password.reveal(), client_flag=CLIENT.MULTI_STATEMENTS, charset="utf8mb4"
    )
    with connection, connection.cursor() as cursor:
        cursor.execute(script)
        while cursor.nextset():
            pass
        connection.commit()


def _run_postgresql(address: Address, script: str) -> None:
    import psycopg

    place = {"host": address.host, "port": address.port, "user": address.user, "dbname": address.database}
    with psycopg.connect(**place, password=address.password.reveal() or None, autocommit=True) as connection:
        for sql, rows in _with_copy_blocks(script):
            if rows is None:
                connection.execute(sql)  # type: ignore[arg-type]
            else:
                with connection.cursor().copy(sql) as block:  # type: ignore[arg-type]
                    block.write(rows)


def _with_copy_blocks(script: str) -> Iterator[tuple[str, str | None]]:
    """Statements between COPY blocks, and the blocks: (statement, rows)."""
    position = 0
    for match in re.finditer(r"(?ms)^(COPY [^;]+ FROM stdin);\n(.*?)^\\\.\n", script):
        yield script[position : match.start()], None
        yield match.group(1), match.group(2)
        position = match.end()
    yield script[position:], None
