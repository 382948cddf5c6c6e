"""SQLite's SQL, as pure text."""

from __future__ import annotations

import re
from dataclasses import replace

from wayfare.core.ports import Chunk
from wayfare.core.tables import Column, ForeignKey, Index, Table, View

OURS = re.compile(r"wayfare_[a-z0-9]{16}_")
COMMENT = "--: "  # SQLite keeps a statement's text, comments included: ours carry the comments of tables and columns
ROWID_NAMES = ("rowid", "_rowid_", "oid")


def quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def listed(names: tuple[str, ...]) -> str:
    return ", ".join(quote(n) for n in names)


def staged_name(run: str, name: str) -> str:
    return f"wayfare_{run}_{name}"


def aside_name(run: str, name: str) -> str:
    return f"wayfare_{run}_old_{name}"


def ledger(run: str) -> str:
    return quote(f"wayfare_{run}_ledger")


def aside(run: str) -> str:
    return quote(f"wayfare_{run}_aside")


def ours(run: str) -> tuple[str, ...]:
    """The tables in which a run keeps its own records: which chunks are in, and what was set aside."""
    return (
        f"CREATE TABLE IF NOT EXISTS {ledger(run)} "
        "(staged TEXT NOT NULL, chunk INTEGER NOT NULL, row_count INTEGER NOT NULL, PRIMARY KEY (staged, chunk))",
        f"CREATE TABLE IF NOT EXISTS {aside(run)} (name TEXT PRIMARY KEY, old TEXT, restore TEXT NOT NULL)",
    )


def rowid(columns: tuple[str, ...]) -> str:
    """The name by which rows can be addressed beside these columns; "" when all three are taken."""
    taken = {c.lower() for c in columns}
    return next((n for n in ROWID_NAMES if n not in taken), "")


def by_rowid(table: Table) -> str:
    """The name by which this table's rows can be addressed; "" for one without row ids, or where no name is left."""
    hints = dict(table.hints)
    return "" if "virtual" in hints or "without_rowid" in hints else rowid(tuple(c.name for c in table.columns))


def create_table(table: Table, name: str) -> str:
    """The whole definition at once: SQLite cannot add keys or constraints later."""
    hints = dict(table.hints)
    numbered = numbers_itself(table)
    lines = [_column_line(c, hints, numbered) for c in table.columns]
    lines += _constraint_lines(table, numbered)
    options = [o for o, hint in (("STRICT", "strict"), ("WITHOUT ROWID", "without_rowid")) if hint in hints]
    head = f"CREATE TABLE {quote(name)} {_comment(table.comment)}("
    return head + "\n  " + ",\n  ".join(lines) + "\n)" + (" " + ", ".join(options) if options else "")


def numbers_itself(table: Table) -> Column | None:
    """The column that becomes INTEGER PRIMARY KEY: SQLite numbers rows by nothing else."""
    if len(table.key) != 1 or "without_rowid" in dict(table.hints):
        return None
    column = table.column(table.key[0])
    return column if column.identity else None


def _column_line(column: Column, hints: dict[str, str], numbered: Column | None) -> str:
    parts = [_comment(column.comment) + quote(column.name), column.native]
    if column is numbered:
        rowid_only = column.origin == "sqlite" and "autoincrement" not in hints and "rowid_key" in hints
        parts[1] = "INTEGER PRIMARY KEY" if rowid_only else "INTEGER PRIMARY KEY AUTOINCREMENT"
    if not column.nullable:
        parts.append("NOT NULL")
    if column.default:
        parts.append(f"DEFAULT ({column.default})")
    if collation := hints.get(f"collate {column.name}"):
        parts.append(f"COLLATE {quote(collation)}")
    if column.generated:
        kind = hints.get(f"generated {column.name}", "VIRTUAL")
        parts.append(f"GENERATED ALWAYS AS ({column.generated}) {kind}")
    return " ".join(p for p in parts if p)


def _constraint_lines(table: Table, numbered: Column | None) -> list[str]:
    lines = []
    if table.key and numbered is None:
        lines.append(f"PRIMARY KEY ({listed(table.key)})")
    lines += [f"{_named(i.name)}UNIQUE ({listed(i.columns)})" for i in table.indexes if i.constraint]
    lines += [f"{_named(c.name)}CHECK ({c.expression})" for c in table.checks]
    lines += [_foreign_key(k) for k in table.foreign_keys]
    return lines


def _named(name: str) -> str:
    return f"CONSTRAINT {quote(name)} " if name else ""


