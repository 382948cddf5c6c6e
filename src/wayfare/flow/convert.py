"""The matrix of conversions: (type, meaning) → (type, meaning), exact or refused."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wayfare.core.errors import Invalid
from wayfare.core.tables import Column, Meaning
from wayfare.flow import moments, numbers, octets, texts
from wayfare.flow.exact import Convert, Inexact, each

INTERVAL = r"^-?P(-?\d+Y)?(-?\d+M)?(-?\d+W)?(-?\d+D)?(T(-?\d+H)?(-?\d+M)?(-?\d+(\.\d+)?S)?)?$"
TIME_ZONED = r"^([01]\d|2[0-4]):[0-5]\d:[0-6]\d(\.\d{1,9})?([+-]\d\d(:?\d\d(:?\d\d)?)?|Z)$"
NUMBER = r"^([+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|NaN|-?Infinity)$"
BITS = r"^[01]*$"
_PATTERNS = {
    Meaning.INTERVAL: INTERVAL,
    Meaning.TIME_ZONED: TIME_ZONED,
    Meaning.NUMBER: NUMBER,
    Meaning.BITS: BITS,
}
_ANY_TEXT = (Meaning.PLAIN, Meaning.OTHER)


@dataclass(frozen=True, slots=True)
class Conversion:
    """`run` raises ValueError when a value would change; where `total`, it never does."""

    run: Convert
    total: bool = False
    rounded: Convert | None = None  # gives the nearest value instead, for a loss that was allowed

    @property
    def identity(self) -> bool:
        return self.run is _same


def _same(array: pa.Array) -> pa.Array:
    return array


IDENTITY = Conversion(_same, total=True)


def conversion(source: Column, target: Column) -> Conversion:
    """How values of `source` become values of `target`. Raises Invalid, naming it, where nothing leads there."""
    found = _choose(source, target)
    if found is None:
        wanted = f"{target.type} ({target.meaning})"
        raise Invalid(
            f"values of {source.type} ({source.meaning}) cannot become {wanted}.",
            where=source.name,
            remedy="Map the column to another type, or exclude it.",
        )
    return found


def _choose(source: Column, target: Column) -> Conversion | None:
    types = pa.types
    if types.is_list(source.type) and types.is_list(target.type):
        return _elementwise(source, target)
    if types.is_list(target.type):
        return None
    if types.is_string(target.type):
        return _to_string(source, target)
    if types.is_string(source.type):
        return _from_string(source, target.type, target.meaning)
    if source.type == target.type:
        return IDENTITY
    if numbers.is_number(source.type) and numbers.is_number(target.type):
        widening = _widens(source.type, target.type)
        return Conversion(
            numbers.between(source.type, target.type), widening, numbers.rounded(source.type, target.type)
        )
    if _clocks_agree(source.type, target.type):
        exact, cut = (moments.change_unit(source.type, target.type, rounding) for rounding in (False, True))
        return Conversion(exact, False, cut)
    if _is_octets(source.type) and _is_octets(target.type):
        return Conversion(lambda array: _octets(array, target.type), types.is_binary(target.type))
    return None


# -- to strings -------------------------------------------------------------------------------------------------------


def _to_string(source: Column, target: Column) -> Conversion | None:
    wanted, textual = target.meaning, pa.types.is_string(source.type)
    if wanted in _ANY_TEXT:
        return IDENTITY if textual else Conversion(texts.to_text(source.type, source.meaning), total=True)
    if wanted is Meaning.JSON:
        return _to_json(source)
    if wanted in (Meaning.ENUM, Meaning.SET):
        return _to_labels(source, target)
    if textual and source.meaning is wanted:
        return IDENTITY
    if textual:
        return Conversion(lambda array: _matching(array, _PATTERNS[wanted])) if wanted in _PATTERNS else None
    if wanted is Meaning.NUMBER and numbers.is_number(source.type):
        return Conversion(numbers.to_number(source.type), total=True)
    if wanted is Meaning.BITS and pa.types.is_boolean(source.type):
        return Conversion(numbers.to_number(source.type), total=True)
    if wanted is Meaning.INTERVAL and pa.types.is_time(source.type):
        return Conversion(moments.time_to_interval(source.type), total=True)
    return None


def _to_json(source: Column) -> Conversion:
    if pa.types.is_string(source.type) and source.meaning is Meaning.JSON:
        return IDENTITY
    if pa.types.is_string(source.type) and source.meaning in _ANY_TEXT:
        return Conversion(texts.checked_json)
    return Conversion(texts.to_json(source.type, source.meaning), total=True)


def _to_labels(source: Column, target: Column) -> Conversion:
    """Any text can be an enumeration's label; where the labels are known, only they."""
    text = _same if pa.types.is_string(source.type) else texts.to_text(source.type, source.meaning)
    known = source.meaning is target.meaning and set(source.labels) <= set(target.labels) and bool(source.labels)
    if known or not target.labels:
        return IDENTITY if text is _same else Conversion(text, total=True)
    labels, whole = pa.array(target.labels), target.meaning is Meaning.ENUM

    def convert(array: pa.Array) -> pa.Array:
        result = text(array)
        found = result if whole else pc.split_pattern(result, ",").flatten()
        outside = pc.and_(pc.invert(pc.is_in(found, labels)), found.is_valid())
        if pc.any(outside if whole else pc.and_(outside, pc.not_equal(found, ""))).as_py():
            raise Inexact("not one of the labels")
        return result

    return Conversion(convert)


