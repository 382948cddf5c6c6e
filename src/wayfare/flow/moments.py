"""Dates, times and timestamps: between units, to ISO text and back. Nothing is rounded unasked.

Text is ISO 8601 with all digits of the unit (`2024-02-29 12:00:00.000000`, `…Z` where the zone is UTC), years beyond
four digits as they are, years before 1 in astronomical counting with a sign (`-0043` is 44 BC), and `infinity`,
`-infinity`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from wayfare.core.tables import INFINITE_DAYS, INFINITE_TICKS
from wayfare.flow.exact import Convert, Inexact, each, from_integers, integers, join, validity

Numbers = npt.NDArray[np.int64]

TICKS_A_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
DIGITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}
NANOSECONDS = 10**9
SECONDS_A_DAY = 86_400
_LEAP_CYCLE_DAYS, _LEAP_CYCLE_YEARS = 146_097, 400
_PLAIN_DAYS = (-719_528, 2_932_896)  # the years 0 to 9999, which Arrow prints and parses
_DATE = re.compile(r"([+-]?\d{4,12})-(\d\d)-(\d\d)")
_TIME = re.compile(r"(-?)(\d{1,3}):([0-5]\d):([0-5]\d)(?:\.(\d{1,9}))?")
_ZONE = re.compile(r"(?:Z|([+-])(\d\d)(?::?(\d\d)(?::?(\d\d))?)?)")


def _infinity(kind: pa.DataType) -> int:
    return INFINITE_DAYS if pa.types.is_date32(kind) else INFINITE_TICKS


def infinite(kind: pa.DataType, values: Numbers) -> npt.NDArray[np.bool_]:
    """Where dates or timestamps are ± infinity. Times have none."""
    if pa.types.is_time(kind):
        return np.zeros(len(values), np.bool_)
    found: npt.NDArray[np.bool_] = (values == _infinity(kind)) | (values == -_infinity(kind) - 1)
    return found


# -- between temporal types -------------------------------------------------------------------------------------------


def change_unit(source: pa.DataType, target: pa.DataType, rounding: bool) -> Convert:
    """Between timestamps (any zone, both mean the same clock), between times, from dates to timestamps and back.

    With `rounding`, what is finer than the target's unit is cut off.
    """
    up, down = _ratio(source, target)

    def convert(array: pa.Array) -> pa.Array:
        values, valid = integers(array), validity(array)
        endless = infinite(source, values)
        finite = np.where(valid & ~endless, values, 0)
        if up > 1 and len(finite) and max(int(finite.max()), -int(finite.min())) > INFINITE_TICKS // up:
            raise Inexact("out of the target's range")
        scaled = finite * up // down
        if not rounding and down > 1 and (scaled * down != finite).any():
            raise Inexact("finer than the target's unit")
        limit = _infinity(target)
        if len(scaled) and (scaled.max() >= limit or scaled.min() < -limit):
            raise Inexact("out of the target's range")
        result = np.where(endless, np.where(values > 0, limit, -limit - 1), scaled)
        return from_integers(result, valid, target)

    return convert


def _ratio(source: pa.DataType, target: pa.DataType) -> tuple[int, int]:
    fine, coarse = _ticks_a_day(target), _ticks_a_day(source)
    return (fine // coarse, 1) if fine >= coarse else (1, coarse // fine)


def _ticks_a_day(kind: pa.DataType) -> int:
    return 1 if pa.types.is_date32(kind) else SECONDS_A_DAY * TICKS_A_SECOND[kind.unit]


# -- to text ----------------------------------------------------------------------------------------------------------


def to_text(kind: pa.DataType) -> Convert:
    """Any date, time or timestamp as ISO text."""
    if pa.types.is_date32(kind):
        return lambda array: _with_infinities(array, _date_text)
    if pa.types.is_time(kind):
        return lambda array: _time_text(integers(array), validity(array), kind.unit)
    return lambda array: _with_infinities(array, lambda values, valid: _timestamp_text(values, valid, kind))


def _with_infinities(array: pa.Array, text: Callable[[Numbers, Any], pa.Array]) -> pa.Array:
    values, valid = integers(array), validity(array)
    endless = infinite(array.type, values) & valid
    found = text(np.where(endless, 0, values), valid)
    if not endless.any():
        return found
    words = pa.array(np.where(values > 0, "infinity", "-infinity"), pa.string())
    return pc.if_else(pa.array(endless), words, found)


def _date_text(days: Numbers, valid: Any) -> pa.Array:
    plain = (days >= _PLAIN_DAYS[0]) & (days <= _PLAIN_DAYS[1])
    text = from_integers(np.where(plain, days, 0), valid, pa.date32()).cast(pa.string())
    if plain.all():
        return text
    wide = pa.array([None if ok else _iso_date(int(d)) for d, ok in zip(days, plain, strict=True)], pa.string())
    return pc.if_else(pa.array(plain), text, wide)


def _timestamp_text(ticks: Numbers, valid: Any, kind: pa.DataType) -> pa.Array:
    a_day = _ticks_a_day(kind)
    days, rest = np.divmod(ticks, a_day)
    text = join(_date_text(days, valid), " ", _time_text(rest, valid, kind.unit))
    return join(text, "Z") if kind.tz else text


def _time_text(ticks: Numbers, valid: Any, unit: str) -> pa.Array:
    """HH:MM:SS with the unit's digits; hours beyond 23 and a sign where a duration is kept as a time."""
    seconds, fraction = np.divmod(np.abs(ticks), TICKS_A_SECOND[unit])
    minutes, second = np.divmod(seconds, 60)
    hour, minute = np.divmod(minutes, 60)
    parts = [_padded(hour, 2), ":", _padded(minute, 2), ":", _padded(second, 2)]
    if DIGITS[unit]:
        parts += [".", _padded(fraction, DIGITS[unit])]
    if (ticks < 0).any():
        parts.insert(0, pa.array(np.where(ticks < 0, "-", ""), pa.string()))
    text = join(*parts)
    return text if valid.all() else pc.if_else(pa.array(valid), text, pa.scalar(None, pa.string()))


