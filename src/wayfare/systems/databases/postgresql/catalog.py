"""The catalog's rows as tables, views and sequences."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from wayfare.core.tables import Check, Column, ForeignKey, Identity, Index, Meaning, Table, View
from wayfare.core.tables import Sequence as NamedSequence
from wayfare.systems.databases.postgresql import queries, types
from wayfare.systems.databases.postgresql.connect import Connection
from wayfare.systems.databases.postgresql.dialect import qualified, quote

PARTITIONED = "partitioned by"  # hint: the table is read through its parent
HAS_CHILDREN = "has children"  # hint: others inherit from it, and their rows are theirs
PRIMARY_KEY = "primary key"  # hint: the constraint's name
BEGIN_CATALOG = "begin isolation level repeatable read read only"
_ACTIONS = {"a": "", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT", "r": "RESTRICT"}
_SEQUENCES_PER_QUERY = 200

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Type:
    """A row of pg_type."""

    builtin: bool
    name: str
    kind: str  # b, d (domain), e (enum), r (range) …
    base: int
    base_modifier: int
    element: int
    is_array: bool
    labels: Sequence[str]
    checks: Sequence[str]  # of a domain


class Catalog:
    """Reads one connection's catalog, within a transaction that the caller opened with BEGIN_CATALOG."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        connection.execute("set local search_path = ''")

    def tables(self) -> list[Table]:
        kinds = self._types()
        columns = self._grouped(queries.COLUMNS)
        constraints = self._grouped(queries.CONSTRAINTS)
        indexes = self._grouped(queries.INDEXES)
        following = self._next_values(row[12] for rows in columns.values() for row in rows if row[12])
        return [
            self._table(row, columns[row[0]], constraints[row[0]], indexes[row[0]], kinds, following)
            for row in self._rows(queries.TABLES)
        ]

    def views(self) -> list[View]:
        return [
            View(name, text.strip().removesuffix(";"), space, types.SYSTEM, tuple(columns), materialized, comment)
            for space, name, text, materialized, comment, columns in self._rows(queries.VIEWS)
        ]

    def sequences(self) -> list[NamedSequence]:
        found = self._rows(queries.FREE_SEQUENCES)
        following = self._next_values(row[0] for row in found)
        return [NamedSequence(name, space, following[oid], step) for oid, space, name, step in found]

    def _rows(self, sql: str) -> list[Row]:
        return self._connection.execute(sql).fetchall()

    def _grouped(self, sql: str) -> defaultdict[int, list[Row]]:
        groups: defaultdict[int, list[Row]] = defaultdict(list)
        for row in self._rows(sql):
            groups[row[0]].append(row)
        return groups

    def _types(self) -> dict[int, Type]:
        return {row[0]: Type(*row[1:]) for row in self._rows(queries.TYPES)}

    def _next_values(self, oids: Any) -> dict[int, int]:
        """What each sequence would give next. (pg_sequence_last_value does not know of a restarted sequence.)"""
        wanted = sorted(set(oids))
        found: dict[int, int] = {}
        for start in range(0, len(wanted), _SEQUENCES_PER_QUERY):
            part = wanted[start : start + _SEQUENCES_PER_QUERY]
            names = self._connection.execute(
                "select c.oid, n.nspname, c.relname, s.seqincrement from pg_class c"
                " join pg_namespace n on n.oid = c.relnamespace join pg_sequence s on s.seqrelid = c.oid"
                " where c.oid = any(%s)",
                (part,),
            ).fetchall()
            texts = [
                f"select {oid}::int8, last_value + case when is_called then {step} else 0 end from {qualified(n, r)}"
                for oid, n, r, step in names
            ]
            if texts:
                found.update(self._rows(" union all ".join(texts)))
        return found

    def _table(
        self,
        row: Row,
        columns: Sequence[Row],
        constraints: Sequence[Row],
        indexes: Sequence[Row],
        kinds: Mapping[int, Type],
        following: Mapping[int, int],
    ) -> Table:
        _, namespace, name, comment, tuples, size, partitioned, has_children = row
        key = next((k for k in constraints if k[2] == "p"), None)
        hints = [(PARTITIONED, partitioned)] if partitioned else []
        hints += [(HAS_CHILDREN, "yes")] if has_children else []
        hints += [(PRIMARY_KEY, key[1])] if key and key[1] != f"{name}_pkey" else []
        return Table(
            name,
            tuple(_column(c, kinds, following) for c in columns),
            key=tuple(key[4]) if key else (),
            namespace=namespace,
            indexes=tuple(_index(i) for i in indexes),
            foreign_keys=tuple(_foreign_key(k) for k in constraints if k[2] == "f"),
            checks=(*(Check(k[1], k[3]) for k in constraints if k[2] == "c"), *_domain_checks(name, columns, kinds)),
            comment=comment,
            rows_estimate=tuples,
            bytes_estimate=size,
            origin=types.SYSTEM,
            hints=tuple(hints),
        )


