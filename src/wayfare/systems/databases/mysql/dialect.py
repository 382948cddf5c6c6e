"""SQL text for MySQL and MariaDB. Pure; every name passes through `quote`, every value through `literal`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import pyarrow as pa

from wayfare.core.ports import Chunk
from wayfare.core.tables import Column, ForeignKey, Index, Table
from wayfare.systems.databases.mysql.types import BINARIES, TEXTS, spelling, travels

_ESCAPES = str.maketrans({"\\": "\\\\", "'": "''", "\0": "\\0", "\n": "\\n", "\r": "\\r", "\x1a": "\\Z"})
BYTES_BOUND = "\0x:"  # before hexadecimal digits: a bound that is bytes
_OFFSET = re.compile(r"(?:Z|\+00:?00)$")


def quote(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def names(columns: Sequence[str]) -> str:
    return ", ".join(map(quote, columns))


def literal(value: int | str) -> str:
    return str(value) if isinstance(value, int) else f"'{value.translate(_ESCAPES)}'"


# ---- reading


def expression(column: Column) -> str:
    """What to select so that the answer comes in the column's Arrow type."""
    name, kind, base = quote(column.name), column.type, spelling(column.native).base
    if pa.types.is_string(kind):
        return _text_expression(column, name, base)
    if pa.types.is_fixed_size_binary(kind) and base not in BINARIES:
        return f"UNHEX(REPLACE({name}, '-', ''))"
    if pa.types.is_integer(kind) and base and not pa.types.is_integer(travels(column.native).type):
        return f"CAST({name} AS {'SIGNED' if pa.types.is_signed_integer(kind) else 'UNSIGNED'})"
    if pa.types.is_decimal(kind) and base and travels(column.native).type != kind:
        return f"CAST({name} AS DECIMAL({min(kind.precision, 65)},{min(kind.scale, 30)}))"
    return name


def _text_expression(column: Column, name: str, base: str) -> str:
    if base == "bit":
        size = spelling(column.native).size or 1
        return f"LPAD(BIN({name} + 0), {size}, '0')"
    if not base or base in TEXTS or base in ("enum", "set", "json"):
        return name
    if base == "float":
        return f"CAST(CAST({name} AS DOUBLE) AS CHAR)"
    if base in BINARIES:
        return f"CONVERT({name} USING utf8mb4)"
    return f"CAST({name} AS CHAR)"


def select(table: Table, chunk: Chunk) -> str:
    columns = ", ".join(f"{expression(c)} AS {quote(c.name)}" for c in table.written) or "1"
    index = range_index(table, chunk.by) if chunk.by else ""
    # Without it the whole table is read for a chunk that holds more than a quarter of it.
    forced = f" FORCE INDEX ({quote(index)})" if index else ""
    return f"SELECT {columns} FROM {quote(table.name)}{forced}{where(table, chunk)}"


def where(table: Table, chunk: Chunk) -> str:
    """The table may be seen through some of its columns only, without those that bound the chunk."""
    conditions = []
    known = {c.name: c for c in table.columns}
    if chunk.by:
        column, name = known.get(chunk.by), quote(chunk.by)
        if chunk.low is not None:
            conditions.append(f"{name} >= {bound(chunk.low, column)}")
        if chunk.high is not None:
            conditions.append(f"{name} < {bound(chunk.high, column)}")
    if chunk.cursor:
        column, name = known.get(chunk.cursor), quote(chunk.cursor)
        conditions.append(f"{name} IS NOT NULL")
        if chunk.after is not None:
            conditions.append(f"{name} > {bound(chunk.after, column)}")
        if chunk.upto is not None:
            conditions.append(f"{name} <= {bound(chunk.upto, column)}")
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def bound(value: int | str, column: Column | None) -> str:
    """A bound of a chunk. Moments may be written as ISO 8601 has them."""
    if isinstance(value, int):
        return str(value)
    if value.startswith(BYTES_BOUND):
        return f"x'{bytes.fromhex(value.removeprefix(BYTES_BOUND)).hex()}'"
    if column and pa.types.is_timestamp(column.type):
        return literal(_OFFSET.sub("", value.strip().replace("T", " ", 1)))
    return literal(value)


def splittable(column: Column) -> bool:
    """May ranges of this column cut a table? NULL lies in no range, and ENUMs compare as text but sort by number."""
    kind, base = column.type, spelling(column.native).base
    if column.nullable or base in ("enum", "set", "bit", "json", "timestamp"):
        return False
    if pa.types.is_integer(kind) or base in ("date", "datetime"):
        return True
    return base in TEXTS or base in ("binary", "varbinary")


