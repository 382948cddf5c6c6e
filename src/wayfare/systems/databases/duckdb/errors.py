"""DuckDB's exceptions, sorted into our errors at the one place where they are caught.

DuckDB has no error codes: the classes tell the kind, and only for input and output the text has to tell more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from wayfare.core.errors import Busy, Forbidden, Full, NotFound, Refused, SystemFailed, Unreachable

_HOLDER = re.compile(r"Conflicting lock is held in (.*?) ?\(PID (\d+)\)")
_MEMORY = re.compile("could not allocate block|failed to pin block|failed to allocate data", re.IGNORECASE)


class OutOfMemory(Full):
    """DuckDB needs more memory than its limit."""


class LimitLifted(Busy):
    """It did, and now has a higher limit: trying again helps."""


@contextmanager
def classified(path: Path, what: str = "") -> Iterator[None]:
    """Turn what the driver raises into our errors, naming the file and, where given, what was being done."""
    try:
        yield
    except duckdb.Error as error:
        raise sort(path, what, error) from error


def sort(path: Path, what: str, error: duckdb.Error) -> SystemFailed:
    text = str(error).strip().partition("\n")[0]
    place = f"{path}: {what}: {text}" if what else f"{path}: {text}"
    if "No space left" in text:  # whichever class says so: a commit that fails for it is a TransactionException
        return Full(place, remedy="Make room on that disk, then resume.")
    if isinstance(error, duckdb.IOException):
        return _input_output(path, place, text)
    if isinstance(error, duckdb.OutOfMemoryException) or _MEMORY.search(text):
        if "max_temp_directory_size" in text:
            return Full(place, remedy="Make room on that disk, then resume.")
        return OutOfMemory(place, remedy="Raise memory_limit in the URL, or give the machine more memory.")
    if isinstance(error, duckdb.PermissionException):
        return Forbidden(place)
    if isinstance(error, duckdb.TransactionException):
        return Busy(place, remedy="Another transaction changed the same rows; trying again helps.")
    return Refused(place)


def _input_output(path: Path, place: str, text: str) -> SystemFailed:
    if held := _HOLDER.search(text):
        program, pid = held.groups()
        return Busy(
            f"{path} is in use by {program or 'another program'} (process {pid}).",
            remedy="A DuckDB file belongs to one writing process: close it there, or wait.",
        )
    if "Could not set lock" in text:
        return Busy(f"{path} is in use by another program.", remedy="Close it there, or wait.")
    if "disk quota" in text.lower():
        return Full(place, remedy="Make room on that disk, then resume.")
    if "Permission denied" in text or "read-only" in text.lower():
        return Forbidden(place, remedy="Check the rights of the file and its folder.")
    if "not a valid DuckDB database" in text or "storage version" in text.lower() or "serialization" in text.lower():
        return Refused(place, remedy="Check the path; a file of a newer DuckDB needs that version of it.")
    return Unreachable(place, remedy="The disk or network share did not answer.")


def missing(path: Path) -> NotFound:
    if not path.parent.is_dir():
        return NotFound(f"there is no folder {path.parent}.", remedy="Create it, or correct the path in the URL.")
    return NotFound(f"there is no file {path}.", remedy="Correct the path: three slashes are relative, four absolute.")
