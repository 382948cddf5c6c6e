"""Booleans, integers, decimals, floats and numbers as text: conversions that keep the value or raise."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation

import pyarrow as pa
import pyarrow.compute as pc

from wayfare.flow.exact import Convert, Inexact, each, join

WIDE = Context(prec=2000, Emax=10**6, Emin=-(10**6))
WORDS = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity", "infinity": "Infinity", "-infinity": "-Infinity"}
FLOAT_DIGITS = {32: 6, 64: 15}  # decimal digits that always survive a float of so many bits
_INTEGER = r"^-?[0-9]+$"
_ENDING_ZEROS = r"^([-+]?[0-9]+)(?:(\.[0-9]*[1-9])|\.)0*$"


def is_number(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_boolean(kind) or types.is_integer(kind) or types.is_decimal(kind) or types.is_floating(kind))


def between(source: pa.DataType, target: pa.DataType) -> Convert:
    """From one numeric type to another."""
    types = pa.types
    if types.is_boolean(source):
        return lambda array: between(pa.uint8(), target)(array.cast(pa.uint8()))
    if types.is_boolean(target):
        return lambda array: _to_bool(between(source, pa.uint8())(array))
    if types.is_decimal(target) and types.is_floating(source):
        return lambda array: number_to_decimal(target)(to_number(source)(array))
    if types.is_decimal(target):
        return lambda array: _to_decimal(array, target)
    if types.is_floating(target) and types.is_decimal(source):
        return lambda array: _decimal_to_float(array, target)
    if types.is_floating(target) and types.is_integer(source):
        return lambda array: _integer_to_float(array, target)
    if types.is_float32(target) and types.is_float64(source):
        return _narrow_float
    return lambda array: array.cast(target)  # Arrow's safe cast refuses whatever would change


def rounded(source: pa.DataType, target: pa.DataType) -> Convert | None:
    """The nearest value instead of a refusal, where such a thing exists."""
    types = pa.types
    if types.is_floating(target) and types.is_decimal(source):
        return lambda array: _nearest_float(array, target)
    if types.is_floating(target):
        return lambda array: array.cast(target, safe=False)
    if types.is_decimal(target) and types.is_decimal(source):
        return lambda array: _to_decimal(pc.round(array, target.scale, "half_to_even"), target)
    return None


def _to_bool(array: pa.Array) -> pa.Array:
    if pc.max(array).as_py() not in (None, 0, 1):
        raise Inexact("only 0 and 1 are booleans")
    return array.cast(pa.bool_())


def _to_decimal(array: pa.Array, target: pa.DataType) -> pa.Array:
    """Through the widest decimal: Arrow judges a narrow one by its type, not by its values."""
    if pa.types.is_integer(array.type):
        array = array.cast(pa.decimal256(20, 0))
    if not pa.types.is_decimal256(array.type):
        array = array.cast(pa.decimal256(array.type.precision, array.type.scale))
    rescaled = array.cast(pa.decimal256(76, target.scale))
    return rescaled.cast(target)


def _integer_to_float(array: pa.Array, target: pa.DataType) -> pa.Array:
    """Arrow refuses everything beyond 2**53 (2**24); we only what is not a float."""
    try:
        return array.cast(target)
    except pa.ArrowInvalid:
        return each(array, target, lambda v: None if v is None else _as_float(v, target))


def _as_float(number: int, target: pa.DataType) -> float:
    found = float(pa.scalar(float(number), pa.float64()).cast(target, safe=False).as_py())
    if int(found) != number:
        raise Inexact("a float cannot hold it exactly")
    return found


def _decimal_to_float(array: pa.Array, target: pa.DataType) -> pa.Array:
    """Exact when the shortest text of the float is the decimal again."""
    result = _nearest_float(array, target)
    back = number_to_decimal(array.type)(to_number(target)(result))
    if not back.equals(array):
        raise Inexact("a float cannot hold it exactly")
    return result


def _nearest_float(array: pa.Array, target: pa.DataType) -> pa.Array:
    """By its text: Arrow multiplies by a power of ten, which rounds a second time (1.15 becomes 1.1500000000000001)."""
    return _decimal_text(array).cast(target)


def _narrow_float(array: pa.Array) -> pa.Array:
    result = array.cast(pa.float32(), safe=False)
    same = pc.or_(pc.equal(result.cast(pa.float64()), array), pc.is_nan(array))
    if not pc.all(same).as_py() and len(array) > array.null_count:
        raise Inexact("a 32-bit float cannot hold it exactly")
    return result


# -- numbers as text --------------------------------------------------------------------------------------------------


def to_number(kind: pa.DataType) -> Convert:
    """A numeric type as NUMBER text: plain digits, NaN, Infinity, -Infinity."""
    if pa.types.is_boolean(kind):
        return lambda array: array.cast(pa.uint8()).cast(pa.string())
    if pa.types.is_decimal(kind):
        return _decimal_text
    if pa.types.is_floating(kind):
        return lambda array: _plain_digits(float_text(array))
    return lambda array: array.cast(pa.string())


def float_text(array: pa.Array) -> pa.Array:
    """The shortest text that reads back as the same float: 0.1, 1e+20, NaN, -Infinity."""
    text = array.cast(pa.string())
    odd = pc.invert(pc.is_finite(array))
    return pc.if_else(odd, each(text, pa.string(), lambda v: WORDS.get(v, v)), text) if pc.any(odd).as_py() else text


def _plain_digits(text: pa.Array) -> pa.Array:
    scientific = pc.match_substring(text, "e")
    if not pc.any(scientific).as_py():
        return text
    plain = each(text, pa.string(), lambda v: format(Decimal(v), "f") if v and "e" in v else v)
    return pc.if_else(scientific, plain, text)


def _decimal_text(array: pa.Array) -> pa.Array:
    """All digits of the scale and never an exponent (which Arrow's own text uses for small values)."""
    scale = array.type.scale
    whole = pa.decimal128(array.type.precision, 0) if pa.types.is_decimal128(array.type) else None
    whole = whole or pa.decimal256(array.type.precision, 0)
    digits = pa.Array.from_buffers(whole, len(array), array.buffers(), array.null_count, array.offset).cast(pa.string())
    if scale <= 0:
        return each(digits, pa.string(), lambda v: v + "0" * -scale if v and v != "0" else v) if scale else digits
    sign = pc.if_else(pc.starts_with(digits, "-"), "-", "")
    digits = pc.utf8_lpad(pc.utf8_ltrim(digits, "-"), scale + 1, "0")
    return join(sign, pc.utf8_slice_codeunits(digits, 0, -scale), ".", pc.utf8_slice_codeunits(digits, -scale))


def from_number(target: pa.DataType) -> Convert:
    """NUMBER text (or any text that is a number) as a numeric type."""
    if pa.types.is_decimal(target):
        return number_to_decimal(target)
    if pa.types.is_floating(target):
        return lambda array: _text_to_float(array, target)
    if pa.types.is_boolean(target):
        return lambda array: array.cast(pa.bool_())
    return lambda array: _text_to_integer(array, target)


def number_to_decimal(target: pa.DataType) -> Convert:
    """Exact only. NaN and infinities are refused; zeros that end a fraction never matter."""

    whole, fraction = max(target.precision - target.scale, 0), max(target.scale, 0)
    fits = rf"^[-+]?0*[0-9]{{0,{whole}}}(\.[0-9]{{0,{fraction}}}0*)?$"

    def convert(array: pa.Array) -> pa.Array:
        array = _without_exponents(array)
        if pc.all(pc.match_substring_regex(array, fits)).as_py() is False:
            raise Inexact(f"not all values fit {target}")  # Arrow makes 0 of 1E-39 and of 1E+200, without a word
        try:
            return array.cast(target)
        except pa.ArrowInvalid:
            short = pc.replace_substring_regex(array, _ENDING_ZEROS, r"\1\2")
            return short.cast(pa.decimal256(76, target.scale)).cast(target)

    return convert


def _without_exponents(array: pa.Array) -> pa.Array:
    """1E-39 spelt with all its zeros, so that its digits can be counted."""
    if not pc.any(pc.match_substring(array, "e", ignore_case=True)).as_py():
        return array

    def spelt_out(text: str | None) -> str | None:
        if text is None or "e" not in text.lower():
            return text
        try:
            return f"{Decimal(text):f}"
        except InvalidOperation as error:
            raise Inexact(text) from error

    return each(array, pa.string(), spelt_out)


def number_to_decimal_rounded(target: pa.DataType) -> Convert:
    """The nearest value of the scale. NaN, infinities and what is too large are still refused."""
    places = Decimal(1).scaleb(-target.scale)

    def nearest(text: str | None) -> Decimal | None:
        if text is None:
            return None
        try:
            return Decimal(text).quantize(places, ROUND_HALF_EVEN, WIDE)
        except InvalidOperation as error:
            raise Inexact(text) from error

    return lambda array: each(array, target, nearest)


def _text_to_integer(array: pa.Array, target: pa.DataType) -> pa.Array:
    """Arrow would also take 0x12; a number such as 12.00 or 1e3 is taken through a decimal."""
    if pc.all(pc.match_substring_regex(array, _INTEGER)).as_py() is not False:
        return array.cast(target)
    return number_to_decimal(pa.decimal128(38, 0))(array).cast(target)


def _text_to_float(array: pa.Array, target: pa.DataType) -> pa.Array:
    """Exact when the shortest text of the float is the same number again."""
    result = array.cast(target)
    back = to_number(target)(result)
    same = pc.equal(back, array)
    if pc.all(same).as_py() is False:
        odd = pc.filter(pa.table([array, back], ["source", "back"]), pc.invert(same))
        pairs = zip(odd["source"].to_pylist(), odd["back"].to_pylist(), strict=True)
        if any(a is not None and not _same_number(a, b) for a, b in pairs):
            raise Inexact("a float cannot hold it exactly")
    return result


def _same_number(a: str, b: str) -> bool:
    first, second = Decimal(a), Decimal(b)
    return first == second or (first.is_nan() and second.is_nan())
