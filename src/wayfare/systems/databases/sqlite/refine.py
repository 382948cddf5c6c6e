"""What the columns really hold: one pass over the rows settles each column's type.

A declared type promises, the rows keep it or not. For each column there are candidates, from the promise to what
can hold anything of that family; the first one that every stored value fits is taken. Whether a value fits is
decided by the code that will read it. A column that mixes bytes with numbers has no type that keeps both: it stays
as declared, and reading it is refused at the first such row.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol

import pyarrow as pa

from wayfare.core.tables import Column, Meaning, Table
from wayfare.kernel.buffers import Slot
from wayfare.systems.databases.sqlite import density, dialect, native, promise, values
from wayfare.systems.databases.sqlite.files import Files

ROWS_PER_LOOK = 4096
THREADS = 2  # SQLite and the kernel look without the interpreter
ROWS_PER_THREAD_MIN = 50_000
INTEGER, REAL, TEXT, BLOB, NULL = (1 << storage for storage in (1, 2, 3, 4, 5))  # as `native.Looked.met` has them
_CLASSES = {int: INTEGER, float: REAL, str: TEXT, bytes: BLOB}
_UTC = re.compile(r".*(Z|[+-]00(:?00)?)")


@dataclass(frozen=True, slots=True)
class Candidate:
    type: pa.DataType
    meaning: Meaning = Meaning.PLAIN
    utc_only: bool = False  # a column not declared with zones may have them, if they are all UTC: nothing is lost
    only: int = 0  # storage classes that may occur; 0 for any the type accepts


_TEXTUAL = Candidate(pa.string())
_NUMERIC = Candidate(pa.string(), Meaning.NUMBER, only=INTEGER | REAL)
_BYTES = Candidate(pa.binary())
_ANYTHING = (_TEXTUAL, _BYTES)
_UNDECLARED = (
    Candidate(pa.int64()),
    Candidate(pa.float64(), only=INTEGER | REAL),
    _NUMERIC,
    Candidate(pa.string(), only=INTEGER | REAL | TEXT),
    _BYTES,
)


def candidates(column: Column) -> Sequence[Candidate]:
    """From the narrowest to what can hold anything of that family."""
    t, promised = column.type, Candidate(column.type, column.meaning)
    if column.meaning is Meaning.OTHER:
        return _UNDECLARED
    if pa.types.is_boolean(t):
        return (promised, *_UNDECLARED)
    if pa.types.is_integer(t):
        return (promised, Candidate(pa.float64()), _NUMERIC, *_ANYTHING)
    if pa.types.is_floating(t) or pa.types.is_decimal(t):
        return (promised, _NUMERIC, *_ANYTHING)
    if pa.types.is_date32(t):
        return (promised, Candidate(pa.timestamp("us")), *_ANYTHING)
    if pa.types.is_timestamp(t):
        finer = Candidate(pa.timestamp("ns", t.tz))
        utc = () if t.tz else (Candidate(pa.timestamp("us", "UTC"), utc_only=True),)
        micro = Candidate(pa.timestamp("us", t.tz))
        return (promised, micro, finer, *utc, *_ANYTHING)
    if pa.types.is_time64(t):
        return (promised, Candidate(pa.time64("ns")), *_ANYTHING)
    if pa.types.is_binary(t):
        return (Candidate(t, only=BLOB), *_ANYTHING)
    return (promised, *_ANYTHING)


def settle(column: Column, met: int, fitting: Sequence[bool]) -> Column:
    """`met`: the storage classes of its values; `fitting`: for each candidate, whether all values fit it."""
    if not met & (INTEGER | REAL | TEXT | BLOB):
        return replace(column, meaning=Meaning.PLAIN) if column.meaning is Meaning.OTHER else column
    for candidate, fits in zip(candidates(column), fitting, strict=True):
        if fits and not (candidate.only and met & ~(candidate.only | NULL)):
            length = column.length if candidate.type == column.type else None
            return replace(column, type=candidate.type, meaning=candidate.meaning, length=length)
    return column


def refine(files: Files, table: Table) -> Table:
    """Most tables keep their promises, which is quickly seen; only the columns that do not are looked at closely."""
    what = f"looking at {table.label}"
    reader = native.reader()
    look: Look = _Plain(files, what, table) if reader is None else _Native(reader, files, what, table)
    doubted = look.doubted()
    seen = look.closely(doubted) if doubted else []
    settled = {c.name: settle(c, s.met, s.fits) for c, s in zip(doubted, seen, strict=True)}
    return replace(table, columns=tuple(settled.get(c.name, c) for c in table.columns))


@dataclass(slots=True)
class Seen:
    fits: list[bool]  # for each candidate
    met: int = 0


class Look(Protocol):
    def doubted(self) -> Sequence[Column]:
        """At least the columns whose values do not all fit the first candidate."""
        ...

    def closely(self, columns: Sequence[Column]) -> Sequence[Seen]: ...


def _all_columns(table: Table) -> str:
    return f"SELECT {dialect.listed(tuple(c.name for c in table.columns)) or '1'} FROM {dialect.quote(table.name)}"


def _parts(files: Files, what: str, table: Table) -> Sequence[Sequence[str]]:
    """The table in parts that are looked at beside each other, each as the conditions of a WHERE."""
    by = density.cut_by(table)
    if not by or table.rows_estimate < ROWS_PER_THREAD_MIN * THREADS:
        return ((),)
    with files.reader(what) as connection:
        cuts = density.measure(connection, table.name, by).cuts(table.rows_estimate // THREADS)
    return [_bounded(dialect.quote(by), low, high) for low, high in itertools.pairwise([None, *cuts, None])]


def _bounded(by: str, low: int | None, high: int | None) -> list[str]:
    return [f"{by} >= {low}"] * (low is not None) + [f"{by} < {high}"] * (high is not None)


# -- the plain way ----------------------------------------------------------------------------------------------------


class _Plain:
    def __init__(self, files: Files, what: str, table: Table) -> None:
        self._files, self._what, self._table = files, what, table

    def doubted(self) -> Sequence[Column]:
        with ThreadPoolExecutor(THREADS) as pool:
            broken = any(pool.map(self._broken, _parts(self._files, self._what, self._table)))
        return [c for c in self._table.columns if broken or c.meaning is Meaning.OTHER]

    def _broken(self, part: Sequence[str]) -> bool:
        with self._files.reader(self._what) as connection:
            return connection.execute(promise.broken(self._table, part)).fetchone() is not None

    def closely(self, columns: Sequence[Column]) -> Sequence[Seen]:
        seen = [Seen([True] * len(candidates(c))) for c in columns]
        with self._files.reader(self._what) as connection:
            # What is not UTF-8 is shown as lone surrogates, which no text column takes: it is found to be bytes.
            connection.text_factory = lambda stored: str(stored, "utf-8", "surrogateescape")
            cursor = connection.execute(_all_columns(self._table))
            while rows := cursor.fetchmany(ROWS_PER_LOOK):
                for column, stored, facts in zip(columns, zip(*rows, strict=True), seen, strict=True):
                    _note(column, stored, facts)
        return seen


def _note(column: Column, stored: Sequence[values.Value], facts: Seen) -> None:
    facts.met |= sum(_CLASSES[kind] for kind in set(map(type, stored)) - {type(None)})
    for i, candidate in enumerate(candidates(column)):
        facts.fits[i] = facts.fits[i] and _fits(column, candidate, stored)


def _fits(column: Column, candidate: Candidate, stored: Sequence[values.Value]) -> bool:
    if candidate.type == pa.binary():
        return all(v is None or isinstance(v, (str, bytes)) for v in stored)
    if candidate.utc_only and not all(_UTC.fullmatch(v) for v in stored if isinstance(v, str)):
        return False
    try:
        values.to_arrow(replace(column, type=candidate.type, meaning=candidate.meaning), stored)
    except (values.Misfit, UnicodeEncodeError):
        return False
    return True


# -- the native way ---------------------------------------------------------------------------------------------------


class _Native:
    def __init__(self, reader: native.Reader, files: Files, what: str, table: Table) -> None:
        self._reader, self._files, self._what, self._table = reader, files, what, table

    def doubted(self) -> Sequence[Column]:
        firsts = [(c, i, candidates(c)[0]) for i, c in enumerate(self._table.columns)]
        looked = self._look([(_as(c, first), first, i) for c, i, first in firsts])
        return [
            column
            for (column, _, first), fits, met in zip(firsts, looked.fits, looked.met, strict=True)
            if column.meaning is Meaning.OTHER or not fits or (first.only and met & ~(first.only | NULL))
        ]

    def closely(self, columns: Sequence[Column]) -> Sequence[Seen]:
        sources = {c.name: i for i, c in enumerate(self._table.columns)}
        wanted = [(c, k) for c in columns for k in candidates(c)]
        looked = self._look([(_as(c, k), k, sources[c.name]) for c, k in wanted])
        results = iter(zip(looked.fits, looked.met, strict=True))
        seen = []
        for column in columns:
            mine = list(itertools.islice(results, len(candidates(column))))
            seen.append(Seen([fits for fits, _ in mine], mine[0][1]))
        return seen

    def _look(self, wanted: Sequence[tuple[Column, Candidate, int]]) -> native.Looked:
        """Columns that the kernel cannot decode (decimals of more than 38 digits) never fit."""
        slots = [native.slot(c, utc_only=k.utc_only) for c, k, _ in wanted]
        known = [(s, at) for s, (_, _, at) in zip(slots, wanted, strict=True) if s]
        with ThreadPoolExecutor(THREADS) as pool:
            parts = list(pool.map(lambda part: self._part(known, part), _parts(self._files, self._what, self._table)))
        fits = iter([all(p.fits[i] for p in parts) for i in range(len(known))])
        met = iter([functools.reduce(int.__or__, (p.met[i] for p in parts)) for i in range(len(known))])
        return native.Looked([bool(s) and next(fits) for s in slots], [next(met) if s else 0 for s in slots])

    def _part(self, known: Sequence[tuple[Slot, int]], part: Sequence[str]) -> native.Looked:
        sql = _all_columns(self._table) + (f" WHERE {' AND '.join(part)}" if part else "")
        with native.running(self._reader, self._files, self._what, sql) as statement:
            return statement.look([s for s, _ in known], [at for _, at in known])


def _as(column: Column, candidate: Candidate) -> Column:
    return replace(column, type=candidate.type, meaning=candidate.meaning)
