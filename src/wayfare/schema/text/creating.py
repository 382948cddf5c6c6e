"""CREATE and DROP as MySQL, SQLite and T-SQL write them."""

from __future__ import annotations

from typing import Any

from wayfare.core.statements import Action, Kind
from wayfare.schema.text.columns import CONSTRAINTS, column, constraint
from wayfare.schema.text.words import Reader

_MODIFIERS = {
    *("TEMP", "TEMPORARY", "UNIQUE", "FULLTEXT", "SPATIAL", "CLUSTERED", "NONCLUSTERED", "COLUMNSTORE", "VIRTUAL"),
    *("AGGREGATE", "PRIMARY", "XML", "EXTERNAL", "ONLINE", "OFFLINE", "UNDO", "LOGFILE"),
}
_SIMPLE = {
    "FUNCTION": Kind.CREATE_FUNCTION,
    "PROCEDURE": Kind.CREATE_FUNCTION,
    "PROC": Kind.CREATE_FUNCTION,
    "PACKAGE": Kind.CREATE_FUNCTION,
    "SEQUENCE": Kind.CREATE_SEQUENCE,
    "TYPE": Kind.CREATE_TYPE,
    "VIEW": Kind.CREATE_VIEW,
}
_DROPS = {
    "TABLE": Kind.DROP_TABLE,
    "VIEW": Kind.DROP_VIEW,
    "FUNCTION": Kind.DROP_FUNCTION,
    "PROCEDURE": Kind.DROP_FUNCTION,
    "PROC": Kind.DROP_FUNCTION,
    "PACKAGE": Kind.DROP_FUNCTION,
    "SEQUENCE": Kind.DROP_SEQUENCE,
    "TYPE": Kind.DROP_TYPE,
}
_PEOPLE = ("USER", "ROLE", "LOGIN", "CREDENTIAL")
_BEYOND = ("DATABASE", "SERVER", "TABLESPACE", "GROUP", "ENDPOINT", "CERTIFICATE", "ASSEMBLY")
_OTHERS = (
    "EVENT",
    "SYNONYM",
    "STATISTICS",
    "RULE",
    "DEFAULT",
    "PARTITION",
    "SECURITY",
    "RESOURCE",
    "SPATIAL",
    "CATALOG",
)


def created(reader: Reader) -> list[Action] | None:
    """What follows CREATE; None where that is no object of these dialects."""
    replace = reader.take("OR", "REPLACE") or reader.take("OR", "ALTER")
    details: dict[str, Any] = {"replace": True} if replace else {}
    modifiers = _modifiers(reader)
    what = reader.peek()
    reader.at += 1
    if what in _BEYOND or (what == "SCHEMA" and reader.dialect == "mysql"):
        return [Action(Kind.DATABASE, details={"statement": "create_database"})]
    if what in _PEOPLE:
        return [Action(Kind.OTHER, details={"statement": "create_role"})]
    if what == "TABLE":
        return _table(reader, details | ({"temporary": True} if modifiers & {"TEMP", "TEMPORARY"} else {}))
    if what == "INDEX":
        return [_index(reader, details, modifiers)]
    if what == "TRIGGER":
        return [_trigger(reader, details)]
    if what in _SIMPLE:
        details |= reader.exists()
        of = {"of": "procedure" if what.startswith("PROC") else what.lower()} if what != "VIEW" else {}
        return [Action(_SIMPLE[what], "", reader.name(), details | of)]
    if what == "SCHEMA":
        return [Action(Kind.CREATE_SCHEMA, "", reader.name())]
    if what in _OTHERS:
        details |= reader.exists()
        return [Action(Kind.OTHER, "", reader.name(), details | {"statement": f"create_{what.lower()}"})]
    return None


def _modifiers(reader: Reader) -> set[str]:
    """UNIQUE, TEMPORARY …, and MySQL's ALGORITHM=…, DEFINER=…, SQL SECURITY …"""
    found = set()
    while True:
        if word := reader.one_of(*_MODIFIERS):
            found.add(word)
        elif reader.peek() in ("ALGORITHM", "DEFINER") and reader.peek(1) == "=":
            reader.at += 2
            _account(reader)
        elif reader.take("SQL", "SECURITY"):
            reader.at += 1
        else:
            return found


def _account(reader: Reader) -> None:
    """`root`@`localhost`, CURRENT_USER(), UNDEFINED."""
    reader.name()
    if reader.take("@"):
        reader.name()
    elif reader.peek().startswith("@"):
        reader.at += 1
    if reader.peek() == "(":
        reader.skip_group()