def _padded(numbers: Numbers, digits: int) -> pa.Array:
    return pc.utf8_lpad(pa.array(numbers).cast(pa.string()), digits, "0")


def _iso_date(days: int) -> str:
    """Any proleptic Gregorian date: http://howardhinnant.github.io/date_algorithms.html#civil_from_days."""
    era, day_of_era = divmod(days + 719_468, _LEAP_CYCLE_DAYS)
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * day_of_year + 2) // 153  # months counted from March
    month = shifted + 3 if shifted < 10 else shifted - 9
    year = year_of_era + era * _LEAP_CYCLE_YEARS + (month <= 2)
    sign = "-" if year < 0 else ""
    return f"{sign}{abs(year):04d}-{month:02d}-{day_of_year - (153 * shifted + 2) // 5 + 1:02d}"


# -- from text --------------------------------------------------------------------------------------------------------


def from_text(kind: pa.DataType) -> Convert:
    """Text that is a date, time or timestamp. A zone is required where the type has one, and refused elsewhere."""
    if pa.types.is_date32(kind):
        parse: Callable[[str], int] = parse_date
    elif pa.types.is_time(kind):
        parse = lambda text: parse_time(text, kind.unit)  # noqa: E731
    else:
        parse = lambda text: parse_timestamp(text, kind)  # noqa: E731
    bits = pa.int32() if pa.types.is_date32(kind) else pa.int64()

    def convert(array: pa.Array) -> pa.Array:
        try:
            return array.cast(kind)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):  # wide years, infinities, any time, or an offender
            return each(array, bits, lambda text: None if text is None else parse(text)).view(kind)

    return convert


