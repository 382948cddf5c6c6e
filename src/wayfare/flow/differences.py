"""Differing rows in words: kind, key, the first column that differs, and both values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from wayfare.core.tables import Column, Meaning
from wayfare.flow import texts

VALUE_CHARACTERS_MAX = 60
CONTEXT_CHARACTERS = 20  # shown before the first character that differs in a long text
ROW_CHARACTERS_MAX = 200


@dataclass(frozen=True, slots=True)
class Difference:
    """One row that differs. `kind` is missing (in the target), extra, doubled or changed."""

    kind: str
    key: str  # the row's key as text, or its values where the table has no key
    column: str = ""  # the first column that differs, of a changed row
    source: str = ""
    target: str = ""


@dataclass(frozen=True, slots=True)
class Pair:
    """A difference, by the hashes of its rows."""

    kind: str
    source: int | None
    target: int | None


Rows = Mapping[int, pa.RecordBatch]


def described(
    pairs: Sequence[Pair], source: Rows, target: Rows, columns: Sequence[Column], key: Sequence[int]
) -> tuple[Difference, ...]:
    """Sorted by kind and key. A row that has vanished since it was hashed is described as far as it is known."""
    found = [
        _describe(
            pair.kind,
            source.get(pair.source) if pair.source is not None else None,
            target.get(pair.target) if pair.target is not None else None,
            columns,
            key,
        )
        for pair in pairs
    ]
    return tuple(sorted(found, key=lambda d: (d.kind, len(d.key), d.key)))


def _describe(
    kind: str,
    source: pa.RecordBatch | None,
    target: pa.RecordBatch | None,
    columns: Sequence[Column],
    key: Sequence[int],
) -> Difference:
    known = target if source is None else source
    if known is None:
        return Difference(kind, "a row that changed while it was compared")
    name = _row_text(known, columns, key or range(len(columns)))
    if source is None or target is None:
        return Difference(kind, name)
    for place, column in enumerate(columns):
        first, second = (_text(side.column(place), column) for side in (source, target))
        if first != second:
            return Difference(kind, name, column.name, *_around(first, second))
    return Difference(kind, name)


def _row_text(row: pa.RecordBatch, columns: Sequence[Column], places: Sequence[int]) -> str:
    parts = (f"{columns[p].name}={_short(_text(row.column(p), columns[p]))}" for p in places)
    text = ", ".join(parts)
    return text if len(text) <= ROW_CHARACTERS_MAX else text[:ROW_CHARACTERS_MAX] + "…"


def _text(array: pa.Array, column: Column) -> str:
    """One value: NULL bare, text in quotes, so that NULL, '' and 'NULL' are three things."""
    value = texts.to_text(array.type, column.meaning)(array)[0].as_py()
    if value is None:
        return "NULL"
    quoted = pa.types.is_string(array.type) and column.meaning is not Meaning.NUMBER
    return f"'{value}'" if quoted else str(value)


def _short(text: str) -> str:
    return text if len(text) <= VALUE_CHARACTERS_MAX else text[:VALUE_CHARACTERS_MAX] + "…"


def _around(first: str, second: str) -> tuple[str, str]:
    """Both texts from shortly before the first character that differs."""
    pairs = enumerate(zip(first, second, strict=False))
    place = next((i for i, (a, b) in pairs if a != b), min(len(first), len(second)))
    start = max(0, place - CONTEXT_CHARACTERS) if max(len(first), len(second)) > VALUE_CHARACTERS_MAX else 0
    lead = "…" if start else ""
    return lead + _short(first[start:]), lead + _short(second[start:])
