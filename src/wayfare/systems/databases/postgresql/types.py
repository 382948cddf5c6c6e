"""PostgreSQL's types and Arrow's: what a stored type is (`arrow_of`), how any column would be held (`land`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pyarrow as pa

from wayfare.core.landing import NO_LIMITS, Landing, Limits, Verdict
from wayfare.core.tables import Column, Meaning

SYSTEM = "postgresql"
UTC = "UTC"

DAY_MIN, DAY_MAX = -2_440_588, 2_145_031_948  # 4714-11-24 BC, 5874897-12-31
TICK_MIN = -210_866_803_200_000_000  # 4714-11-24 BC, in microseconds
TICK_MAX = 2**63 - 2  # Arrow ends (in 294247) before PostgreSQL does, but for infinity
DAY_TICKS = 86_400_000_000
PER_MICROSECOND = {"s": 1_000_000, "ms": 1_000, "us": 1}
_NO_NUL = Limits(nul=False)


@dataclass(frozen=True, slots=True)
class Kind:
    """How values of a built-in type travel."""

    type: pa.DataType
    meaning: Meaning = Meaning.PLAIN
    binary: bool = False  # does the binary form decode straight into `type`?


_TEXT = Kind(pa.string(), binary=True)
_OTHER = Kind(pa.string(), Meaning.OTHER)

# By pg_type.typname. What is missing here and lives in pg_catalog travels as text (OTHER).
KINDS: dict[str, Kind] = {
    "bool": Kind(pa.bool_(), binary=True),
    "int2": Kind(pa.int16(), binary=True),
    "int4": Kind(pa.int32(), binary=True),
    "int8": Kind(pa.int64(), binary=True),
    "oid": Kind(pa.uint32(), binary=True),
    "float4": Kind(pa.float32(), binary=True),
    "float8": Kind(pa.float64(), binary=True),
    "numeric": Kind(pa.string(), Meaning.NUMBER),
    "text": _TEXT,
    "varchar": _TEXT,
    "name": _TEXT,
    "bpchar": Kind(pa.string()),  # its binary form carries the padding
    "bytea": Kind(pa.binary(), binary=True),
    "date": Kind(pa.date32(), binary=True),
    "time": Kind(pa.time64("us"), binary=True),
    "timetz": Kind(pa.string(), Meaning.TIME_ZONED),
    "timestamp": Kind(pa.timestamp("us"), binary=True),
    "timestamptz": Kind(pa.timestamp("us", UTC), binary=True),
    "interval": Kind(pa.string(), Meaning.INTERVAL),
    "json": Kind(pa.string(), Meaning.JSON, binary=True),
    "jsonb": Kind(pa.string(), Meaning.JSON),
    "uuid": Kind(pa.binary(16), Meaning.UUID, binary=True),
    "bit": Kind(pa.string(), Meaning.BITS),
    "varbit": Kind(pa.string(), Meaning.BITS),
}

SPELLINGS = {
    "boolean": "bool",
    "smallint": "int2",
    "integer": "int4",
    "bigint": "int8",
    "real": "float4",
    "double precision": "float8",
    "character varying": "varchar",
    "character": "bpchar",
    "timestamp without time zone": "timestamp",
    "timestamp with time zone": "timestamptz",
    "time without time zone": "time",
    "time with time zone": "timetz",
    "bit varying": "varbit",
}
OTHER_BUILTINS = frozenset(
    {
        *("money", "xml", "inet", "cidr", "macaddr", "macaddr8", "tsvector", "tsquery", "pg_lsn", "txid_snapshot"),
        *("point", "line", "lseg", "box", "path", "polygon", "circle", "jsonpath", '"char"', "pg_snapshot"),
        *("int4range", "int8range", "numrange", "tsrange", "tstzrange", "daterange"),
        *("int4multirange", "int8multirange", "nummultirange", "tsmultirange", "tstzmultirange", "datemultirange"),
        *("regclass", "regtype", "regproc", "regprocedure", "regoper", "regoperator", "regrole", "regnamespace"),
        *("regconfig", "regdictionary", "xid", "xid8", "cid", "tid", "refcursor"),
    }
)


def bare(native: str) -> str:
    """A type's pg_type name without its modifiers: `character varying(20) COLLATE "C"` → `varchar`."""
    text = native.partition(" COLLATE ")[0].rstrip("[]")
    head, _, rest = text.partition("(")
    spelling = (head.strip() + rest.partition(")")[2]).strip()
    if spelling.startswith("interval "):
        spelling = "interval"
    return SPELLINGS.get(spelling, spelling)


