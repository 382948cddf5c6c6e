"""Expressions and views from one SQL dialect to another. Pure.

Only what surely means the same is translated; the rest becomes a finding that shows the text. sqlglot loads at first
use.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wayfare.copy.naming import Place

_PLAIN_NODES = frozenset(
    {
        *("Column", "Identifier", "Literal", "Boolean", "Null", "Paren", "Tuple", "And", "Or", "Not"),
        *("EQ", "NEQ", "GT", "GTE", "LT", "LTE", "In", "Between", "Is", "Like"),
        *("Neg", "Add", "Sub", "Mul", "Div", "Lower", "Upper", "Length", "Trim", "Abs", "Coalesce"),
        *("CurrentTimestamp", "CurrentDate", "CurrentTime"),
    }
)


def expression(text: str, read: str, write: str) -> str | None:
    """A CHECK, DEFAULT or index predicate in the other dialect, or None when it may not mean the same there."""
    from sqlglot import ErrorLevel, exp, parse_one
    from sqlglot.errors import SqlglotError

    try:
        tree = parse_one(text, read=read)
        tree = tree.transform(_simplified)
        if any(type(node).__name__ not in _PLAIN_NODES for node in tree.walk()):
            return None
        if isinstance(tree, exp.Column):
            return None  # an unknown bare word: a keyword of its own dialect
        return str(tree.sql(dialect=write, identify=True, unsupported_level=ErrorLevel.RAISE))
    except (SqlglotError, ValueError):
        return None


def _simplified(node: Any) -> Any:
    """Undo how catalogs print: casts of constants, of columns to text, and `= ANY (ARRAY[…])` for IN."""
    from sqlglot import exp

    if isinstance(node, exp.Cast):
        inner = node.this.unnest()
        constant = isinstance(inner, (exp.Literal, exp.Null, exp.Neg))
        if constant or (isinstance(inner, exp.Column) and node.to.is_type(*exp.DataType.TEXT_TYPES)):
            return node.this.transform(_simplified)
    if isinstance(node, exp.EQ) and isinstance(node.expression, exp.Any):
        array = node.expression.this.unnest()
        if isinstance(array, exp.Cast):
            array = array.this.unnest()
        if isinstance(array, exp.Array):
            return exp.In(
                this=node.this.transform(_simplified), expressions=[e.transform(_simplified) for e in array.expressions]
            )
    return node


def view(definition: str, read: str, write: str, places: Mapping[Place, Place]) -> str:
    """A view's SELECT in the other dialect, with its tables where they were copied to.

    Raises ValueError, saying why, when it cannot be translated or reads a table that was not copied.
    """
    from sqlglot import ErrorLevel, exp, parse_one
    from sqlglot.errors import SqlglotError

    try:
        tree = parse_one(definition, read=read)
        local = {cte.alias for cte in tree.find_all(exp.CTE)}
        for table in tree.find_all(exp.Table):
            if table.name in local and not table.db:
                continue
            if not isinstance(table.this, exp.Identifier):
                raise ValueError(f"it reads from {table.this.sql(dialect=read)}")
            namespace, name = _copied(table.db, table.name, places)
            table.set("this", exp.to_identifier(name, quoted=True))
            table.set("db", exp.to_identifier(namespace, quoted=True) if namespace else None)
            table.set("catalog", None)
        return str(tree.sql(dialect=write, identify=True, unsupported_level=ErrorLevel.RAISE))
    except SqlglotError as error:
        raise ValueError(str(error).splitlines()[0]) from error


def _copied(namespace: str, name: str, places: Mapping[Place, Place]) -> Place:
    for place, target in places.items():
        if place[1] == name and namespace in ("", place[0]):
            return target
    raise ValueError(f"it reads {name}, which is not copied")
