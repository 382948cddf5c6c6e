"""Columns of every kind that travels, each with the values that other tools are known to spoil.

A column here is written as no system's own, so `land` answers for a stranger. Values are given as Python objects that
`pa.array(values, type)` takes, NULL among them.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa

from wayfare.core.tables import Column, Meaning

UNICODE = "tab\tnl\ncr\r back\\slash \"dq\" 'sq' , ; \\N €ñ漢字🙂 e\u0301 \u200d \ufeff"


@dataclass(frozen=True, slots=True)
class Kind:
    name: str
    column: Column
    values: Sequence[Any]

    def array(self) -> pa.Array:
        return pa.array(list(self.values), self.column.type)


def _kind(name: str, kind: pa.DataType, values: Sequence[Any], meaning: Meaning = Meaning.PLAIN, **more: Any) -> Kind:
    return Kind(name, Column(name, kind, meaning=meaning, **more), (*values, None))


def _signed(bits: int) -> list[int]:
    return [0, 1, -1, 2 ** (bits - 1) - 1, -(2 ** (bits - 1))]


_DAY = dt.date(1970, 1, 1)
_MOMENT = dt.datetime(2024, 2, 29, 23, 59, 59, 999_999)

KINDS = (
    _kind("bool", pa.bool_(), [True, False]),
    *(
        _kind(f"int{b}", t, _signed(b))
        for b, t in ((8, pa.int8()), (16, pa.int16()), (32, pa.int32()), (64, pa.int64()))
    ),
    *(
        _kind(f"uint{b}", t, [0, 1, 2**b - 1])
        for b, t in ((8, pa.uint8()), (16, pa.uint16()), (32, pa.uint32()), (64, pa.uint64()))
    ),
    _kind("float32", pa.float32(), [0.0, 1.5, -3.4028234663852886e38, 1.1754943508222875e-38, 16777216.0]),
    _kind("float64", pa.float64(), [0.1, -1.7976931348623157e308, 5e-324, 2.0**53 + 2, 1e22, 123456789.123456789]),
    _kind(
        "decimal",
        pa.decimal128(15, 2),
        [Decimal("0.00"), Decimal("-9999999999999.99"), Decimal("0.01"), Decimal("12.30")],
    ),
    _kind("decimal38", pa.decimal128(38, 10), [Decimal("1" * 28 + "." + "2" * 10), Decimal("-0.0000000001")]),
    _kind("decimal60", pa.decimal256(60, 20), [Decimal("9" * 40 + "." + "1" * 20), Decimal("-0." + "0" * 19 + "1")]),
    _kind("number", pa.string(), ["0", "-1.50", "1" * 90 + "." + "7" * 40, "0.000000000000000000001"], Meaning.NUMBER),
    _kind(
        "date",
        pa.date32(),
        [_DAY, dt.date(1969, 12, 31), dt.date(2024, 2, 29), dt.date(1900, 1, 1), dt.date(2299, 12, 31)],
    ),
    _kind("time", pa.time64("us"), [dt.time(0), dt.time(23, 59, 59, 999_999), dt.time(12, 0, 0, 1)]),
    _kind(
        "timestamp", pa.timestamp("us"), [_MOMENT, dt.datetime(1950, 1, 1, 0, 0, 0, 123_456), dt.datetime(2262, 1, 1)]
    ),
    _kind("timestamp_s", pa.timestamp("s"), [dt.datetime(2024, 2, 29, 1, 2, 3), dt.datetime(1999, 12, 31, 23, 59, 59)]),
    _kind("timestamp_ms", pa.timestamp("ms"), [dt.datetime(2024, 2, 29, 1, 2, 3, 4000)]),
    _kind(
        "timestamp_utc",
        pa.timestamp("us", "UTC"),
        [_MOMENT.replace(tzinfo=dt.UTC), dt.datetime(1972, 1, 1, tzinfo=dt.UTC)],
    ),
    _kind("text", pa.string(), ["", " ", "  padded  ", UNICODE, "\\N", "NULL", "null", "x" * 100_000]),
    _kind("text20", pa.string(), ["", "a", "A", "ä", "🙂" * 20], length=20),
    _kind("bytes", pa.binary(), [b"", b"\x00", bytes(range(256)), b"\\N", b"\xff\xfe\n\t"]),
    _kind(
        "json",
        pa.string(),
        ['{"a": 1, "b": [null, true, "\\u00e9漢"], "c": {"x": 0.5}}', "[]", '"text"', "null"],
        Meaning.JSON,
    ),
    _kind(
        "uuid",
        pa.binary(16),
        [uuid.UUID(int=0).bytes, uuid.UUID(int=2**128 - 1).bytes, uuid.UUID(int=2**100 + 7).bytes],
        Meaning.UUID,
    ),
    _kind("enum", pa.string(), ["small", "large", "it's"], Meaning.ENUM, labels=("small", "large", "it's")),
    _kind("set", pa.string(), ["", "a", "a,b"], Meaning.SET, labels=("a", "b")),
    _kind("interval", pa.string(), ["P1Y2M3DT4H5M6.789S", "PT0S", "P-1DT-0.000001S"], Meaning.INTERVAL),
    _kind("bits", pa.string(), ["00000000", "10101010", "11111111"], Meaning.BITS, length=8),
    _kind("time_zoned", pa.string(), ["23:59:59.123456+05:30", "00:00:00-08:00"], Meaning.TIME_ZONED),
    _kind("ints", pa.list_(pa.int32()), [[1, None, -3], [2**31 - 1]]),
    _kind("texts", pa.list_(pa.string()), [["a,b", 'q"', "{}", "", None, "\\", "漢"]]),
    _kind("other", pa.string(), ["192.168.0.1/24", "(1,2)"], Meaning.OTHER, native="inet", origin="elsewhere"),
)

HOSTILE_NAMES = (
    "select",
    "Order",
    "UPPER CASE",
    "two  spaces",
    'double"quote',
    "single'quote",
    "back`tick",
    "per%cent %s",
    "semi;colon--",
    "dot.ted",
    "brack]et[",
    "back\\slash",
    "ünïcödé 漢字",
    "new\nline",
    "n" * 63,
    ":name",
    "{brace}",
    "$1",
    "?mark",
    "#hash",
)