def is_builtin(native: str) -> bool:
    name = bare(native)
    return name in KINDS or name in OTHER_BUILTINS


def modifiers(native: str) -> tuple[int, ...]:
    """The numbers in parentheses: `numeric(10,2)` → (10, 2)."""
    inside = native.partition(" COLLATE ")[0].partition("(")[2].partition(")")[0]
    return tuple(int(n) for n in inside.split(",")) if inside else ()


def decimal(precision: int, scale: int) -> pa.DataType | None:
    """The Arrow type for numeric(precision, scale), or None where it is wider than Arrow's."""
    if scale < 0:  # numeric(2,-3): multiples of a thousand
        precision, scale = precision - scale, 0
    precision = max(precision, scale)
    if precision > 76:
        return None
    return pa.decimal128(precision, scale) if precision <= 38 else pa.decimal256(precision, scale)


def arrow_of(native: str) -> tuple[pa.DataType, Meaning]:
    """How values of a built-in type travel; text (OTHER) for types not known here. Arrays become lists."""
    if native.partition(" COLLATE ")[0].endswith("[]"):
        element, meaning = arrow_of(native.partition(" COLLATE ")[0][:-2])
        return pa.list_(element), meaning
    name = bare(native)
    if name == "numeric" and (numbers := modifiers(native)):
        exact = decimal(numbers[0], numbers[1] if len(numbers) > 1 else 0)
        if exact is not None:
            return exact, Meaning.PLAIN
    kind = KINDS.get(name, _OTHER)
    return kind.type, kind.meaning


def length_of(native: str) -> int | None:
    if bare(native) in {"varchar", "bpchar", "bit", "varbit"} and not native.endswith("[]"):
        numbers = modifiers(native)
        return numbers[0] if numbers else None
    return None


def land(column: Column) -> Landing:
    """How PostgreSQL would hold a column of any system. Pure and total."""
    if column.origin == SYSTEM:
        return _land_own(column)
    landing = _land_meaning(column) if column.meaning is not Meaning.PLAIN else _land_type(column)
    return replace(landing, column=replace(landing.column, origin=SYSTEM))


def _land_own(column: Column) -> Landing:
    """The same native type again. A domain becomes its base type: its checks are told as the table's own.

    A type of an extension (OTHER) must exist on the target; staging says so when it does not.
    """
    if is_builtin(column.native) or column.meaning in (Meaning.ENUM, Meaning.OTHER):
        return Landing(column)
    landing = land(replace(column, origin=""))
    reason = f"the domain {column.native} becomes {landing.column.native}; its checks become the table's."
    return replace(landing, verdict=max(landing.verdict, Verdict.WIDENED, key=list(Verdict).index), reason=reason)


_NATIVE_OF_MEANING: dict[Meaning, tuple[str, str]] = {
    Meaning.JSON: ("json", ""),
    Meaning.UUID: ("uuid", ""),
    Meaning.NUMBER: ("numeric", ""),
    Meaning.INTERVAL: ("interval", ""),
    Meaning.TIME_ZONED: ("time with time zone", ""),
    Meaning.ENUM: ("text", ""),
    Meaning.SET: ("text", "a set becomes text: its labels, joined by commas."),
    Meaning.OTHER: ("text", "a type that PostgreSQL does not know becomes text; name another with --map."),
}


def _land_meaning(column: Column) -> Landing:
    if pa.types.is_list(column.type):
        return _land_list(column)
    if column.meaning is Meaning.BITS:
        native = f"bit varying({column.length})" if column.length else "bit varying"
        return Landing(replace(column, native=native))
    native, reason = _NATIVE_OF_MEANING[column.meaning]
    limits = _NO_NUL if pa.types.is_string(column.type) else NO_LIMITS
    return Landing(replace(column, native=native), Verdict.WIDENED if reason else Verdict.EXACT, reason, limits)


