"""Dates and times in SQL Server's units: days since the year 1 and ticks of 100 ns, from and to text and Python. Pure.

What DuckDB holds too coarsely (the seventh digit, an offset) it holds here as text: 2024-02-29 23:59:59.1234567 +05:30.
"""

from __future__ import annotations

import datetime as dt
import re
import struct
from dataclasses import dataclass
from typing import Any

TICKS = 10**7  # a second's
DAY_TICKS = 86_400 * TICKS
DAYS_TO_1900 = dt.date(1900, 1, 1).toordinal() - 1
_TEXT = re.compile(
    r"(?:(\d{4})-(\d\d)-(\d\d))?[ T]?(?:(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?\s*(Z|[+-]\d\d:\d\d)?$"
)


@dataclass(frozen=True, slots=True)
class Moment:
    days: int  # since 0001-01-01
    ticks: int  # of the day
    offset: int = 0  # minutes; days and ticks are local to it

    def utc(self) -> Moment:
        total = self.days * DAY_TICKS + self.ticks - self.offset * 60 * TICKS
        return Moment(total // DAY_TICKS, total % DAY_TICKS, self.offset)


def moment(value: Any) -> Moment:
    """Raises ValueError for a text that is none."""
    if isinstance(value, dt.datetime):
        offset = int((value.utcoffset() or dt.timedelta()).total_seconds()) // 60
        return Moment(value.toordinal() - 1, _ticks(value), offset)
    if isinstance(value, dt.date):
        return Moment(value.toordinal() - 1, 0)
    if isinstance(value, dt.time):
        return Moment(0, _ticks(value))
    found = _TEXT.match(str(value).strip())
    if not found:
        raise ValueError(f"{value!r} is no moment")
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    days = dt.date(int(year), int(month), int(day)).toordinal() - 1 if year else 0
    seconds = int(hour or 0) * 3600 + int(minute or 0) * 60 + int(second or 0)
    return Moment(days, seconds * TICKS + int((fraction or "0").ljust(7, "0")[:7]), _minutes(zone))


def _minutes(zone: str | None) -> int:
    if zone in (None, "Z"):
        return 0
    sign = -1 if zone[0] == "-" else 1
    return sign * (int(zone[1:3]) * 60 + int(zone[4:6]))


def _ticks(value: dt.datetime | dt.time) -> int:
    return (value.hour * 3600 + value.minute * 60 + value.second) * TICKS + value.microsecond * 10


def date_of(days: int) -> dt.date:
    return dt.date.fromordinal(days + 1)


def clock(ticks: int) -> str:
    seconds, fraction = divmod(ticks, TICKS)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{fraction:07}"


def text(found: Moment, *, zone: bool = False) -> str:
    sign = "-" if found.offset < 0 else "+"
    offset = f" {sign}{abs(found.offset) // 60:02}:{abs(found.offset) % 60:02}" if zone else ""
    return f"{date_of(found.days).isoformat()} {clock(found.ticks)}{offset}"


# ---- on the wire


def time_bytes(scale: int) -> int:
    return 3 if scale <= 2 else 4 if scale <= 4 else 5


def pack_time(ticks: int, scale: int) -> bytes:
    return int(ticks // 10 ** (7 - scale)).to_bytes(time_bytes(scale), "little")


def unpack_time(data: bytes, scale: int) -> int:
    return int(int.from_bytes(data, "little") * 10 ** (7 - scale))


def pack_datetime(found: Moment) -> bytes:
    """DATETIME: days since 1900 and three-hundredths of a second."""
    return struct.pack("<iI", found.days - DAYS_TO_1900, round(found.ticks * 300 / TICKS))


def unpack_datetime(data: bytes) -> Moment:
    """… whose fractions are shown rounded to .000, .003 and .007."""
    if len(data) == 4:
        days, minutes = struct.unpack("<HH", data)
        return Moment(days + DAYS_TO_1900, minutes * 60 * TICKS)
    days, part = struct.unpack("<iI", data)
    return Moment(days + DAYS_TO_1900, (part * 10 + 1) // 3 * (TICKS // 1000))


def pack_small(found: Moment) -> bytes:
    return struct.pack("<HH", found.days - DAYS_TO_1900, found.ticks // (60 * TICKS))
