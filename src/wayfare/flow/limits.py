"""Which values of a column break the limits of where they land. A column within them costs one scan."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wayfare.core.landing import Limits
from wayfare.core.tables import Column, Meaning
from wayfare.flow import moments
from wayfare.flow.exact import Mask, integers, validity

OUT_OF_RANGE = "value_out_of_range"
INFINITE = "value_infinite"
NAN = "value_nan"
NUL = "value_nul"
TOO_LONG = "value_too_long"
TOO_MANY_DIGITS = "value_too_many_digits"
INEXACT = "value_inexact"  # its conversion would change it

REASONS = {
    OUT_OF_RANGE: "out of the range of the type it lands in",
    INFINITE: "infinite, which the target cannot store",
    NAN: "NaN, which the target cannot store",
    NUL: "text with a NUL character, which the target cannot store",
    TOO_LONG: "longer than the target allows",
    TOO_MANY_DIGITS: "numbers with more digits than the target keeps",
    INEXACT: "not exactly expressible in the type they land in",
}
DIGITS_PLAIN = 500  # a regular expression's repetition has a limit too
_NUMBER = r"^[+-]?0*(?P<whole>\d*)(?:\.(?P<fraction>\d*?)0*)?(?:[eE](?P<exponent>[+-]?\d+))?$"


def violations(array: pa.Array, column: Column, limits: Limits) -> Iterator[tuple[str, Mask]]:
    """(code, where) for each limit that some values break. A NULL breaks none; a list breaks what an element breaks."""
    if not limits.any or not len(array):
        return
    if pa.types.is_list(array.type):
        yield from _in_lists(array, column, limits)
        return
    for code, mask in _broken(array, column, limits):
        if mask is None:
            continue
        found = mask & validity(array)
        if found.any():
            yield code, found


def _in_lists(array: pa.Array, column: Column, limits: Limits) -> Iterator[tuple[str, Mask]]:
    parents = pc.list_parent_indices(array).to_numpy()
    element = Column(column.name, array.type.value_type, meaning=column.meaning)
    for code, mask in violations(array.flatten(), element, limits):
        whole = np.zeros(len(array), np.bool_)
        whole[parents[mask]] = True
        yield code, whole


def _broken(array: pa.Array, column: Column, limits: Limits) -> Iterator[tuple[str, Mask | None]]:
    types, kind = pa.types, array.type
    if types.is_integer(kind):
        yield OUT_OF_RANGE, _numbers_outside(array, limits)
    elif types.is_temporal(kind):
        yield from _moments(array, limits)
    elif types.is_floating(kind):
        yield from _floats(array, limits)
    elif types.is_string(kind) and column.meaning is Meaning.NUMBER:
        yield from _number_texts(array, limits)
    elif types.is_string(kind) or types.is_binary(kind):
        yield from _texts(array, limits)


def _numbers_outside(array: pa.Array, limits: Limits) -> Mask | None:
    """Integers, in their own type: a bound beyond the type's range can be broken by all or by none."""
    if limits.low is None and limits.high is None:
        return None
    least, most = (v.as_py() for v in pc.min_max(array).values())
    if least is None or ((limits.low is None or least >= limits.low) and (limits.high is None or most <= limits.high)):
        return None
    values = array.fill_null(0).to_numpy(zero_copy_only=False)
    outside = np.zeros(len(array), np.bool_)
    if limits.low is not None:
        outside |= values < limits.low
    if limits.high is not None:
        outside |= values > limits.high
    return outside


def _moments(array: pa.Array, limits: Limits) -> Iterator[tuple[str, Mask | None]]:
    """Infinity is judged by itself; low and high speak of the finite."""
    numbers = array.view(pa.int32() if pa.types.is_date32(array.type) else pa.int64())
    outside = _numbers_outside(numbers, limits)
    if outside is not None:
        outside = outside & ~moments.infinite(array.type, integers(array))
    yield OUT_OF_RANGE, outside
    if not limits.infinity and not pa.types.is_time(array.type):
        yield INFINITE, moments.infinite(array.type, integers(array))


