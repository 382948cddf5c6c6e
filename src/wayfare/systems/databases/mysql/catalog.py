"""What a server tells about its tables without reading a row: information_schema → Table.

MariaDB and MySQL print the same facts differently (display widths, defaults, JSON, checks); here they become one.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from wayfare.core.tables import Check, Column, ForeignKey, Identity, Index, Table, View
from wayfare.core.tables import Sequence as NamedSequence
from wayfare.systems.databases.mysql import connection as link
from wayfare.systems.databases.mysql.connection import Connection
from wayfare.systems.databases.mysql.dialect import literal, quote
from wayfare.systems.databases.mysql.errors import classified
from wayfare.systems.databases.mysql.server import Server
from wayfare.systems.databases.mysql.types import SYSTEM, Travels, spelling, travels

Row: TypeAlias = Mapping[str, Any]
Grouped: TypeAlias = Mapping[str, Sequence[Row]]

OWN = re.compile(r"wf_[0-9a-z]{16}_")  # tables of Wayfare's own
_JSON_CHECK = re.compile(r"\(?json_valid\(`((?:[^`]|``)+)`\)\)?", re.IGNORECASE)
_INTRODUCER = re.compile(r"_utf8mb[34](?=')")
_BARE_DEFAULT = re.compile(r"[-+0-9.eE]+|b'[01]*'|0x[0-9A-Fa-f]+")
_NUMBERS = frozenset(["tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "float", "double", "bit", "year"])

_TABLES = """SELECT table_name AS name, table_type AS kind, engine, table_rows, data_length, auto_increment,
    table_collation, create_options, table_comment FROM information_schema.tables WHERE table_schema = DATABASE()"""
_COLUMNS = """SELECT *, table_name AS owner FROM information_schema.columns WHERE table_schema = DATABASE()
    ORDER BY table_name, ordinal_position"""
_INDEXES = """SELECT *, table_name AS owner FROM information_schema.statistics WHERE table_schema = DATABASE()
    ORDER BY table_name, index_name, seq_in_index"""
_FOREIGN_KEYS = """SELECT k.table_name AS owner, k.constraint_name, k.column_name, k.referenced_table_name,
    k.referenced_column_name, k.referenced_table_schema, r.update_rule, r.delete_rule
    FROM information_schema.key_column_usage k JOIN information_schema.referential_constraints r
    ON (r.constraint_schema, r.constraint_name, r.table_name) = (k.constraint_schema, k.constraint_name, k.table_name)
    WHERE k.table_schema = DATABASE() AND k.referenced_table_name IS NOT NULL
    ORDER BY k.table_name, k.constraint_name, k.ordinal_position"""
_CHECKS = {
    True: """SELECT table_name AS owner, constraint_name, check_clause FROM information_schema.check_constraints
        WHERE constraint_schema = DATABASE()""",
    False: """SELECT t.table_name AS owner, c.constraint_name, c.check_clause
        FROM information_schema.check_constraints c JOIN information_schema.table_constraints t
        USING (constraint_schema, constraint_name) WHERE constraint_schema = DATABASE() AND t.enforced = 'YES'""",
}
_VIEWS = "SELECT table_name AS name FROM information_schema.views WHERE table_schema = DATABASE() ORDER BY table_name"


def tables(connection: Connection, server: Server, *, booleans: bool = False) -> list[Table]:
    """Every user table of the connection's database, sorted by name."""
    columns, indexes = _grouped(connection, _COLUMNS), _grouped(connection, _INDEXES)
    foreign = foreign_keys(connection)
    checks = _grouped(connection, _CHECKS[server.maria]) if server.checks else {}
    found = []
    for row in _dicts(connection, _TABLES):
        if row["kind"] in ("BASE TABLE", "SYSTEM VERSIONED") and not OWN.match(row["name"]):
            name = row["name"]
            table = _table(row, columns.get(name, ()), checks.get(name, ()), server, booleans)
            table = _with_indexes(table, indexes.get(name, ()))
            table = replace(table, foreign_keys=tuple(foreign.get(name, ())))
            found.append(_with_partitions(connection, table, row))
    return sorted(found, key=lambda t: t.name)


