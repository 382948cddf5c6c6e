"""When schedules are due, over the changes of clocks, against an oracle that walks every minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim

from wayfare.control.timetable import Due, Timetable, instant_of
from wayfare.core.errors import Invalid


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def times(cron: str, zone: str, after: str, count: int) -> list[str]:
    found = islice(Timetable(cron, zone=zone).after(at(after)), count)
    return [datetime.fromtimestamp(due.at, UTC).strftime("%m-%d %H:%M") for due in found]


# expression; zone; after (UTC); the next times (UTC);
CASES = """
30 2 * * *;      Europe/Berlin;        2026-03-27T12:00Z; 03-28 01:30, 03-29 01:00, 03-30 00:30;
0 2 * * *;       Europe/Berlin;        2026-03-28T12:00Z; 03-29 01:00, 03-30 00:00;
0 3 * * *;       Europe/Berlin;        2026-03-28T12:00Z; 03-29 01:00, 03-30 01:00;
*/30 2 * * *;    Europe/Berlin;        2026-03-28T12:00Z; 03-29 01:00, 03-30 00:00, 03-30 00:30;
0 2,3 * * *;     Europe/Berlin;        2026-03-28T12:00Z; 03-29 01:00, 03-30 00:00, 03-30 01:00;
30 2 * * *;      Europe/Berlin;        2026-10-24T12:00Z; 10-25 00:30, 10-26 01:30;
0 2,3 * * *;     Europe/Berlin;        2026-10-24T12:00Z; 10-25 00:00, 10-25 02:00, 10-26 01:00;
0 * * * *;       Europe/Berlin;        2026-03-28T23:30Z; 03-29 00:00, 03-29 01:00, 03-29 02:00;
0 * * * *;       Europe/Berlin;        2026-10-24T23:30Z; 10-25 00:00, 10-25 01:00, 10-25 02:00;
15 0-23 * * *;   Europe/Berlin;        2026-10-24T23:30Z; 10-25 00:15, 10-25 01:15, 10-25 02:15;
0 */2 * * *;     Europe/Berlin;        2026-03-28T22:30Z; 03-28 23:00, 03-29 01:00, 03-29 02:00, 03-29 04:00;
30 2 * * *;      America/New_York;     2026-03-08T00:00Z; 03-08 07:00, 03-09 06:30;
30 1 * * *;      America/New_York;     2026-11-01T00:00Z; 11-01 05:30, 11-02 06:30;
30 0 * * *;      America/Sao_Paulo;    2018-11-03T12:00Z; 11-04 03:00, 11-05 02:30;
15 2 * * *;      Australia/Lord_Howe;  2026-10-03T00:00Z; 10-03 15:30, 10-04 15:15;
45 1 * * *;      Australia/Lord_Howe;  2026-04-04T00:00Z; 04-04 14:45, 04-05 15:15;
0 12 30 12 *;    Pacific/Apia;         2011-12-01T00:00Z; 12-30 10:00, 12-29 22:00;
30 5 * * *;      Asia/Kolkata;         2026-01-01T00:00Z; 01-02 00:00, 01-03 00:00;
0 9 * * 1-5;     UTC;                  2026-11-20T10:00Z; 11-23 09:00, 11-24 09:00;
0 9 * * MON#1;   UTC;                  2026-11-20T10:00Z; 12-07 09:00, 01-04 09:00;
0 0 L * *;       UTC;                  2026-01-31T12:00Z; 02-28 00:00, 03-31 00:00;
0 0 29 2 *;      UTC;                  2026-01-31T12:00Z; 02-29 00:00, 02-29 00:00;
0 0 1 * MON;     UTC;                  2026-11-20T12:00Z; 11-23 00:00, 11-30 00:00, 12-01 00:00;
@daily;          Europe/London;        2026-06-01T12:00Z; 06-01 23:00, 06-02 23:00;
@hourly;         UTC;                  2026-06-01T12:00Z; 06-01 13:00, 06-01 14:00;
"""


@pytest.mark.parametrize("line", CASES.strip().splitlines())
def test_next_times(line):
    cron, zone, after, expected = (part.strip() for part in line.split(";")[:4])
    wanted = [part.strip() for part in expected.split(",")]
    assert times(cron, zone, after, len(wanted)) == wanted


ZONES = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "Asia/Kolkata",
    "Africa/Cairo",
]
EVERY_HOUR = ["7 * * * *", "*/20 * * * *", "0,59 * * * 6,0", "30 * * 3,10,11 *"]
NAMED = ["30 2 * * *", "0 0 * * *", "59 23 * * *", "15 1,2,3 * * *", "*/25 1-3 * * *", "0 */3 * * 0"]


def wall(cron: str, local: datetime) -> bool:
    """Does the expression match that minute? Asked of the library without a zone, where clocks never change."""
    return next(CronSim(cron, local - timedelta(seconds=1))) == local


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("cron", EVERY_HOUR)
def test_every_hour_follows_the_clock(cron, zone):
    """Oracle: every real minute whose wall clock matches, around each change of a year."""
    for begin in changes(zone, 2017):
        minutes = [begin + 60 * i for i in range(8 * 60)]
        wanted = [m for m in minutes if wall(cron, datetime.fromtimestamp(m, ZoneInfo(zone)).replace(tzinfo=None))]
        assert due_between(cron, zone, begin - 1, minutes[-1]) == wanted


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("cron", NAMED)
def test_named_hours_come_once_a_day(cron, zone):
    """Oracle: every minute of the wall, once; skipped ones at the first instant after."""
    where = ZoneInfo(zone)
    for begin in changes(zone, 2017):
        first = datetime.fromtimestamp(begin, where).replace(tzinfo=None, hour=0, minute=0) - timedelta(days=1)
        wanted = set()
        for local in (first + timedelta(minutes=i) for i in range(3 * 1440)):
            if wall(cron, local):
                moment = local.replace(tzinfo=where).timestamp()
                there = datetime.fromtimestamp(moment, where).replace(tzinfo=None) == local
                wanted.add(moment if there else first_after_gap(local, where))
        assert due_between(cron, zone, min(wanted) - 1, max(wanted)) == sorted(wanted)


def due_between(cron: str, zone: str, after: float, until: float) -> list[float]:
    return [due.at for due in takewhile(lambda d: d.at <= until, Timetable(cron, zone=zone).after(after))]


@cache
def changes(zone: str, year: int) -> list[float]:
    """Some hours before each change of the offset in that year; the year's begin where there is none."""
    where, begin = ZoneInfo(zone), at(f"{year}-01-01T00:00Z")
    hours = [begin + 3600 * i for i in range(365 * 24)]
    offsets = [datetime.fromtimestamp(h, where).utcoffset() for h in hours]
    return [h - 4 * 3600 for h, a, b in zip(hours, offsets, offsets[1:], strict=False) if a != b] or [begin]


