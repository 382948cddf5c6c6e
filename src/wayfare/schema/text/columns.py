"""Columns and constraints as MySQL, SQLite and T-SQL write them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from wayfare.core.statements import Action, Kind
from wayfare.schema.text.words import Reader

_VOLATILE = re.compile(
    r"\b(rand|random|randomblob|uuid|uuid_short|newid|newsequentialid|sysdate|crypt_gen_random)\s*\(|\bnext\s+value\s+for\b",
    re.IGNORECASE,
)
_ENDS_TYPE = {
    *("NOT", "NULL", "DEFAULT", "PRIMARY", "UNIQUE", "KEY", "CHECK", "REFERENCES", "CONSTRAINT", "COLLATE", "COMMENT"),
    *("GENERATED", "AS", "AUTO_INCREMENT", "AUTOINCREMENT", "IDENTITY", "FIRST", "AFTER", "ON", "CHARACTER", "CHARSET"),
    *("INVISIBLE", "VISIBLE", "WITH", "ROWGUIDCOL", "SPARSE", "PERSISTED", "VIRTUAL", "STORED", "COMPRESSED"),
}
_ENDS_DEFAULT = _ENDS_TYPE | {"FOR", ","}
CONSTRAINTS = ("CONSTRAINT", "PRIMARY", "UNIQUE", "FOREIGN", "CHECK", "KEY", "INDEX", "FULLTEXT", "SPATIAL", "PERIOD")


def volatile(expression: str) -> bool:
    """Does a default give another value for each row?"""
    return bool(_VOLATILE.search(expression))


def column(
    table: str, part: Reader, kind: Kind = Kind.ADD_COLUMN, exists: dict[str, bool] | None = None
) -> list[Action]:
    """A definition: the column's action, and one for each constraint within it."""
    name = part.name()
    details: dict[str, Any] = dict(exists or {})
    if part.peek() not in _ENDS_TYPE and not part.over:
        details["type"] = _type(part)
    more: list[Action] = []
    constraint = ""
    while not part.over:
        if part.take("CONSTRAINT"):
            constraint = part.name()
            continue
        _property(table, name, constraint, part, details, more)
        constraint = ""
    return [Action(kind, table, name, details), *more]


def _type(part: Reader) -> str:
    begin = part.at
    part.name()
    while not part.over and (part.peek() == "(" or part.peek() not in _ENDS_TYPE):
        if part.peek() == "(":
            part.skip_group()
        else:
            part.at += 1
    return part.between(begin)


def _property(
    table: str, name: str, constraint: str, part: Reader, details: dict[str, Any], more: list[Action]
) -> None:
    """One of a column's; what is not known is passed."""
    inline = {"columns": [name], "inline": True}
    if part.take("NOT", "NULL"):
        details["not_null"] = True
    elif part.take("DEFAULT"):
        details |= default(part)
        details |= {"constraint": constraint} if constraint else {}
    elif part.take("PRIMARY", "KEY"):
        more.append(Action(Kind.ADD_PRIMARY_KEY, table, constraint, inline))
    elif part.take("UNIQUE", "KEY") or part.take("UNIQUE"):
        more.append(Action(Kind.ADD_UNIQUE, table, constraint, inline))
    elif part.peek() == "CHECK" and part.peek(1) == "(":
        more.append(Action(Kind.ADD_CHECK, table, constraint, {"expression": check(part), "inline": True}))
    elif part.take("REFERENCES"):
        more.append(Action(Kind.ADD_FOREIGN_KEY, table, constraint, inline | references(part)))
    elif part.one_of("AUTO_INCREMENT", "AUTOINCREMENT", "IDENTITY"):
        details["identity"] = "default"
    elif part.take("GENERATED", "ALWAYS") or part.peek() == "AS":
        details |= _generated(part)
    elif part.take("FIRST"):
        details["first"] = True
    elif part.take("AFTER"):
        details["after"] = part.name()
    else:
        part.at += 1


def default(part: Reader) -> dict[str, Any]:
    """What follows DEFAULT."""
    begin = part.at
    if part.peek() == "(":
        part.skip_group()
    else:
        part.at += 1
        while not part.over and part.peek() not in _ENDS_DEFAULT:
            if part.peek() == "(":
                part.skip_group()
            else:
                part.at += 1
    text = part.between(begin)
    return {"default": text} | ({"volatile_default": True} if volatile(text) else {})


def check(part: Reader) -> str:
    """What stands in CHECK ( … )."""
    part.take("CHECK")
    begin = part.at
    part.skip_group()
    return part.between(begin)[1:-1].strip()


def references(part: Reader) -> dict[str, Any]:
    """What follows REFERENCES."""
    table = part.name()
    details = {"references": table, "referenced": part.group()}
    while part.take("ON", "DELETE") or part.take("ON", "UPDATE"):
        if part.one_of("SET", "NO"):
            part.at += 1
        else:
            part.one_of("CASCADE", "RESTRICT")
    return details


def _generated(part: Reader) -> dict[str, Any]:
    part.take("AS")
    begin = part.at
    part.skip_group()
    expression = part.between(begin)
    stored = bool(part.one_of("STORED", "PERSISTED", "PERSISTENT"))
    if not stored:
        part.take("VIRTUAL")
    return {"generated": "stored" if stored else "virtual", "expression": expression}


def constraint(table: str, part: Reader, details: dict[str, Any] | None = None) -> Iterator[Action]:
    """PRIMARY KEY (…), UNIQUE …, FOREIGN KEY …, CHECK …, INDEX … as they stand in a table or follow ADD."""
    extra = dict(details or {})
    name = ""
    if part.take("CONSTRAINT"):
        name = "" if part.peek() in CONSTRAINTS else part.name()
    extra |= part.exists()
    if part.take("PRIMARY", "KEY"):
        _clustered(part)
        yield Action(Kind.ADD_PRIMARY_KEY, table, name, extra | {"columns": part.group()})
    elif part.take("UNIQUE"):
        part.one_of("KEY", "INDEX")
        _clustered(part)
        extra |= part.exists()
        name = name if part.peek() == "(" else part.name()
        yield Action(Kind.ADD_UNIQUE, table, name, extra | {"columns": part.group()})
    elif part.take("FOREIGN", "KEY"):
        extra |= part.exists()
        name = name if part.peek() == "(" else part.name()
        columns = part.group()
        part.take("REFERENCES")
        yield Action(Kind.ADD_FOREIGN_KEY, table, name, extra | {"columns": columns} | references(part))
    elif part.peek() == "CHECK":
        yield Action(Kind.ADD_CHECK, table, name, extra | {"expression": check(part)})
    elif part.take("DEFAULT"):  # T-SQL: ADD CONSTRAINT d DEFAULT 0 FOR c
        found = default(part)
        column_name = part.name() if part.take("FOR") else ""
        yield Action(Kind.SET_DEFAULT, table, column_name, extra | found | {"constraint": name})
    else:
        yield _index(table, part, extra)


def _clustered(part: Reader) -> None:
    part.one_of("CLUSTERED", "NONCLUSTERED")


def _index(table: str, part: Reader, extra: dict[str, Any]) -> Action:
    """INDEX i (…), KEY i (…), FULLTEXT KEY i (…)."""
    sort = part.one_of("FULLTEXT", "SPATIAL").lower()
    part.one_of("KEY", "INDEX")
    extra |= part.exists()
    name = "" if part.peek() == "(" else part.name()
    if part.take("USING"):
        part.at += 1
    details = extra | {"columns": part.group(), "unique": False} | ({"sort": sort} if sort else {})
    return Action(Kind.CREATE_INDEX, table, name, details)