def _foreign_key(key: ForeignKey) -> str:
    to = f"REFERENCES {quote(key.parent)}" + (f" ({listed(key.parent_columns)})" if key.parent_columns else "")
    actions = (f" ON DELETE {key.on_delete}" if key.on_delete else "") + (
        f" ON UPDATE {key.on_update}" if key.on_update else ""
    )
    late = " DEFERRABLE INITIALLY DEFERRED" if key.deferrable else ""
    return f"{_named(key.name)}FOREIGN KEY ({listed(key.columns)}) {to}{actions}{late}"


def _comment(text: str) -> str:
    return "".join(f"{COMMENT}{line}\n  " for line in text.splitlines())


def create_index(index: Index, table_name: str) -> str:
    descending = index.descending or (False,) * len(index.columns)
    parts = index.expression or ", ".join(
        quote(c) + (" DESC" if d else "") for c, d in zip(index.columns, descending, strict=True)
    )
    unique = "UNIQUE " if index.unique else ""
    where = f" WHERE {index.where}" if index.where else ""
    return f"CREATE {unique}INDEX {quote(index.name)} ON {quote(table_name)} ({parts}){where}"


def select(table: Table, chunk: Chunk, expressions: str) -> tuple[str, list[int | str]]:
    """The rows of one chunk, in the order of storage, and the parameters.

    Where an index holds all that is asked for, SQLite would take its order; so the row ids' is asked for, in which the
    table lies. But a cursor's index finds the rows of an incremental chunk.
    """
    conditions: list[tuple[str, int | str]] = []
    by = quote(chunk.by)
    if chunk.low is not None:
        conditions.append((f"{by} >= ?", chunk.low))
    if chunk.high is not None:
        conditions.append((f"{by} < ?", chunk.high))
    if chunk.cursor:
        conditions += _since(table.column(chunk.cursor), chunk)
    where = " WHERE " + " AND ".join(c for c, _ in conditions) if conditions else ""
    order = f" ORDER BY {quote(by_rowid(table))}" if by_rowid(table) and not chunk.cursor else ""
    return f"SELECT {expressions} FROM {quote(table.name)}{where}{order}", [v for _, v in conditions]


def _since(column: Column, chunk: Chunk) -> list[tuple[str, int | str]]:
    moment = str(column.type).startswith("timestamp")
    side = _moment_sql(quote(column.name)) if moment else quote(column.name)
    bounds = ((">", chunk.after), ("<=", chunk.upto))
    return [
        (f"{side} {sign} ?", _moment(bound) if moment and isinstance(bound, str) else bound)
        for sign, bound in bounds
        if bound is not None
    ]


def _moment_sql(x: str) -> str:
    """Moments are text, and equal ones must be spelled alike: a blank, nine digits of a second, no UTC sign."""
    bare = f"replace(replace(replace({x}, 'T', ' '), 'Z', ''), '+00:00', '')"
    return f"substr({bare} || CASE instr({bare}, '.') WHEN 0 THEN '.' ELSE '' END || '000000000', 1, 29)"


def _moment(text: str) -> str:
    bare = text.replace("T", " ").replace("Z", "").replace("+00:00", "")
    return f"{bare if '.' in bare else bare + '.'}000000000"[:29]


def move_rows(table: Table, staged: str, *, merge: bool) -> str:
    """Append the staged rows to the existing table, or upsert them by primary key."""
    names = tuple(c.name for c in table.written)
    sql = f"INSERT INTO {quote(table.name)} ({listed(names)}) SELECT {listed(names)} FROM {quote(staged)} WHERE true"
    if not merge:
        return sql
    rest = [n for n in names if n not in table.key]
    change = "UPDATE SET " + ", ".join(f"{quote(n)} = excluded.{quote(n)}" for n in rest) if rest else "NOTHING"
    return f"{sql} ON CONFLICT ({listed(table.key)}) DO {change}"


def draft(table: Table) -> list[str]:
    indexes = [create_index(i, table.name) for i in table.indexes if not i.constraint]
    return [create_table(table, table.name), *indexes]


def create_view(view: View) -> str:
    columns = f" ({listed(view.columns)})" if view.columns else ""
    return f"CREATE VIEW {quote(view.name)}{columns} AS {view.definition}"


def add_column(table: Table, column: Column) -> str:
    """Existing rows get the default or NULL, so a column that must be filled cannot be NOT NULL without one."""
    bare = replace(column, nullable=column.nullable or not column.default, identity=None, comment="")
    return f"ALTER TABLE {quote(table.name)} ADD COLUMN {_column_line(bare, {}, None)}"


def delete(table: Table) -> str:
    return f"DELETE FROM {quote(table.name)} WHERE " + " AND ".join(f"{quote(k)} = ?" for k in table.key)
