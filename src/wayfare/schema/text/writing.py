"""Statements written: names quoted, and what each dialect says in its own way, in one table."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

_QUOTES = {"postgres": ('"', '"'), "mysql": ("`", "`"), "sqlite": ('"', '"'), "tsql": ("[", "]")}
_USUAL = {  # {t}: the table, quoted; {n}: what it is about; {m}: its new name; {ns}: the table's namespace and a dot
    "rename_table": "ALTER TABLE {t} RENAME TO {m}",
    "rename_column": "ALTER TABLE {t} RENAME COLUMN {n} TO {m}",
    "drop_table": "DROP TABLE {t}",
    "drop_column": "ALTER TABLE {t} DROP COLUMN {n}",
    "drop_constraint": "ALTER TABLE {t} DROP CONSTRAINT {n}",
    "drop_foreign_key": "ALTER TABLE {t} DROP CONSTRAINT {n}",
    "drop_unique": "ALTER TABLE {t} DROP CONSTRAINT {n}",
    "drop_primary_key": "ALTER TABLE {t} DROP CONSTRAINT {n}",
    "rename_constraint": "ALTER TABLE {t} RENAME CONSTRAINT {n} TO {m}",
    "drop_default": "ALTER TABLE {t} ALTER COLUMN {n} DROP DEFAULT",
    "drop_not_null": "ALTER TABLE {t} ALTER COLUMN {n} DROP NOT NULL",
    "set_not_null": "ALTER TABLE {t} ALTER COLUMN {n} SET NOT NULL",
    "drop_index": "DROP INDEX {ns}{n}",
    "drop_index_concurrently": "DROP INDEX CONCURRENTLY {ns}{n}",
    "rename_index": "ALTER INDEX {ns}{n} RENAME TO {m}",
    "drop_trigger": "DROP TRIGGER {n} ON {t}",
    "drop_policy": "DROP POLICY {n} ON {t}",
    "drop_view": "DROP VIEW {n}",
    "drop_sequence": "DROP SEQUENCE {n}",
    "drop_schema": "DROP SCHEMA {n}",
    "drop_extension": "DROP EXTENSION {n}",
    "drop_materialized_view": "DROP MATERIALIZED VIEW {n}",
    "drop_type": "DROP TYPE {n}",
    "drop_domain": "DROP DOMAIN {n}",
    "detach_partition": "ALTER TABLE {t} DETACH PARTITION {n}",
    "detach_partition_concurrently": "ALTER TABLE {t} DETACH PARTITION {n} CONCURRENTLY",
}
_OWN: Mapping[str, Mapping[str, str]] = {
    "postgres": {},
    "mysql": {
        "rename_table": "RENAME TABLE {t} TO {m}",
        "drop_foreign_key": "ALTER TABLE {t} DROP FOREIGN KEY {n}",
        "drop_unique": "ALTER TABLE {t} DROP INDEX {n}",
        "drop_primary_key": "ALTER TABLE {t} DROP PRIMARY KEY",
        "drop_index": "DROP INDEX {n} ON {t}",
        "drop_index_concurrently": "DROP INDEX {n} ON {t}",
        "rename_index": "ALTER TABLE {t} RENAME INDEX {n} TO {m}",
        "drop_trigger": "DROP TRIGGER {ns}{n}",
    },
    "sqlite": {
        "drop_index": "DROP INDEX {n}",
        "drop_index_concurrently": "DROP INDEX {n}",
        "drop_trigger": "DROP TRIGGER {n}",
    },
    "tsql": {
        "rename_table": "EXEC sp_rename '{t}', '{raw}'",
        "rename_column": "EXEC sp_rename '{t}.{n}', '{raw}', 'COLUMN'",
        "rename_index": "EXEC sp_rename '{t}.{n}', '{raw}', 'INDEX'",
        "drop_index": "DROP INDEX {n} ON {t}",
        "drop_index_concurrently": "DROP INDEX {n} ON {t}",
        "drop_trigger": "DROP TRIGGER {ns}{n}",
    },
}
CAN_LIMIT = {"tsql": ("TOP ({n}) ", ""), "postgres": ("", " LIMIT {n}"), "mysql": ("", " LIMIT {n}")}
NAME_BYTES_MAX = 63  # PostgreSQL shortens what is longer


def quoted(name: str, dialect: str) -> str:
    """One name."""
    begin, end = _QUOTES[dialect]
    return f"{begin}{name.replace(end, end * 2)}{end}"


def dotted(name: str, dialect: str) -> str:
    """A name with its namespace: each part quoted."""
    return ".".join(quoted(part, dialect) for part in name.split("."))


def listed(names: list[str], dialect: str) -> str:
    return ", ".join(quoted(n, dialect) for n in names)


def namespace(table: str) -> str:
    """ "shop." of "shop.orders"; "" where none is said."""
    return table[: table.rfind(".") + 1]


def needs_name(what: str, dialect: str) -> bool:
    """MySQL's primary keys have none."""
    return "{n}" in (_OWN[dialect].get(what) or _USUAL[what])


def write(what: str, dialect: str, table: str = "", name: str = "", new: str = "") -> str:
    """One of the statements above. Only what it needs must be given."""
    form = _OWN[dialect].get(what) or _USUAL[what]
    space = namespace(table)
    if "." in name:
        space = ""  # an index that says its own
    return form.format(
        t=dotted(table, dialect),
        n=dotted(name, dialect),
        m=dotted(new, dialect),
        raw=new.rpartition(".")[2].replace("'", "''"),
        ns=f"{dotted(space[:-1], dialect)}." if space else "",
    )


def limited(columns: str, rest: str, count: int, dialect: str) -> str:
    """SELECT … of at most so many rows."""
    before, after = CAN_LIMIT.get(dialect, ("", " LIMIT {n}"))
    return f"SELECT {before.format(n=count)}{columns} {rest}{after.format(n=count)}"


def given(action_kind: str, dialect: str, table: str, columns: list[str]) -> str:
    """The name that the server gives what has none; "" where that cannot be known before.

    `action_kind`: "foreign_key", "unique", "primary_key", "check" or "index". PostgreSQL makes it of the table and the
    columns, MySQL calls an index after its first column; the others count, or throw dice.
    """
    if dialect == "mysql":
        return columns[0] if action_kind in ("unique", "index") and columns else ""
    if dialect != "postgres":
        return ""
    ends = {"foreign_key": "fkey", "unique": "key", "primary_key": "pkey", "check": "check", "index": "idx"}
    words = [table.rpartition(".")[2], *([] if action_kind == "primary_key" else columns), ends[action_kind]]
    name = "_".join(words)
    return name if len(name.encode()) <= NAME_BYTES_MAX else ""


def as_text(expression: str, dialect: str) -> str:
    """A value of any type as text."""
    return f"CAST({expression} AS {_TEXTS[dialect]})"


_TEXTS = {"postgres": "text", "mysql": "char", "sqlite": "text", "tsql": "nvarchar(4000)"}


def called(*words: str) -> str:
    """A name for something of ours: the last part of each, short enough for every system."""
    name = "_".join(word.rpartition(".")[2] for word in words)
    return name if len(name.encode()) <= NAME_BYTES_MAX else f"{name[:24]}_{sha256(name.encode()).hexdigest()[:8]}"
