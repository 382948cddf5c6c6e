"""ClickHouse for the tests: the embedded engine on a scratch folder, and the same behind HTTP in another process.

WAYFARE_TEST_CLICKHOUSE names a real server instead of the second: its user must be allowed to create databases.
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from wayfare.core.address import Address
from wayfare.core.redacted import Redacted
from wayfare.systems.databases.clickhouse.database import ClickHouse
from wayfare.systems.testing import Beds, Fresh, free_port, from_environment, process, wait_until

USER, PASSWORD = "wayfare", "pass:word/%"


@contextmanager
def embedded(scratch: Path) -> Iterator[Fresh]:
    folder = Address("clickhouse", database=str(scratch / "chdb"))

    def fresh() -> Address:
        name = _new_database(folder)
        return replace(folder, options={"database": name})

    yield fresh


@contextmanager
def http(scratch: Path) -> Iterator[Fresh]:
    if given := from_environment("WAYFARE_TEST_CLICKHOUSE"):
        yield lambda: replace(given, database=_new_database(given))
        return
    address = Address("clickhouse", "127.0.0.1", free_port(), "default", USER, Redacted(PASSWORD))
    server = "wayfare.systems.databases.clickhouse.testserver"
    command = [sys.executable, "-m", server, str(address.port), str(scratch / "server"), USER, PASSWORD]
    log = scratch / "server.log"
    with process(command, log) as running:
        wait_until(lambda: _ready(address), running, log)
        yield lambda: replace(address, database=_new_database(address))


def _ready(address: Address) -> None:
    with ClickHouse(address) as database:
        database.check()


def _new_database(address: Address) -> str:
    """Connections are closed again: the embedded engine holds one folder at a time, and other tests have others."""
    name = f"bed_{secrets.token_hex(4)}"
    with ClickHouse(address) as database:
        database.execute(f"CREATE DATABASE {name}")
    return name


BEDS: Beds = {"clickhouse-embedded": embedded, "clickhouse-http": http}
