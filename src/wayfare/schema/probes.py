"""Questions to the rows that an empty clone cannot answer: would a statement be refused for what is stored? Pure.

Each probe is one SELECT with one row: how many rows are at fault (counted to VIOLATIONS_MAX) and an example, as text;
NULL where there is none. Whoever asks runs it on a replica where there is one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from wayfare.core.statements import Action, Kind, Statement
from wayfare.schema.text.writing import as_text, dotted, limited, listed, quoted

VIOLATIONS_MAX = 1000


@dataclass(frozen=True, slots=True)
class Probe:
    """`violation` has holes for {count} and {example}; to be filled with `str.format`."""

    sql: str
    violation: str
    advice: str


_RANGES = {
    "smallint": (-(2**15), 2**15 - 1),
    "int2": (-(2**15), 2**15 - 1),
    "integer": (-(2**31), 2**31 - 1),
    "int": (-(2**31), 2**31 - 1),
    "int4": (-(2**31), 2**31 - 1),
    "tinyint": (-(2**7), 2**7 - 1),
    "mediumint": (-(2**23), 2**23 - 1),
}
_LENGTH = re.compile(r"^(?:n?varchar|character varying|n?char|character)\s*\((\d+)\)$", re.IGNORECASE)


def probes(statement: Statement, dialect: str) -> tuple[Probe, ...]:
    """Of a statement, in the order of its actions. None for tables and columns that the statement itself makes."""
    made = {a.name for a in statement.actions if a.kind is Kind.CREATE_TABLE}
    added = {(a.table, a.name) for a in statement.actions if a.kind is Kind.ADD_COLUMN}
    return tuple(p for a in statement.actions if not _new(a, made, added) for p in _of(a, dialect))


def _new(action: Action, made: set[str], added: set[tuple[str, str]]) -> bool:
    """Nothing is stored yet where the statement makes the table, or one of the columns."""
    if action.table in made:
        return True
    if action.kind is Kind.ADD_COLUMN:
        return False
    return any((action.table, column) in added for column in _columns(action))


def _of(action: Action, dialect: str) -> Iterator[Probe]:
    said = action.details
    if said.get("not_valid"):
        return
    if action.kind is Kind.SET_NOT_NULL:
        yield _null(action.table, action.name, dialect)
    elif action.kind is Kind.ADD_COLUMN and said.get("not_null") and not _filled(action):
        yield _empty(action, dialect)
    elif action.kind in (Kind.ADD_UNIQUE, Kind.ADD_PRIMARY_KEY) or (
        action.kind is Kind.CREATE_INDEX and _unique(action)
    ):
        yield from _keys(action, dialect)
    elif action.kind is Kind.ADD_FOREIGN_KEY and said.get("referenced"):
        yield _orphans(action, dialect)
    elif action.kind is Kind.ADD_CHECK:
        yield _unchecked(action, dialect)
    elif action.kind is Kind.ALTER_TYPE:
        yield from _type(action, dialect)


def _columns(action: Action) -> list[str]:
    return [str(c) for c in action.details.get("columns", ())]


def _filled(action: Action) -> bool:
    return any(action.details.get(word) for word in ("default", "identity", "generated", "serial"))


def _unique(action: Action) -> bool:
    """A unique index of some rows, or of expressions, is not asked about: its text is not told apart."""
    said = action.details
    return bool(said.get("unique")) and not said.get("where") and not said.get("expressions")


def _ask(example: str, rest: str, violation: str, advice: str, dialect: str) -> Probe:
    rows = limited(f"{as_text(example, dialect)} AS example", rest, VIOLATIONS_MAX, dialect)
    sql = f"SELECT count(*), min(example) FROM ({rows}) AS violations"
    return Probe(sql, violation, advice)


def _braced(text: str) -> str:
    """Of a name, within what `str.format` reads."""
    return text.replace("{", "{{").replace("}", "}}")


def _null(table: str, column: str, dialect: str) -> Probe:
    rest = f"FROM {dotted(table, dialect)} WHERE {quoted(column, dialect)} IS NULL"
    violation = f"{{count}} rows of {_braced(table)} have no {_braced(column)}"
    return _ask("'NULL'", rest, violation, "Fill them before, in parts.", dialect)


def _empty(action: Action, dialect: str) -> Probe:
    rest = f"FROM {dotted(action.table, dialect)}"
    violation = f"{{count}} rows of {_braced(action.table)} would have no {_braced(action.name)}"
    return _ask("'NULL'", rest, violation, "Give the column a default, or fill it before NOT NULL is set.", dialect)


def _keys(action: Action, dialect: str) -> Iterator[Probe]:
    """Duplicates; and for a primary key, whatever is NULL."""
    columns, table = _columns(action), action.table
    if not columns:
        return  # an index that is there already says that they are unique
    if action.kind is Kind.ADD_PRIMARY_KEY:
        yield from (_null(table, column, dialect) for column in columns)
    known = " AND ".join(f"{quoted(c, dialect)} IS NOT NULL" for c in columns)
    one_null = dialect == "tsql" or action.details.get("nulls_not_distinct")
    where = "" if one_null else f" WHERE {known}"
    rest = f"FROM {dotted(table, dialect)}{where} GROUP BY {listed(columns, dialect)} HAVING count(*) > 1"
    names = _braced(", ".join(columns))
    violation = f"{{count}} values of {names} are in {_braced(table)} more than once, such as {{example}}"
    yield _ask(f"min({quoted(columns[0], dialect)})", rest, violation, "Remove the duplicates before.", dialect)


def _orphans(action: Action, dialect: str) -> Probe:
    columns, referenced = _columns(action), [str(c) for c in action.details["referenced"]]
    other = str(action.details["references"])
    mine = [f"child.{quoted(c, dialect)}" for c in columns]
    theirs = [f"parent.{quoted(c, dialect)}" for c in referenced]
    known = " AND ".join(f"{c} IS NOT NULL" for c in mine)
    same = " AND ".join(f"{b} = {a}" for a, b in zip(mine, theirs, strict=False))
    parent = f"SELECT 1 FROM {dotted(other, dialect)} AS parent WHERE {same}"
    rest = f"FROM {dotted(action.table, dialect)} AS child WHERE {known} AND NOT EXISTS ({parent})"
    gone = f"a row of {_braced(other)} that is not there"
    violation = f"{{count}} rows of {_braced(action.table)} name {gone}, such as {{example}}"
    return _ask(mine[0], rest, violation, "Delete them, or add what they name, before.", dialect)


def _unchecked(action: Action, dialect: str) -> Probe:
    expression = str(action.details.get("expression", ""))
    rest = f"FROM {dotted(action.table, dialect)} WHERE NOT ({expression})"
    columns = _columns(action)
    example = quoted(columns[0], dialect) if columns else "'one of them'"
    violation = f"{{count}} rows of {_braced(action.table)} do not satisfy {_braced(expression)}, such as {{example}}"
    return _ask(example, rest, violation, "Mend them before.", dialect)


def _type(action: Action, dialect: str) -> Iterator[Probe]:
    """Values that would not fit: too long, or out of range. Others raise, and are left to the statement itself."""
    said, column = str(action.details.get("type", "")), quoted(action.name, dialect)
    if action.details.get("not_null"):
        yield _null(action.table, action.name, dialect)
    if action.details.get("using") or dialect == "sqlite":
        return
    unfit = ""
    if longest := _LENGTH.match(said):
        length = "LEN" if dialect == "tsql" else "char_length"
        unfit = f"{length}({as_text(column, dialect)}) > {longest.group(1)}"
    elif said.lower() in _RANGES:
        low, high = _RANGES[said.lower()]
        unfit = f"{column} < {low} OR {column} > {high}"
    if unfit:
        rest = f"FROM {dotted(action.table, dialect)} WHERE {unfit}"
        place = _braced(f"{action.table}.{action.name}")
        violation = f"{{count}} values of {place} do not fit {_braced(said)}, such as {{example}}"
        yield _ask(column, rest, violation, "Mend them before, or choose a wider type.", dialect)