def _floats(array: pa.Array, limits: Limits) -> Iterator[tuple[str, Mask | None]]:
    if limits.infinity and limits.nan and limits.low is None and limits.high is None:
        return
    values = array.fill_null(0).to_numpy(zero_copy_only=False)
    if not limits.infinity:
        yield INFINITE, np.isinf(values)
    if not limits.nan:
        yield NAN, np.isnan(values)
    finite = np.where(np.isfinite(values), values, 0)
    if limits.low is not None:
        yield OUT_OF_RANGE, finite < limits.low
    if limits.high is not None:
        yield OUT_OF_RANGE, finite > limits.high


def _texts(array: pa.Array, limits: Limits) -> Iterator[tuple[str, Mask | None]]:
    if not limits.nul and pa.types.is_string(array.type) and _has_nul(array):
        yield NUL, _to_mask(pc.match_substring(array, "\0"))
    if limits.bytes_max is None and limits.characters_max is None:
        return
    lengths = pc.binary_length(array)
    longest = pc.max(lengths).as_py() or 0
    if limits.bytes_max is not None and longest > limits.bytes_max:
        yield TOO_LONG, _to_mask(pc.greater(lengths, limits.bytes_max))
    if limits.characters_max is not None and longest > limits.characters_max:
        characters = pc.utf8_length(array) if pa.types.is_string(array.type) else lengths
        yield TOO_LONG, _to_mask(pc.greater(characters, limits.characters_max))


def _has_nul(array: pa.Array) -> bool:
    """One pass over the bytes, without looking at single values."""
    _, starts, data = array.buffers()
    if data is None:
        return False
    offsets = np.frombuffer(starts, np.int32, len(array) + 1, array.offset * 4)
    return bool((np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]] == 0).any())


def _number_texts(array: pa.Array, limits: Limits) -> Iterator[tuple[str, Mask | None]]:
    if pc.all(pc.match_substring_regex(array, _harmless(limits))).as_py() is not False:
        return
    lower = pc.utf8_lower(array)
    if not limits.nan:
        yield NAN, _to_mask(pc.match_substring_regex(lower, "nan"))
    if not limits.infinity:
        yield INFINITE, _to_mask(pc.match_substring_regex(lower, "inf"))
    if limits.digits_max is None and limits.fraction_digits_max is None:
        return
    parts = pc.extract_regex(array, _NUMBER)
    exponent = pc.struct_field(parts, "exponent").cast(pa.string())
    shift = pc.if_else(pc.equal(exponent, ""), "0", exponent).cast(pa.int64()).fill_null(0)
    whole, fraction = (pc.utf8_length(pc.struct_field(parts, n)).fill_null(0) for n in ("whole", "fraction"))
    whole = pc.max_element_wise(pc.add(whole, shift), 0)
    fraction = pc.max_element_wise(pc.subtract(fraction, shift), 0)
    if limits.digits_max is not None:
        room = limits.digits_max - (limits.fraction_digits_max or 0)
        too_wide = pc.or_(pc.greater(pc.add(whole, fraction), limits.digits_max), pc.greater(whole, room))
        yield TOO_MANY_DIGITS, _to_mask(too_wide)
    if limits.fraction_digits_max is not None:
        yield TOO_MANY_DIGITS, _to_mask(pc.greater(fraction, limits.fraction_digits_max))


def _harmless(limits: Limits) -> str:
    """Plain digits, and few enough: what nearly all numbers are, told in one pass."""
    fraction = DIGITS_PLAIN if limits.fraction_digits_max is None else limits.fraction_digits_max
    whole = DIGITS_PLAIN if limits.digits_max is None else limits.digits_max - (limits.fraction_digits_max or 0)
    whole, fraction = (max(0, min(n, DIGITS_PLAIN)) for n in (whole, fraction))
    return rf"^-?\d{{1,{whole}}}(\.\d{{0,{fraction}}})?$" if whole else r"^-?0$"


def _to_mask(found: pa.Array) -> Mask:
    mask: Mask = found.fill_null(False).to_numpy(zero_copy_only=False)
    return mask