def _table(reader: Reader, details: dict[str, Any]) -> list[Action]:
    details |= reader.exists()
    name = reader.name()
    if reader.dialect == "tsql" and name.startswith("#"):
        details["temporary"] = True
    if reader.peek() != "(":
        query = {"query": True} if reader.has("SELECT") or reader.has("AS") else {}
        return [Action(Kind.CREATE_TABLE, name, name, details | {"columns": []} | query)]
    begin = reader.at
    reader.skip_group()
    inside = Reader(reader.text, reader.words[begin + 1 : reader.at - 1], reader.dialect)
    columns: list[Action] = []
    constraints: list[Action] = []
    for part in inside.commas():
        if _is_constraint(part):
            constraints += constraint(name, part)
        elif not part.over and part.peek() != "LIKE":
            first, *more = column(name, part)
            columns.append(first)
            constraints += more
    details |= {"columns": [c.name for c in columns], "definitions": columns, "constraints": constraints}
    details |= {"options": reader.rest()}
    foreign = [c for c in constraints if c.kind is Kind.ADD_FOREIGN_KEY]
    return [Action(Kind.CREATE_TABLE, name, name, details), *foreign]


def _is_constraint(part: Reader) -> bool:
    """A column may have one of their names: KEY is one where a type follows."""
    word, after = part.peek(), part.peek(1)
    if word in ("KEY", "INDEX", "CHECK") and part.dialect == "sqlite":
        return word == "CHECK"
    return word in CONSTRAINTS and (word != "PERIOD" or after == "FOR")


def _index(reader: Reader, details: dict[str, Any], modifiers: set[str]) -> Action:
    details |= reader.exists()
    name = "" if reader.peek() == "ON" else reader.name()
    if reader.take("USING"):
        reader.at += 1
    reader.take("ON")
    table = reader.name()
    columns = reader.group()
    details |= {"columns": columns, "unique": "UNIQUE" in modifiers, "where": reader.has("WHERE")}
    rest = reader.rest()
    if reader.dialect == "tsql":
        details |= {"concurrently": "ONLINE=ON" in rest.upper().replace(" ", "")}
        details |= {"clustered": True} if "CLUSTERED" in modifiers else {}
    elif clauses := _clauses(rest):
        details |= {"clauses": clauses}
    return Action(Kind.CREATE_INDEX, table, name, details)


def _clauses(rest: str) -> list[str]:
    upper = " ".join(rest.split()).replace(" =", "=").replace("= ", "=")
    return [word for word in upper.split(" ") if word.upper().startswith(("ALGORITHM=", "LOCK="))]


def _trigger(reader: Reader, details: dict[str, Any]) -> Action:
    details |= reader.exists()
    name = reader.name()
    while not reader.over and reader.peek() != "ON":
        reader.at += 1
    reader.take("ON")
    return Action(Kind.CREATE_TRIGGER, reader.name(), name, details)


def dropped(reader: Reader) -> list[Action] | None:
    """What follows DROP."""
    temporary = {"temporary": True} if reader.take("TEMPORARY") else {}
    what = reader.peek()
    reader.at += 1
    if what == "PREPARE":
        return [Action(Kind.BLOCK)]
    if what in _BEYOND or (what == "SCHEMA" and reader.dialect == "mysql"):
        return [Action(Kind.DATABASE, details={"statement": "drop_database"})]
    if what in _PEOPLE:
        return [Action(Kind.OTHER, details={"statement": "drop_role"})]
    read = {"INDEX": _drop_index, "TRIGGER": _drop_trigger}.get(what)
    details = temporary | reader.exists()
    if read:
        return read(reader, details)
    if what in _DROPS:
        return _drop_named(reader, _DROPS[what], what, details)
    if what == "SCHEMA":
        return [Action(Kind.DROP_SCHEMA, "", reader.name(), details)]
    if what in _OTHERS:
        return [Action(Kind.OTHER, "", reader.name(), details | {"statement": f"drop_{what.lower()}"})]
    return None


def _drop_named(reader: Reader, kind: Kind, what: str, details: dict[str, Any]) -> list[Action]:
    if reader.has("CASCADE"):
        details = details | {"cascade": True}
    if kind is Kind.DROP_FUNCTION:
        details = details | {"of": "procedure" if what.startswith("PROC") else what.lower()}
    names = [p.name() for p in reader.commas()]
    return [Action(kind, n if kind is Kind.DROP_TABLE else "", n, details) for n in names if n]


def _drop_index(reader: Reader, details: dict[str, Any]) -> list[Action]:
    parts = reader.commas()
    found = []
    for part in parts:
        name = part.name()
        table = part.name() if part.take("ON") else ""
        clauses = _clauses(part.rest())
        found.append(Action(Kind.DROP_INDEX, table, name, details | ({"clauses": clauses} if clauses else {})))
    return found


def _drop_trigger(reader: Reader, details: dict[str, Any]) -> list[Action]:
    return [Action(Kind.DROP_TRIGGER, "", p.name(), details) for p in reader.commas()]
