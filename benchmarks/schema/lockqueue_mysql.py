"""The same on MariaDB and MySQL: eight clients read a table which somebody has read in a transaction of six seconds."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.results import Figure
from wayfare.core.address import Address
from wayfare.core.changes import Entry, Policy, Standing
from wayfare.core.errors import Unavailable
from wayfare.core.statements import Action, Kind, Statement
from wayfare.systems.databases.mysql.database import MySql
from wayfare.systems.databases.mysql.testbed import BEDS, connect

CLIENTS = 8
READER_SECONDS = 6.0
CHANGES = {
    "told INSTANT": Policy(clause="ALGORITHM=INSTANT"),
    "of unknown length": Policy(),
}


def figures(worst_ms_max: float) -> Iterator[Figure]:
    for bed in BEDS:
        with tempfile.TemporaryDirectory() as folder:
            try:
                with BEDS[bed](Path(folder)) as fresh:
                    for name, policy in CHANGES.items():
                        worst, seconds = _measure(fresh(), policy)
                        yield Figure(f"{bed}, {name}: until the change was done", seconds, None, "s")
                        yield Figure(f"{bed}, {name}: worst wait of a client", worst, worst_ms_max, "ms")
            except Unavailable as reason:
                print(f"{bed}: {reason}")


def _measure(address: Address, policy: Policy) -> tuple[float, float]:
    with MySql(address) as database:
        database.execute("CREATE TABLE users (id INT PRIMARY KEY, age INT)")
        database.execute("INSERT INTO users VALUES (1, 1), (2, 2)")
        ended, worst = threading.Event(), [0.0] * CLIENTS

        def client(number: int) -> None:
            with connect(address) as connection, connection.cursor() as cursor:
                while not ended.is_set():
                    begun = time.perf_counter()
                    cursor.execute("SELECT * FROM users")
                    worst[number] = max(worst[number], (time.perf_counter() - begun) * 1000)
                    time.sleep(0.005)

        reader = connect(address)
        reader.begin()
        reader.cursor().execute("SELECT * FROM users")
        threading.Timer(READER_SECONDS, reader.rollback).start()
        threads = [threading.Thread(target=client, args=(n,)) for n in range(CLIENTS)]
        for thread in threads:
            thread.start()
        change = Statement("ALTER TABLE users ADD COLUMN q INT", 1, 1, (Action(Kind.ADD_COLUMN, "users", "q"),))
        begun = time.perf_counter()
        held = database.schema().lock("benchmark")
        assert held is not None
        with held:
            held.carry([change], Entry("changes", "1", "", "", Standing.APPLIED, 1, 1), policy)
        seconds = time.perf_counter() - begun
        ended.set()
        for thread in threads:
            thread.join()
        reader.close()
        return max(worst), seconds
