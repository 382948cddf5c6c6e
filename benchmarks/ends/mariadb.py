"""MariaDB: Debian's server, with a buffer pool of 1 GB. One server holds the source's database and the target's."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pymysql

from benchmarks.data import Dataset, columns, create, duck
from wayfare.core.errors import Unavailable
from wayfare.systems import testing

USER = PASSWORD = "bench"
SETTINGS = {
    "innodb-buffer-pool-size": "1G",
    "innodb-log-file-size": "1G",
    "innodb-flush-log-at-trx-commit": "0",
    "innodb-flush-method": "nosync",
    "local-infile": "1",
    "max-allowed-packet": "256M",
    "character-set-server": "utf8mb4",
    "skip-log-bin": "",
    "skip-name-resolve": "",
    "bind-address": "127.0.0.1",
}
SPELLING = {
    "boolean": "tinyint(1)", "REAL": "float", "TIMESTAMPTZ": "timestamp(6) null", "TIMESTAMP": "datetime(6)",
    "TIME": "time(6)", "TEXT": "longtext", "BYTES": "varbinary(100)", "UUID": "char(36)", "INTS": "json",
    "TEXTS": "json",
}  # fmt: skip


class MariaDB:
    """See `End`: one database of the server."""

    def __init__(self, port: int, pid: int, database: str) -> None:
        self.port = port
        self.schema = database
        self.url = f"mysql://{USER}:{PASSWORD}@127.0.0.1:{port}/{database}"
        self.pid = pid
        self._execute(f"create database if not exists {database}")
        self.version = "MariaDB " + str(self._execute("select version()")[0]).partition("-")[0]

    def load(self, data: Dataset) -> None:
        self.run(create(data.name, SPELLING))
        with tempfile.NamedTemporaryFile(suffix=".csv") as rows:
            duck("csv", rows.name, str(data.parquet))
            self.run(_load_data(rows.name, data.name))
        self.run(f"analyze table {data.name}")

    def run(self, sql: str) -> None:
        self._execute(f"use {self.schema}", sql)

    def clear(self) -> None:
        """Also of databases that tools made beside it, such as ingestr's for staging."""
        kept = "'information_schema','mysql','performance_schema','sys','src'"
        with self._connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"select schema_name from information_schema.schemata where schema_name not in ({kept})")
            for (name,) in cursor.fetchall():
                cursor.execute(f"drop database `{name}`")
        self._execute(f"create database {self.schema}")

    def settle(self) -> None:
        self._execute("flush tables")

    def ask(self, table: str, expressions: Sequence[str]) -> tuple[Any, ...]:
        return self._execute(f"select {', '.join(expressions)} from {self.schema}.{table}")

    def _execute(self, *statements: str) -> tuple[Any, ...]:
        with self._connect() as connection, connection.cursor() as cursor:
            for sql in statements:
                cursor.execute(sql)
            return tuple(cursor.fetchone() or ())

    def _connect(self) -> Any:
        return pymysql.connect(
            host="127.0.0.1", port=self.port, user=USER, password=PASSWORD, autocommit=True, local_infile=True
        )


def _load_data(file: str, table: str) -> str:
    sql = (
        f"load data local infile '{file}' into table {table} character set utf8mb4"
        f" fields terminated by ',' enclosed by '\"' escaped by '' lines terminated by '\\n'"
    )
    names = list(columns(table, SPELLING))
    if "byt" not in names:
        return sql
    return f"{sql} ({', '.join('@byt' if n == 'byt' else n for n in names)}) set byt = unhex(@byt)"


@contextmanager
def running() -> Iterator[tuple[int, int]]:
    """A server of its own on a free loopback port: (port, pid). Raises Unavailable."""
    folder = Path(tempfile.mkdtemp(prefix="wayfare-bench-mariadb-"))
    try:
        program = testing.debian("mariadbd", "mariadb-server-core")
        install = testing.debian("mariadb-install-db", "mariadb-server-core")
        base = ["--no-defaults", f"--datadir={folder / 'data'}", *(["--user=root"] if os.geteuid() == 0 else [])]
        _must([install, *base, "--auth-root-authentication-method=normal", "--skip-test-db"])
        port, log, door = testing.free_port(), folder / "log", str(folder / "sock")
        options = [f"--{name}={value}" if value else f"--{name}" for name, value in SETTINGS.items()]
        place = [f"--port={port}", f"--socket={door}", f"--pid-file={folder / 'pid'}"]
        with testing.process([program, *base, *options, *place], log) as server:
            testing.wait_until(lambda: _make_account(door), server, log)
            yield port, server.pid
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _must(command: Sequence[str]) -> None:
    done = subprocess.run(list(command), capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unavailable(f"{Path(command[0]).name} failed: {(done.stdout + done.stderr)[-500:]}")


def _make_account(door: str) -> None:
    root = pymysql.connect(unix_socket=door, user="root", password="", autocommit=True)
    with root, root.cursor() as cursor:
        cursor.execute(f"create user if not exists {USER}@'%' identified by '{PASSWORD}'")
        cursor.execute(f"grant all on *.* to {USER}@'%' with grant option")