def first_after_gap(local: datetime, zone: ZoneInfo) -> float:
    """Minute by minute, as slowly as possible."""
    moment = (local - timedelta(hours=3)).replace(tzinfo=zone).timestamp()
    while datetime.fromtimestamp(moment, zone).replace(tzinfo=None) < local:
        moment += 60
    return moment


# local time; zone; instant; words of the note;
INSTANTS = """
2026-03-29 02:30; Europe/Berlin;  2026-03-29T01:00Z; there is no 02:30 in Europe/Berlin on 2026-03-29: due at 03:00;
2026-10-25 02:30; Europe/Berlin;  2026-10-25T00:30Z; 02:30 comes twice in Europe/Berlin on 2026-10-25: due the first;
2026-10-25 03:00; Europe/Berlin;  2026-10-25T02:00Z; ;
2011-12-30 12:00; Pacific/Apia;   2011-12-30T10:00Z; there is no 12:00;
2024-01-15 10:30; Asia/Kolkata;   2024-01-15T05:00Z; ;
1945-09-15 00:10; Asia/Kolkata;   1945-09-14T17:40Z; ;
"""


@pytest.mark.parametrize("line", INSTANTS.strip().splitlines())
def test_instants_and_their_notes(line):
    local, zone, instant, note = (part.strip() for part in line.split(";")[:4])
    due = instant_of(datetime.fromisoformat(local), zone)
    assert datetime.fromtimestamp(due.at, UTC) == datetime.fromisoformat(instant)
    assert due.note.startswith(note)
    assert bool(due.note) == bool(note)


@pytest.mark.parametrize("year", [1, 1899, 9001, 9999])
def test_years_that_clocks_do_not_reach(year):
    with pytest.raises(Invalid, match="too far away"):
        instant_of(datetime(year, 1, 1), "Asia/Kolkata")


def test_what_the_clocks_do_is_said_of_the_times_they_do_it_to():
    due = list(islice(Timetable("30 2 * * *", zone="Europe/Berlin").after(at("2026-03-27T12:00Z")), 3))
    assert [bool(d.note) for d in due] == [False, True, False]
    assert due[1].local(ZoneInfo("Europe/Berlin")) == "2026-03-29T03:00:00+02:00"
    hourly = list(islice(Timetable("0 * * * *", zone="Europe/Berlin").after(at("2026-10-24T23:30Z")), 3))
    assert [d.note for d in hourly] == ["", "02:00 comes twice in Europe/Berlin on 2026-10-25: due both times.", ""]


def test_one_time_is_due_once():
    once = Timetable(at=Due(100.0))
    assert [d.at for d in once.after(99.0)] == [100.0]
    assert list(once.after(100.0)) == []


def test_seconds_may_come_first():
    due = islice(Timetable("*/20 * * * * *").after(at("2026-01-01T00:00Z")), 4)
    assert [d.at - at("2026-01-01T00:00Z") for d in due] == [20, 40, 60, 80]


@pytest.mark.parametrize(
    ("values", "where", "says"),
    [
        ({"cron": "x"}, "cron", "'x' is no cron expression: it does not have five fields."),
        ({"cron": "60 * * * *"}, "cron", "is no cron expression: bad minute."),
        ({"cron": "* * * *"}, "cron", "it does not have five fields"),
        ({"cron": "0 0 30 2 *"}, "cron", "bad day-of-month"),
        ({"cron": "* * * * * * *"}, "cron", "it does not have five fields"),
        ({"cron": "0 0 * * *", "zone": "Mars/Olympus"}, "zone", "there is no time zone 'Mars/Olympus'"),
        ({"cron": "0 0 * * *", "zone": "../etc/passwd"}, "zone", "there is no time zone"),
        ({"cron": "0 0 * * *", "zone": ""}, "zone", "there is no time zone"),
        ({}, "cron", "either"),
        ({"cron": "0 0 * * *", "at": Due(1.0)}, "cron", "either"),
    ],
)
def test_what_cannot_be_read_is_refused(values, where, says):
    with pytest.raises(Invalid) as refused:
        Timetable(**values)
    assert refused.value.where == where
    assert says in refused.value.message
    assert refused.value.remedy
