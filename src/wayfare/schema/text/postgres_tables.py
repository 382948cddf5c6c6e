"""What PostgreSQL's CREATE TABLE and ALTER TABLE do, action by action."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from wayfare.core.statements import Action, Kind
from wayfare.schema.text.postgres import enum, expression, inner, table, text, texts, type_text, walk

VOLATILE = {  # of PostgreSQL and its extensions; a default of another function is asked of the rehearsal
    *("random", "random_normal", "gen_random_uuid", "uuidv4", "uuidv7", "clock_timestamp", "timeofday", "nextval"),
    *("currval", "lastval", "setval", "uuid_generate_v1", "uuid_generate_v1mc", "uuid_generate_v4", "gen_salt"),
    *("gen_random_bytes", "uuid_generate_v7", "gen_ulid", "txid_current", "pg_current_xact_id"),
}
SERIALS = {"serial", "bigserial", "smallserial", "serial2", "serial4", "serial8"}
_CONSTRAINTS = {
    "CONSTR_CHECK": Kind.ADD_CHECK,
    "CONSTR_PRIMARY": Kind.ADD_PRIMARY_KEY,
    "CONSTR_UNIQUE": Kind.ADD_UNIQUE,
    "CONSTR_EXCLUSION": Kind.ADD_CONSTRAINT,
    "CONSTR_FOREIGN": Kind.ADD_FOREIGN_KEY,
}
_SIMPLE = {  # ALTER TABLE … : name is the column's or constraint's
    "AT_DropNotNull": Kind.DROP_NOT_NULL,
    "AT_SetNotNull": Kind.SET_NOT_NULL,
    "AT_DropColumn": Kind.DROP_COLUMN,
    "AT_ValidateConstraint": Kind.VALIDATE_CONSTRAINT,
    "AT_DropConstraint": Kind.DROP_CONSTRAINT,
}


def created(node: Any) -> list[Action]:
    """CREATE TABLE. Its columns are actions in "definitions"; foreign keys are actions too: they lock other tables."""
    name = table(node.relation)
    columns: list[Action] = []
    constraints: list[Action] = []
    for element in node.table_elts:
        part, kind = inner(element), element.WhichOneof("node")
        if kind == "column_def":
            first, *rest = added_column(name, part)
            columns.append(first)
            constraints += rest
        elif kind == "constraint":
            constraints += constraint(name, part)
    details: dict[str, Any] = {
        "columns": [c.name for c in columns],
        "definitions": columns,
        "constraints": constraints,
        "if_not_exists": node.if_not_exists,
        "temporary": node.relation.relpersistence == "t",
    }
    if parents := [table(inner(p)) for p in node.inh_relations]:
        details |= {"parents": parents, "partition": node.HasField("partbound")}
    foreign = [c for c in constraints if c.kind is Kind.ADD_FOREIGN_KEY]
    return [Action(Kind.CREATE_TABLE, name, name, details), *foreign]


def altered(node: Any) -> list[Action]:
    """ALTER TABLE, and ALTER INDEX, VIEW, SEQUENCE where they say the same."""
    name = table(node.relation)
    common: dict[str, Any] = {"if_exists": True} if node.missing_ok else {}
    found = [action for cmd in node.cmds for action in _command(name, inner(cmd))]
    kind = enum(node, "objtype").removeprefix("OBJECT_").lower()
    if kind not in ("table", "foreign_table"):
        common |= {"of": kind}
    return [Action(a.kind, a.table, a.name, common | dict(a.details)) for a in found]


def _command(name: str, cmd: Any) -> Iterator[Action]:
    kind = enum(cmd, "subtype")
    extra: dict[str, Any] = {"cascade": True} if enum(cmd, "behavior") == "DROP_CASCADE" else {}
    extra |= {"if_exists": True} if cmd.missing_ok else {}
    if kind in _SIMPLE:
        yield Action(_SIMPLE[kind], name, cmd.name, extra)
    elif kind == "AT_AddColumn":
        yield from added_column(name, cmd.__getattribute__("def").column_def, if_not_exists=cmd.missing_ok)
    elif kind == "AT_ColumnDefault":
        yield _default(name, cmd)
    elif kind == "AT_AddConstraint":
        yield from constraint(name, cmd.__getattribute__("def").constraint)
    elif kind == "AT_AlterColumnType":
        column = cmd.__getattribute__("def").column_def
        using = {"using": expression(column.raw_default)} if column.HasField("raw_default") else {}
        yield Action(Kind.ALTER_TYPE, name, cmd.name, {"type": type_text(column.type_name)} | using)
    elif kind in ("AT_AttachPartition", "AT_DetachPartition", "AT_DetachPartitionFinalize"):
        part = cmd.__getattribute__("def").partition_cmd
        sort = Kind.ATTACH_PARTITION if kind == "AT_AttachPartition" else Kind.DETACH_PARTITION
        details = {"concurrently": part.concurrent} | ({"finalize": True} if kind.endswith("Finalize") else {})
        yield Action(sort, name, table(part.name), details)
    elif kind == "AT_DropExpression":
        yield Action(Kind.ALTER_TABLE, name, cmd.name, extra | {"change": "drop_expression"})
    else:
        yield Action(Kind.ALTER_TABLE, name, cmd.name, extra | {"change": _snake(kind.removeprefix("AT_"))})


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


def _default(name: str, cmd: Any) -> Action:
    default = cmd.__getattribute__("def")
    if default.WhichOneof("node") is None:
        return Action(Kind.DROP_DEFAULT, name, cmd.name)
    details = {"default": expression(default), "volatile_default": volatile(default)}
    return Action(Kind.SET_DEFAULT, name, cmd.name, details)


def volatile(node: Any) -> bool:
    """Does an expression give another value for each row?"""
    calls = (m for m in walk(node) if m.DESCRIPTOR.name == "FuncCall")
    return any(text(call.funcname[-1]).lower() in VOLATILE for call in calls)


def added_column(name: str, column: Any, *, if_not_exists: bool = False) -> list[Action]:
    """ADD COLUMN and, each as an action of its own, the constraints that stand in it."""
    details: dict[str, Any] = {"type": type_text(column.type_name)} if column.HasField("type_name") else {}
    details |= {"if_not_exists": True} if if_not_exists else {}
    if str(details.get("type", "")).lower() in SERIALS:
        details |= {"serial": True, "volatile_default": True, "not_null": True}
    more: list[Action] = []
    for part in map(inner, column.constraints):
        kind = enum(part, "contype")
        if kind in _CONSTRAINTS:
            more += constraint(name, part, column.colname)
        else:
            details |= _property(kind, part)
    return [Action(Kind.ADD_COLUMN, name, column.colname, details), *more]


def _property(kind: str, part: Any) -> dict[str, Any]:
    if kind == "CONSTR_NOTNULL":
        return {"not_null": True}
    if kind == "CONSTR_DEFAULT":
        default = {"default": expression(part.raw_expr)}
        return default | ({"volatile_default": True} if volatile(part.raw_expr) else {})
    if kind == "CONSTR_IDENTITY":
        return {"identity": "always" if part.generated_when == "a" else "default", "not_null": True}
    if kind == "CONSTR_GENERATED":
        sort = "virtual" if part.generated_kind == "v" else "stored"
        return {"generated": sort, "expression": expression(part.raw_expr)}
    return {}


def constraint(name: str, part: Any, column: str = "") -> list[Action]:
    """ADD CONSTRAINT. `column`: the one in whose definition it stands."""
    contype = enum(part, "contype")
    if contype == "CONSTR_NOTNULL":  # ADD CONSTRAINT c NOT NULL x, since 18
        details = {"not_valid": True} if part.skip_validation else {}
        return [Action(Kind.SET_NOT_NULL, name, word, details) for word in texts(part.keys)]
    if contype not in _CONSTRAINTS:
        return []  # DEFERRABLE and the like, which belong to the one before
    details = _columns(contype, part, column)
    if part.skip_validation:
        details["not_valid"] = True
    if column:
        details["inline"] = True
    return [Action(_CONSTRAINTS[contype], name, part.conname, details)]


def _columns(contype: str, part: Any, column: str) -> dict[str, Any]:
    if contype == "CONSTR_CHECK":
        return {"expression": expression(part.raw_expr), "columns": [column] if column else _named(part.raw_expr)}
    if contype == "CONSTR_FOREIGN":
        columns: Sequence[str] = texts(part.fk_attrs) or [column]
        return {"columns": list(columns), "references": table(part.pktable)} | _rules(part)
    if contype == "CONSTR_EXCLUSION":
        return {}
    details: dict[str, Any] = {"columns": texts(part.keys) or ([column] if column else [])}
    if part.nulls_not_distinct:
        details["nulls_not_distinct"] = True
    return details | ({"index": part.indexname} if part.indexname else {})


_MATCHES = {"f": "MATCH FULL", "p": "MATCH PARTIAL"}
_RULES = {"r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}


def _rules(part: Any) -> dict[str, Any]:
    """What a foreign key refers to, and the rest of it as one text."""
    said = [_MATCHES.get(part.fk_matchtype, "")]
    columns = f" ({', '.join(texts(part.fk_del_set_cols))})" if part.fk_del_set_cols else ""
    said += [f"ON DELETE {_RULES[part.fk_del_action]}{columns}"] if part.fk_del_action in _RULES else []
    said += [f"ON UPDATE {_RULES[part.fk_upd_action]}"] if part.fk_upd_action in _RULES else []
    said += ["DEFERRABLE"] if part.deferrable else []
    said += ["INITIALLY DEFERRED"] if part.initdeferred else []
    return {"referenced": texts(part.pk_attrs), "rule": " ".join(word for word in said if word)}


def _named(node: Any) -> list[str]:
    """The columns of an expression, each once."""
    found = (text(m.fields[-1]) for m in walk(node) if m.DESCRIPTOR.name == "ColumnRef")
    return list(dict.fromkeys(name for name in found if name))
