"""When the one embedded engine of this process runs, and on which folder.

chdb starts it with the first connection and stops it with the last. Each start takes 0.2 s and, once tables were
written, leaves threads and a dozen file descriptors behind for ever (chdb 4.4): a service would run out of them. So
the engine lingers for a while after its last use, and a run's planning, loading and proving find it running.
"""

from __future__ import annotations

import atexit
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LINGER_SECONDS = 5.0  # other programs can open the folder only when it has stopped

_lock = threading.Lock()
_users = 0
_anchor: _Anchor | None = None
_stopping: threading.Timer | None = None


@dataclass(frozen=True)
class _Anchor:
    """The connection that keeps the engine running."""

    folder: str
    inode: int  # a folder that was removed and made again is another one
    connection: Any


class Use:
    """One Database's claim that the engine be running; ended once."""

    def end(self) -> None:
        global _users, _stopping
        with _lock:
            _users -= 1
            if not _users:
                _stopping = threading.Timer(LINGER_SECONDS, _stop_unused)
                _stopping.daemon = True
                _stopping.start()


def begin(folder: str) -> Use:
    """Let the engine run on `folder`. Raises chdb's RuntimeError while somebody uses it on another one."""
    global _users, _anchor, _stopping
    with _lock:
        if _stopping:
            _stopping.cancel()
            _stopping = None
        if not _users and _anchor and (_anchor.folder, _anchor.inode) != (folder, _inode(folder)):
            _stop()
        if not _anchor:
            connection = connect(folder)  # which makes the folder
            _anchor = _Anchor(folder, _inode(folder), connection)
            atexit.register(_stop)  # or chdb complains at the end, about its own state
        _users += 1
        return Use()


def connect(folder: str) -> Any:
    """A connection of its own. Raises RuntimeError, with the engine's words."""
    import chdb  # a library of 500 MB: loaded by the first to use it

    return chdb.connect(folder)


def _stop_unused() -> None:
    with _lock:
        if not _users:
            _stop()


def _stop() -> None:
    global _anchor
    if _anchor:
        _anchor.connection.close()
        _anchor = None
        atexit.unregister(_stop)


def _inode(folder: str) -> int:
    path = Path(folder)
    return path.stat().st_ino if path.exists() else 0