def views(connection: Connection) -> list[View]:
    found = []
    for row in _dicts(connection, _VIEWS):
        made = str(link.rows(connection, f"SHOW CREATE VIEW {quote(row['name'])}")[0][1])
        database = str(link.value(connection, "SELECT DATABASE()"))
        text = re.sub(r"^.*? VIEW .*? AS (?=\(?(?:select|with)\b)", "", made, count=1, flags=re.DOTALL | re.IGNORECASE)
        found.append(View(row["name"], text.replace(quote(database) + ".", ""), origin=SYSTEM))
    return found


def sequences(connection: Connection) -> list[NamedSequence]:
    """MariaDB's sequences; MySQL has none."""
    names = [row["name"] for row in _dicts(connection, _TABLES) if row["kind"] == "SEQUENCE"]
    found = []
    for name in names:
        following, step = link.rows(connection, f"SELECT next_not_cached_value, increment FROM {quote(name)}")[0]
        found.append(NamedSequence(name, next=int(following), increment=int(step)))
    return sorted(found, key=lambda s: s.name)


def _dicts(connection: Connection, sql: str) -> list[dict[str, Any]]:
    with classified(), connection.cursor() as cursor:
        cursor.execute(sql)
        names = [str(d[0]).lower() for d in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _grouped(connection: Connection, sql: str) -> Grouped:
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in _dicts(connection, sql):
        groups[row["owner"]].append(row)
    return groups


def _table(row: Row, columns: Sequence[Row], checks: Sequence[Row], server: Server, booleans: bool) -> Table:
    documents = {found[1].replace("``", "`") for c in checks if (found := _JSON_CHECK.fullmatch(c["check_clause"]))}
    kept = [c for c in checks if not _JSON_CHECK.fullmatch(c["check_clause"])]
    return Table(
        name=row["name"],
        columns=tuple(_column(c, row, server, documents, booleans) for c in columns),
        checks=tuple(Check(c["constraint_name"], plain_text(c["check_clause"], server)) for c in kept),
        comment=row["table_comment"] or "",
        rows_estimate=int(row["table_rows"] or 0),
        bytes_estimate=int(row["data_length"] or 0),
        origin=SYSTEM,
        hints=tuple(_hints(row, columns)),
    )


def _hints(row: Row, columns: Sequence[Row]) -> Iterator[tuple[str, str]]:
    """What only MySQL understands, and Column has no word for."""
    yield "engine", row["engine"] or ""
    yield "collation", row["table_collation"] or ""
    for column in columns:
        extra = (column["extra"] or "").lower()
        if "on update" in extra:
            yield f"on_update:{column['column_name']}", extra.partition("on update ")[2]
        if "virtual generated" in extra or "stored generated" in extra or "persistent" in extra:
            yield f"generated:{column['column_name']}", "virtual" if "virtual" in extra else "stored"


def _column(row: Row, owner: Row, server: Server, documents: set[str], booleans: bool) -> Column:
    native = _native(row, documents)
    how: Travels = travels(native, booleans=booleans)
    extra = (row["extra"] or "").lower()
    generated = plain_text(row["generation_expression"], server) if row["generation_expression"] else ""
    identity = Identity(next=int(owner["auto_increment"] or 1)) if "auto_increment" in extra else None
    return Column(
        name=row["column_name"],
        type=how.type,
        nullable=row["is_nullable"] == "YES",
        meaning=how.meaning,
        native=native,
        origin=SYSTEM,
        length=how.length,
        labels=how.labels,
        default="" if generated else _default(row["column_default"], extra, native, server),
        generated=generated,
        identity=identity,
        comment=row["column_comment"] or "",
    )


def _native(row: Row, documents: set[str]) -> str:
    """The type as CREATE TABLE takes it: with its character set, without display widths that mean nothing."""
    text: str = row["column_type"]
    spelt = spelling(text)
    if row["column_name"] in documents and spelt.base == "longtext":
        return "json"
    if spelt.base == "year":
        return "year"
    if spelt.base in ("tinyint", "smallint", "mediumint", "int", "bigint") and "zerofill" not in spelt.rest:
        keep = spelt.base == "tinyint" and spelt.size == 1
        text = " ".join(filter(None, (spelt.base + ("(1)" if keep else ""), spelt.rest)))
    if row["character_set_name"] and spelt.base != "json":
        text += f" CHARACTER SET {row['character_set_name']} COLLATE {_portable(row['collation_name'])}"
    if row.get("srs_id") is not None:
        text += f" /*!80003 SRID {row['srs_id']} */"
    return text


def _portable(collation: str) -> str:
    """MySQL's name for comparing bytes without padding, in MariaDB's word; `dialect` translates back."""
    return "utf8mb4_nopad_bin" if collation == "utf8mb4_0900_bin" else collation


def _default(raw: str | None, extra: str, native: str, server: Server) -> str:
    if raw is None:
        return ""
    if server.maria:
        return "" if raw == "NULL" else raw
    if "default_generated" in extra:
        return plain_text(raw, server)
    bare = spelling(native).base in _NUMBERS or raw.lower().startswith("0x")
    return raw if bare and _BARE_DEFAULT.fullmatch(raw) else literal(raw)


def plain_text(text: str, server: Server) -> str:
    """An expression as somebody would write it: MySQL escapes it once more and names every literal's charset."""
    return text if server.maria else _unescaped(text)


def _unescaped(text: str) -> str:
    return _INTRODUCER.sub("", re.sub(r"\\(['\\\"])", r"\1", text))


def _with_indexes(table: Table, rows: Sequence[Row]) -> Table:
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["index_name"]].append(row)
    key = tuple(r["column_name"] for r in groups.pop("PRIMARY", ()))
    return replace(table, key=key, indexes=tuple(_index(name, parts) for name, parts in groups.items()))