def parse_date(text: str) -> int:
    """Days since 1970-01-01. Raises Inexact."""
    if text in ("infinity", "-infinity"):
        return INFINITE_DAYS if text[0] == "i" else -INFINITE_DAYS - 1
    days = _parse_day(text)
    if not -INFINITE_DAYS <= days < INFINITE_DAYS:
        raise Inexact(f"{text!r} is out of range")
    return days


def _parse_day(text: str) -> int:
    """A finite day, however far."""
    found = _DATE.fullmatch(text)
    days = _days(*(int(part) for part in found.groups())) if found else 0
    if not found or _iso_date(days) != text.lstrip("+"):
        raise Inexact(f"{text!r} is no date")
    return days


def _days(year: int, month: int, day: int) -> int:
    shifted = year - (month <= 2)
    era, year_of_era = divmod(shifted, _LEAP_CYCLE_YEARS)
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    return era * _LEAP_CYCLE_DAYS + day_of_era - 719_468


def parse_time(text: str, unit: str) -> int:
    """Ticks since midnight, also beyond a day or negative. Raises Inexact, also for digits finer than the unit."""
    found = _TIME.fullmatch(text)
    if not found:
        raise Inexact(f"{text!r} is no time")
    sign, hour, minute, second, fraction = found.groups("")
    nanoseconds = int(fraction.ljust(9, "0"))
    ticks, finer = divmod(nanoseconds, NANOSECONDS // TICKS_A_SECOND[unit])
    if finer:
        raise Inexact(f"{text!r} is finer than {unit}")
    total = ((int(hour) * 60 + int(minute)) * 60 + int(second)) * TICKS_A_SECOND[unit] + ticks
    return -total if sign else total


def parse_timestamp(text: str, kind: pa.DataType) -> int:
    """Ticks since 1970, in UTC where the type has a zone. Raises Inexact."""
    if text in ("infinity", "-infinity"):
        return INFINITE_TICKS if text[0] == "i" else -INFINITE_TICKS - 1
    date, _, rest = text.replace("T", " ", 1).partition(" ")
    clock = re.match(r"[\d:.]+", rest)
    zone = rest[clock.end() :] if clock else rest
    offset = _offset_seconds(zone, text) if zone or kind.tz else 0
    if bool(zone) != bool(kind.tz) or not clock:
        raise Inexact(f"{text!r} is no timestamp {'with' if kind.tz else 'without'} zone")
    ticks = parse_time(clock.group(), kind.unit) - offset * TICKS_A_SECOND[kind.unit]
    total = _parse_day(date) * _ticks_a_day(kind) + ticks
    if not -INFINITE_TICKS <= total < INFINITE_TICKS:
        raise Inexact(f"{text!r} is out of range")
    return total


def _offset_seconds(zone: str, text: str) -> int:
    found = _ZONE.fullmatch(zone)
    if not found:
        raise Inexact(f"{text!r} has no zone that can be read")
    sign, hours, minutes, seconds = found.groups("0")
    total = int(hours) * 3600 + int(minutes) * 60 + int(seconds)
    return -total if sign == "-" else total


# -- times as intervals -----------------------------------------------------------------------------------------------


def time_to_interval(kind: pa.DataType) -> Convert:
    """A time (MySQL's may be negative or beyond a day) as an ISO 8601 interval: PT26H3M4.5S, PT-1H-2S, PT0S."""
    per_second = TICKS_A_SECOND[kind.unit]

    def text(ticks: int | None) -> str | None:
        if ticks is None:
            return None
        sign = "-" if ticks < 0 else ""
        seconds, fraction = divmod(abs(ticks), per_second)
        hours, minutes, seconds = seconds // 3600, seconds // 60 % 60, seconds % 60
        digits = f".{fraction:0{DIGITS[kind.unit]}d}".rstrip("0") if fraction else ""
        parts = [f"{sign}{n}{letter}" for n, letter in ((hours, "H"), (minutes, "M")) if n]
        if seconds or digits or not parts:
            parts.append(f"{sign}{seconds}{digits}S")
        return "PT" + "".join(parts)

    return lambda array: each(array.view(pa.int64()), pa.string(), text)
