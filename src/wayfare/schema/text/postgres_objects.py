"""What PostgreSQL's statements do to objects other than tables: views, functions, types, rights, names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wayfare.core.statements import Action, Kind
from wayfare.schema.text.postgres import enum, table, text, texts, type_text

_DROPS = {
    "TABLE": Kind.DROP_TABLE,
    "FOREIGN_TABLE": Kind.DROP_TABLE,
    "INDEX": Kind.DROP_INDEX,
    "VIEW": Kind.DROP_VIEW,
    "MATVIEW": Kind.DROP_MATERIALIZED_VIEW,
    "FUNCTION": Kind.DROP_FUNCTION,
    "PROCEDURE": Kind.DROP_FUNCTION,
    "ROUTINE": Kind.DROP_FUNCTION,
    "AGGREGATE": Kind.DROP_FUNCTION,
    "TRIGGER": Kind.DROP_TRIGGER,
    "TYPE": Kind.DROP_TYPE,
    "DOMAIN": Kind.DROP_TYPE,
    "SEQUENCE": Kind.DROP_SEQUENCE,
    "SCHEMA": Kind.DROP_SCHEMA,
    "EXTENSION": Kind.DROP_EXTENSION,
    "POLICY": Kind.DROP_POLICY,
}
_RENAMES = {
    "TABLE": Kind.RENAME_TABLE,
    "COLUMN": Kind.RENAME_COLUMN,
    "INDEX": Kind.RENAME_INDEX,
    "TABCONSTRAINT": Kind.RENAME_CONSTRAINT,
}
_ON_TABLES = {"COLUMN", "TABCONSTRAINT", "TRIGGER", "POLICY", "RULE"}


def _dropped(node: Any) -> list[Action]:
    what = enum(node, "remove_type").removeprefix("OBJECT_")
    details: dict[str, Any] = {"of": what.lower()}
    details |= {"if_exists": True} if node.missing_ok else {}
    details |= {"cascade": True} if enum(node, "behavior") == "DROP_CASCADE" else {}
    details |= {"concurrently": True} if node.concurrent else {}
    return [_drop(what, name, details) for name in texts(node.objects)]


def _drop(what: str, name: str, details: dict[str, Any]) -> Action:
    kind = _DROPS.get(what, Kind.OTHER)
    if kind is Kind.OTHER:
        details = details | {"statement": f"drop_{what.lower()}"}
    if what in _ON_TABLES:
        owner, _, name = name.rpartition(".")
        return Action(kind, owner, name, details)
    if kind is Kind.DROP_FUNCTION:
        return Action(kind, "", name.partition("(")[0], details | {"signature": name})
    return Action(kind, name if kind is Kind.DROP_TABLE else "", name, details)


def _renamed(node: Any) -> list[Action]:
    what = enum(node, "rename_type").removeprefix("OBJECT_")
    kind = _RENAMES.get(what, Kind.OTHER)
    name = table(node.relation) if node.HasField("relation") else text(node.object)
    details: dict[str, Any] = {"new": node.newname, "of": what.lower()}
    if kind is Kind.OTHER:
        details["statement"] = f"rename_{what.lower()}"
    if what in _ON_TABLES:
        details["of"] = (
            enum(node, "relation_type").removeprefix("OBJECT_").lower() if what == "COLUMN" else what.lower()
        )
        return [Action(kind, name, node.subname, details)]
    return [Action(kind, name if kind is Kind.RENAME_TABLE else "", name, details)]


def _moved(node: Any) -> list[Action]:
    """ALTER … SET SCHEMA."""
    name = table(node.relation) if node.HasField("relation") else text(node.object)
    what = enum(node, "object_type").removeprefix("OBJECT_").lower()
    details = {"change": "set_schema", "new": node.newschema, "of": what}
    kind = Kind.ALTER_TABLE if what == "table" else Kind.OTHER
    return [Action(kind, name if what == "table" else "", name, details | {"statement": "set_schema"})]


def _owned(node: Any) -> list[Action]:
    name = table(node.relation) if node.HasField("relation") else text(node.object)
    details = {"statement": "alter_owner", "of": enum(node, "object_type").removeprefix("OBJECT_").lower()}
    return [Action(Kind.OTHER, "", name, details)]


def _view(node: Any) -> list[Action]:
    return [Action(Kind.CREATE_VIEW, "", table(node.view), {"replace": node.replace})]


def _made_of_query(node: Any) -> list[Action]:
    name = table(node.into.rel)
    details = {"if_not_exists": node.if_not_exists, "query": True, "columns": []}
    if enum(node, "objtype") == "OBJECT_MATVIEW":
        return [Action(Kind.CREATE_MATERIALIZED_VIEW, "", name, details)]
    return [Action(Kind.CREATE_TABLE, name, name, details)]


def _refreshed(node: Any) -> list[Action]:
    return [Action(Kind.REFRESH, "", table(node.relation), {"concurrently": node.concurrent})]


def _function(node: Any) -> list[Action]:
    name = ".".join(texts(node.funcname))
    inputs = ("FUNC_PARAM_IN", "FUNC_PARAM_INOUT", "FUNC_PARAM_VARIADIC", "FUNC_PARAM_DEFAULT")
    parameters = [p.function_parameter for p in node.parameters]
    arguments = [type_text(p.arg_type) for p in parameters if enum(p, "mode") in inputs]
    details = {"replace": node.replace, "signature": f"{name}({', '.join(arguments)})"}
    return [Action(Kind.CREATE_FUNCTION, "", name, details | {"of": "procedure" if node.is_procedure else "function"})]


def _trigger(node: Any) -> list[Action]:
    return [Action(Kind.CREATE_TRIGGER, table(node.relation), node.trigname, {"replace": node.replace})]


def _named(kind: Kind, field: str) -> Callable[[Any], list[Action]]:
    """CREATE … of something whose name is a list of words."""
    return lambda node: [Action(kind, "", ".".join(texts(getattr(node, field))))]


def _composite(node: Any) -> list[Action]:
    return [Action(Kind.CREATE_TYPE, "", table(node.typevar))]


def _enum(node: Any) -> list[Action]:
    details = {"value": node.new_val, "old": node.old_val, "if_not_exists": node.skip_if_new_val_exists}
    if not node.old_val:
        details |= {"neighbor": node.new_val_neighbor}
    return [Action(Kind.ALTER_ENUM, "", ".".join(texts(node.type_name)), details)]


def _sequence(kind: Kind) -> Callable[[Any], list[Action]]:
    def read(node: Any) -> list[Action]:
        exists = {"if_not_exists": node.if_not_exists} if kind is Kind.CREATE_SEQUENCE else {}
        return [Action(kind, "", table(node.sequence), exists)]

    return read


def _schema(node: Any) -> list[Action]:
    return [Action(Kind.CREATE_SCHEMA, "", node.schemaname, {"if_not_exists": node.if_not_exists})]


def _extension(node: Any) -> list[Action]:
    return [Action(Kind.CREATE_EXTENSION, "", node.extname, {"if_not_exists": node.if_not_exists})]


def _policy(node: Any) -> list[Action]:
    return [Action(Kind.CREATE_POLICY, table(node.table), node.policy_name)]


def _comment(node: Any) -> list[Action]:
    what = enum(node, "objtype").removeprefix("OBJECT_").lower()
    name = text(node.object)
    owner = name if what in ("table", "foreign_table") else ""
    if what.upper() in _ON_TABLES:
        owner, _, name = name.rpartition(".")
    return [Action(Kind.COMMENT, owner, name, {"of": what, "text": node.comment})]


def _granted(node: Any) -> list[Action]:
    what = enum(node, "objtype").removeprefix("OBJECT_").lower()
    privileges = [_privilege(p.access_priv) for p in node.privileges] or ["all"]
    details: dict[str, Any] = {"of": what, "privileges": privileges, "grantees": texts(node.grantees)}
    details |= {"all_in_schema": True} if enum(node, "targtype") == "ACL_TARGET_ALL_IN_SCHEMA" else {}
    details |= {"grant_option": True} if node.grant_option else {}
    details |= {"cascade": True} if enum(node, "behavior") == "DROP_CASCADE" else {}
    kind = Kind.GRANT if node.is_grant else Kind.REVOKE
    tables = what == "table" and not details.get("all_in_schema")
    return [Action(kind, name if tables else "", name, details) for name in texts(node.objects)]


def _privilege(found: Any) -> str:
    columns = texts(found.cols)
    return f"{found.priv_name or 'all'} ({', '.join(columns)})" if columns else str(found.priv_name)


def _role_granted(node: Any) -> list[Action]:
    roles = [r.access_priv.priv_name for r in node.granted_roles]
    kind = Kind.GRANT if node.is_grant else Kind.REVOKE
    details = {"of": "role", "privileges": roles, "grantees": texts(node.grantee_roles)}
    return [Action(kind, "", role, details) for role in roles]


def _domain(node: Any) -> list[Action]:
    return [Action(Kind.CREATE_TYPE, "", ".".join(texts(node.domainname)), {"of": "domain"})]


def _defined(node: Any) -> list[Action]:
    """CREATE AGGREGATE, OPERATOR, TYPE …"""
    what = enum(node, "kind").removeprefix("OBJECT_").lower()
    kind = Kind.CREATE_TYPE if what == "type" else Kind.OTHER
    return [Action(kind, "", ".".join(texts(node.defnames)), {"of": what, "statement": f"create_{what}"})]


def _schemas_elements(node: Any) -> list[Action]:
    """CREATE SCHEMA s CREATE TABLE …: only the schema is told; the rest is in it."""
    return [
        *_schema(node),
        *(Action(Kind.OTHER, "", "", {"statement": str(e.WhichOneof("node"))}) for e in node.schema_elts),
    ]


READERS: dict[str, Callable[[Any], list[Action]]] = {
    "drop_stmt": _dropped,
    "rename_stmt": _renamed,
    "alter_object_schema_stmt": _moved,
    "alter_owner_stmt": _owned,
    "view_stmt": _view,
    "create_table_as_stmt": _made_of_query,
    "refresh_mat_view_stmt": _refreshed,
    "create_function_stmt": _function,
    "create_trig_stmt": _trigger,
    "create_enum_stmt": _named(Kind.CREATE_TYPE, "type_name"),
    "create_range_stmt": _named(Kind.CREATE_TYPE, "type_name"),
    "composite_type_stmt": _composite,
    "create_domain_stmt": _domain,
    "define_stmt": _defined,
    "alter_enum_stmt": _enum,
    "create_seq_stmt": _sequence(Kind.CREATE_SEQUENCE),
    "alter_seq_stmt": _sequence(Kind.ALTER_SEQUENCE),
    "create_schema_stmt": _schemas_elements,
    "create_extension_stmt": _extension,
    "create_policy_stmt": _policy,
    "comment_stmt": _comment,
    "grant_stmt": _granted,
    "grant_role_stmt": _role_granted,
}
