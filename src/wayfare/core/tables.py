"""Tables as every system sees them.

Arrow types are the only type system. Where Arrow's type leaves something unsaid, a column's `meaning` says it. This is
how values travel, and every adapter's `read` and `write` keep to it:

    value                          Arrow type                                   meaning
    boolean                        bool
    integers                       int8 … int64, uint8 … uint64
    wider integers                 decimal128(38, 0), decimal256(p, 0)
    decimal, precision ≤ 38 / ≤ 76 decimal128(p, s) / decimal256(p, s)
    decimal of any precision       string: digits as the source prints them,    NUMBER
                                   also NaN, Infinity, -Infinity
    float                          float32, float64 (NaN and infinities are values)
    date                           date32; INFINITE_DAYS and -INFINITE_DAYS - 1 are ± infinity
    time of day                    time64(us | ns); MySQL's beyond a day are kept as such
    time with zone                 string: 23:59:59.123456+05:30                 TIME_ZONED
    timestamp without / with zone  timestamp(s | ms | us | ns) / the same in UTC;
                                   INFINITE_TICKS and -INFINITE_TICKS - 1 are ± infinity
    interval                       string, ISO 8601: P1Y2M3DT4H5M6.789S          INTERVAL
    text                           string (`length` in characters where declared)
    bytes                          binary
    JSON                           string                                        JSON
    UUID                           fixed_size_binary(16)                         UUID
    enumeration, set               string (a set's labels joined by commas)      ENUM, SET
    bit string                     string of 0 and 1                             BITS
    array                          list(element); meaning is the elements'
    anything else                  string: the source's text form                OTHER

A value under a NULL is unspecified; a batch's schema is always `table.arrow()`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import pyarrow as pa

INFINITE_DAYS = 2**31 - 1
INFINITE_TICKS = 2**63 - 1
LOSS_ALLOWED = "loss_allowed"  # a hint: columns, joined by commas, whose inexpressible values are read as NULL


class Meaning(StrEnum):
    PLAIN = "plain"
    JSON = "json"
    UUID = "uuid"
    NUMBER = "number"
    ENUM = "enum"
    SET = "set"
    INTERVAL = "interval"
    BITS = "bits"
    TIME_ZONED = "time_zoned"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Identity:
    """A column that numbers itself (identity, serial, auto_increment). `next` is the value the next row would get."""

    next: int = 1
    increment: int = 1
    always: bool = False  # GENERATED ALWAYS: an explicit value needs an override
    sequence: str = ""  # the sequence's name, where it has one


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    type: pa.DataType
    nullable: bool = True
    meaning: Meaning = Meaning.PLAIN
    native: str = ""  # how its own system spells the type; in a landed column, the type to create
    origin: str = ""  # the system whose spelling `native` (and `default`, `generated`) is
    length: int | None = None  # most characters (text), bytes (binary) or bits (BITS), where declared
    labels: tuple[str, ...] = ()  # of an ENUM or SET
    default: str = ""  # an SQL expression in the origin's dialect; "" for none
    generated: str = ""  # the expression of a computed column, which is never written
    identity: Identity | None = None
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Index:
    """An index or unique constraint. Each part is a column's name, unless `expression` is set."""

    name: str
    columns: tuple[str, ...]
    unique: bool = False
    constraint: bool = False  # declared as UNIQUE (…), rather than CREATE UNIQUE INDEX
    descending: tuple[bool, ...] = ()  # for each part; empty: all ascending
    lengths: tuple[int, ...] = ()  # MySQL's prefix lengths, 0 for a whole column; empty: all whole
    method: str = ""  # "" is the system's usual ordered index; else gin, gist, hash, fulltext …
    expression: str = ""  # the whole list of parts as text, where one is an expression
    where: str = ""  # a partial index's predicate
    definition: str = ""  # the whole statement in its own system's words, for like systems
    comment: str = ""


@dataclass(frozen=True, slots=True)
class ForeignKey:
    name: str
    columns: tuple[str, ...]
    parent: str
    parent_columns: tuple[str, ...]
    parent_namespace: str = ""
    on_delete: str = ""  # "", CASCADE, SET NULL, SET DEFAULT, RESTRICT
    on_update: str = ""
    deferrable: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    expression: str  # in the table's origin dialect


@dataclass(frozen=True, slots=True)
class Table:
    """One table. `namespace` is the schema (PostgreSQL, DuckDB); "" where a system has none."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()  # primary key; empty means rows have no identity
    namespace: str = ""
    indexes: tuple[Index, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    checks: tuple[Check, ...] = ()
    comment: str = ""
    rows_estimate: int = 0  # from statistics; 0 when unknown
    bytes_estimate: int = 0
    origin: str = ""
    hints: tuple[tuple[str, str], ...] = ()  # what only its own system understands: engine, collation, partitioning

    @property
    def label(self) -> str:
        """How people read it: `shop.orders`, or `orders` without a namespace."""
        return f"{self.namespace}.{self.name}" if self.namespace else self.name

    def column(self, name: str) -> Column:
        return next(c for c in self.columns if c.name == name)

    @property
    def written(self) -> tuple[Column, ...]:
        """The columns that carry data: all but the computed ones. These are what `read` gives and `write` takes."""
        return tuple(c for c in self.columns if not c.generated)

    @property
    def leading_columns(self) -> tuple[Column, ...]:
        """The first column of the primary key; without one, of each ordered unique index that holds every row whole."""
        if self.key:
            return (self.column(self.key[0]),)
        plain = [i for i in self.indexes if i.unique and not (i.where or i.method or i.expression or i.lengths)]
        return tuple(
            self.column(i.columns[0])
            for i in plain
            if i.columns and not any(self.column(name).nullable for name in i.columns)
        )

    def arrow(self) -> pa.Schema:
        """The schema of this table's batches: its written columns, in order."""
        return pa.schema([pa.field(c.name, c.type, True) for c in self.written])

    def only(self, names: frozenset[str]) -> Table:
        """The same table seen through some of its columns (to probe values or read keys)."""
        return replace(self, columns=tuple(c for c in self.columns if c.name in names))


@dataclass(frozen=True, slots=True)
class View:
    name: str
    definition: str  # the SELECT, in the origin's dialect
    namespace: str = ""
    origin: str = ""
    columns: tuple[str, ...] = ()
    materialized: bool = False
    comment: str = ""

    @property
    def label(self) -> str:
        return f"{self.namespace}.{self.name}" if self.namespace else self.name


@dataclass(frozen=True, slots=True)
class Sequence:
    """A free-standing sequence (one that no identity column owns)."""

    name: str
    namespace: str = ""
    next: int = 1
    increment: int = 1