def _index(name: str, parts: Sequence[Row]) -> Index:
    expressions = any(p.get("expression") for p in parts)
    method = str(parts[0]["index_type"]).lower()
    unique = not parts[0]["non_unique"]
    lengths = tuple(int(p["sub_part"] or 0) for p in parts)
    return Index(
        name=name,
        columns=tuple(p["column_name"] for p in parts if p["column_name"]),
        unique=unique,
        constraint=unique and not expressions and not any(lengths),
        descending=tuple(p["collation"] == "D" for p in parts) if any(p["collation"] == "D" for p in parts) else (),
        lengths=lengths if any(lengths) and method == "btree" else (),
        method="" if method == "btree" else method,
        expression=", ".join(_part(p) for p in parts) if expressions else "",
        comment=parts[0]["index_comment"] or "",
    )


def _part(row: Row) -> str:
    if not row.get("expression"):
        return quote(row["column_name"])
    return f"({_unescaped(row['expression'])})"


def foreign_keys(connection: Connection) -> dict[str, list[ForeignKey]]:
    """The foreign keys of every table that has some."""
    return {name: list(_foreign_keys(rows)) for name, rows in _grouped(connection, _FOREIGN_KEYS).items()}


def _foreign_keys(rows: Sequence[Row]) -> Iterator[ForeignKey]:
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["constraint_name"]].append(row)
    for name, parts in groups.items():
        yield ForeignKey(
            name=name,
            columns=tuple(p["column_name"] for p in parts),
            parent=parts[0]["referenced_table_name"],
            parent_columns=tuple(p["referenced_column_name"] for p in parts),
            on_delete=parts[0]["delete_rule"].replace("NO ACTION", ""),
            on_update=parts[0]["update_rule"].replace("NO ACTION", ""),
        )


def _with_partitions(connection: Connection, table: Table, row: Row) -> Table:
    if "partitioned" not in (row["create_options"] or ""):
        return table
    made = str(link.rows(connection, f"SHOW CREATE TABLE {quote(table.name)}")[0][1])
    found = re.search(r"(?:/\*!\d+ )?\s*(PARTITION BY .*?)(?:\*/)?$", made, re.DOTALL)
    return replace(table, hints=(*table.hints, ("partitions", found[1].strip() if found else "")))
