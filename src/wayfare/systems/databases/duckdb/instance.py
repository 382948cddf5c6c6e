"""One opened file of this process, shared by every database object that names it.

DuckDB locks its file for a whole process: any number of processes may read it, or one may write it. So a file is
opened for reading, and again for writing when somebody first writes; what is read meanwhile is finished before.
While a snapshot is held, nobody writes: other processes are kept out by DuckDB's lock, our own threads by this
class.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from wayfare.core.errors import Busy, Forbidden
from wayfare.systems.databases.duckdb.errors import LimitLifted, OutOfMemory, classified, missing
from wayfare.systems.databases.duckdb.options import Options

MEMORY_LIMIT = "192MiB"  # a cache of more makes loading no faster
WAIT_SECONDS_MAX = 10.0
READERS_SECONDS_MAX = 300.0  # what is being read while somebody wants to write is read to its end


class Instance:
    def __init__(self, options: Options) -> None:
        self.path = options.path
        given = (("memory_limit", options.memory_limit), ("threads", options.threads))
        self._settings = {name: str(value) for name, value in given if value}
        self._confined = not options.external_access
        self._defaults = {} if options.memory_limit else {"memory_limit": MEMORY_LIMIT}
        self._root: duckdb.DuckDBPyConnection | None = None
        self._writable = False
        self._borrowed = 0
        self._writing = 0
        self._snapshots = 0
        self._changed = threading.Condition()
        self.owners = 0

    @contextmanager
    def cursor(self, *, write: bool = False, create: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection of its own. Raises NotFound, Busy, Forbidden."""
        with self._changed:
            self._ready(write, create)
            assert self._root is not None
            cursor = self._root.cursor()
            self._borrowed += 1
            self._writing += write
        try:
            yield cursor
        finally:
            cursor.close()
            with self._changed:
                self._borrowed -= 1
                self._writing -= write
                self._changed.notify_all()

    @contextmanager
    def transaction(self, what: str = "", *, create: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection in a write transaction that commits at the end, or rolls back."""
        with self.classified(what), self.cursor(write=True, create=create) as cursor:
            cursor.execute("BEGIN TRANSACTION")
            try:
                yield cursor
                cursor.execute("COMMIT")
            except BaseException:
                _roll_back(cursor)
                raise

    @contextmanager
    def classified(self, what: str) -> Iterator[None]:
        """As `errors.classified`; when our own memory limit was too low, it is lifted and LimitLifted raised."""
        try:
            with classified(self.path, what):
                yield
        except OutOfMemory as error:
            if not self.lift():
                raise
            raise LimitLifted(f"{error.message}", remedy="The limit is lifted now: trying again helps.") from error

    def lift(self) -> bool:
        """As much memory as DuckDB thinks right (80 % of the machine); False where the URL has set a limit."""
        with self._changed:
            if "memory_limit" not in self._defaults or self._root is None:
                return False
            self._defaults.clear()
            self._root.execute("RESET memory_limit")
            return True

    def hold(self) -> None:
        """No writing until `release`."""
        with self._changed:
            self._ready(False, False)
            self._wait(lambda: not self._writing, "is being written to")
            self._snapshots += 1

    def release(self) -> None:
        with self._changed:
            self._snapshots -= 1
            self._changed.notify_all()

    def vacant(self) -> bool:
        """Raises NotFound (no folder) or Forbidden (no right) when the file is missing and could not be made."""
        if self.path.exists():
            return False
        if not self.path.parent.is_dir():
            raise missing(self.path)
        if not os.access(self.path.parent, os.W_OK):
            raise Forbidden(f"{self.path} cannot be made: the folder {self.path.parent} may not be written to.")
        return True

    def close(self) -> None:
        with self._changed:
            if self._root is not None:
                self._root.close()
            self._root, self._writable = None, False

    def _ready(self, write: bool, create: bool) -> None:
        """Open the file as it is needed; the condition is held."""
        if write:
            self._wait(lambda: not self._snapshots, "is being read under a snapshot")
        if self._root is not None and (self._writable or not write):
            return
        if self.vacant() and not create:
            raise missing(self.path)
        if self._root is not None:
            self._wait(lambda: not self._borrowed, "is being read", READERS_SECONDS_MAX)
            self.close()
        fresh = not self.path.exists() or self.path.stat().st_size == 0
        with classified(self.path):
            self._root = duckdb.connect(self.path, read_only=not write and not fresh)
            self._writable = write or fresh
            for name, value in (self._settings | self._defaults).items():
                self._root.execute(f"SET {name} = '{value}'")
            self._root.execute("SET TimeZone = 'UTC'")
            if self._confined:
                self._root.execute("SET enable_external_access = false")  # which no one can undo while it is open

    def _wait(self, until: Callable[[], bool], reason: str, seconds: float = WAIT_SECONDS_MAX) -> None:
        deadline = time.monotonic() + seconds
        while not until():
            if not self._changed.wait(deadline - time.monotonic()):
                raise Busy(f"{self.path} {reason} by this process.", remedy="Wait until that run has ended.")


def _roll_back(cursor: duckdb.DuckDBPyConnection) -> None:
    try:
        cursor.execute("ROLLBACK")
    except duckdb.TransactionException:
        return  # a failed COMMIT has rolled back already


_INSTANCES: dict[Path, Instance] = {}
_LOCK = threading.Lock()


def acquire(options: Options) -> Instance:
    with _LOCK:
        instance = _INSTANCES.setdefault(options.path, Instance(options))
        instance.owners += 1
        return instance


def give_back(instance: Instance) -> None:
    """The last owner closes the file, and other processes may have it."""
    with _LOCK:
        instance.owners -= 1
        if instance.owners == 0:
            _INSTANCES.pop(instance.path, None)
            instance.close()