def range_index(table: Table, by: str) -> str:
    """The index whose ranges `by` cuts: the primary key, or else a unique index without NULLs."""
    if table.key and table.key[0] == by:
        return "PRIMARY"
    for index in table.indexes:
        if index.unique and index.columns and index.columns[0] == by and not index.lengths and not index.expression:
            return index.name
    return ""


# ---- writing


def load(table: Table) -> str:
    """LOAD DATA for lines as `encode` makes them."""
    targets, assignments = [], []
    for number, column in enumerate(table.written):
        function = _from_text(column)
        if function:
            targets.append(f"@v{number}")
            assignments.append(f"{quote(column.name)} = {function.format(f'@v{number}')}")
        else:
            targets.append(quote(column.name))
    given = f" SET {', '.join(assignments)}" if assignments else ""
    into = f"LOAD DATA LOCAL INFILE 'wayfare' INTO TABLE {quote(table.name)} CHARACTER SET utf8mb4"
    lines = "FIELDS TERMINATED BY '\\t' ESCAPED BY '\\\\' LINES TERMINATED BY '\\n'"
    return f"{into} {lines} ({', '.join(targets)}){given}"


def _from_text(column: Column) -> str:
    base = spelling(column.native).base
    if base == "bit":
        return "CAST(CONV({}, 2, 10) AS UNSIGNED)"
    binary = pa.types.is_binary(column.type) or (pa.types.is_fixed_size_binary(column.type) and base in BINARIES)
    return "UNHEX({})" if binary else ""


def insert(table: Table, values: str) -> str:
    return f"INSERT INTO {quote(table.name)} ({names([c.name for c in table.written])}) VALUES {values}"


def append_rows(staged: str, table: Table) -> str:
    columns = names([c.name for c in table.written])
    return f"INSERT INTO {quote(table.name)} ({columns}) SELECT {columns} FROM {quote(staged)}"


def merge_rows(staged: str, table: Table) -> Iterator[str]:
    """Upsert by primary key alone: ON DUPLICATE KEY UPDATE would also overwrite rows that share another unique key."""
    on = " AND ".join(f"t.{quote(k)} = s.{quote(k)}" for k in table.key)
    others = [c.name for c in table.written if c.name not in table.key]
    columns = [c.name for c in table.written]
    if others:
        changes = ", ".join(f"t.{quote(n)} = s.{quote(n)}" for n in others)
        yield f"UPDATE {quote(table.name)} t JOIN {quote(staged)} s ON {on} SET {changes}"
    picked = ", ".join(f"s.{quote(n)}" for n in columns)
    missing = f"LEFT JOIN {quote(table.name)} t ON {on} WHERE t.{quote(table.key[0])} IS NULL"
    yield f"INSERT INTO {quote(table.name)} ({names(columns)}) SELECT {picked} FROM {quote(staged)} s {missing}"


def delete_rows(table: Table, keys: Sequence[str]) -> str:
    """`keys` are rows of literals: (1,'a')."""
    return f"DELETE FROM {quote(table.name)} WHERE ({names(table.key)}) IN ({', '.join(keys)})"


# ---- structure


def add_index(index: Index, table: Table, bounded: Sequence[int]) -> str:
    """A part of ALTER TABLE. `bounded` are prefix lengths, 0 for a whole column."""
    kind = "UNIQUE INDEX" if index.unique else "INDEX"
    if index.method in ("fulltext", "spatial"):
        kind = f"{index.method.upper()} INDEX"
    comment = f" COMMENT {literal(index.comment)}" if index.comment else ""
    if index.expression:
        return f"ADD {kind} {quote(index.name)} ({index.expression}){comment}"
    parts = []
    for place, name in enumerate(index.columns):
        length = f"({bounded[place]})" if bounded[place] else ""
        order = " DESC" if index.descending and index.descending[place] else ""
        parts.append(quote(name) + length + order)
    using = " USING HASH" if index.method == "hash" else ""
    return f"ADD {kind} {quote(index.name)} ({', '.join(parts)}){using}{comment}"


def add_foreign_key(key: ForeignKey, name: str) -> str:
    actions = ""
    for event, action in (("DELETE", key.on_delete), ("UPDATE", key.on_update)):
        if action and action != "SET DEFAULT":  # InnoDB has no SET DEFAULT; without it the change is refused, not wrong
            actions += f" ON {event} {action}"
    parent = f"{quote(key.parent)} ({names(key.parent_columns)})"
    return f"ADD CONSTRAINT {quote(name)} FOREIGN KEY ({names(key.columns)}) REFERENCES {parent}{actions}"
