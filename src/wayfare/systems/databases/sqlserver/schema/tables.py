"""One table as text, with its columns, constraints and indexes. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, TypeAlias

from wayfare.systems.databases.sqlserver.dialect import quote
from wayfare.systems.databases.sqlserver.types import spelt

Row: TypeAlias = dict[str, Any]

_KEYS = {"PK": "PRIMARY KEY", "UQ": "UNIQUE"}
_GENERATED = {1: " GENERATED ALWAYS AS ROW START", 2: " GENERATED ALWAYS AS ROW END"}


def grouped(rows: Sequence[Row]) -> defaultdict[int, list[Row]]:
    groups: defaultdict[int, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["id"]].append(row)
    return groups


def typed(row: Row, base: str) -> str:
    return spelt(base, int(row["max_length"]), int(row["precision"]), int(row["scale"]))


def made(
    label: str, columns: Sequence[Row], indexes: Sequence[Row], foreign: Sequence[Row], checks: Sequence[Row]
) -> tuple[str, list[tuple[str, str]]]:
    """CREATE TABLE with its constraints in a fixed order, and the other indexes: name, CREATE INDEX."""
    keys, others = [], []
    for _, parts in groupby(indexes, key=lambda row: int(row["number"])):
        rows = list(parts)
        if rows[0]["key_type"]:
            keys.append(_key(rows))
        else:
            others.append((rows[0]["name"], _index(label, rows)))
    parents = [_foreign_key(list(parts)) for _, parts in groupby(foreign, key=lambda row: int(row["number"]))]
    lines = [*map(_column, columns), *sorted(keys), *sorted(parents), *sorted(map(_check, checks))]
    body = "".join(f"\n  {line}," for line in lines).rstrip(",")
    return f"CREATE TABLE {label} ({body}\n)", others


def _column(row: Row) -> str:
    name = quote(row["name"])
    if row["computed"]:
        return f"{name} AS {row['computed']}{' PERSISTED' if row['is_persisted'] else ''}"
    own = row["is_user_defined"]
    kind = f"{quote(row['type_namespace'])}.{quote(row['type'])}" if own else typed(row, row["type"])
    return f"{name} {kind}" + "".join(_properties(row))


def _properties(row: Row) -> Iterator[str]:
    if row["collation"] and row["collation"] != row["usual_collation"]:
        yield f" COLLATE {row['collation']}"
    if row["is_sparse"]:
        yield " SPARSE"
    yield _GENERATED.get(int(row["generated"] or 0), "")
    yield " NULL" if row["is_nullable"] else " NOT NULL"
    if row["seed"] is not None:
        yield f" IDENTITY({int(row['seed'])},{int(row['increment'])})"
    if row["is_rowguidcol"]:
        yield " ROWGUIDCOL"
    if row["default_text"]:
        yield f" {_called(row['default_name'], row['default_unnamed'])}DEFAULT {row['default_text']}"


def _called(name: str, unnamed: Any) -> str:
    return "" if unnamed else f"CONSTRAINT {quote(name)} "


def _parts(rows: Sequence[Row]) -> str:
    keys = [row for row in rows if not row["is_included_column"]]
    return ", ".join(quote(r["column_name"]) + (" DESC" if r["is_descending_key"] else "") for r in keys)


def _key(rows: Sequence[Row]) -> str:
    first = rows[0]
    kind = _KEYS.get(str(first["key_type"]).strip(), "UNIQUE")
    return f"{_called(first['name'], first['unnamed'])}{kind} {first['type']} ({_parts(rows)}){_more(first)}"


def _index(label: str, rows: Sequence[Row]) -> str:
    first = rows[0]
    included = [quote(row["column_name"]) for row in rows if row["is_included_column"]]
    keys = _parts(rows)
    text = f"CREATE {'UNIQUE ' if first['is_unique'] else ''}{first['type']} INDEX {quote(first['name'])} ON {label}"
    text += f" ({keys})" if keys else ""
    if included:
        text += f" INCLUDE ({', '.join(included)})"
    if first["filter"]:
        text += f" WHERE {first['filter']}"
    return text + _more(first)


def _more(row: Row) -> str:
    return (" WITH (IGNORE_DUP_KEY = ON)" if row["ignore_dup_key"] else "") + _state(row)


def _state(row: Row) -> str:
    """Disabled, or not trusted: rows that were there have not been looked at."""
    return " -- disabled" if row["is_disabled"] else " -- not trusted" if row.get("is_not_trusted") else ""


def _foreign_key(rows: Sequence[Row]) -> str:
    first = rows[0]
    own, other = (", ".join(quote(row[name]) for row in rows) for name in ("column_name", "parent_column"))
    parent = f"{quote(first['parent_namespace'])}.{quote(first['parent'])}"
    text = f"{_called(first['name'], first['unnamed'])}FOREIGN KEY ({own}) REFERENCES {parent} ({other})"
    for event, act in (("DELETE", first["on_delete"]), ("UPDATE", first["on_update"])):
        if act and act != "NO_ACTION":
            text += f" ON {event} {act.replace('_', ' ')}"
    return text + _state(first)


def _check(row: Row) -> str:
    return f"{_called(row['name'], row['unnamed'])}CHECK {row['definition']}{_state(row)}"
