"""When a schedule is due: one instant, or a cron expression in a time zone, with what clocks do to it said.

An expression that names hours means the clock on the wall. A time that the clocks skip (spring) is due at the first
instant after the gap; one that they show twice (autumn) is due the first time. An expression for every hour follows
the clock through both: it is due in the repeated hour again, and not in the one that is not there. Debian's cron does
the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from heapq import heappop, heappush
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from wayfare.core.errors import Invalid

GAP_MAX = timedelta(hours=25)  # Samoa once left out a day
EVERY_HOUR = frozenset(range(24))
NAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
CRON_REMEDY = "Write minute, hour, day, month and weekday, such as '30 2 * * 1-5', or a name such as @daily."


@dataclass(frozen=True, slots=True)
class Due:
    """One instant at which something is to start."""

    at: float  # seconds since the epoch
    note: str = ""  # what the clocks have to do with it

    def local(self, zone: ZoneInfo) -> str:
        return datetime.fromtimestamp(self.at, zone).isoformat()


@dataclass(frozen=True)
class Timetable:
    """Either `cron` (5 fields, or 6 with the second first) or `at` (one instant)."""

    cron: str = ""
    at: Due | None = None
    zone: str = "UTC"

    def __post_init__(self) -> None:
        """Raises Invalid for an expression or a zone that cannot be read, and for what never comes."""
        zone_of(self.zone)
        if bool(self.cron) == bool(self.at):
            raise Invalid("a schedule has either a cron expression or one time.", where="cron", remedy="Give one.")
        if self.cron:
            _parsed(self.expression, datetime(2000, 1, 1))
            if next(self.after(0.0), None) is None:
                raise Invalid(f"{self.cron!r} never comes.", where="cron", remedy="Correct its day or month.")

    @cached_property
    def expression(self) -> str:
        return NAMES.get(self.cron.strip().lower(), self.cron)

    def after(self, instant: float) -> Iterator[Due]:
        """Every time it is due after that instant (seconds since the epoch), in order, each once."""
        if self.at:
            if self.at.at > instant:
                yield self.at
            return
        last = instant
        for due in self._from(datetime.fromtimestamp(instant, zone_of(self.zone))):
            if due.at > last:  # several skipped times share the first instant after their gap
                last = due.at
                yield due

    def _from(self, start: datetime) -> Iterator[Due]:
        before = datetime.fromtimestamp(start.timestamp() - GAP_MAX.total_seconds(), start.tzinfo)
        changed = before.utcoffset() != start.utcoffset()  # then earlier times on the wall may lie ahead once more
        nominal = _parsed(self.expression, start.replace(tzinfo=None) - (GAP_MAX if changed else timedelta(0)))
        if nominal.hours == EVERY_HOUR:
            return _following(nominal, self.zone)
        return (instant_of(time, self.zone) for time in nominal)


def _following(nominal: Iterable[datetime], zone: str) -> Iterator[Due]:
    """Every instant at which the clock shows one of these times: the second pass of a repeated hour after its first."""
    waiting: list[tuple[float, str]] = []
    for time in nominal:
        first, second = _passes(time, zone)
        while waiting and waiting[0][0] < first:
            yield Due(*heappop(waiting))
        if first <= second:
            heappush(waiting, (first, ""))
        if first < second:
            heappush(waiting, (second, f"{_twice(time, zone)} both times."))
    yield from (Due(*due) for due in sorted(waiting))


def instant_of(local: datetime, zone: str) -> Due:
    """The instant of a time on the wall (without zone): the first of two, or the first after a gap, and says so.

    Raises Invalid for a year that not every zone can tell.
    """
    if not 1900 <= local.year <= 9000:
        raise Invalid(f"the year {local.year} is too far away.", where="at", remedy="Choose one up to 9000.")
    first, second = _passes(local, zone)
    if first == second:
        return Due(first)
    if first < second:
        return Due(first, f"{_twice(local, zone)} the first time.")
    after = _transition(second, first, zone_of(zone))
    there = datetime.fromtimestamp(after, zone_of(zone))
    return Due(after, f"there is no {local:%H:%M} in {zone} on {local:%Y-%m-%d}: due at {there:%H:%M}, after the gap.")


def _passes(local: datetime, zone: str) -> tuple[float, float]:
    """Both readings of a time on the wall: equal, first before second where it comes twice, after it in a gap."""
    where = zone_of(zone)
    return local.replace(tzinfo=where, fold=0).timestamp(), local.replace(tzinfo=where, fold=1).timestamp()


def _twice(local: datetime, zone: str) -> str:
    return f"{local:%H:%M} comes twice in {zone} on {local:%Y-%m-%d}: due"


def zone_of(name: str) -> ZoneInfo:
    """Raises Invalid for a name that is not in the IANA database."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:
        remedy = "Give an IANA name, such as Asia/Kolkata, Europe/Berlin or UTC."
        raise Invalid(f"there is no time zone {name[:60]!r}.", where="zone", remedy=remedy) from error


def _parsed(expression: str, start: datetime) -> CronSim:
    try:
        if len(expression.split()) not in (5, 6):
            raise CronSimError("it does not have five fields")
        return CronSim(expression, start)
    except (CronSimError, ValueError) as error:
        told = str(error)[:1].lower() + str(error)[1:]
        raise Invalid(
            f"{expression[:60]!r} is no cron expression: {told}.", where="cron", remedy=CRON_REMEDY
        ) from error


def _transition(before: float, after: float, zone: ZoneInfo) -> float:
    """The first second at which the offset of `after` holds."""
    low, high = int(before), int(after)
    offset = datetime.fromtimestamp(after, zone).utcoffset()
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, zone).utcoffset() == offset:
            high = middle
        else:
            low = middle
    return float(high)
