"""What takes a statement back: its own inverse, else what stood before, else a refusal that says why. Pure.

Whoever uses one proves it: up and down on a clone, and the dumps are equal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from wayfare.core.statements import Action, Kind, Statement
from wayfare.schema.text.writing import dotted, given, namespace, needs_name, quoted, write

Recall = Callable[[Action], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Inverse:
    """The statements to run, in order; or why there are none. Both are empty where nothing is to be taken back."""

    statements: tuple[str, ...] = ()
    refusal: str = ""


_NOTHING = Inverse()
_LOST = {
    Kind.DROP_TABLE: "the rows of {t} are lost with it",
    Kind.DROP_COLUMN: "the values of {t}.{n} are lost with it",
    Kind.TRUNCATE: "the rows of {t} are lost",
    Kind.DELETE: "the rows that are deleted from {t} are lost",
    Kind.UPDATE: "the values of {t} that are overwritten are lost",
    Kind.INSERT: "which rows of {t} came of it cannot be told later",
    Kind.COPY: "which rows of {t} came of it cannot be told later",
    Kind.BLOCK: "what a block or call does is known only by trying",
    Kind.TRANSACTION: "a change begins and ends its own transaction",
    Kind.DATABASE: "it reaches beyond the database that is changed",
}
_HARMLESS = {Kind.SELECT, Kind.SET, Kind.VACUUM, Kind.REINDEX, Kind.REFRESH}
_HARMLESS_OTHERS = {"lock", "unlock", "analyze", "cluster", "optimize", "notify", "flush", "check", "repair", "comment"}
_RECALLED = {  # what only the catalog knows: what was there before
    *(Kind.DROP_CONSTRAINT, Kind.DROP_VIEW, Kind.DROP_MATERIALIZED_VIEW, Kind.DROP_FUNCTION, Kind.DROP_TRIGGER),
    *(Kind.DROP_TYPE, Kind.DROP_SEQUENCE, Kind.ALTER_SEQUENCE, Kind.DROP_SCHEMA, Kind.DROP_EXTENSION, Kind.DROP_POLICY),
    *(Kind.DETACH_PARTITION, Kind.ALTER_TABLE, Kind.OTHER),
}
_CREATED = {
    Kind.CREATE_TABLE: "drop_table",
    Kind.CREATE_VIEW: "drop_view",
    Kind.CREATE_MATERIALIZED_VIEW: "drop_materialized_view",
    Kind.CREATE_TRIGGER: "drop_trigger",
    Kind.CREATE_TYPE: "drop_type",
    Kind.CREATE_SEQUENCE: "drop_sequence",
    Kind.CREATE_SCHEMA: "drop_schema",
    Kind.CREATE_EXTENSION: "drop_extension",
    Kind.CREATE_POLICY: "drop_policy",
    Kind.ADD_COLUMN: "drop_column",
}
_CONSTRAINTS = {
    Kind.ADD_FOREIGN_KEY: ("foreign_key", "drop_foreign_key"),
    Kind.ADD_UNIQUE: ("unique", "drop_unique"),
    Kind.ADD_PRIMARY_KEY: ("primary_key", "drop_primary_key"),
    Kind.ADD_CHECK: ("check", "drop_constraint"),
    Kind.ADD_CONSTRAINT: ("", "drop_constraint"),
}
_RENAMES = {
    Kind.RENAME_TABLE: "rename_table",
    Kind.RENAME_COLUMN: "rename_column",
    Kind.RENAME_INDEX: "rename_index",
    Kind.RENAME_CONSTRAINT: "rename_constraint",
}


def inverse(statement: Statement, dialect: str, recall: Recall) -> Inverse:
    """Of all that a statement does, the last first. `recall` as `Rehearsal.recall`, before the statement is run.

    One action that cannot be taken back is enough for a refusal.
    """
    found: list[str] = []
    for action in _order(statement.actions):
        one = of_action(action, dialect, recall)
        if one.refusal:
            return one
        found += one.statements
    return Inverse(tuple(dict.fromkeys(found)))


def _order(actions: Sequence[Action]) -> list[Action]:
    """The last first, without what goes with a table or column that is dropped.

    MySQL's CHANGE renames and alters at once: the name is given back first, and what stood before has the old one.
    """
    made = [a for a in actions if not _goes_with(a, actions)]
    ordered = list(reversed(made))
    for rename in [a for a in made if a.kind is Kind.RENAME_COLUMN]:
        new = rename.details.get("new")
        later = [a for a in ordered if a.kind is Kind.ALTER_TYPE and a.table == rename.table and a.name == new]
        for altered in later:
            ordered.remove(altered)
            ordered.insert(ordered.index(rename) + 1, replace(altered, name=rename.name))
    return ordered


def _goes_with(action: Action, actions: Sequence[Action]) -> bool:
    if action.kind is Kind.CREATE_TABLE or action.kind is Kind.ADD_COLUMN:
        return False
    if any(a.kind is Kind.CREATE_TABLE and a.name == action.table for a in actions):
        return True
    added = {a.name for a in actions if a.kind is Kind.ADD_COLUMN and a.table == action.table}
    columns = action.details.get("columns", ())
    return bool(action.details.get("inline")) and bool(added) and set(columns) <= added


def of_action(action: Action, dialect: str, recall: Recall) -> Inverse:
    """Of one thing that a statement does."""
    kind = action.kind
    if kind in _LOST:
        reason = _LOST[kind].format(t=action.table or "a table", n=action.name)
        return Inverse(refusal=f"{_said(action)} cannot be taken back: {reason}")
    if kind in _HARMLESS or action.details.get("statement") in _HARMLESS_OTHERS:
        return _NOTHING
    if kind in _CREATED or kind is Kind.CREATE_INDEX or kind is Kind.CREATE_FUNCTION:
        return _created(action, dialect, recall)
    if kind in _CONSTRAINTS:
        return _constraint(action, dialect, recall)
    if kind in _RENAMES:
        return _renamed(action, dialect)
    return _changed(action, dialect, recall)


def _said(action: Action) -> str:
    return action.kind.replace("_", " ").upper()


def _refused(action: Action, why: str) -> Inverse:
    return Inverse(refusal=f"{_said(action)} cannot be taken back: {why}")


def _created(action: Action, dialect: str, recall: Recall) -> Inverse:
    """What was made is dropped; what was replaced is made again; what was there already stays."""
    said = action.details
    if said.get("temporary"):
        return _NOTHING
    if said.get("replace") or said.get("if_not_exists"):
        before = tuple(recall(action))
        if before:
            return Inverse(before) if said.get("replace") else _NOTHING
    if action.kind is Kind.CREATE_INDEX:
        return _index(action, dialect)
    if action.kind is Kind.CREATE_FUNCTION:
        name, brackets, arguments = str(said.get("signature") or action.name).partition("(")
        sort = str(said.get("of", "function")).upper()
        return Inverse((f"DROP {sort} {dotted(name, dialect)}{brackets}{arguments}",))
    form = "drop_domain" if said.get("of") == "domain" else _CREATED[action.kind]
    return Inverse((write(form, dialect, action.table, action.name),))


def _index(action: Action, dialect: str) -> Inverse:
    said = action.details
    columns = list(said.get("columns", ()))
    name = action.name or ("" if said.get("expressions") else given("index", dialect, action.table, columns))
    if not name:
        return _refused(action, "its name is the server's to choose; give it one")
    form = "drop_index_concurrently" if said.get("concurrently") else "drop_index"
    return Inverse((write(form, dialect, action.table, name),))


def _constraint(action: Action, dialect: str, recall: Recall) -> Inverse:
    sort, form = _CONSTRAINTS[action.kind]
    columns = list(action.details.get("columns", ()))
    if sort == "check" and len(columns) > 1:
        columns = []  # PostgreSQL names a check after its column only where it has one
    name = action.name or (given(sort, dialect, action.table, columns) if sort else "")
    if not name and needs_name(form, dialect):
        return _refused(action, "its name is the server's to choose; give it one")
    statement = write(form, dialect, action.table, name)
    index = str(action.details.get("index", ""))
    if not index:
        return Inverse((statement,))
    again = tuple(recall(Action(Kind.DROP_INDEX, action.table, f"{namespace(action.table)}{index}")))
    if not again:
        return _refused(action, f"the index {index} goes with it, and what it was is not known")
    return Inverse((statement, *again))


def _renamed(action: Action, dialect: str) -> Inverse:
    new, old = str(action.details.get("new", "")), action.name
    form = _RENAMES[action.kind]
    if action.kind is Kind.RENAME_TABLE:
        now = new if "." in new else f"{namespace(old)}{new}"
        return Inverse((write(form, dialect, now, "", old if "." in new else old.rpartition(".")[2]),))
    statement = write(form, dialect, action.table, f"{namespace(old)}{new}", old.rpartition(".")[2])
    if action.details.get("of") in ("view", "matview", "type"):
        sort = {"view": "VIEW", "matview": "MATERIALIZED VIEW", "type": "TYPE"}[str(action.details["of"])]
        statement = statement.replace("ALTER TABLE", f"ALTER {sort}", 1)
    return Inverse((statement,))


def _changed(action: Action, dialect: str, recall: Recall) -> Inverse:
    """What stood before, where the catalog knows it; else the plain inverse, where there is one."""
    special = {Kind.ALTER_TYPE: _type, Kind.ALTER_ENUM: _enum, Kind.GRANT: _granted, Kind.REVOKE: _granted}
    if found := special.get(action.kind):
        return found(action, dialect, recall)
    before = tuple(recall(action))
    if action.kind is Kind.VALIDATE_CONSTRAINT:  # it stays validated, unless it can be made anew
        drop = write("drop_constraint", dialect, action.table, action.name)
        return Inverse((drop, *before)) if before else _NOTHING
    if action.kind is Kind.DROP_INDEX and action.details.get("concurrently"):
        before = tuple(_CREATE_INDEX.sub(r"\1 CONCURRENTLY", s, count=1) for s in before)
    if before:
        return Inverse(before)
    if action.kind in _RECALLED or action.kind is Kind.DROP_INDEX:
        return _refused(action, "what stood before is not known")
    return _plain(action, dialect)


_CREATE_INDEX = re.compile(r"^(CREATE (?:UNIQUE )?INDEX)(?! CONCURRENTLY)\b", re.IGNORECASE)


def _plain(action: Action, dialect: str) -> Inverse:
    table, name = action.table, action.name
    forms = {
        Kind.SET_DEFAULT: "drop_default",
        Kind.SET_NOT_NULL: "drop_not_null",
        Kind.DROP_NOT_NULL: "set_not_null",
        Kind.ATTACH_PARTITION: "detach_partition",
    }
    if action.kind is Kind.DROP_DEFAULT:
        return _NOTHING  # there was none
    if action.kind is Kind.COMMENT:
        return Inverse((f"COMMENT ON {_commented(action, dialect)} IS NULL",))
    constraint = str(action.details.get("constraint", ""))
    if action.kind is Kind.SET_DEFAULT and constraint:
        return Inverse((write("drop_constraint", dialect, table, constraint),))
    if action.kind in forms:
        return Inverse((write(forms[action.kind], dialect, table, name),))
    return _refused(action, "there is no inverse of it")


def _commented(action: Action, dialect: str) -> str:
    of, name = str(action.details.get("of", "table")), action.name
    if of == "column":
        return f"COLUMN {dotted(f'{action.table}.{name}', dialect)}"
    if of in ("tabconstraint", "trigger", "policy", "rule"):
        sort = "CONSTRAINT" if of == "tabconstraint" else of.upper()
        return f"{sort} {quoted(name, dialect)} ON {dotted(action.table, dialect)}"
    plain, brackets, arguments = name.partition("(")
    sort = {"matview": "MATERIALIZED VIEW", "foreign_table": "FOREIGN TABLE"}.get(of, of.upper())
    return f"{sort} {dotted(plain, dialect)}{brackets}{arguments}"


def _type(action: Action, dialect: str, recall: Recall) -> Inverse:
    using = str(action.details.get("using", ""))
    if using and not re.fullmatch(rf'"?{re.escape(action.name)}"?(?:::.+)?', using):
        return _refused(action, f"USING makes other values of {action.table}.{action.name}, and the old ones are lost")
    before = tuple(recall(action))
    return Inverse(before) if before else _refused(action, "the type before is not known")


def _enum(action: Action, dialect: str, recall: Recall) -> Inverse:
    new, old = str(action.details.get("value", "")), str(action.details.get("old", ""))
    if not old:
        return _refused(action, "a value of an enum cannot be dropped")
    name, said = dotted(action.name, dialect), [word.replace("'", "''") for word in (new, old)]
    return Inverse((f"ALTER TYPE {name} RENAME VALUE '{said[0]}' TO '{said[1]}'",))


def _granted(action: Action, dialect: str, recall: Recall) -> Inverse:
    """What is granted is revoked, and then granted again what stood before."""
    said = action.details
    before = tuple(recall(action))
    if action.kind is Kind.REVOKE and before:
        return Inverse(before)
    if not said.get("privileges") or not said.get("grantees") or said.get("all_in_schema"):
        return _refused(action, "which rights stood before is not known")
    word = "FROM" if action.kind is Kind.GRANT else "TO"
    people = ", ".join(_person(str(g), dialect) for g in said["grantees"])
    rights = ", ".join(said["privileges"])
    verb = "REVOKE" if action.kind is Kind.GRANT else "GRANT"
    if said.get("of") == "role":
        return Inverse((f"{verb} {quoted(rights, dialect)} {word} {people}", *before))
    sort = "" if said.get("of") in ("table", "object", None) else f"{str(said['of']).upper()} "
    plain, brackets, arguments = action.name.partition("(")
    target = ".".join(p if p == "*" else quoted(p, dialect) for p in plain.split("."))
    return Inverse((f"{verb} {rights} ON {sort}{target}{brackets}{arguments} {word} {people}", *before))


def _person(name: str, dialect: str) -> str:
    if name in ("public", "current_user", "session_user", "current_role") or not name.isidentifier():
        return name  # a word of the language, or quoted already
    return quoted(name, dialect)
