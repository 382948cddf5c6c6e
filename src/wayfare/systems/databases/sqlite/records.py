"""SQLite's own form of stored rows, taken apart in numpy: no value becomes a Python object.

The format is fixed for good: https://www.sqlite.org/fileformat2.html. A table is a tree of pages, whose leaves hold
cells: the size of the payload, the row's id, then the payload, which is a header (its own size, and a type for each
column) and the values behind one another. Sizes, ids and types are varints: seven bits a byte, the high bit says more.

    type   0     1 … 6                          7        8, 9          even from 12   odd from 13
    value  NULL  an integer of 1 2 3 4 6 8 B    double   the 0, the 1  bytes          text
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from wayfare.kernel.gather import Octets, everywhere, gathered

Places: TypeAlias = npt.NDArray[np.int64]
Flags: TypeAlias = npt.NDArray[np.bool_]

_INTERIOR, _LEAF = 0x05, 0x0D
_OVERFLOW_MARGIN = 35  # a payload greater than the usable page less this goes on elsewhere
_NULL, _DOUBLE, _ZERO, _ONE, _BYTES, _TEXT = 0, 7, 8, 9, 12, 13
_WIDTHS = np.array([0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0, 0], np.int64)
_SLACK = bytes(8)  # so that eight bytes can be read at the last value


@dataclass(frozen=True)
class Field:
    """One column of many rows: each value's type, and where it lies."""

    octets: Octets
    kinds: Places
    places: Places

    @cached_property
    def sizes(self) -> Places:
        return np.where(self.kinds >= _BYTES, (self.kinds - _BYTES) >> 1, _WIDTHS[np.minimum(self.kinds, _BYTES)])

    @cached_property
    def nulls(self) -> Flags:
        found: Flags = self.kinds == _NULL
        return found

    def are(self, *storages: type) -> bool:
        """Are all values that are not NULL stored as one of these: int, float, str, bytes?"""
        allowed = self.nulls
        for storage in storages:
            allowed = allowed | _STORED[storage](self.kinds)
        return bool(allowed.all())

    def integers(self) -> Places:
        """0 for what is no integer."""
        widths = _WIDTHS[np.minimum(self.kinds, _BYTES)]
        found: Places = self._words(">i8").astype(np.int64) >> (64 - 8 * np.clip(widths, 1, 8))
        found = np.where((self.kinds >= _DOUBLE) | self.nulls, 0, found)
        return np.where(self.kinds == _ONE, 1, found)

    def doubles(self) -> npt.NDArray[np.float64]:
        """0.0 for what is no double."""
        return np.where(self.kinds == _DOUBLE, self._words(">f8").astype(np.float64), 0.0)

    def validity(self) -> tuple[pa.Buffer | None, int]:
        """Arrow's bitmap, and how many NULLs there are."""
        count = int(self.nulls.sum())
        return (pa.py_buffer(np.packbits(~self.nulls, bitorder="little")) if count else None), count

    def variable(self, kind: pa.DataType) -> pa.Array:
        """Text or bytes, as `kind`. The text may not be UTF-8."""
        valid, count = self.validity()
        offsets, content = gathered(self.octets, self.places, self.sizes)
        parts = [valid, pa.py_buffer(offsets), pa.py_buffer(content)]
        return pa.Array.from_buffers(kind, len(self.kinds), parts, count)

    def _words(self, kind: str) -> npt.NDArray[Any]:
        """Eight bytes from each place on."""
        return everywhere(self.octets, kind)[self.places]


_STORED = {
    int: lambda kinds: ((kinds > _NULL) & (kinds < _DOUBLE)) | (kinds == _ZERO) | (kinds == _ONE),
    float: lambda kinds: kinds == _DOUBLE,
    bytes: lambda kinds: (kinds >= _BYTES) & (kinds & 1 == 0),
    str: lambda kinds: (kinds >= _TEXT) & (kinds & 1 == 1),
}


def fields(image: bytes, root: int, count: int) -> Sequence[Field] | None:
    """The `count` columns of the table whose tree begins on page `root` of a database, in the order of row ids.

    None where a row does not fit into a page, or has another number of columns.
    """
    octets = np.frombuffer(image + _SLACK, np.uint8)
    cells = [np.zeros(0, np.int64), *_cells(image, root, _page_bytes(image))]
    payloads, places = _varints(octets, np.concatenate(cells))
    if len(payloads) and int(payloads.max()) > _page_bytes(image) - image[20] - _OVERFLOW_MARGIN:
        return None
    begin = _behind_varints(octets, places)
    lengths, places = _varints(octets, begin)
    values, ends = begin + lengths, begin + payloads
    found = []
    for _ in range(count):
        kinds, places = _varints(octets, places)
        found.append(Field(octets, kinds, values))
        values = values + found[-1].sizes
    whole = bool((places == begin + lengths).all() and (values == ends).all())
    return found if whole else None


def _page_bytes(image: bytes) -> int:
    size = int.from_bytes(image[16:18], "big")
    return 65_536 if size == 1 else size


def _cells(image: bytes, page: int, page_bytes: int) -> Iterator[Places]:
    """Where the cells of the leaves below a page lie, leaf by leaf, from left to right."""
    start = (page - 1) * page_bytes
    count = int.from_bytes(image[start + 3 : start + 5], "big")
    interior = image[start] == _INTERIOR
    pointers = np.frombuffer(image, ">u2", count, start + (12 if interior else 8)).astype(np.int64) + start
    if not interior:
        yield pointers
        return
    for place in [*pointers.tolist(), start + 8]:
        yield from _cells(image, int.from_bytes(image[place : place + 4], "big"), page_bytes)


def _varints(octets: Octets, places: Places) -> tuple[Places, Places]:
    """The varints at these places, of at most eight bytes, and where they end."""
    first = octets[places]
    if not (first & 0x80).any():
        return first.astype(np.int64), places + 1
    found, places = (first & 0x7F).astype(np.int64), places + 1
    more = np.flatnonzero(first & 0x80)
    while len(more):
        following = octets[places[more]]
        found[more] = found[more] << 7 | (following & 0x7F)
        places[more] += 1
        more = more[(following & 0x80) != 0]
    return found, places


def _behind_varints(octets: Octets, places: Places) -> Places:
    """Where the varints at these places end. A row's id may have nine bytes, all eight bits of the last being its."""
    places = places.copy()
    more = np.arange(len(places))
    for _ in range(9):
        following = octets[places[more]]
        places[more] += 1
        more = more[(following & 0x80) != 0]
    return places
