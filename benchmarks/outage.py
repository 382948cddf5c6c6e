"""A store on PostgreSQL that leaves for a while: how soon the service says so, and how soon it is back."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from benchmarks.race import scratch
from benchmarks.results import Figure
from benchmarks.serving import Served, serving
from wayfare.core.address import Address
from wayfare.systems.databases.postgresql import testbed
from wayfare.systems.testing import process

AWAY_SECONDS = 10.0
NOTICED_SECONDS_MAX, BACK_SECONDS_MAX = 2.0, 5.0
PAUSE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class PostgreSQL:
    address: Address
    url: str  # of an empty database, as a role that row-level security applies to

    def data(self) -> Path:
        with psycopg.connect(self.address.url(reveal=True)) as connection:
            found = connection.execute("SHOW data_directory").fetchone()
        assert found is not None
        return Path(str(found[0]))


@contextmanager
def postgresql() -> Iterator[PostgreSQL]:
    with testbed.server() as address:
        with psycopg.connect(address.url(reveal=True), autocommit=True) as connection:
            connection.execute("CREATE ROLE wayfare LOGIN NOSUPERUSER NOBYPASSRLS")
            connection.execute("CREATE DATABASE wayfare OWNER wayfare")
        yield PostgreSQL(address, f"postgresql://wayfare@{address.host}:{address.port}/wayfare")


def figures() -> Iterator[Figure]:
    with scratch() as folder, postgresql() as server, ExitStack() as opened:
        data, programs = server.data(), testbed.binaries()
        served = opened.enter_context(serving(folder / "home", WAYFARE_STORE=server.url))
        log = Path(opened.enter_context(tempfile.TemporaryDirectory()), "log")
        _stop(data)
        began = time.monotonic()
        noticed = _until(served, 503, began)
        slowest = _slowest_probe(served, began + AWAY_SECONDS)
        opened.enter_context(process([str(programs / "postgres"), "-D", str(data)], log, user=data.owner()))
        began = time.monotonic()
        back = _until(served, 200, began)
    away = f"PostgreSQL is away for {AWAY_SECONDS:.0f} s"
    yield Figure(f"{away}: /readyz answers 503 after", noticed, NOTICED_SECONDS_MAX, "s")
    yield Figure(f"{away}: its slowest answer meanwhile", slowest, NOTICED_SECONDS_MAX, "s")
    yield Figure("from the start of PostgreSQL until ready again", back, BACK_SECONDS_MAX, "s")


def _stop(data: Path) -> None:
    """At once, as after a power cut. It is the server that we have started: its folder says which process that is."""
    os.kill(int((data / "postmaster.pid").read_text().split()[0]), signal.SIGQUIT)


def _until(served: Served, status: int, began: float) -> float:
    served.wait_for("/readyz", status)
    return time.monotonic() - began


def _slowest_probe(served: Served, until: float) -> float:
    """Raises RuntimeError where it says that it is ready."""
    slowest = 0.0
    while time.monotonic() < until:
        began = time.monotonic()
        if served.status("/readyz") != 503:
            raise RuntimeError("/readyz does not answer 503 without a store")
        slowest = max(slowest, time.monotonic() - began)
        time.sleep(PAUSE_SECONDS)
    return slowest
