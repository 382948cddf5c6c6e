"""ALTER TABLE as MySQL, SQLite and T-SQL write it: more of it than sqlglot types."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from wayfare.core.statements import Action, Kind
from wayfare.schema.text.columns import CONSTRAINTS, column, constraint, default
from wayfare.schema.text.words import Reader

_OPTIONS = ("ALGORITHM", "LOCK")


def altered(reader: Reader) -> list[Action]:
    """What follows ALTER TABLE."""
    exists = reader.exists()
    table = reader.name()
    if reader.peek() == "WAIT":  # MariaDB
        reader.at += 2
    reader.take("NOWAIT")
    with_check = _with_check(reader)
    parts = reader.commas()
    clauses = [p.rest() for p in parts if p.peek() in _OPTIONS]
    parts = [p for p in parts if p.at < len(p.words)]
    found: list[Action] = []
    verb = ""
    for part in parts:
        if part.dialect == "tsql" and part.peek() not in ("ADD", "DROP", "ALTER"):
            part = _repeated(part, verb)  # ADD a int, b int
        verb = _verb(part)
        found += list(_change(table, part))
    common: dict[str, Any] = dict(exists) | ({"clauses": clauses} if clauses else {})
    common |= {"not_valid": True} if with_check == "NOCHECK" else {}
    found = found or [Action(Kind.ALTER_TABLE, table, "", {"change": "options"})]
    return [Action(a.kind, a.table, a.name, common | dict(a.details)) for a in found]


def _with_check(reader: Reader) -> str:
    """T-SQL: WITH NOCHECK ADD CONSTRAINT …"""
    return reader.one_of("CHECK", "NOCHECK") if reader.take("WITH") else ""


def _verb(part: Reader) -> str:
    second = part.peek(1)
    both = part.peek() == "DROP" and second in ("COLUMN", "CONSTRAINT")
    return f"{part.peek()} {second}" if both else part.peek()


def _repeated(part: Reader, verb: str) -> Reader:
    """The verb of the part before, put in front again."""
    if not verb or not part.words:
        return part
    at = part.words[0].offset
    first = [type(part.words[0])(w, at, "word", w) for w in verb.split()]
    return Reader(part.text, [*first, *part.words], part.dialect)


def _change(table: str, part: Reader) -> Iterator[Action]:
    verb = part.one_of("ADD", "DROP", "MODIFY", "CHANGE", "ALTER", "RENAME", "CHECK", "NOCHECK", "SWITCH", "CONVERT")
    read = _VERBS.get(verb)
    if read:
        yield from read(table, part)
    else:
        change = part.peek().lower()
        yield Action(Kind.ALTER_TABLE, table, "", {"change": change, "text": part.rest()})


def _add(table: str, part: Reader) -> Iterator[Action]:
    if part.take("PARTITION"):
        yield Action(Kind.ALTER_TABLE, table, "", {"change": "add_partition"})
        return
    if part.peek() == "DEFAULT" or _is_constraint(part):
        yield from constraint(table, part)
        return
    part.take("COLUMN")
    exists = part.exists()
    if part.peek() == "(":  # MySQL: ADD COLUMN (a int, b int)
        part.at += 1
        inside = Reader(part.text, part.words[part.at : -1], part.dialect)
        for one in inside.commas():
            yield from column(table, one, exists=exists)
        return
    yield from column(table, part, exists=exists)


def _is_constraint(part: Reader) -> bool:
    if part.peek() not in CONSTRAINTS:
        return False
    return part.peek() != "PERIOD" or part.peek(1) == "FOR"


def _drop(table: str, part: Reader) -> Iterator[Action]:
    if part.take("PRIMARY", "KEY"):
        yield Action(Kind.DROP_CONSTRAINT, table, "PRIMARY", {"of": "primary_key"})
    elif part.take("FOREIGN", "KEY"):
        exists = part.exists()
        yield Action(Kind.DROP_CONSTRAINT, table, part.name(), exists | {"of": "foreign_key"})
    elif part.take("CONSTRAINT"):
        exists = part.exists()
        yield Action(Kind.DROP_CONSTRAINT, table, part.name(), exists)
    elif part.take("CHECK"):
        yield Action(Kind.DROP_CONSTRAINT, table, part.name(), {"of": "check"})
    elif part.one_of("INDEX", "KEY"):
        exists = part.exists()
        yield Action(Kind.DROP_INDEX, table, part.name(), exists)
    elif part.take("PARTITION"):
        yield Action(Kind.ALTER_TABLE, table, part.name(), {"change": "drop_partition"})
    elif part.take("PERIOD") or part.take("SYSTEM", "VERSIONING"):
        yield Action(Kind.ALTER_TABLE, table, "", {"change": "drop_versioning"})
    else:
        part.take("COLUMN")
        exists = part.exists()
        yield Action(Kind.DROP_COLUMN, table, part.name(), exists)


def _modify(table: str, part: Reader) -> Iterator[Action]:
    """MODIFY says the whole column again: its type, whether NULL is allowed, its place."""
    part.take("COLUMN")
    exists = part.exists()
    yield from column(table, part, Kind.ALTER_TYPE, exists)


def _change_column(table: str, part: Reader) -> Iterator[Action]:
    """CHANGE old new type: a rename, and the whole column again."""
    part.take("COLUMN")
    exists = part.exists()
    old = part.name()
    first, *more = column(table, part, Kind.ALTER_TYPE, exists)
    if first.name.lower() != old.lower():
        yield Action(Kind.RENAME_COLUMN, table, old, {"new": first.name})
    yield first
    yield from more


def _alter(table: str, part: Reader) -> Iterator[Action]:
    if part.one_of("INDEX", "CHECK", "CONSTRAINT"):
        yield Action(Kind.ALTER_TABLE, table, part.name(), {"change": "alter_index"})
        return
    part.take("COLUMN")
    exists = part.exists()
    name = part.name()
    if part.take("SET", "DEFAULT"):
        yield Action(Kind.SET_DEFAULT, table, name, exists | default(part))
    elif part.take("DROP", "DEFAULT"):
        yield Action(Kind.DROP_DEFAULT, table, name, exists)
    elif part.take("SET", "NOT", "NULL"):
        yield Action(Kind.SET_NOT_NULL, table, name, exists)
    elif part.take("DROP", "NOT", "NULL"):
        yield Action(Kind.DROP_NOT_NULL, table, name, exists)
    elif part.one_of("SET", "ADD", "DROP"):
        yield Action(Kind.ALTER_TABLE, table, name, {"change": "alter_column"})
    else:  # T-SQL: ALTER COLUMN c int NOT NULL, which says the whole column again
        part.at -= 1
        yield from column(table, _named(part), Kind.ALTER_TYPE, exists)


def _named(part: Reader) -> Reader:
    return Reader(part.text, part.words[part.at :], part.dialect)


def _rename(table: str, part: Reader) -> Iterator[Action]:
    if part.one_of("INDEX", "KEY"):
        old = part.name()
        part.take("TO")
        yield Action(Kind.RENAME_INDEX, table, old, {"new": part.name()})
    elif part.one_of("TO", "AS"):
        yield Action(Kind.RENAME_TABLE, table, table, {"new": part.name()})
    else:
        column_said = part.take("COLUMN")
        exists = part.exists()
        old = part.name()
        if column_said or part.peek() == "TO":
            part.take("TO")
            yield Action(Kind.RENAME_COLUMN, table, old, exists | {"new": part.name()})
        else:
            yield Action(Kind.RENAME_TABLE, table, table, {"new": old})


def _trust(table: str, part: Reader) -> Iterator[Action]:
    """T-SQL: CHECK CONSTRAINT c, after WITH CHECK: the rows are looked at."""
    part.take("CONSTRAINT")
    yield Action(Kind.VALIDATE_CONSTRAINT, table, part.name())


def _convert(table: str, part: Reader) -> Iterator[Action]:
    """CONVERT TO CHARACTER SET …; CONVERT PARTITION p TO TABLE …"""
    change = "convert_partition" if part.peek() == "PARTITION" else "convert_charset"
    yield Action(Kind.ALTER_TABLE, table, "", {"change": change, "text": part.rest()})


_VERBS = {
    "ADD": _add,
    "DROP": _drop,
    "MODIFY": _modify,
    "CHANGE": _change_column,
    "ALTER": _alter,
    "RENAME": _rename,
    "CHECK": _trust,
    "CONVERT": _convert,
}
