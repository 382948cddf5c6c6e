"""Opening the file: readers never create or change it, and writers of one process take turns."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Self
from urllib.parse import quote as percent
from weakref import WeakValueDictionary

from wayfare.core.errors import Forbidden
from wayfare.systems.databases.sqlite.errors import classified, missing
from wayfare.systems.databases.sqlite.options import Options

CACHE_KIB = 65_536


class _Turn:
    """Locks that a weak dictionary can hold."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.taking = threading.Lock()


_TURNS: WeakValueDictionary[Path, _Turn] = WeakValueDictionary()
_TURNS_LOCK = threading.Lock()


def only_asked(connection: sqlite3.Connection) -> None:
    """Nothing on this connection is ever written to."""
    connection.execute("PRAGMA query_only = ON")


class WriteLock:
    """A snapshot: the file's write lock, held by an open transaction that writes nothing."""

    everywhere = True

    def __init__(self, path: Path, connection: sqlite3.Connection | None) -> None:
        self.token = str(path)
        self.shared = connection is not None  # without the lock, others may write between two reads
        self._connection = connection

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Files:
    """Connections to one file. SQLite's locks keep programs apart; `_Turn` spares our own threads the polling."""

    def __init__(self, options: Options) -> None:
        self.path = options.path
        self.busy_seconds = options.busy_seconds
        with _TURNS_LOCK:
            self._turn = _TURNS.setdefault(self.path, _Turn())

    @contextmanager
    def reader(
        self, what: str = "", prepare: Callable[[sqlite3.Connection], None] = only_asked
    ) -> Iterator[sqlite3.Connection]:
        """A connection in a read transaction. Raises NotFound for a missing file."""
        with classified(self.path, what), closing(self.open_reader(prepare)) as connection:
            connection.execute("BEGIN")
            yield connection

    def present(self) -> None:
        if not self.path.is_file():
            raise missing(self.path)

    def open_reader(self, prepare: Callable[[sqlite3.Connection], None] = only_asked) -> sqlite3.Connection:
        """The file is opened to be read alone, whatever `prepare` adds to the connection."""
        self.present()
        connection = self._connect(self.uri())
        prepare(connection)
        return connection

    def uri(self) -> str:
        """In WAL mode readers write an index beside the file. Where we cannot, nobody writes: it is immutable."""
        stuck = not os.access(self.path.parent, os.W_OK) and not Path(f"{self.path}-wal").exists()
        return f"file:{percent(str(self.path))}?mode=ro" + ("&immutable=1" if stuck else "")

    @contextmanager
    def writer(self, what: str = "", *, create: bool = False) -> Iterator[sqlite3.Connection]:
        """A connection in a write transaction that commits at the end, or rolls back."""
        with self._turn.lock, classified(self.path, what), closing(self._open_writer(create)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def _open_writer(self, create: bool) -> sqlite3.Connection:
        fresh = not self.path.exists() or self.path.stat().st_size == 0
        if not self.path.exists():
            if not create:
                raise missing(self.path)
            self.creatable()
        connection = self._connect(f"file:{percent(str(self.path))}?mode=rwc")
        if fresh:
            connection.execute("PRAGMA journal_mode = WAL")  # so that chunks are read back while others are written
        # Keys are checked by whoever uses the tables: while rows arrive, parents may come after children. Renaming must
        # leave the references of other tables alone, as they mean the name and not the table that is set aside.
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("PRAGMA legacy_alter_table = ON")
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        return connection

    def open_plain(self, busy_seconds: float, *, create: bool = False) -> sqlite3.Connection:
        """As any program opens it, with SQLite's own defaults: for changes of the schema, which people write."""
        if not create:
            self.present()
        elif not self.path.exists():
            self.creatable()
        fresh = create and (not self.path.exists() or self.path.stat().st_size == 0)
        connection = self._connect(f"file:{percent(str(self.path))}?mode={'rwc' if create else 'rw'}", busy_seconds)
        if fresh:
            connection.execute("PRAGMA journal_mode = WAL")
        return connection

    @contextmanager
    def plainly(self, what: str, busy_seconds: float) -> Iterator[sqlite3.Connection]:
        """A short write transaction on such a connection."""
        with classified(self.path, what), closing(self.open_plain(busy_seconds)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")  # closing a connection rolls back

    @property
    def taking(self) -> threading.Lock:
        """Threads that want the lock of the schema ask one after the other: all at once they take thrice as long."""
        return self._turn.taking

    def vacant(self) -> bool:
        """Raises NotFound (no folder) or Forbidden (no right) when the file is missing and could not be made."""
        if self.path.exists():
            return False
        self.creatable()
        return True

    def hold_writers(self, wanted: bool) -> WriteLock:
        """Keep other writers out until closed. A file that we may not write to is left to whoever may."""
        self.present()
        if not wanted or not os.access(self.path, os.W_OK) or not os.access(self.path.parent, os.W_OK):
            return WriteLock(self.path, None)
        with classified(self.path, "taking a snapshot"):
            connection = self._connect(f"file:{percent(str(self.path))}?mode=rw")
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.Error:
                connection.close()
                raise
        return WriteLock(self.path, connection)

    def creatable(self) -> None:
        folder = self.path.parent
        if not folder.is_dir():
            raise missing(self.path)
        if not os.access(folder, os.W_OK):
            raise Forbidden(f"{self.path} cannot be made: the folder {folder} may not be written to.")

    def _connect(self, uri: str, busy_seconds: float | None = None) -> sqlite3.Connection:
        timeout = self.busy_seconds if busy_seconds is None else busy_seconds
        connection = sqlite3.connect(uri, uri=True, timeout=timeout, isolation_level=None, check_same_thread=False)
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()  # fails here when it is no database
        return connection
