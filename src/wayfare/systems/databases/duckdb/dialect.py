"""DuckDB's SQL, as pure text."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace

from wayfare.core.ports import Chunk
from wayfare.core.tables import Column, ForeignKey, Identity, Index, Table, View

DEFAULT_NAMESPACE = "main"
OURS = re.compile(r"wayfare_[a-z0-9]{16}")


def quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def listed(names: Sequence[str]) -> str:
    return ", ".join(quote(n) for n in names)


def schema(run: str) -> str:
    return f"wayfare_{run}"


def place(namespace: str, name: str) -> str:
    return f"{quote(namespace or DEFAULT_NAMESPACE)}.{quote(name)}"


def path(table: Table | View) -> str:
    return place(table.namespace, table.name)


def staged(run: str, table: Table) -> Table:
    """All of a run's tables lie in one schema, so names from elsewhere than `main` carry their namespace's length."""
    elsewhere = table.namespace not in ("", DEFAULT_NAMESPACE)
    name = f"{len(table.namespace)}.{table.namespace}.{table.name}" if elsewhere else table.name
    return replace(table, namespace=schema(run), name=name)


def ledger(run: str) -> str:
    return place(schema(run), "wayfare ledger")


def aside(run: str) -> str:
    return place(schema(run), "wayfare aside")


def records(run: str) -> tuple[str, ...]:
    """Where a run keeps its own records: which chunks are in, and how what it replaced can be put back."""
    return (
        f"CREATE SCHEMA IF NOT EXISTS {quote(schema(run))}",
        f"CREATE TABLE IF NOT EXISTS {ledger(run)} "
        "(staged VARCHAR, chunk BIGINT, row_count BIGINT NOT NULL, PRIMARY KEY (staged, chunk))",
        f"CREATE TABLE IF NOT EXISTS {aside(run)} (step BIGINT PRIMARY KEY, undo VARCHAR NOT NULL, forget VARCHAR)",
    )


def create_bare(table: Table) -> str:
    """Columns alone: what is loaded into."""
    columns = ", ".join(f"{quote(c.name)} {c.native}" for c in table.written)
    return f"CREATE TABLE IF NOT EXISTS {path(table)} ({columns})"


def create_table(table: Table, sequences: dict[str, str] | None = None) -> str:
    """The whole definition: DuckDB cannot add checks or foreign keys later. `sequences`: column → its sequence."""
    lines = [_column_line(c, (sequences or {}).get(c.name, "")) for c in table.columns]
    if table.key:
        lines.append(f"PRIMARY KEY ({listed(table.key)})")
    lines += [f"UNIQUE ({listed(i.columns)})" for i in table.indexes if i.constraint]
    lines += [f"CHECK ({c.expression})" for c in table.checks]
    lines += [_foreign_key(table, k) for k in table.foreign_keys]
    return f"CREATE TABLE {path(table)} (\n  " + ",\n  ".join(lines) + "\n)"


def _column_line(column: Column, sequence: str) -> str:
    if column.generated:
        return f"{quote(column.name)} {column.native} GENERATED ALWAYS AS ({column.generated})"
    default = f"nextval({literal(sequence)})" if sequence else column.default
    required = "" if column.nullable else " NOT NULL"
    return f"{quote(column.name)} {column.native}" + (f" DEFAULT ({default})" if default else "") + required


def _foreign_key(table: Table, key: ForeignKey) -> str:
    """Without actions: DuckDB has none."""
    parent = place(key.parent_namespace or table.namespace, key.parent)
    columns = f" ({listed(key.parent_columns)})" if key.parent_columns else ""
    return f"FOREIGN KEY ({listed(key.columns)}) REFERENCES {parent}{columns}"


def create_sequence(namespace: str, name: str, identity: Identity) -> str:
    return f"CREATE SEQUENCE {place(namespace, name)} START {identity.next} INCREMENT {identity.increment}" + (
        f" MINVALUE {identity.next}" if identity.next < 1 else ""
    )


def create_index(table: Table, index: Index) -> str:
    parts = index.expression or listed(index.columns)
    unique = "UNIQUE " if index.unique else ""
    return f"CREATE {unique}INDEX {quote(index.name)} ON {path(table)} ({parts})"


def comments(table: Table) -> list[str]:
    whole = [f"COMMENT ON TABLE {path(table)} IS {literal(table.comment)}"] if table.comment else []
    return whole + [
        f"COMMENT ON COLUMN {path(table)}.{quote(c.name)} IS {literal(c.comment)}" for c in table.columns if c.comment
    ]


def draft(table: Table) -> list[str]:
    numbered = {c.name: place(table.namespace, f"{table.name}_{c.name}_seq") for c in table.columns if c.identity}
    sequences = [
        create_sequence(table.namespace, f"{table.name}_{c.name}_seq", c.identity) for c in table.columns if c.identity
    ]
    indexes = [create_index(table, i) for i in table.indexes if not i.constraint]
    return [*sequences, create_table(table, numbered), *indexes, *comments(table)]


def where(table: Table, chunk: Chunk) -> str:
    conditions = []
    by = "rowid" if chunk.by == "rowid" else quote(chunk.by)
    if chunk.low is not None:
        conditions.append(f"{by} >= {_bound(chunk.low)}")
    if chunk.high is not None:
        conditions.append(f"{by} < {_bound(chunk.high)}")
    if chunk.cursor:
        name = quote(chunk.cursor)
        if chunk.after is not None:
            conditions.append(f"{name} > {_bound(chunk.after)}")
        if chunk.upto is not None:
            conditions.append(f"{name} <= {_bound(chunk.upto)}")
    return " WHERE " + " AND ".join(conditions) if conditions else ""


def _bound(value: int | str) -> str:
    return str(int(value)) if isinstance(value, int) else literal(value)


def append(table: Table, source: str, columns: Sequence[str], condition: str = "") -> str:
    names = listed(columns)
    return f"INSERT INTO {path(table)} ({names}) SELECT {names} FROM {source}{condition}"


def merge(table: Table, source: str, columns: Sequence[str], indexed: Collection[str]) -> list[str]:
    """Upsert by key, in three or so statements.

    DuckDB changes an indexed column by deleting the row and adding it again, which a foreign key on the row forbids. So
    indexed columns are only touched where they differ; all others are changed in place.
    """
    rest = [n for n in columns if n not in table.key]
    plain = [n for n in rest if n not in indexed]
    found = [_update(table, source, plain)] if plain else []
    found += [_update(table, source, [n], _differs(table, n)) for n in rest if n in indexed]
    same = f"{listed(table.key)}"
    names = listed(columns)
    return [
        *found,
        f"INSERT INTO {path(table)} ({names}) SELECT {names} FROM {source} ANTI JOIN {path(table)} USING ({same})",
    ]


def _update(table: Table, source: str, columns: Sequence[str], condition: str = "") -> str:
    changes = ", ".join(f"{quote(n)} = staged.{quote(n)}" for n in columns)
    same = " AND ".join(f"{path(table)}.{quote(n)} = staged.{quote(n)}" for n in table.key)
    return f"UPDATE {path(table)} SET {changes} FROM {source} AS staged WHERE {same}{condition}"


def _differs(table: Table, column: str) -> str:
    return f" AND {path(table)}.{quote(column)} IS DISTINCT FROM staged.{quote(column)}"


def create_view(view: View) -> str:
    columns = f" ({listed(view.columns)})" if view.columns else ""
    return f"CREATE OR REPLACE VIEW {path(view)}{columns} AS {view.definition}"


def add_column(table: Table, column: Column) -> str:
    default = f" DEFAULT ({column.default})" if column.default else ""
    return f"ALTER TABLE {path(table)} ADD COLUMN IF NOT EXISTS {quote(column.name)} {column.native}{default}"
