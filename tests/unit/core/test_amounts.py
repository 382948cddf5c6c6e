"""Amounts as people read them: `input; expected` pairs."""

from __future__ import annotations

import pytest

from wayfare.core import amounts


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "0 ms"),
        (0.34, "340 ms"),
        (0.9996, "1.0 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (125, "2 min 05 s"),
        (3599.6, "1 h 00 min"),
        (7261, "2 h 01 min"),
        (-1, "0 ms"),
    ],
)
def test_duration(seconds, told):
    assert amounts.duration(seconds) == told


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (0, "0"),
        (999, "999"),
        (999.7, "1.0 k"),
        (12_345, "12.3 k"),
        (999_999, "1.0 M"),
        (123_456_789, "123 M"),
        (10**13, "10.0 T"),
    ],
)
def test_compact(number, told):
    assert amounts.compact(number) == told


@pytest.mark.parametrize(("number", "told"), [(0, "0 B"), (999, "999 B"), (1_000, "1.0 kB"), (16_429_056, "16.4 MB")])
def test_size(number, told):
    assert amounts.size(number) == told


@pytest.mark.parametrize(
    ("number", "word", "told"),
    [
        (1, "row", "1 row"),
        (0, "row", "0 rows"),
        (1234, "entry", "1,234 entries"),
        (2, "match", "2 matches"),
        (2, "day", "2 days"),
    ],
)
def test_count(number, word, told):
    assert amounts.count(number, word) == told


@pytest.mark.parametrize(
    ("seconds", "told"), [(0, "0:00"), (7.4, "0:07"), (754, "12:34"), (3723, "1:02:03"), (-5, "0:00")]
)
def test_clock(seconds, told):
    assert amounts.clock(seconds) == told


def test_no_rate_without_time():
    assert amounts.rate(100, 0) == ""
    assert amounts.rate(412_000, 2) == "206 k rows/s"