def _matching(array: pa.Array, pattern: str) -> pa.Array:
    if pc.all(pc.match_substring_regex(array, pattern)).as_py() is False:
        raise Inexact("not of that form")
    return array


# -- from strings -----------------------------------------------------------------------------------------------------


def _from_string(source: Column, target: pa.DataType, meaning: Meaning) -> Conversion | None:
    types = pa.types
    if source.meaning is Meaning.BITS and types.is_integer(target):
        return Conversion(lambda array: each(array, target, lambda v: None if v is None else int(v or "0", 2)))
    if numbers.is_number(target):
        return Conversion(numbers.from_number(target), rounded=_rounded_number(target))
    if types.is_temporal(target) and source.meaning is not Meaning.TIME_ZONED:
        return Conversion(moments.from_text(target))
    if meaning is Meaning.UUID:
        return Conversion(octets.text_to_uuid)
    if types.is_binary(target):
        return Conversion(lambda array: array.cast(target), total=True)
    return None


def _rounded_number(target: pa.DataType) -> Convert | None:
    if pa.types.is_floating(target):
        return lambda array: array.cast(target)
    return numbers.number_to_decimal_rounded(target) if pa.types.is_decimal(target) else None


# -- lists, bytes, and what the choice asks ----------------------------------------------------------------------------


def _elementwise(source: Column, target: Column) -> Conversion | None:
    inner = _choose(_element(source), _element(target))
    if inner is None or inner.identity:
        return inner

    def lifted(convert: Convert) -> Convert:
        def run(array: pa.Array) -> pa.Array:
            lengths = pc.list_value_length(array).fill_null(0).to_numpy(zero_copy_only=False)
            offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int32)
            mask = array.is_null() if array.null_count else None
            elements = convert(array.flatten())
            return pa.ListArray.from_arrays(pa.array(offsets), elements, type=target.type, mask=mask)

        return run

    return Conversion(lifted(inner.run), inner.total, lifted(inner.rounded) if inner.rounded else None)


def _element(column: Column) -> Column:
    return Column(column.name, column.type.value_type, meaning=column.meaning, labels=column.labels)


def _widens(source: pa.DataType, target: pa.DataType) -> bool:
    """Can no value be lost?"""
    types = pa.types
    if types.is_boolean(source):
        return True
    if types.is_integer(source) and types.is_integer(target):
        signed = types.is_signed_integer
        room = target.bit_width - (signed(target) and not signed(source))
        return bool(room >= source.bit_width and (signed(target) or not signed(source)))
    if types.is_integer(source) and types.is_decimal(target):
        return bool(target.precision - target.scale >= len(str(2**source.bit_width)))
    if types.is_decimal(source) and types.is_decimal(target):
        return bool(target.scale >= source.scale and target.precision - target.scale >= source.precision - source.scale)
    return bool(types.is_float32(source) and types.is_float64(target))


def _clocks_agree(source: pa.DataType, target: pa.DataType) -> bool:
    """Dates and timestamps of any unit speak of the same days; times only of times."""
    types = pa.types
    days = [types.is_date32(k) or types.is_timestamp(k) for k in (source, target)]
    return all(days) or bool(types.is_time(source) and types.is_time(target))


def _is_octets(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_fixed_size_binary(kind))


def _octets(array: pa.Array, target: pa.DataType) -> pa.Array:
    if pa.types.is_fixed_size_binary(array.type) and target != pa.binary():
        array = array.cast(pa.binary())
    return array.cast(target)
