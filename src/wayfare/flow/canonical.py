"""One spelling for values that systems spell differently although they are equal, so that equal values hash equally.

    JSON      keys sorted, no spaces, numbers by value: 1.0, 1 and 10e-1 are one number; no digit is rounded away
    NUMBER    no exponent, no sign of zero, no zeros that end a fraction
    INTERVAL  months, days and microseconds, since systems divide them into years and hours as they like

Both sides of a comparison get the same treatment. Everything else is compared as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from wayfare.core.tables import Column, Meaning
from wayfare.flow.exact import Convert, each

PLAIN_DIGITS_MAX = 40  # longer whole numbers keep an exponent: 1e999999999 must not be written out
# JSON in which a number may have several spellings, or more digits than a float keeps. All others orjson reads and
# writes back with the very digits that `canonical_number` gives.
_NEEDS_CARE = r"[0-9][eE]|-0|[0-9.]{16}|[0-9]\.0+([^0-9]|$)|\.000"
_PLAIN_NUMBER = (
    r"^(-?[1-9][0-9]{0,18}(\.[0-9]{0,18}[1-9])?|0|-?0\.[0-9]{0,18}[1-9])$"  # as `canonical_number` writes it
)
_ENDING_ZEROS = r"^(-?[0-9]{1,19})(?:(\.[0-9]*[1-9])|\.)0*$"
_INTERVAL = re.compile(
    r"(-?)P(?:([-+]?\d+)Y)?(?:([-+]?\d+)M)?(?:([-+]?\d+)W)?(?:([-+]?\d+)D)?"
    r"(?:T(?:([-+]?\d+)H)?(?:([-+]?\d+)M)?(?:([-+]?\d*\.?\d+)S)?)?"
)


class Canonical:
    """A callable RecordBatch → RecordBatch for batches with these columns."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._spellings = {
            number: _SPELLINGS[column.meaning] for number, column in enumerate(columns) if column.meaning in _SPELLINGS
        }

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        if not self._spellings:
            return batch
        arrays = batch.columns
        for number, spell in self._spellings.items():
            arrays[number] = _everywhere(arrays[number], spell)
        return pa.RecordBatch.from_arrays(arrays, names=batch.schema.names)


def canonical_json(text: str, care: bool = True) -> str:
    """Text that is not JSON at all is left as it is, as is JSON with lone surrogates.

    `care` must be True where _NEEDS_CARE is found in the text, and changes nothing elsewhere.
    """
    try:
        value = _exactly(text) if care else orjson.loads(text)
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    except (ValueError, TypeError, RecursionError):
        return text


def canonical_number(text: str) -> str:
    """`1.50` → `1.5`, `1E+2` → `100`, `-0.0` → `0`; NaN and infinities stay."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text
    if not number.is_finite():
        return text
    sign, digits, exponent = number.as_tuple()
    whole = "".join(map(str, digits)).lstrip("0")
    short = whole.rstrip("0")
    if not short:
        return "0"
    place = int(exponent) + len(whole) - len(short)  # of the last digit that counts
    minus = "-" if sign else ""
    if place >= 0:
        return f"{minus}{short}{'0' * place}" if len(short) + place <= PLAIN_DIGITS_MAX else f"{minus}{short}E{place}"
    if -place > PLAIN_DIGITS_MAX:
        return f"{minus}{short}E{place}"
    padded = short.rjust(-place + 1, "0")
    return f"{minus}{padded[:place]}.{padded[place:]}"


def canonical_interval(text: str) -> str:
    """`P1Y2MT90M` → `14 months 0 days 5400000000 us`; text of another form is left as it is."""
    found = _INTERVAL.fullmatch(text)
    if not found:
        return text
    sign = -1 if found[1] else 1
    years, months, weeks, days, hours, minutes = (int(part or 0) for part in found.groups()[1:7])
    seconds = Decimal(found[8] or 0) + 60 * (minutes + 60 * hours)
    moments = canonical_number(str(sign * seconds * 1_000_000))
    return f"{sign * (12 * years + months)} months {sign * (7 * weeks + days)} days {moments} us"


def _exactly(text: str) -> object:
    """Parsed with every number as its canonical digits, to be written back as they are."""

    def fragment(digits: str) -> orjson.Fragment:
        return orjson.Fragment(canonical_number(digits))

    return json.loads(text, parse_float=fragment, parse_int=fragment)


# -- whole columns ----------------------------------------------------------------------------------------------------


def _json_column(array: pa.Array) -> pa.Array:
    care = pc.match_substring_regex(array, _NEEDS_CARE)
    pairs = zip(array.to_pylist(), care.to_pylist(), strict=True)
    return pa.array([None if text is None else canonical_json(text, careful) for text, careful in pairs], pa.string())


def _number_column(array: pa.Array) -> pa.Array:
    """Nearly all numbers are plain, or plain but for zeros at the end; Python sees the rest."""
    if not pc.any(_odd(array)).as_py():
        return array
    array = pc.replace_substring_regex(array, _ENDING_ZEROS, r"\1\2")
    odd = _odd(array)
    return pc.replace_with_mask(array, odd, each(array.filter(odd), pa.string(), canonical_number))


def _odd(array: pa.Array) -> pa.Array:
    return pc.invert(pc.match_substring_regex(array, _PLAIN_NUMBER)).fill_null(False)


def _interval_column(array: pa.Array) -> pa.Array:
    return each(array, pa.string(), lambda text: None if text is None else canonical_interval(text))


_SPELLINGS: dict[Meaning, Convert] = {
    Meaning.JSON: _json_column,
    Meaning.NUMBER: _number_column,
    Meaning.INTERVAL: _interval_column,
}


def _everywhere(array: pa.Array, spell: Convert) -> pa.Array:
    """In the column itself, or in the elements of its lists."""
    if not pa.types.is_list(array.type):
        return spell(array)
    inner = _everywhere(array.flatten(), spell)
    lengths = pc.list_value_length(array).fill_null(0)
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(lengths).cast(pa.int32())])
    return pa.ListArray.from_arrays(offsets, inner, mask=array.is_null() if array.null_count else None)
