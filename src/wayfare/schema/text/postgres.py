"""PostgreSQL's own grammar, as trees: the only module that imports postgast (libpg_query)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

from wayfare.schema.text.splitting import Piece


@cache
def _library() -> ModuleType:
    """Imported when the first script is read: it takes half a second."""
    return import_module("postgast")


def parse(piece: Piece) -> tuple[str, Any]:
    """The name of the statement's node and the node: ("alter_table_stmt", …). Raises BadScript."""
    library = _library()
    try:
        tree = library.parse(piece.text)
    except library.PgQueryError as error:
        raise piece.bad(error.message, max(0, (error.cursorpos or 1) - 1)) from error
    if len(tree.stmts) != 1:
        raise piece.bad("this is not one statement")
    node = tree.stmts[0].stmt
    kind = node.WhichOneof("node")
    return kind, getattr(node, kind)


def expression(node: Any) -> str:
    """An expression as text."""
    return _selected(node).removeprefix("SELECT ")


def type_text(name: Any) -> str:
    """A type as text: "varchar(20)"."""
    tree = _empty()
    cast = tree.res_target.val.type_cast
    cast.type_name.CopyFrom(name)
    cast.arg.a_const.isnull = True
    return _deparsed(tree).removeprefix("SELECT NULL::").removeprefix("pg_catalog.")


def _selected(node: Any) -> str:
    tree = _empty()
    tree.res_target.val.CopyFrom(node)
    return _deparsed(tree)


def _empty() -> Any:
    return _library().pg_query_pb2.Node()


def _deparsed(target: Any) -> str:
    pb2 = _library().pg_query_pb2
    result = pb2.ParseResult()
    select = result.stmts.add().stmt.select_stmt
    select.limit_option = pb2.LIMIT_OPTION_DEFAULT
    select.op = pb2.SETOP_NONE
    select.target_list.add().CopyFrom(target)
    return str(_library().deparse(result))


def enum(message: Any, field: str) -> str:
    """The name of an enum's value: "AT_AddColumn"."""
    kind = message.DESCRIPTOR.fields_by_name[field].enum_type
    return str(kind.values_by_number[getattr(message, field)].name)


def inner(node: Any) -> Any:
    """What a generic node holds; None of an empty one."""
    kind = node.WhichOneof("node")
    return getattr(node, kind) if kind else None


def texts(nodes: Any) -> list[str]:
    """The words of a list: of names, or of options."""
    return [word for node in nodes if (word := text(node))]


def text(node: Any) -> str:
    """What a node names: a word, a dotted name, a type, a role, a table."""
    kind = node.WhichOneof("node")
    found: Any = getattr(node, kind) if kind else None
    if kind == "string":
        return str(found.sval)
    if kind == "list":
        return ".".join(texts(found.items))
    if kind == "type_name":
        return ".".join(texts(found.names))
    if kind == "role_spec":
        return str(found.rolename) or enum(found, "roletype").removeprefix("ROLESPEC_").lower()
    if kind == "range_var":
        return table(found)
    if kind == "object_with_args":
        return signature(found)
    return ""


def table(name: Any) -> str:
    return f"{name.schemaname}.{name.relname}" if name.schemaname else str(name.relname)


def signature(found: Any) -> str:
    """ "f(integer, text)"; "f" where its arguments are not said."""
    name = ".".join(texts(found.objname))
    if found.args_unspecified:
        return name
    return f"{name}({', '.join(type_text(a.type_name) for a in found.objargs if a.HasField('type_name'))})"


def walk(message: Any) -> Iterator[Any]:
    """A message and all within it."""
    yield message
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        parts: Any = value if isinstance(value, _repeated()) else [value]
        for one in parts:
            yield from walk(one)


@cache
def _repeated() -> type:
    """Lists of messages: the library has no public name for their class."""
    return type(_library().pg_query_pb2.ParseResult().stmts)