def _land_type(column: Column) -> Landing:
    kind = column.type
    rules: tuple[tuple[Callable[[pa.DataType], bool], Callable[[Column], Landing]], ...] = (
        (pa.types.is_list, _land_list),
        (pa.types.is_boolean, lambda c: Landing(replace(c, native="boolean"))),
        (pa.types.is_integer, _land_integer),
        (pa.types.is_float32, lambda c: Landing(replace(c, native="real"))),
        (pa.types.is_float64, lambda c: Landing(replace(c, native="double precision"))),
        (pa.types.is_decimal, _land_decimal),
        (pa.types.is_date, lambda c: Landing(replace(c, native="date"), limits=Limits(low=DAY_MIN, high=DAY_MAX))),
        (pa.types.is_time, _land_time),
        (pa.types.is_timestamp, _land_timestamp),
        (pa.types.is_string, _land_text),
        (pa.types.is_binary, lambda c: Landing(replace(c, native="bytea"))),
        (pa.types.is_fixed_size_binary, _land_fixed),
    )
    for test, rule in rules:
        if test(kind):
            return rule(column)
    return Landing(column, Verdict.IMPOSSIBLE, f"PostgreSQL has no type for {kind}; choose one with --map.")


_INTEGERS: dict[str, tuple[str, pa.DataType]] = {
    "int8": ("smallint", pa.int16()),
    "uint8": ("smallint", pa.int16()),
    "int16": ("smallint", pa.int16()),
    "uint16": ("integer", pa.int32()),
    "int32": ("integer", pa.int32()),
    "uint32": ("bigint", pa.int64()),
    "int64": ("bigint", pa.int64()),
    "uint64": ("numeric(20,0)", pa.decimal128(20, 0)),
}


def _land_integer(column: Column) -> Landing:
    native, kind = _INTEGERS[str(column.type)]
    landed = replace(column, native=native, type=kind)
    if kind == column.type:
        return Landing(landed)
    return Landing(landed, Verdict.WIDENED, f"PostgreSQL has no {column.type}; {native} holds every value.")


def _land_decimal(column: Column) -> Landing:
    exact = decimal(column.type.precision, column.type.scale)
    if exact is None:
        return Landing(column, Verdict.IMPOSSIBLE, f"PostgreSQL cannot hold {column.type}; choose a type with --map.")
    landed = replace(column, native=f"numeric({exact.precision},{exact.scale})", type=exact)
    return Landing(landed)


def _land_time(column: Column) -> Landing:
    per = 1 if column.type.unit == "us" else 1000
    landed = replace(column, native="time without time zone", type=pa.time64("us"))
    limits = Limits(low=0, high=DAY_TICKS * per)
    if per == 1:
        return Landing(landed, limits=limits)
    reason = "PostgreSQL keeps microseconds: nanoseconds are cut off; --allow-loss accepts that."
    return Landing(landed, Verdict.LOSSY, reason, limits)


def _land_timestamp(column: Column) -> Landing:
    unit, zone = column.type.unit, column.type.tz
    native = "timestamp with time zone" if zone else "timestamp without time zone"
    landed = replace(column, native=native, type=pa.timestamp("us", UTC if zone else None))
    if unit == "ns":
        reason = "PostgreSQL keeps microseconds: nanoseconds are cut off; --allow-loss accepts that."
        return Landing(landed, Verdict.LOSSY, reason)
    per = PER_MICROSECOND[unit]
    limits = Limits(low=-(-TICK_MIN // per), high=TICK_MAX // per)
    if unit == "us":
        return Landing(landed, limits=limits)
    return Landing(landed, Verdict.WIDENED, "PostgreSQL's timestamps are in microseconds.", limits)


def _land_text(column: Column) -> Landing:
    native = f"character varying({column.length})" if column.length and column.length <= 10_485_760 else "text"
    return Landing(replace(column, native=native), limits=_NO_NUL)


def _land_fixed(column: Column) -> Landing:
    landed = replace(column, native="bytea", type=pa.binary())
    return Landing(landed, Verdict.WIDENED, "PostgreSQL's bytea has no fixed length.")


def _land_list(column: Column) -> Landing:
    inner = column.type.value_type
    if pa.types.is_list(inner):
        reason = "PostgreSQL's arrays are rectangular, unlike lists of lists; choose a type with --map."
        return Landing(column, Verdict.IMPOSSIBLE, reason)
    element = land(replace(column, type=inner, identity=None, length=None, origin=""))
    landed = replace(column, type=pa.list_(element.column.type), native=f"{element.column.native}[]")
    return Landing(landed, element.verdict, element.reason, element.limits)