def _column(row: Row, kinds: Mapping[int, Type], following: Mapping[int, int]) -> Column:
    _, name, oid, _, native, required, numbered, computed, default, comment, dimensions, collation = row[:12]
    sequence, sequence_name, increment, _ = row[12:]
    base, base_native = _base(oid, native, kinds)
    kind, meaning, labels = _travels(base, base_native, kinds)
    if dimensions > 1 and pa.types.is_list(kind):  # a matrix has no list type; its text is exact
        kind, meaning, labels = pa.string(), Meaning.OTHER, ()
        native += "[]" * (dimensions - 1)
    if meaning is Meaning.OTHER and kinds[oid].kind == "d":
        native = base_native
    identity = None
    if sequence and (numbered or default.startswith("nextval(")):
        identity = Identity(following.get(sequence, 1), increment, numbered == "a", sequence_name)
    return Column(
        name,
        kind,
        nullable=not required,
        meaning=meaning,
        native=f"{native} COLLATE {collation}" if collation else native,
        origin=types.SYSTEM,
        length=types.length_of(base_native),
        labels=labels,
        default="" if computed or identity else default,
        generated=default if computed else "",
        identity=identity,
        comment=comment,
    )


def _base(oid: int, native: str, kinds: Mapping[int, Type]) -> tuple[Type, str]:
    """The type under any number of domains, and its spelling with modifiers."""
    kind = kinds[oid]
    if kind.kind != "d":
        return kind, native
    base = kinds[kind.base]
    return _base(kind.base, _spelled(base, kind.base_modifier, kinds), kinds)


def _spelled(kind: Type, modifier: int, kinds: Mapping[int, Type]) -> str:
    """What format_type says, for the base type of a domain."""
    if kind.is_array:
        return _spelled(kinds[kind.element], modifier, kinds) + "[]"
    name = _LONG_NAMES.get(kind.name, kind.name)
    if modifier < 0 or not kind.builtin:
        return name
    if kind.name == "numeric":
        precision, scale = (modifier - 4) >> 16, (((modifier - 4) & 0x7FF) ^ 1024) - 1024
        return f"numeric({precision},{scale})"
    if kind.name in ("varchar", "bpchar"):
        return f"{name}({modifier - 4})"
    if kind.name in ("bit", "varbit"):
        return f"{name}({modifier})"
    return name  # fractional seconds do not change how a value travels


_LONG_NAMES = {short: spelled for spelled, short in types.SPELLINGS.items()}


def _travels(kind: Type, native: str, kinds: Mapping[int, Type]) -> tuple[pa.DataType, Meaning, tuple[str, ...]]:
    if kind.kind == "e":
        return pa.string(), Meaning.ENUM, tuple(kind.labels)
    if kind.is_array:
        element, spelled = _base(kind.element, native.removesuffix("[]"), kinds)
        inner, meaning, labels = _travels(element, spelled, kinds)
        return pa.list_(inner), meaning, labels
    if not kind.builtin:
        return pa.string(), Meaning.OTHER, ()
    return (*types.arrow_of(native), ())


def _domain_checks(table: str, columns: Sequence[Row], kinds: Mapping[int, Type]) -> list[Check]:
    """A domain's checks, said of the column. Its VALUE is a keyword there, printed bare."""
    found: list[Check] = []
    for row in columns:
        kind = kinds[row[2]]
        while kind.kind == "d":
            for text in kind.checks:
                expression = _of_column(text, row[1])
                found.append(Check(f"{table}_{row[1]}_{kind.name}_{len(found) + 1}", expression))
            kind = kinds[kind.base]
    return found


def _of_column(expression: str, column: str) -> str:
    """Replace VALUE outside of quotes by the column's name."""
    parts: list[str] = []
    quoted = ""
    place = 0
    while place < len(expression):
        character = expression[place]
        if quoted:
            quoted = "" if character == quoted else quoted
        elif character in "'\"":
            quoted = character
        elif expression.startswith("VALUE", place) and not _joined(expression, place, place + 5):
            parts.append(quote(column))
            place += 5
            continue
        parts.append(character)
        place += 1
    return "".join(parts)


def _joined(text: str, start: int, end: int) -> bool:
    """Is text[start:end] only a part of a longer word?"""
    before, after = text[start - 1 : start], text[end : end + 1]
    return before.isalnum() or after.isalnum() or before in {"_", "."} or after == "_"


def _index(row: Row) -> Index:
    _, name, unique, constraint, method, statement, declared, where, comment, columns, descending, parts = row
    computed = None in columns
    return Index(
        name,
        columns=tuple(c for c in columns if c is not None),
        unique=unique,
        constraint=constraint,
        descending=() if computed or not any(descending) else tuple(descending[: len(columns)]),
        method="" if method == "btree" else method,
        expression=", ".join(parts) if computed else "",
        where=where,
        definition=declared if constraint else statement,
        comment=comment,
    )


def _foreign_key(row: Row) -> ForeignKey:
    _, name, _, _, columns, parent, namespace, parent_columns, deleted, updated, deferrable = row
    return ForeignKey(
        name,
        tuple(columns),
        parent,
        tuple(parent_columns),
        namespace,
        _ACTIONS.get(deleted, ""),
        _ACTIONS.get(updated, ""),
        deferrable,
    )
