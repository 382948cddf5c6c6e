"""In which text formats rows can come and go without being parsed. Pure.

Coming: `core.lines`, which equals LOAD DATA's own format. Between MySQL and MariaDB: the same lines, made from the
binary protocol by the native part, where zero dates and everything else pass as they are.

What came as neutral lines can be sent back byte for byte, so that its digest can be compared, unless it holds floats,
whose shortest digits only their own server prints, or documents, which MySQL rewrites. A row's digest is that of one
value: its line, with its end.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa

from wayfare.core.lines import form_of, lines_format
from wayfare.core.tables import Column, Meaning, Table
from wayfare.systems.databases.mysql.native import library
from wayfare.systems.databases.mysql.types import BINARIES, SYSTEM, TEXTS, spelling

OWN = f"{SYSTEM}-lines"
_TEXTUAL = TEXTS | {"enum", "set", "json"}
_CHARSET = re.compile(r" (?:CHARACTER SET|COLLATE) \w+", re.IGNORECASE)
# What each form of `core.lines` may be loaded into, by the base of the native type.
_INTO = {
    "bool01": frozenset({"tinyint"}),
    "int": frozenset({"tinyint", "smallint", "mediumint", "int", "bigint", "decimal"}),
    "float": frozenset({"float", "double"}),
    "decimal": frozenset({"decimal"}) | TEXTS,
    "text": _TEXTUAL,
    "hex": BINARIES,
    "date": frozenset({"date"}),
    "time": frozenset({"time"}),
    "datetime": frozenset({"datetime", "timestamp"}),
    "datetimez": frozenset({"datetime", "timestamp"}),
    "json": frozenset({"json", "longtext"}),
    "uuid": frozenset({"char", "varchar", "uuid"}),
}
_NOT_BACK = {"int": {"decimal"}, "text": {"char", "json"}, "decimal": {"char"}}  # CHAR loses the spaces at its end
_BACK = {form: bases - _NOT_BACK.get(form, set()) for form, bases in _INTO.items() if form not in ("float", "json")}


def own_format(table: Table) -> str:
    """The format between like systems; "" where rows must be looked at: MySQL rewrites JSON, MariaDB keeps it."""
    columns = table.written
    if table.origin != SYSTEM or not columns or any(c.meaning is Meaning.JSON or not c.native for c in columns):
        return ""
    return f"{OWN}({'; '.join(_CHARSET.sub('', c.native) for c in columns)})"


def sends(table: Table) -> Sequence[str]:
    own = own_format(table) if library() else ""  # through Arrow, zero dates would not pass
    neutral = lines_format(table.written) or ""
    return [form for form in (own, neutral if _gives_back(table) else "") if form]


def _gives_back(table: Table) -> bool:
    """Are the neutral lines of what was loaded into this table again the same bytes?"""
    return all(
        spelling(c.native).base in _BACK.get(form_of(c) or "", ()) and "zerofill" not in spelling(c.native).rest.lower()
        for c in table.written
    )


def receives(source: Table, landed: Table) -> Sequence[str]:
    forms = []
    own = own_format(source)
    if own and own == own_format(replace(landed, origin=SYSTEM)):
        forms.append(own)
    neutral = lines_format(source.written)
    if neutral and source.origin != SYSTEM and _takes(neutral, source, landed):
        forms.append(neutral)
    return forms


def _takes(neutral: str, source: Table, landed: Table) -> bool:
    forms = neutral.removeprefix("lines(").removesuffix(")").split(",")
    columns = list(zip(forms, source.written, landed.written, strict=True)) if _same_size(source, landed) else []
    return bool(columns) and all(
        spelling(target.native).base in _INTO.get(form, ()) and _keeps(form, column, target)
        for form, column, target in columns
    )


def _same_size(source: Table, landed: Table) -> bool:
    return len(source.written) == len(landed.written)


def _keeps(form: str, source: Column, landed: Column) -> bool:
    """Does LOAD DATA take every value exactly, or complain? It rounds decimals and fractions of a second silently."""
    if form in ("int", "float", "bool01"):
        return bool(source.type == landed.type)
    if form == "decimal" and pa.types.is_decimal(landed.type):
        return bool(source.type == landed.type)
    if form in ("time", "datetime", "datetimez"):
        return (spelling(landed.native).size or 0) >= _fraction(source.type)
    return True


def _fraction(kind: pa.DataType) -> int:
    return {"s": 0, "ms": 3}.get(kind.unit, 6)


def readable(table: Table) -> Table:
    """The table as `send` selects it: what has a text of its own (UUIDs) goes as that."""
    columns = tuple(
        replace(c, type=pa.string())
        if pa.types.is_fixed_size_binary(c.type) and spelling(c.native).base in _INTO["uuid"]
        else c
        for c in table.columns
    )
    return replace(table, columns=columns)
