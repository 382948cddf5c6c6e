"""What a statement of PostgreSQL does: its tree as actions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wayfare.core.statements import Action, Kind
from wayfare.schema.text import postgres_objects, postgres_tables
from wayfare.schema.text.postgres import enum, parse, table, texts
from wayfare.schema.text.splitting import Piece

Reader = Callable[[Any], list[Action]]
_ALONE = {"createdb_stmt", "dropdb_stmt", "create_table_space_stmt", "drop_table_space_stmt", "alter_system_stmt"}


def understand(piece: Piece) -> tuple[tuple[Action, ...], bool]:
    """The actions of a statement, and whether it must run alone. Raises BadScript."""
    kind, node = parse(piece)
    read = READERS.get(kind)
    found = read(node) if read else [Action(KINDS.get(kind, Kind.OTHER), details={"statement": _words(kind)})]
    return tuple(found), alone(kind, node)


def _words(kind: str) -> str:
    return kind.removesuffix("_stmt")


def alone(kind: str, node: Any) -> bool:
    """Does it refuse to run within a transaction? What the manual of PostgreSQL 18 says of each statement."""
    if kind == "index_stmt" or kind == "drop_stmt":
        return bool(node.concurrent)
    if kind == "vacuum_stmt":
        return bool(node.is_vacuumcmd)
    if kind == "cluster_stmt":
        return not node.HasField("relation")
    if kind == "reindex_stmt":
        whole = enum(node, "kind") not in ("REINDEX_OBJECT_INDEX", "REINDEX_OBJECT_TABLE")
        return whole or "concurrently" in _options(node.params)
    if kind == "alter_table_stmt":
        parts = [c.alter_table_cmd for c in node.cmds]
        return any(getattr(p, "def").partition_cmd.concurrent for p in parts)
    if kind in ("create_subscription_stmt", "drop_subscription_stmt"):
        return True
    if kind == "discard_stmt":
        return enum(node, "target") == "DISCARD_ALL"
    return kind in _ALONE


def _options(params: Any) -> list[str]:
    return [p.def_elem.defname for p in params]


def _index(node: Any) -> list[Action]:
    columns = [p.index_elem.name for p in node.index_params]
    details: dict[str, Any] = {"columns": [c for c in columns if c], "unique": node.unique}
    details |= {"concurrently": node.concurrent, "if_not_exists": node.if_not_exists}
    details |= {"where": node.HasField("where_clause"), "expressions": not all(columns)}
    details |= {"plain": _plain(node) and all(columns)}
    return [Action(Kind.CREATE_INDEX, table(node.relation), node.idxname, details)]


def _plain(node: Any) -> bool:
    """Is an index told whole by its columns?"""
    bare = not (node.options or node.index_including_params or node.table_space or node.nulls_not_distinct)
    parts = [p.index_elem for p in node.index_params]
    usual = all(not (p.opclass or p.collation) for p in parts)
    ordered = all(
        enum(p, "ordering") == "SORTBY_DEFAULT" and enum(p, "nulls_ordering") == "SORTBY_NULLS_DEFAULT" for p in parts
    )
    return bare and usual and ordered and node.access_method in ("", "btree") and not node.HasField("where_clause")


def _reindex(node: Any) -> list[Action]:
    name = table(node.relation) if node.HasField("relation") else node.name
    of_table = enum(node, "kind") == "REINDEX_OBJECT_TABLE"
    details = {"concurrently": "concurrently" in _options(node.params)}
    return [Action(Kind.REINDEX, name if of_table else "", "" if of_table else name, details)]


def _truncate(node: Any) -> list[Action]:
    details = {"cascade": True} if enum(node, "behavior") == "DROP_CASCADE" else {}
    return [Action(Kind.TRUNCATE, name, "", details) for name in texts(node.relations)]


def _written(kind: Kind) -> Reader:
    def read(node: Any) -> list[Action]:
        where = {} if kind is Kind.INSERT else {"where": node.HasField("where_clause")}
        return [Action(kind, table(node.relation), "", where), *_within(node)]

    return read


def _within(node: Any) -> list[Action]:
    """WITH gone AS (DELETE …): what the parts of a query write."""
    found = []
    for part in node.with_clause.ctes:
        query = part.common_table_expr.ctequery
        kind = query.WhichOneof("node") or ""
        if kind in ("insert_stmt", "update_stmt", "delete_stmt", "merge_stmt"):
            found += READERS[kind](getattr(query, kind))
    return found


def _select(node: Any) -> list[Action]:
    if node.HasField("into_clause"):
        name = table(node.into_clause.rel)
        return [Action(Kind.CREATE_TABLE, name, name, {"columns": [], "query": True})]
    return [Action(Kind.SELECT), *_within(node)]


def _merge(node: Any) -> list[Action]:
    return [Action(Kind.UPDATE, table(node.relation), "", {"where": True, "statement": "merge"})]


def _copy(node: Any) -> list[Action]:
    details = {"from": node.is_from, "program": node.is_program, "file": node.filename}
    return [Action(Kind.COPY, table(node.relation) if node.HasField("relation") else "", "", details)]


def _set(node: Any) -> list[Action]:
    words = [v.a_const.sval.sval for v in node.args if v.WhichOneof("node") == "a_const"]
    return [Action(Kind.SET, "", node.name, {"local": node.is_local, "value": ", ".join(words)})]


def _vacuum(node: Any) -> list[Action]:
    options = _options(node.options)
    names = [table(r.vacuum_relation.relation) for r in node.rels] or [""]
    details = {"full": "full" in options, "statement": "vacuum" if node.is_vacuumcmd else "analyze"}
    return [Action(Kind.VACUUM if node.is_vacuumcmd else Kind.OTHER, name, "", details) for name in names]


def _cluster(node: Any) -> list[Action]:
    return [Action(Kind.OTHER, table(node.relation), node.indexname, {"statement": "cluster"})]


def _lock(node: Any) -> list[Action]:
    return [Action(Kind.OTHER, name, "", {"statement": "lock"}) for name in texts(node.relations)]


KINDS = {
    "do_stmt": Kind.BLOCK,
    "call_stmt": Kind.BLOCK,
    "transaction_stmt": Kind.TRANSACTION,
    "createdb_stmt": Kind.DATABASE,
    "dropdb_stmt": Kind.DATABASE,
    "alter_database_stmt": Kind.DATABASE,
    "alter_database_set_stmt": Kind.DATABASE,
    "alter_database_refresh_coll_stmt": Kind.DATABASE,
    "create_table_space_stmt": Kind.DATABASE,
    "drop_table_space_stmt": Kind.DATABASE,
    "alter_table_space_options_stmt": Kind.DATABASE,
    "alter_system_stmt": Kind.DATABASE,
    "explain_stmt": Kind.SELECT,
    "variable_show_stmt": Kind.SELECT,
    "constraints_set_stmt": Kind.SET,
}
READERS: dict[str, Reader] = {
    "create_stmt": postgres_tables.created,
    "alter_table_stmt": postgres_tables.altered,
    "index_stmt": _index,
    "reindex_stmt": _reindex,
    "truncate_stmt": _truncate,
    "insert_stmt": _written(Kind.INSERT),
    "update_stmt": _written(Kind.UPDATE),
    "delete_stmt": _written(Kind.DELETE),
    "merge_stmt": _merge,
    "select_stmt": _select,
    "copy_stmt": _copy,
    "variable_set_stmt": _set,
    "vacuum_stmt": _vacuum,
    "cluster_stmt": _cluster,
    "lock_stmt": _lock,
    **postgres_objects.READERS,
}
