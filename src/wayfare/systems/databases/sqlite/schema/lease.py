"""The lock of a file's schema: a lease of some seconds, renewed while it is held, and fenced.

SQLite knows no connection that dies and gives something back, so the right is a row with an end. It is taken, renewed
and checked in write transactions, of which a file has one at a time: while ours is open nobody can take over, and
once somebody did, the check at the beginning of our next one says so. A holder that stood still for longer than its
lease writes nothing, even where nobody took over.
"""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from typing import Self

from wayfare.core.changes import Carried, Entry, Policy, ended_now
from wayfare.core.errors import Busy, LockLost, SystemFailed
from wayfare.core.statements import Statement
from wayfare.systems.databases.sqlite.errors import classified, occupied
from wayfare.systems.databases.sqlite.files import Files
from wayfare.systems.databases.sqlite.schema import carry, records

RENEWALS_PER_LEASE = 4
TAKE_SECONDS_MAX = 0.04  # as long as somebody else writes, the lock counts as held
VACUUM_BYTES_PER_SECOND = 10 << 20  # slower than any disk that is still used


def take(files: Files, by: str, seconds: float) -> Lease | None:
    """None when another has it, or when the file is being written to for longer than TAKE_SECONDS_MAX."""
    deadline = time.monotonic() + TAKE_SECONDS_MAX
    with classified(files.path, "taking the lock of the schema"):
        while True:
            try:
                with files.taking, closing(files.open_plain(0, create=True)) as connection:
                    fence = _try(connection, by, seconds)
                return Lease(files, fence, by, seconds) if fence else None
            except sqlite3.OperationalError as error:
                if not occupied(error):
                    raise
            if time.monotonic() > deadline:
                return None
            time.sleep(random.uniform(0.001, 0.004))  # noqa: S311  # so that contenders do not meet again


def _try(connection: sqlite3.Connection, by: str, seconds: float) -> int | None:
    """The fence, or None when somebody has the lock: seen by reading, so that a loser never waits for a writer."""
    now = time.time()
    held = records.holder(connection, now)
    if held and held.alive:
        return None
    if connection.execute("PRAGMA journal_mode").fetchone() == ("wal",):
        # Not synced to the disk: when the machine stops, so does whoever held it. The file stays whole.
        connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("BEGIN IMMEDIATE")
    fence = records.take(connection, by, now, now + seconds)
    connection.execute("COMMIT" if fence else "ROLLBACK")
    return fence


class Lease:
    """A `Held`. All changes go through one connection, so that what a PRAGMA sets holds for the next statements."""

    def __init__(self, files: Files, fence: int, by: str, seconds: float) -> None:
        self.fence = fence
        self._files = files
        self._by = by
        self._seconds = seconds
        self._turn = threading.RLock()
        self._ending = threading.Event()
        self._trouble = ""
        with classified(files.path):
            self._connection = files.open_plain(files.busy_seconds)
        self._renewer = threading.Thread(target=self._renew, name=f"wayfare-lease-{fence}", daemon=True)
        self._renewer.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._ending.set()
        self._renewer.join()
        with self._turn, closing(self._connection), suppress(LockLost, Busy), self._writing("giving the lock back"):
            records.release(self._connection, self.fence)  # lost, or the file is busy: the lease ends by itself

    def alive(self) -> bool:
        with self._files.reader("looking at the lock") as connection:
            held = records.holder(connection, time.time())
        return held is not None and held.fence == self.fence and held.alive

    def keep(self, entry: Entry) -> None:
        with self._turn, self._writing(f"keeping the entry of {entry.version}"):
            records.keep(self._connection, entry)

    def forget(self, history: str, version: str) -> None:
        with self._turn, self._writing(f"forgetting the entry of {version}"):
            records.forget(self._connection, history, version)

    def carry(self, statements: Sequence[Statement], entry: Entry, policy: Policy) -> Carried:
        carry.acceptable(statements)
        with self._turn, classified(self._files.path, f"carrying out {entry.version}"):
            if len(statements) == 1 and statements[0].alone:
                return self._alone(statements[0], entry, policy)

            def together(connection: sqlite3.Connection) -> tuple[int, float]:
                self._check(connection)
                done = carry.run(connection, self._files, statements, policy)
                records.keep(connection, ended_now(entry))
                self._extend(connection)
                return done

            return carry.whole(self._connection, together, policy)

    def _alone(self, statement: Statement, entry: Entry, policy: Policy) -> Carried:
        """Outside a transaction, with time enough in the lease: nobody renews it while VACUUM has the file."""
        with self._writing("checking the lock"):
            self._extend(self._connection, self._files.path.stat().st_size / VACUUM_BYTES_PER_SECOND)
        carried = carry.alone(self._connection, statement, policy)
        self.keep(ended_now(entry))
        return carried

    @contextmanager
    def _writing(self, what: str) -> Iterator[None]:
        """A write transaction that begins by checking the fence, and renews the lease."""
        connection = self._connection
        with classified(self._files.path, what):
            connection.execute(f"PRAGMA busy_timeout = {int(self._files.busy_seconds * 1000)}")
            connection.execute("BEGIN IMMEDIATE")
            try:
                self._check(connection)
                self._extend(connection)
                yield
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def _check(self, connection: sqlite3.Connection) -> None:
        """Raises LockLost, in a write transaction: what it says holds until that ends."""
        held = records.holder(connection, time.time())
        if held and held.fence == self.fence and held.alive:
            return
        mine = held is None or held.fence == self.fence
        why = "its lease has ended" if mine else f"{held.by if held else ''} has taken over"
        trouble = f" (renewing it failed: {self._trouble})" if self._trouble else ""
        raise LockLost(
            f"the lock of the schema of {self._files.path} is lost: {why}{trouble}.",
            remedy="Look at the status of the change, and run it again.",
        )

    def _extend(self, connection: sqlite3.Connection, seconds_more: float = 0.0) -> None:
        now = time.time()
        records.renew(connection, self.fence, 0, now + self._seconds + seconds_more)

    def _renew(self) -> None:
        """Until it is given back or lost. What goes wrong here lets the lease end, and the next write tells it."""
        interval = self._seconds / RENEWALS_PER_LEASE
        pause = interval
        while not self._ending.wait(pause):
            try:
                with self._files.plainly("renewing the lock", interval / 2) as connection:
                    now = time.time()
                    if not records.renew(connection, self.fence, now, now + self._seconds):
                        return
                pause = interval
            except Busy:  # most often our own change, which renews the lease itself
                pause = interval / 10
            except SystemFailed as error:
                self._trouble = str(error)
                pause = interval / 10
