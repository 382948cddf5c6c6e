"""SQLite's result codes, sorted into our errors at the one place where they are caught.

Codes: https://www.sqlite.org/rescode.html (the low byte is the primary code).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wayfare.core.errors import Busy, Forbidden, Full, NotFound, Refused, SystemFailed, Unreachable, WayfareError

_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_FORBIDDEN = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH, sqlite3.SQLITE_CANTOPEN}


@contextmanager
def classified(path: Path, what: str = "") -> Iterator[None]:
    """Turn what the driver raises into our errors, naming the file and, where given, what was being done."""
    try:
        yield
    except sqlite3.Error as error:
        raise sort(path, what, getattr(error, "sqlite_errorcode", 0), str(error)) from error
    except (OverflowError, UnicodeEncodeError) as error:  # an integer beyond 64 bits, a lone surrogate
        raise Refused(f"{path}: {what}: {error}.") from error


def occupied(error: sqlite3.Error) -> bool:
    """Has somebody else the file, so that trying again may help?"""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _BUSY


def sort(path: Path | None, what: str, code: int, text: str) -> SystemFailed:
    place = ": ".join(str(part) for part in (path, what, text) if part) + "."
    primary = code & 0xFF
    if primary in _BUSY:
        return Busy(place, remedy="Another program is writing to it; wait, or raise busy_seconds in the URL.")
    if primary == sqlite3.SQLITE_FULL:
        return Full(place, remedy="Make room on that disk, then resume.")
    if primary in _FORBIDDEN:
        return Forbidden(place, remedy="Check the rights of the file and its folder.")
    if primary == sqlite3.SQLITE_NOTADB:
        return Refused(
            f"{path or 'the file'} is not an SQLite database.", remedy="Check the path; encrypted files cannot be read."
        )
    if primary == sqlite3.SQLITE_IOERR:
        return Unreachable(place, remedy="The disk or network share did not answer.")
    return Refused(place)


def missing(path: Path) -> WayfareError:
    if not path.parent.is_dir():
        return NotFound(f"there is no folder {path.parent}.", remedy="Create it, or correct the path in the URL.")
    return NotFound(f"there is no file {path}.", remedy="Correct the path: three slashes are relative, four absolute.")
