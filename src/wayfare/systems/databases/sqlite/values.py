"""SQLite's values → Arrow, exactly or not at all. The plain path, and what the native reader is measured against.

What each type accepts of what may be stored in its column:

    integers   an INTEGER in range                  bool       0, 1, and the texts true and false
    float64    REAL; an INTEGER a double holds      decimal    INTEGER; REAL whose shortest digits fit; digits as text
    date       YYYY-MM-DD                           timestamp  a date, or with [ T]HH:MM[:SS[.f]]; a zone if declared
    time       [-]HH:MM[:SS[.f]]                    UUID       32 hex digits, with dashes or without, or 16 bytes
    NUMBER     anything that is a number            binary     BLOB
    string     TEXT, an INTEGER's digits, a REAL's shortest digits
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from wayfare.core.tables import Column, Meaning
from wayfare.systems.databases.sqlite.types import FLOAT_DIGITS, FRACTION_DIGITS

Value = int | float | str | bytes | None

_NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?"
NUMBER = re.compile(_NUMBER, re.ASCII)
NUMBER_OR_MORE = re.compile(_NUMBER + "|NaN|-?Infinity", re.ASCII)
TIME = re.compile(r"(-?)(\d{2,3}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?", re.ASCII)
UUID = re.compile(r"[0-9a-fA-F]{8}(-?)[0-9a-fA-F]{4}\1[0-9a-fA-F]{4}\1[0-9a-fA-F]{4}\1[0-9a-fA-F]{12}")
DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK = "[0-9]{2}:[0-9]{2}(:[0-9]{2}%s)?"
_ZONE = "(Z|[+-][0-9]{2}(:?[0-9]{2})?)"
_TRUTHS = {0: False, 1: True, "true": True, "false": False}
_EXACT = Context(prec=200, traps=[Inexact, InvalidOperation])


class Misfit(ValueError):
    """The value at `index` is not one the type can express."""

    def __init__(self, index: int, value: Value) -> None:
        super().__init__(index, value)
        self.index, self.value = index, value


def to_arrow(column: Column, values: Sequence[Value]) -> pa.Array:
    """One column of a batch. Raises Misfit."""
    kinds = set(map(type, values)) - {type(None)}
    try:
        found = _quick(column, values, kinds)
    except (pa.ArrowException, OverflowError):
        found = None  # some value does not fit: the slow way finds out which
    return _one_by_one(column.type, values, converter(column)) if found is None else found


def _one_by_one(t: pa.DataType, values: Sequence[Value], convert: Callable[[Any], Any]) -> pa.Array:
    found = []
    for i, value in enumerate(values):
        try:
            found.append(None if value is None else convert(value))
        except (ValueError, ArithmeticError, pa.ArrowException) as error:
            raise Misfit(i, value) from error
    return pa.array(found, t)


def converter(column: Column) -> Callable[[Any], Any]:
    """How one value that is not NULL becomes a Python value for Arrow. Raises ValueError or ArithmeticError."""
    t = column.type
    if pa.types.is_boolean(t):
        return _truth
    if pa.types.is_integer(t):
        return lambda v: pa.scalar(_only(int, v), t).as_py()
    if pa.types.is_floating(t):
        return _double
    if pa.types.is_decimal(t):
        return lambda v: _decimal(v, t.precision, t.scale)
    if pa.types.is_date32(t) or pa.types.is_timestamp(t):
        form = re.compile(moment_form(t), re.ASCII)
        return lambda v: pa.scalar(_matching(form, v)).cast(t)
    if pa.types.is_time64(t):
        return lambda v: clock_ticks(_only(str, v), t.unit)
    if pa.types.is_fixed_size_binary(t):
        return lambda v: _sized(v, t.byte_width, column.meaning)
    if pa.types.is_binary(t):
        return lambda v: _only(bytes, v)
    return _number if column.meaning is Meaning.NUMBER else as_text


def _only(kind: type, value: Value) -> Any:
    if type(value) is not kind:
        raise ValueError(value)
    return value


def _matching(form: re.Pattern[str], value: Value) -> Any:
    if not isinstance(value, str) or not form.fullmatch(value):
        raise ValueError(value)
    return value


def _truth(value: Value) -> bool:
    if type(value) not in (int, str):
        raise ValueError(value)
    found = _TRUTHS.get(value.lower() if isinstance(value, str) else value)
    if found is None:
        raise ValueError(value)
    return found


def _double(value: Value) -> float:
    if not isinstance(value, (int, float)) or float(value) != value:
        raise ValueError(value)
    return float(value)


def as_text(value: Value) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return repr(value).replace("inf", "Infinity")
    raise ValueError(value)


def _number(value: Value) -> str:
    text = as_text(value)
    if not NUMBER_OR_MORE.fullmatch(text):
        raise ValueError(value)
    return text


def _decimal(value: Value, precision: int, scale: int) -> Decimal:
    text = as_text(value)
    if not NUMBER.fullmatch(text):
        raise ValueError(value)
    exact = Decimal(text).quantize(Decimal(1).scaleb(-scale), context=_EXACT)
    if abs(exact) >= Decimal(10) ** (precision - scale):
        raise ValueError(value)
    return exact


def _sized(value: Value, width: int, meaning: Meaning) -> bytes:
    if meaning is Meaning.UUID and isinstance(value, str) and UUID.fullmatch(value):
        return bytes.fromhex(value.replace("-", ""))
    if not isinstance(value, bytes) or len(value) != width:
        raise ValueError(value)
    return value


def moment_form(t: pa.DataType) -> str:
    """The texts a date or timestamp type accepts, as a pattern for Python and RE2 alike."""
    if pa.types.is_date32(t):
        return DATE
    digits = FRACTION_DIGITS[t.unit]
    clock = _CLOCK % (rf"(\.[0-9]{{1,{digits}}})?" if digits else "")
    return f"{DATE}[ T]{clock}{_ZONE}" if t.tz else f"{DATE}([ T]{clock})?"


def clock_ticks(text: str, unit: str) -> int:
    """A time of day, or MySQL's time beyond a day, in ticks. Raises ValueError."""
    match = TIME.fullmatch(text)
    if not match:
        raise ValueError(text)
    sign, hours, minutes, seconds, fraction = match.groups()
    digits = FRACTION_DIGITS[unit]
    fraction = fraction or ""
    if int(minutes) > 59 or int(seconds or 0) > 59 or len(fraction) > digits:
        raise ValueError(text)
    whole = (int(hours) * 60 + int(minutes)) * 60 + int(seconds or 0)
    ticks: int = whole * 10**digits + int(fraction.ljust(digits, "0"))
    return -ticks if sign else ticks


