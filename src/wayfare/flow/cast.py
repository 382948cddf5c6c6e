"""From a source's batches to what its landed columns hold: masks, limits, conversions, and every loss counted."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wayfare.core.errors import Bug, LossRefused
from wayfare.core.landing import Landing, Verdict
from wayfare.core.losses import losses, without_losses
from wayfare.core.tables import Column, Table
from wayfare.flow import limits, texts
from wayfare.flow.convert import Conversion, conversion
from wayfare.flow.exact import Convert, attempt, without
from wayfare.flow.exact import Mask as Marks
from wayfare.flow.mask import Mask

EXAMPLE_CHARACTERS_MAX = 60
NO_MASKS: Mapping[str, Mask] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ColumnCast:
    """One column's way: source → masked → within limits → converted."""

    source: Column
    landing: Landing
    conversion: Conversion
    mask: Mask | None = None

    @classmethod
    def of(cls, source: Column, landing: Landing, mask: Mask | None) -> ColumnCast:
        """Raises Invalid where no conversion leads to the landed column."""
        before = mask.column(source) if mask else source
        return cls(source, landing, conversion(before, landing.column), mask)

    @property
    def trivial(self) -> bool:
        """Does every value pass as it is?"""
        return self.mask is None and self.conversion.identity and not self.landing.limits.any

    @property
    def at_risk(self) -> bool:
        """May single values be refused?"""
        return self.landing.limits.any or not self.conversion.total

    def masked(self, array: pa.Array) -> pa.Array:
        return self.mask.apply(array, self.source) if self.mask else array

    def broken(self, array: pa.Array) -> tuple[pa.Array, list[tuple[str, Marks]]]:
        """The (masked) array without the values that break a limit, and (code, where) of those."""
        column = self.mask.column(self.source) if self.mask else self.source
        found, cleaned = list(limits.violations(array, column, self.landing.limits)), array
        for _, marks in found:
            cleaned = without(cleaned, marks)
        return cleaned, found

    def converted(self, array: pa.Array, rounding: bool) -> tuple[pa.Array, list[tuple[str, Marks]]]:
        """The landed array, and (code, where) of the values that are NULL or, with `rounding`, no longer the same."""
        cleaned, found = self.broken(array)
        try:
            return self.conversion.run(cleaned), found
        except (ValueError, OverflowError):
            pass  # some value would change: find out which
        if rounding and self.conversion.rounded:
            result, bad = _rounded(self.conversion, self.conversion.rounded, cleaned)
        else:
            result, bad = attempt(self.conversion.run, cleaned)
        return result, found if bad is None else [*found, (limits.INEXACT, bad)]


class Cast:
    """A callable RecordBatch(source.arrow()) → RecordBatch(landed columns). Thread-safe.

    `landed` stands in the order of `source.written`, or of all the source's columns, in which case those of computed
    columns are passed over. Columns named in `allow_loss` get NULL for a value that cannot be kept, or where the
    landing is LOSSY and the type allows it, the nearest value; `lost` counts both.
    Raises LossRefused at the first batch with such a value in any other column; Invalid, when made, for a column that
    has no conversion.
    """

    def __init__(
        self,
        source: Table,
        landed: Sequence[Landing],
        allow_loss: frozenset[str] = frozenset(),
        masks: Mapping[str, Mask] = NO_MASKS,
    ) -> None:
        self.source = source
        self.columns = tuple(ColumnCast.of(c, landing, masks.get(c.name)) for c, landing in _pairs(source, landed))
        self.schema = pa.schema([pa.field(c.landing.column.name, c.landing.column.type, True) for c in self.columns])
        self.allow_loss = allow_loss
        self.trivial = all(c.trivial for c in self.columns) and self.schema == source.arrow()
        self._lost: Counter[str] = Counter()
        self._lock = threading.Lock()

    @property
    def lost(self) -> dict[str, int]:
        """Source column → how many of its values were not kept, under `allow_loss`: by the reader, or here."""
        with self._lock:
            return dict(self._lost)

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        if lost := losses(batch):
            with self._lock:
                self._lost.update(lost)
        if self.trivial:
            return without_losses(batch)
        arrays = [
            array if column.trivial else self._column(column, array)
            for column, array in zip(self.columns, batch.columns, strict=True)
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def _column(self, column: ColumnCast, array: pa.Array) -> pa.Array:
        allowed = column.source.name in self.allow_loss
        array = column.masked(array)
        result, found = column.converted(array, allowed and column.landing.verdict is Verdict.LOSSY)
        if not found:
            return result
        if not allowed:
            raise refusal(self.source, column, array, *found[0])
        marks = np.logical_or.reduce([m for _, m in found])
        with self._lock:
            self._lost[column.source.name] += int(marks.sum())
        return result


def refusal(table: Table, column: ColumnCast, array: pa.Array, code: str, marks: Marks) -> LossRefused:
    """The error that names the column, how many values of the batch, one of them, and the way out."""
    name = column.source.name
    number = int(marks.sum())
    values = "a value is" if number == 1 else f"{number:,} values are"
    landing = column.landing.column
    target = landing.native or f"{landing.type}"
    return LossRefused(
        f"{values} {limits.REASONS[code]} ({target}), such as {example(array, column, marks)}"
        f" (in a batch of {len(array):,} rows).",
        where=f"{table.label}.{name}",
        remedy=f"Allow it with --allow-loss {table.label}.{name}, exclude the column, or map it to another type.",
    )


def example(array: pa.Array, column: ColumnCast, marks: Marks) -> str:
    """The first marked value as people read it."""
    first = array.slice(int(np.flatnonzero(marks)[0]), 1)
    before = column.mask.column(column.source) if column.mask else column.source
    text = str(texts.to_text(before.type, before.meaning)(first)[0].as_py()).replace("\0", "␀")
    short = text if len(text) <= EXAMPLE_CHARACTERS_MAX else text[:EXAMPLE_CHARACTERS_MAX] + "…"
    return f"{short!r}" if pa.types.is_string(before.type) else short


def _pairs(source: Table, landed: Sequence[Landing]) -> list[tuple[Column, Landing]]:
    written = source.written
    if len(landed) == len(source.columns) != len(written):
        landed = [landing for c, landing in zip(source.columns, landed, strict=True) if not c.generated]
    if len(landed) != len(written):
        raise Bug(f"{source.label} has {len(written)} columns to write, but {len(landed)} landings")
    return list(zip(written, landed, strict=True))


def _rounded(exact: Conversion, rounded: Convert, array: pa.Array) -> tuple[pa.Array, Marks | None]:
    """The nearest values, and which of them are not the same (or could not be had at all, and became NULL)."""
    result, lost = attempt(rounded, array)
    changed = _changed(array, result)
    if changed is None:
        _, changed = attempt(exact.run, array)
    if lost is None or changed is None:
        return result, changed if lost is None else lost
    return result, changed | lost


def _changed(before: pa.Array, after: pa.Array) -> Marks | None:
    """By casting back, where Arrow can; None where it cannot."""
    if pa.types.is_string(before.type):
        return None
    try:
        differs = pc.not_equal(after.cast(before.type, safe=False), before)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None
    if pa.types.is_floating(before.type):
        differs = pc.and_(differs, pc.invert(pc.is_nan(before)))
    marks: Marks = differs.fill_null(False).to_numpy(zero_copy_only=False)
    return marks
