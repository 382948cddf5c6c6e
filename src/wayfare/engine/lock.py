"""The embedded store has one owner: the process that holds the lock on the file `lock` in the data directory.

Two engines on one SQLite file would break the limits. Reading and asking need no lock.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from pathlib import Path

from wayfare.core.errors import Conflict
from wayfare.settings import Settings

LOCK_SECONDS = 0.2


class Lock:
    """Held until `release`, or until the process ends, however it ends."""

    def __init__(self, home: Path) -> None:
        """Raises Conflict, naming the owner's process id."""
        self._file = os.open(home / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if not _exclusively(self._file):
            pid = _pid(self._file)
            os.close(self._file)
            remedy = "Let it carry out the run, or stop it first."
            raise Conflict(f"another process (pid {pid}) is at work on {home}.", where="WAYFARE_HOME", remedy=remedy)
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, json.dumps({"pid": os.getpid()}).encode(), 0)

    def release(self) -> None:
        os.close(self._file)


def owner(settings: Settings) -> int | None:
    """The process id of the engine that has the embedded store; None when nobody has, or the store is shared."""
    path = settings.home / "lock"
    if not settings.embedded or not path.exists():
        return None
    file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _pid(file)
    finally:
        os.close(file)
    return None


def _exclusively(file: int) -> bool:
    """A refusal counts only if it lasts: somebody may just be looking who the owner is, or be about to leave."""
    until = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() > until:
                return False
            time.sleep(0.01)


def _pid(file: int) -> int:
    """0 in the moment between the owner's lock and its writing."""
    text = os.pread(file, 200, 0)
    return int(json.loads(text)["pid"]) if text else 0