def _quick(column: Column, values: Sequence[Value], kinds: set[type]) -> pa.Array | None:
    """The usual storage of each type, a whole column at once; None where values must be looked at one by one."""
    t = column.type
    if pa.types.is_decimal128(t) and kinds <= {int, float}:
        return _quick_decimal(t, values)
    if len(kinds) > 1 or (kinds and kinds != {_USUAL.get(t.id)}) or column.meaning is Meaning.NUMBER:
        return None
    if kinds != {str} or t == pa.string():
        return pa.array(values, t)
    return from_text(t, pa.array(values, pa.string()))


def from_text(t: pa.DataType, text: pa.Array) -> pa.Array | None:
    """A column of texts as one of TEXTUAL; None where values must be looked at one by one. Raises pa.ArrowException."""
    if t == pa.string():
        return text
    if pa.types.is_time64(t):  # Arrow reads no times, but timestamps
        text = pc.binary_join_element_wise("1970-01-01", text, " ")
        fits = pc.all(pc.match_substring_regex(text, f"^({moment_form(pa.timestamp(t.unit))})$")).as_py() is not False
        return text.cast(pa.timestamp(t.unit)).cast(pa.int64()).cast(t) if fits else None
    fits = pc.all(pc.match_substring_regex(text, f"^({_form(t)})$")).as_py() is not False
    return text.cast(t) if fits else None


_USUAL: dict[int, type] = {
    **{t.id: int for t in (pa.int8(), pa.int16(), pa.int32(), pa.int64())},
    **{t.id: int for t in (pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64())},
    **{t.id: str for t in (pa.string(), pa.date32(), pa.timestamp("us"), pa.time64("us"))},
    **{t.id: str for t in (pa.decimal128(1), pa.decimal256(1))},
    pa.float64().id: float,
    pa.binary().id: bytes,
}
TEXTUAL = frozenset(i for i, kind in _USUAL.items() if kind is str)  # ids of the types that are usually kept as text


def _form(t: pa.DataType) -> str:
    """Of texts that Arrow surely reads as we do: it takes 1E-39 for a decimal(18, 0), and makes it 0."""
    if pa.types.is_decimal(t):
        return rf"[+-]?[0-9]{{1,{max(t.precision - t.scale, 1)}}}(\.[0-9]{{0,{t.scale}}})?"
    return moment_form(t)


def _quick_decimal(t: pa.DataType, values: Sequence[Value]) -> pa.Array | None:
    doubles = pa.array(values, pa.float64())
    plain = doubles.fill_null(0.0).to_numpy(zero_copy_only=False)
    return decimals(t, plain, doubles.buffers()[0], doubles.null_count)


def decimals(t: pa.DataType, plain: npt.NDArray[np.float64], valid: pa.Buffer | None, nulls: int) -> pa.Array | None:
    """Numbers with fewer than 16 digits at this scale: then digits / 10**scale is the shortest decimal of its double.

    Both divisor and dividend are exact doubles and division rounds correctly, so equality proves the digits.
    """
    if t.scale > 22:
        return None  # 10**23 is not a double
    power = 10.0**t.scale
    with np.errstate(over="ignore", invalid="ignore"):
        digits = np.rint(plain * power)
        fits = (np.abs(digits) < 10.0 ** min(FLOAT_DIGITS, t.precision)) & (digits / power == plain)
    if not fits.all():
        return None
    low = digits.astype(np.int64)
    words = np.empty((len(low), 2), np.int64)  # decimal128 is 16 bytes, little end first
    words[:, 0], words[:, 1] = low, low >> 63
    return pa.Array.from_buffers(t, len(low), [valid, pa.py_buffer(words)], nulls)
