"""ClickHouse's SQL, as text. Pure: only `quote` and `text_literal` put foreign words into a statement."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from wayfare.core.tables import Check, Column, Index, Table
from wayfare.systems.databases.clickhouse.native import parse, split_list, unescape

ATTEMPT = "_wayfare_attempt"  # a staged table's extra column: which attempt wrote the row
MERGE_RELUCTANCE = "min_parts_to_merge_at_once"
PARTS_BEFORE_MERGE = 60  # well below the hundreds at which a server begins to refuse inserts
_NEVER_NULLABLE = frozenset(
    {"Array", "Tuple", "Map", "Nested", "Variant", "Dynamic", "JSON", "Object", "AggregateFunction"}
)
_IDENTIFIER = re.compile(r"\w+", re.ASCII)


def quote(name: str) -> str:
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def text_literal(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def file_name_bytes(name: str) -> int:
    """How long a table's metadata file is named: every byte but ASCII letters, digits and _ is written as %XX."""
    return sum(1 if _IDENTIFIER.fullmatch(sign) else 3 * len(sign.encode()) for sign in name)


def names(columns: Iterable[str]) -> str:
    return ", ".join(quote(c) for c in columns)


def literal(value: int | str) -> str:
    return str(value) if isinstance(value, int) else text_literal(value)


def column_type(column: Column, *, nullable: bool) -> str:
    native = parse(column.native)
    if not nullable or native.name in _NEVER_NULLABLE:
        return column.native
    if native.name == "LowCardinality":
        return f"LowCardinality(Nullable({native.arguments[0]}))"
    return f"Nullable({column.native})"


def column_sql(column: Column, *, key: bool = False) -> str:
    text = f"{quote(column.name)} {column_type(column, nullable=column.nullable and not key)}"
    hint = ""
    if column.generated:
        hint = f" MATERIALIZED {column.generated}"
    elif column.default:
        hint = f" DEFAULT {column.default}"
    comment = f" COMMENT {text_literal(column.comment)}" if column.comment else ""
    return text + hint + comment


def create_staged(table: Table, staged: str) -> str:
    """The final table under its staging name, with the extra column.

    Its parts are left alone until there are many: merging them while chunks arrive took as much CPU as the inserts.
    """
    settings = f" SETTINGS {MERGE_RELUCTANCE} = {PARTS_BEFORE_MERGE}"
    return _create_table(table, staged, [f"{quote(ATTEMPT)} UInt64 CODEC(ZSTD)"], settings)


def draft(table: Table) -> list[str]:
    """What a copy comes to, under the final name."""
    return [_create_table(table, table.name, []), *(add_check(table.name, check) for check in table.checks)]


def _create_table(table: Table, name: str, more: Sequence[str], settings: str = "") -> str:
    """`table` may hint at ORDER BY and PARTITION BY."""
    hints = dict(table.hints)
    columns = [*(column_sql(c, key=c.name in table.key) for c in table.columns), *more]
    key = f" PRIMARY KEY ({names(table.key)})" if table.key else ""
    order = hints.get("order_by") or names(table.key)
    partition = f" PARTITION BY {hints['partition_by']}" if hints.get("partition_by") else ""
    comment = f" COMMENT {text_literal(table.comment)}" if table.comment else ""
    return (
        f"CREATE TABLE IF NOT EXISTS {quote(name)} ({', '.join(columns)}) ENGINE = MergeTree{partition}{key} "
        f"ORDER BY ({order}){settings}{comment}"
    )


def create_ledger(name: str) -> str:
    """What the run has done, one row each; see ledger.py."""
    return (
        f"CREATE TABLE IF NOT EXISTS {quote(name)} (kind LowCardinality(String), name String, chunk Int64, "
        "attempt UInt64, rows UInt64, note String, at DateTime64(9, 'UTC') DEFAULT now64(9)) "
        "ENGINE = MergeTree ORDER BY (kind, name, chunk)"
    )


def insert_into(table: str, columns: Sequence[str]) -> str:
    return f"INSERT INTO {quote(table)} ({names(columns)})"


def drop_table(name: str) -> str:
    return f"DROP TABLE IF EXISTS {quote(name)} SYNC"


def add_check(table: str, check: Check) -> str:
    return f"ALTER TABLE {quote(table)} ADD CONSTRAINT IF NOT EXISTS {quote(check.name)} CHECK {check.expression}"


def add_index(table: str, index: Index) -> str:
    """A data skipping index; only such as came from ClickHouse itself, which carry their method and expression."""
    parts = index.expression or names(index.columns)
    # One part in brackets would be a tuple of one, to ClickHouse another expression.
    parts = f"({parts})" if len(index.columns) > 1 else parts
    return f"ALTER TABLE {quote(table)} ADD INDEX IF NOT EXISTS {quote(index.name)} {parts} TYPE {index.method}"


def add_column(table: str, column: Column) -> str:
    return f"ALTER TABLE {quote(table)} ADD COLUMN IF NOT EXISTS {column_sql(column)}"


def create_view(name: str, definition: str) -> str:
    return f"CREATE OR REPLACE VIEW {quote(name)} AS {definition}"


def plain_names(expressions: str) -> tuple[str, ...] | None:
    """The columns of `a, b` or `` `two words`, b ``; None where a part is more than a name."""
    found = []
    for part in split_list(expressions):
        if part.startswith("`") and part.endswith("`"):
            found.append(unescape(part[1:-1]))
        elif _IDENTIFIER.fullmatch(part):
            found.append(part)
        else:
            return None
    return tuple(found)
