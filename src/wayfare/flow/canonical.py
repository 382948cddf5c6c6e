"""One spelling for values that systems spell differently although they are equal, so that equal values hash equally.

    JSON      keys sorted, no spaces, numbers by value: 1.0, 1 and 10e-1 are one number; no digit is rounded away
    NUMBER    no exponent, no sign of zero, no zeros that end a fraction
    INTERVAL  months, days and microseconds, since systems divide them into years and hours as they like

Both sides of a comparison get the same treatment. Everything else is compared as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from wayfare.core.tables import Column, Meaning
from wayfare.flow.exact import each

PLAIN_DIGITS_MAX = 40  # longer whole numbers keep an exponent: 1e999999999 must not be written out
_NEEDS_CARE = r"[0-9][.eE]|[0-9]{16}|-0"  # numbers that orjson might round, or that have several spellings
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


def canonical_json(text: str) -> str:
    """Text that is not JSON at all is left as it is, as is JSON with lone surrogates."""
    try:
        value = orjson.loads(text) if not re.search(_NEEDS_CARE, text) else _exactly(text)
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


_SPELLINGS: dict[Meaning, Callable[[str], str]] = {
    Meaning.JSON: canonical_json,
    Meaning.NUMBER: canonical_number,
    Meaning.INTERVAL: canonical_interval,
}


def _everywhere(array: pa.Array, spell: Callable[[str], str]) -> pa.Array:
    if pa.types.is_string(array.type):
        return each(array, pa.string(), lambda v: None if v is None else spell(v))
    if not pa.types.is_list(array.type):
        return array
    inner = _everywhere(array.flatten(), spell)
    lengths = pc.list_value_length(array).fill_null(0)
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(lengths).cast(pa.int32())])
    return pa.ListArray.from_arrays(offsets, inner, mask=array.is_null() if array.null_count else None)
