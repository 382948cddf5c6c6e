"""More than one server: a hot standby and a pooler beside a throw-away PostgreSQL."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import psycopg

from wayfare.core.address import Address
from wayfare.core.errors import Unavailable
from wayfare.systems.databases.postgresql.options import parameters
from wayfare.systems.databases.postgresql.testbed import binaries, scratch
from wayfare.systems.testing import STOP_SECONDS_MAX, debian, free_port, process, wait_until

COUNTING = ("shared_preload_libraries = 'pg_stat_statements'", "pg_stat_statements.track_planning = on")

_POOLER = """
[databases]
* = host=127.0.0.1 port={server} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 20
max_client_conn = 200
ignore_startup_parameters = extra_float_digits
"""


@contextmanager
def standby(primary: Address, *settings: str) -> Iterator[Address]:
    """A hot standby of a server that `testbed.server` started."""
    with scratch() as (folder, user):
        data, port, log = folder / "data", free_port(), folder / "log"
        programs = binaries()
        source = ["-h", primary.host, "-p", str(primary.port), "-U", "postgres"]
        command = [str(programs / "pg_basebackup"), *source, "-D", str(data), "-R", "-X", "stream", "-c", "fast"]
        done = subprocess.run([*command, "--no-sync"], capture_output=True, text=True, user=user)  # noqa: S603
        if done.returncode:
            raise Unavailable(f"pg_basebackup failed: {done.stderr[-500:]}")
        with (data / "postgresql.conf").open("a") as config:
            config.write("\n".join([f"port = {port}", *settings, ""]))
        address = replace(primary, port=port)
        with process([str(programs / "postgres"), "-D", str(data)], log, user=user) as running:
            wait_until(lambda: psycopg.connect(**parameters(address)).close(), running, log)
            try:
                yield address
            finally:
                running.send_signal(signal.SIGQUIT)
                running.wait(STOP_SECONDS_MAX)


@contextmanager
def pooler(server: Address) -> Iterator[Address]:
    """pgbouncer in front of it, which gives a server's connection to another client after each transaction."""
    program = debian("pgbouncer", "pgbouncer")
    with scratch() as (folder, user):
        port, log, config = free_port(), folder / "log", folder / "pgbouncer.ini"
        config.write_text(_POOLER.format(server=server.port, port=port))
        address = replace(server, port=port)
        with process([program, str(config)], log, user=user) as running:
            wait_until(lambda: psycopg.connect(**parameters(address)).close(), running, log)
            yield address
