"""The catalog: what `sys.*` says of tables, views and sequences, in the words of core/tables.py."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import pyarrow as pa

from wayfare.core.tables import Check, Column, ForeignKey, Identity, Index, Table, View
from wayfare.core.tables import Sequence as NamedSequence
from wayfare.systems.databases.sqlserver import dialect, queries
from wayfare.systems.databases.sqlserver.types import SYSTEM, spelt, travels
from wayfare.systems.databases.sqlserver.views import select_of

Row: TypeAlias = dict[str, Any]
Ask: TypeAlias = Callable[[str], list[Row]]

_METHODS = {3: "xml", 4: "spatial", 5: "clustered columnstore", 6: "columnstore", 7: "hash"}
_ACTIONS = {"CASCADE": "CASCADE", "SET_NULL": "SET NULL", "SET_DEFAULT": "SET DEFAULT"}
LAST_USED_SINCE = 14  # SQL Server 2017


def tables(ask: Ask) -> list[Table]:
    columns, indexes = _grouped(ask(queries.COLUMNS)), _grouped(ask(queries.INDEXES))
    foreign, checks = _grouped(ask(queries.FOREIGN_KEYS)), _grouped(ask(queries.CHECKS))
    sizes = {row["id"]: row for row in ask(queries.SIZES)}
    found = []
    for row in ask(queries.TABLES):
        number, size = row["id"], sizes.get(row["id"], {})
        base = Table(
            name=row["name"],
            namespace=row["namespace"],
            columns=tuple(map(_column, columns[number])),
            foreign_keys=tuple(_foreign_keys(foreign[number])),
            checks=tuple(Check(c["name"], _unwrapped(c["definition"])) for c in checks[number] if not c["is_disabled"]),
            comment=row["comment"] or "",
            rows_estimate=int(size.get("row_count") or 0),
            bytes_estimate=int(size.get("byte_count") or 0),
            origin=SYSTEM,
        )
        found.append(_with_indexes(base, indexes[number]))
    return sorted(found, key=lambda t: (t.namespace, t.name))


def _grouped(rows: Sequence[Row]) -> defaultdict[int, list[Row]]:
    groups: defaultdict[int, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["id"]].append(row)
    return groups


def _column(row: Row) -> Column:
    """A type of somebody's own is told as the type it stands on; those of .NET stand on none."""
    own = row["type"] if row["type"] in ("hierarchyid", "geometry", "geography", "sysname") else ""
    base = own or row["base_type"] or row["type"]
    native = spelt(base, int(row["max_length"]), int(row["precision"]), int(row["scale"]))
    how = travels(native)
    identity = _identity(row) if pa.types.is_integer(how.type) else None
    return Column(
        name=row["name"],
        type=how.type,
        nullable=bool(row["is_nullable"]),
        meaning=how.meaning,
        native=native,
        origin=SYSTEM,
        length=how.length,
        default=_unwrapped(row["default_text"] or ""),
        generated=_unwrapped(row["computed"] or ""),
        identity=identity,
        comment=row["comment"] or "",
    )


def _identity(row: Row) -> Identity | None:
    if row["seed"] is None:
        return None
    step = int(row["increment"])
    following = int(row["seed"]) if row["last_value"] is None else int(row["last_value"]) + step
    return Identity(next=following, increment=step, always=True)


def _unwrapped(text: str) -> str:
    """Without the parentheses that SQL Server puts around every expression, and twice around numbers."""
    while text.startswith("(") and text.endswith(")") and _closes_at_end(text):
        text = text[1:-1].strip()
    return text


def _closes_at_end(text: str) -> bool:
    depth, inside = 0, ""
    for place, sign in enumerate(text):
        if inside:
            inside = "" if sign == inside else inside
        elif sign in "'\"[":
            inside = "]" if sign == "[" else sign
        else:
            depth += (sign == "(") - (sign == ")")
            if depth == 0:
                return place == len(text) - 1
    return False


def _with_indexes(table: Table, rows: Sequence[Row]) -> Table:
    groups: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["index_id"]].append(row)
    key: tuple[str, ...] = ()
    indexes = []
    for parts in groups.values():
        if parts[0]["is_primary_key"]:
            key = tuple(p["column_name"] for p in parts if not p["is_included_column"])
        else:
            indexes.append(_index(table, parts))
    return replace(table, key=key, indexes=tuple(indexes))


def _index(table: Table, parts: Sequence[Row]) -> Index:
    first = parts[0]
    keys = [p for p in parts if not p["is_included_column"]]
    included = tuple(p["column_name"] for p in parts if p["is_included_column"])
    index = Index(
        name=first["name"],
        columns=tuple(p["column_name"] for p in keys),
        unique=bool(first["is_unique"]),
        constraint=bool(first["is_unique_constraint"]),
        descending=tuple(map(bool, (p["is_descending_key"] for p in keys))) if _any_descending(keys) else (),
        method=_METHODS.get(int(first["type"]), ""),
        where=_unwrapped(first["filter_definition"] or ""),
    )
    return replace(index, definition=dialect.create_index(table, index, included))


def _any_descending(keys: Sequence[Row]) -> bool:
    return any(k["is_descending_key"] for k in keys)


def _foreign_keys(rows: Sequence[Row]) -> Iterator[ForeignKey]:
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if not row["is_disabled"]:
            groups[row["name"]].append(row)
    for name, parts in groups.items():
        yield ForeignKey(
            name=name,
            columns=tuple(p["column_name"] for p in parts),
            parent=parts[0]["parent"],
            parent_columns=tuple(p["parent_column"] for p in parts),
            parent_namespace=parts[0]["parent_namespace"],
            on_delete=_ACTIONS.get(parts[0]["on_delete"], ""),
            on_update=_ACTIONS.get(parts[0]["on_update"], ""),
        )


def views(ask: Ask) -> list[View]:
    """In the order in which they were made: one may read from another."""
    found = []
    for row in ask(queries.VIEWS):
        if row["definition"]:  # None for one WITH ENCRYPTION
            columns, text = select_of(row["definition"])
            comment = row["comment"] or ""
            found.append(View(row["name"], text, row["namespace"], SYSTEM, columns, comment=comment))
    return found


def sequences(ask: Ask, major: int) -> list[NamedSequence]:
    """Before 2017 nobody can tell whether a sequence was ever used: then its first value is left out."""
    used = "last_used_value" if major >= LAST_USED_SINCE else "current_value"
    found = []
    for row in ask(queries.SEQUENCES.format(used=used)):
        step, now = int(row["increment"]), int(row["current_value"])
        following = now if row["used"] is None else now + step
        found.append(NamedSequence(row["name"], row["namespace"], following, step))
    return found
