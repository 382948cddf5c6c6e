"""Scattered values are brought together as slicing them one by one would."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from wayfare.kernel.gather import everywhere, gathered

PLACES = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 20)), max_size=30)


@given(data=st.binary(min_size=320, max_size=320), spans=PLACES, each=st.none() | st.integers(0, 20))
def test_values_of_any_size_or_all_of_one(data: bytes, spans: list[tuple[int, int]], each: int | None) -> None:
    places = np.array([place for place, _ in spans], np.int64)
    sizes = np.array([size if each is None else each for _, size in spans], np.int64)
    offsets, content = gathered(np.frombuffer(data, np.uint8), places, sizes)
    assert offsets.dtype == np.int32
    assert offsets.tolist() == [0, *np.cumsum(sizes).tolist()]
    wanted = [data[place : place + size] for place, size in zip(places.tolist(), sizes.tolist(), strict=True)]
    assert bytes(content) == b"".join(wanted)


def test_long_values_are_sliced() -> None:
    data = bytes(range(256)) * 20
    places, sizes = np.array([5, 0, 700]), np.array([2000, 0, 901])
    _, content = gathered(np.frombuffer(data, np.uint8), places, sizes)
    assert bytes(content) == data[5:2005] + data[700:1601]


def test_what_could_be_read_everywhere_ends_with_the_bytes() -> None:
    octets = np.frombuffer(b"\0\0\1\2", np.uint8)
    assert everywhere(octets, ">u2").tolist() == [0, 1, 258]
    assert everywhere(octets, ">u8").tolist() == []
