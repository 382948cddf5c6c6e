"""What a process and its descendants have used, read from /proc. The benchmarks run on Linux."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(pid: int) -> float:
    """CPU of a server: its process, the children it has reaped, and those that live. 0 when it is gone."""
    own = _ticks(pid, reaped=True)
    return (own + sum(_ticks(child, reaped=True) for child in descendants(pid))) / _TICKS_PER_SECOND


def resident_bytes(pid: int) -> int:
    """Resident memory of a process and its descendants; pages they share count for each of them."""
    return sum(_resident(one) for one in (pid, *descendants(pid)))


def descendants(pid: int) -> Iterator[int]:
    for child in _children(pid):
        yield child
        yield from descendants(child)


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for thread in Path(f"/proc/{pid}/task").glob("*"):
        found += map(int, _read(thread / "children").split())
    return found


def _ticks(pid: int, *, reaped: bool) -> int:
    # Fields after the name, which may hold blanks and brackets: utime and stime, then those of reaped children.
    fields = _read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    return sum(map(int, fields[11 : 15 if reaped else 13]))


def _resident(pid: int) -> int:
    fields = _read(Path(f"/proc/{pid}/statm")).split()
    return int(fields[1]) * _PAGE_BYTES if fields else 0


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
        return ""
