"""SQL text for SQL Server. Pure; every name passes through `quote`, every value through `literal`."""

from __future__ import annotations

import re

import pyarrow as pa

from wayfare.core.ports import Chunk
from wayfare.core.tables import Column, Index, Table
from wayfare.systems.databases.sqlserver.types import MOMENTS, NARROW, UNICODE, spelling

DEFAULT_NAMESPACE = "dbo"
_OFFSET = re.compile(r"(Z|[+-]\d\d:?\d\d)$")
_SPLITTABLE = frozenset({"decimal", "numeric", "uniqueidentifier", "date", "datetime2", "datetime", "smalldatetime"})


def quote(name: str) -> str:
    return "[" + name.replace("]", "]]") + "]"


def named(table: Table) -> str:
    return f"{quote(table.namespace or DEFAULT_NAMESPACE)}.{quote(table.name)}"


def bracketed(label: str) -> str:
    """A name as it is told, "shop.orders", as OBJECT_ID reads it: each part in brackets."""
    space, _, name = label.rpartition(".")
    return f"{quote(space or DEFAULT_NAMESPACE)}.{quote(name)}"


def literal(value: int | str) -> str:
    return str(value) if isinstance(value, int) else "N'" + value.replace("'", "''") + "'"


def where(table: Table, chunk: Chunk) -> str:
    """The table may be seen through some of its columns only, without those that bound the chunk."""
    known = {c.name: c for c in table.columns}
    conditions = []
    if chunk.by:
        name, column = quote(chunk.by), known.get(chunk.by)
        conditions += [f"{name} >= {bound(chunk.low, column)}"] if chunk.low is not None else []
        conditions += [f"{name} < {bound(chunk.high, column)}"] if chunk.high is not None else []
    if chunk.cursor:
        name, column = quote(chunk.cursor), known.get(chunk.cursor)
        conditions.append(f"{name} IS NOT NULL")
        conditions += [f"{name} > {bound(chunk.after, column)}"] if chunk.after is not None else []
        conditions += [f"{name} <= {bound(chunk.upto, column)}"] if chunk.upto is not None else []
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def bound(value: int | str, column: Column | None) -> str:
    """A bound of a chunk, in the column's own type: compared as text, moments and numbers would sort as text."""
    if isinstance(value, int):
        return str(value)
    base = spelling(column.native).base if column else ""
    if base in MOMENTS:
        text = value.strip().replace("T", " ", 1)
        if base == "datetimeoffset":
            return f"CAST({literal(text if _OFFSET.search(text) else text + ' +00:00')} AS datetimeoffset(7))"
        return f"CAST({literal(_OFFSET.sub('', text).strip())} AS datetime2(7))"
    if base in ("date", "uniqueidentifier"):
        return f"CAST({literal(value)} AS {base})"
    if base in ("decimal", "numeric") and column:
        return f"CAST({literal(value)} AS {column.native})"
    if base in ("timestamp", "rowversion"):
        return f"CAST(0x{bytes.fromhex(value.removeprefix('0x')).hex()} AS binary(8))"
    return literal(value)


def splittable(column: Column) -> bool:
    """May ranges of this column cut a table? NULL lies in no range."""
    base = spelling(column.native).base
    if column.nullable:
        return False
    return pa.types.is_integer(column.type) or base in _SPLITTABLE or base in UNICODE | NARROW


def create_index(table: Table, index: Index, included: tuple[str, ...]) -> str:
    """An index in SQL Server's own words, as `Index.definition` keeps them."""
    orders = index.descending or (False,) * len(index.columns)
    parts = ", ".join(quote(c) + (" DESC" if d else "") for c, d in zip(index.columns, orders, strict=True))
    kind = f"{'UNIQUE ' if index.unique else ''}{index.method.upper() + ' ' if index.method else ''}INDEX"
    more = f" INCLUDE ({', '.join(map(quote, included))})" if included else ""
    where = f" WHERE {index.where}" if index.where else ""
    return f"CREATE {kind} {quote(index.name)} ON {named(table)} ({parts}){more}{where}"
