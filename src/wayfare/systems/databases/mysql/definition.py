"""CREATE TABLE for a landed table. Pure: what differs between servers comes in as `Server`.

MySQL limits what a table may be: keys of 3,072 bytes, no unbounded text in them, rows of 65,535 bytes outside of TEXT
and BLOB. A landed table is fitted into those limits here; a value too long for the fitted type fails the load, and is
never cut.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from wayfare.core.tables import Column, Index, Table
from wayfare.systems.databases.mysql import dialect
from wayfare.systems.databases.mysql.dialect import literal, names, quote
from wayfare.systems.databases.mysql.server import Server
from wayfare.systems.databases.mysql.types import BINARIES, DATES, GEOMETRIES, TEXTS, UNBOUNDED, spelling

KEY_BYTES_MAX = 3_072
ROW_BYTES_MAX = 65_000  # 65,535, less what the server needs for itself
COMMENT_CHARACTERS_MAX = 1_024
TABLE_COMMENT_CHARACTERS_MAX = 2_048
PREFIX_CHARACTERS = 191

_COLLATE = re.compile(r"COLLATE (\w+)", re.IGNORECASE)
_CHARSET = re.compile(r"CHARACTER SET (\w+)", re.IGNORECASE)
_NOW = re.compile(r"\(?(?:current_timestamp|now|localtime|localtimestamp)(?:\(\d?\))?\)?", re.IGNORECASE)
_LITERAL = re.compile(
    r"[-+]?[\d.]+(?:e[-+]?\d+)?|'(?:[^'\\]|''|\\.)*'|[bx]'\w*'|0x\w+|null|true|false", re.IGNORECASE | re.DOTALL
)
_CHARSET_BYTES = {"utf8mb4": 4, "utf8mb3": 3, "utf8": 3, "utf16": 4, "utf32": 4, "ucs2": 2}
_FIXED_BYTES = {"tinyint": 1, "smallint": 2, "year": 1, "date": 3, "int": 4, "float": 4, "enum": 2, "decimal": 30}
_ALIKE = (  # collations in order of preference, by the end of the name that a server lacks
    (re.compile(r"nopad_bin$|0900_bin$"), ("utf8mb4_nopad_bin", "utf8mb4_0900_bin", "utf8mb4_bin")),
    (re.compile(r"_as_cs$|_bin$|_cs$"), ("utf8mb4_0900_as_cs", "utf8mb4_nopad_bin", "utf8mb4_bin")),
    (re.compile(r"_as_ci$"), ("utf8mb4_0900_as_ci", "utf8mb4_uca1400_as_ci", "utf8mb4_general_ci")),
    (re.compile(""), ("utf8mb4_0900_ai_ci", "utf8mb4_uca1400_ai_ci", "utf8mb4_unicode_520_nopad_ci")),
)  # fmt: skip
_ONLY_MARIA = {
    "uuid": "char(36) CHARACTER SET ascii COLLATE ascii_bin",
    "inet6": "varchar(45) CHARACTER SET ascii COLLATE ascii_bin",
    "inet4": "varchar(15) CHARACTER SET ascii COLLATE ascii_bin",
}


def create_table(table: Table, staged: str, server: Server, taken: frozenset[str] = frozenset()) -> str:
    """The table under the name `staged`, with its primary key and checks: InnoDB stores rows in the order of the key.

    `taken` are names of checks that the database has already; MySQL wants them unique, so those go without.
    """
    fitted = fit(table, server)
    hints = dict(table.hints)
    parts = [_column(c, hints, server) for c in fitted.columns]
    if table.key:
        parts.append(f"PRIMARY KEY ({names(table.key)})")
    parts += _numbering_index(fitted)
    for check in table.checks:
        name = "" if check.name.lower() in taken else f"CONSTRAINT {quote(check.name)} "
        parts.append(f"{name}CHECK ({check.expression})")
    body = ",\n  ".join(parts)
    return f"CREATE TABLE IF NOT EXISTS {quote(staged)} (\n  {body}\n) {' '.join(_options(table, hints, server))}"


def _options(table: Table, hints: dict[str, str], server: Server) -> Iterator[str]:
    """Always InnoDB: without transactions a chunk could be written halfway."""
    yield "ENGINE=InnoDB ROW_FORMAT=DYNAMIC"
    if collation := hints.get("collation"):
        yield f"COLLATE {_known(collation, server)}"
    else:
        yield "DEFAULT CHARACTER SET utf8mb4"
    if table.comment:
        yield f"COMMENT {literal(_cut(table.comment, TABLE_COMMENT_CHARACTERS_MAX))}"
    if partitions := hints.get("partitions"):
        yield partitions


def _column(column: Column, hints: dict[str, str], server: Server) -> str:
    parts = [quote(column.name), column.native]
    if column.generated:
        how = hints.get(f"generated:{column.name}", "stored").upper()
        parts.append(f"GENERATED ALWAYS AS ({column.generated}) {how}")
    else:
        parts.append("NULL" if column.nullable else "NOT NULL")
        parts.append(_default(column, server))
    if update := hints.get(f"on_update:{column.name}"):
        parts.append(f"ON UPDATE {update}")
    if column.identity:
        parts.append("AUTO_INCREMENT")
    if column.comment:
        parts.append(f"COMMENT {literal(_cut(column.comment, COMMENT_CHARACTERS_MAX))}")
    return " ".join(p for p in parts if p)


def _default(column: Column, server: Server) -> str:
    text, spelt = column.default.strip(), spelling(column.native)
    if not text or column.identity:
        # Old servers give a TIMESTAMP without one the current time.
        return "DEFAULT NULL" if spelt.base == "timestamp" and column.nullable else ""
    if _NOW.fullmatch(text) and spelt.base in DATES - {"date"}:
        return f"DEFAULT CURRENT_TIMESTAMP({spelt.size or 0})" if spelt.size else "DEFAULT CURRENT_TIMESTAMP"
    plain = _LITERAL.fullmatch(text) and (server.maria or spelt.base not in UNBOUNDED)
    return f"DEFAULT {text}" if plain else f"DEFAULT ({text})"


def _cut(comment: str, characters_max: int) -> str:
    return comment if len(comment) <= characters_max else comment[: characters_max - 1] + "…"


def _numbering_index(table: Table) -> Iterator[str]:
    """A column with AUTO_INCREMENT must come first in some key from the beginning."""
    number = next((c.name for c in table.columns if c.identity), "")
    if number and table.key[:1] != (number,):
        index = next((i for i in table.indexes if i.columns[:1] == (number,) and _ordinary(i)), None)
        if index:
            yield dialect.add_index(index, table, index_lengths(index, table)).removeprefix("ADD ")
        else:
            yield f"INDEX ({quote(number)})"


def _ordinary(index: Index) -> bool:
    return not index.method and not index.expression


# ---- fitting


def fit(table: Table, server: Server) -> Table:
    """The same table with types that this server has, that can be indexed, and that fit into a row."""
    columns = [replace(c, native=_native(c.native, server)) for c in table.columns]
    widths = _keyed_widths(replace(table, columns=tuple(columns)))
    columns = [replace(c, native=_narrowed(c.native, widths[c.name])) if c.name in widths else c for c in columns]
    columns = _only_one_numbers(columns)
    keyed = {name for group in _keys(table) for name in group} | {n for i in table.indexes for n in i.columns}
    return replace(table, columns=tuple(_short_enough(columns, keyed)))


def _native(native: str, server: Server) -> str:
    spelt = spelling(native)
    if not server.maria and spelt.base in _ONLY_MARIA:
        return _ONLY_MARIA[spelt.base]
    return _COLLATE.sub(lambda found: f"COLLATE {_known(found[1], server)}", native)


def _known(collation: str, server: Server) -> str:
    """That collation, or the nearest this server has. An empty set of collations stands for a server not asked yet."""
    if not server.collations or collation in server.collations:
        return collation
    for ending, alike in _ALIKE:
        if ending.search(collation):
            return next((c for c in alike if c in server.collations), "utf8mb4_bin")
    return "utf8mb4_bin"


def _keys(table: Table) -> list[tuple[str, ...]]:
    """The groups of columns that must be indexed whole: keys, unique constraints, and both ends of foreign keys."""
    unique = [i.columns for i in table.indexes if i.unique and not i.expression and not any(i.lengths)]
    return [k for k in (table.key, *unique, *(f.columns for f in table.foreign_keys)) if k]


def _keyed_widths(table: Table) -> dict[str, int]:
    """Most characters (or bytes) for columns whose keys would be too wide otherwise."""
    widths: dict[str, int] = {}
    for key in _keys(table):
        columns = [table.column(name) for name in key]
        wide = [c for c in columns if _key_bytes(c) is None]
        total = sum(_key_bytes(c) or 0 for c in columns)
        if not wide and total <= KEY_BYTES_MAX:
            continue
        flexible = wide or [c for c in columns if _flexible(c)]
        left = KEY_BYTES_MAX - sum(_key_bytes(c) or 0 for c in columns if c not in flexible)
        for column in flexible:
            width = max(left // len(flexible) // _bytes_each(column) - 1, 1)
            widths[column.name] = min(width, widths.get(column.name, width))
    return widths


def _flexible(column: Column) -> bool:
    return spelling(column.native).base in ("char", "varchar", "binary", "varbinary") or _key_bytes(column) is None


def _key_bytes(column: Column) -> int | None:
    """Bytes in a key; None for a type without an end."""
    spelt = spelling(column.native)
    if spelt.base in UNBOUNDED:
        return None
    if spelt.base in TEXTS or spelt.base in BINARIES:
        return (spelt.size or 1) * _bytes_each(column)
    return _FIXED_BYTES.get(spelt.base, 8)


def _bytes_each(column: Column) -> int:
    found = _CHARSET.search(column.native)
    if spelling(column.native).base in BINARIES:
        return 1
    return _CHARSET_BYTES.get(found[1].lower(), 1) if found else 4


def _narrowed(native: str, width: int) -> str:
    """The type with at most `width` characters or bytes."""
    spelt = spelling(native)
    base = "varbinary" if spelt.base in BINARIES else "varchar"
    return f"{base}({min(width, spelt.size or width)})" + (f" {spelt.rest}" if spelt.rest else "")


def _only_one_numbers(columns: list[Column]) -> list[Column]:
    """A table has one AUTO_INCREMENT column at most: the first."""
    first = next((c.name for c in columns if c.identity), "")
    return [replace(c, identity=None) if c.identity and c.name != first else c for c in columns]


def _short_enough(columns: list[Column], keyed: set[str]) -> list[Column]:
    """The widest texts move out of the row, into TEXT and BLOB, until it is short enough."""
    total = sum(_row_bytes(c) for c in columns)
    for column in sorted(columns, key=_row_bytes, reverse=True):
        if total <= ROW_BYTES_MAX:
            break
        spelt = spelling(column.native)
        if spelt.base in ("varchar", "varbinary") and column.name not in keyed:
            outside = " ".join(("text" if spelt.base == "varchar" else "blob", spelt.rest)).strip()
            total -= _row_bytes(column) - 10
            columns = [replace(c, native=outside) if c.name == column.name else c for c in columns]
    return columns


def _row_bytes(column: Column) -> int:
    spelt = spelling(column.native)
    if spelt.base in UNBOUNDED:
        return 12
    return (_key_bytes(column) or 0) + 2


# ---- what comes after the rows


def index_lengths(index: Index, table: Table) -> list[int]:
    """Prefix lengths for the parts of an index: those given, and such as make it possible at all."""
    columns = [table.column(name) for name in index.columns]
    if index.lengths:
        return list(index.lengths)
    if index.method in ("fulltext", "spatial"):
        return [0] * len(columns)
    total = sum(_key_bytes(c) or 0 for c in columns)
    too_wide = total > KEY_BYTES_MAX and not index.unique
    return [_prefix(c) if _key_bytes(c) is None or (too_wide and _flexible(c)) else 0 for c in columns]


def _prefix(column: Column) -> int:
    return min(PREFIX_CHARACTERS, spelling(column.native).size or PREFIX_CHARACTERS)


def add_indexes(table: Table, staged: str, server: Server, have: frozenset[str]) -> Iterator[str]:
    """ALTER TABLE statements for the indexes that `staged` does not have yet, as few as the server allows."""
    fitted = fit(table, server)
    missing = [i for i in table.indexes if i.name.lower() not in have and _possible(i, fitted)]
    plain = [i for i in missing if i.method not in ("fulltext", "spatial")]
    groups: Sequence[list[Index]] = [plain, *([i] for i in missing if i not in plain)]  # one FULLTEXT at a time
    for group in groups:
        if group:
            parts = ", ".join(dialect.add_index(i, fitted, index_lengths(i, fitted)) for i in group)
            yield f"ALTER TABLE {quote(staged)} {parts}"


def _possible(index: Index, table: Table) -> bool:
    """JSON and geometries have no order, so an ordinary index on them cannot be."""
    if index.method or index.expression:
        return True
    return not any(spelling(table.column(n).native).base in {"json", *GEOMETRIES} for n in index.columns)


def add_columns(table: Table, columns: Sequence[Column], server: Server) -> str:
    hints = dict(table.hints)
    fitted = [replace(c, native=_native(c.native, server), identity=None) for c in columns]
    return f"ALTER TABLE {quote(table.name)} {', '.join('ADD COLUMN ' + _column(c, hints, server) for c in fitted)}"


def statements(table: Table, server: Server) -> list[str]:
    """Everything that makes the landed table, for people to read."""
    made = [create_table(table, table.name, server), *add_indexes(table, table.name, server, frozenset())]
    keys = [dialect.add_foreign_key(k, k.name) for k in table.foreign_keys]
    return made + [f"ALTER TABLE {quote(table.name)} {k}" for k in keys]
