"""The fence between tenants: every statement sees, changes and makes only rows of its transaction's tenant.

It works where statements become SQL. Each SELECT, UPDATE and DELETE, wherever it stands (in a subquery, a CTE, a
UNION), passes through the compiler, and there gets `tenant = :wayfare_tenant` for every fenced table that it reads; an
INSERT gets the value. SQLAlchemy keeps what was compiled, so a statement is fenced once and costs nothing after that.
What the fence cannot see through (text, FULL JOIN) is refused: a fenced table that no predicate covers is not rendered.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.selectable import AliasedReturnsRows, FromGrouping, Join, TableClause

from wayfare.core.errors import Bug
from wayfare.store.schema import METADATA

TENANT = "tenant"  # a table with this column is fenced
PARAMETER = "wayfare_tenant"
_BOUND = sa.bindparam(PARAMETER, type_=sa.Text)


def fenced_tables() -> frozenset[str]:
    """Found by their column, in whatever package they are declared."""
    return _with_tenants(len(METADATA.tables))


@lru_cache(maxsize=4)
def _with_tenants(_: int) -> frozenset[str]:
    """Asked with every piece of text: looked up again only when another package has declared tables."""
    return frozenset(table.name for table in METADATA.tables.values() if TENANT in table.c)


def fence(engine: sa.Engine) -> None:
    """From now on, the engine's connections need the execution option `wayfare_tenant`, and are bound to it."""
    inner = engine.dialect.statement_compiler
    engine.dialect.statement_compiler = type(f"Fenced{inner.__name__}", (_Fence, inner), {})
    sa.event.listen(engine, "before_execute", _bind, retval=True)
    sa.event.listen(engine, "before_cursor_execute", _refuse_text)


def _bind(
    connection: sa.Connection, statement: Any, many: Sequence[Any], one: Mapping[str, Any], _: Mapping[str, Any]
) -> tuple[Any, Sequence[Any], Mapping[str, Any]]:
    """Give the statement its tenant, beside whatever parameters it has."""
    tenant = connection.get_execution_options()[PARAMETER]
    rows = many or [one]
    if isinstance(statement, sa.Insert):
        for row in rows:
            if row.get(TENANT, tenant) != tenant:
                raise Bug(f"a row for another tenant than the transaction's was refused ({statement.table.name}).")
    bound = [{**row, PARAMETER: tenant} for row in rows]
    return (statement, bound, {}) if many else (statement, (), bound[0])


def _refuse_text(_: Any, __: Any, statement: str, ___: Any, context: Any, ____: bool) -> None:
    """What no compiler has seen, no fence has either."""
    if context.compiled is None or context.isddl:
        _refuse_names(statement)


def _refuse_names(text: str) -> None:
    named = fenced_tables() & set(re.findall(r"\w+", text.lower()))
    if named:
        raise Bug(f"text cannot be fenced: it names {', '.join(sorted(named))}. Write it as an expression.")


class _Fence(SQLCompiler):
    _inside: tuple[frozenset[Any], ...] = ()  # of each statement around this place, the tables its predicates cover

    def visit_select(self, select_stmt: Any, *args: Any, **kwargs: Any) -> str:
        for _, hint in select_stmt._statement_hints:
            _refuse_names(hint)
        covered = [t for from_ in select_stmt.get_final_froms() for t in _always(from_)]
        if covered:
            select_stmt = select_stmt.where(*map(_is_ours, covered))
        # Tables on the outer side of a join are covered by its ON clause, in visit_join.
        outer = [t for from_ in select_stmt.get_final_froms() for t in _everywhere(from_)]
        with self._covering(covered + outer):
            return str(super().visit_select(select_stmt, *args, **kwargs))  # type: ignore[no-untyped-call]

    def visit_join(self, join: Any, *args: Any, **kwargs: Any) -> str:
        if join.full and list(_everywhere(join)):
            raise Bug("a FULL JOIN of fenced tables cannot be fenced.")
        if join.isouter:
            predicates = [_is_ours(t) for t in _always(join.right)]
            join = Join(join.left, join.right, sa.and_(join.onclause, *predicates), isouter=True)
        return str(super().visit_join(join, *args, **kwargs))  # type: ignore[no-untyped-call]

    def visit_update(self, update_stmt: Any, *args: Any, **kwargs: Any) -> str:
        if _is_fenced(update_stmt.table):
            named = {_key(column) for column in update_stmt._values or ()} | set(self.column_keys or ())
            if TENANT in named:
                raise Bug(f"rows of {update_stmt.table.name} do not change their tenant.")
            update_stmt = update_stmt.where(_is_ours(update_stmt.table))
        with self._covering([update_stmt.table]):
            return super().visit_update(update_stmt, *args, **kwargs)

    def visit_delete(self, delete_stmt: Any, *args: Any, **kwargs: Any) -> str:
        if _is_fenced(delete_stmt.table):
            delete_stmt = delete_stmt.where(_is_ours(delete_stmt.table))
        with self._covering([delete_stmt.table]):
            return str(super().visit_delete(delete_stmt, *args, **kwargs))  # type: ignore[no-untyped-call]

    def visit_insert(self, insert_stmt: Any, *args: Any, **kwargs: Any) -> str:
        if _is_fenced(insert_stmt.table):
            insert_stmt = _owned(insert_stmt)
        return str(super().visit_insert(insert_stmt, *args, **kwargs))  # type: ignore[no-untyped-call]

    def visit_on_conflict_do_update(self, on_conflict: Any, **kwargs: Any) -> str:
        """An upsert changes no row of another tenant that happens to have the same key."""
        inserted: Any = self.stack[-1]["selectable"]
        table = inserted.table
        if _is_fenced(table):
            if TENANT in map(_key, dict(on_conflict.update_values_to_set)):
                raise Bug(f"rows of {table.name} do not change their tenant.")
            on_conflict, where = copy(on_conflict), on_conflict.update_whereclause
            on_conflict.update_whereclause = _is_ours(table) if where is None else sa.and_(where, _is_ours(table))
        inner: Any = super()
        return str(inner.visit_on_conflict_do_update(on_conflict, **kwargs))

    def visit_table(self, table: Any, asfrom: bool = False, **kwargs: Any) -> str:  # type: ignore[override]
        rendered = kwargs.get("enclosing_alias")
        if _is_fenced(table) and (asfrom or kwargs.get("within_tstring")):
            covered = self._inside[-1] if self._inside else frozenset()
            if table not in covered and rendered not in covered:
                raise Bug(f"{table.name} stands where it cannot be fenced.")
        return str(super().visit_table(table, asfrom=asfrom, **kwargs))  # type: ignore[no-untyped-call]

    def visit_textclause(self, textclause: Any, *args: Any, **kwargs: Any) -> str:
        _refuse_names(textclause.text)
        return str(super().visit_textclause(textclause, *args, **kwargs))  # type: ignore[no-untyped-call]

    def visit_column(self, column: Any, *args: Any, **kwargs: Any) -> str:
        if column.is_literal:
            _refuse_names(column.name)
        return super().visit_column(column, *args, **kwargs)

    def visit_custom_op_binary(self, element: Any, operator: Any, **kwargs: Any) -> str:
        _refuse_names(operator.opstring)
        return str(super().visit_custom_op_binary(element, operator, **kwargs))  # type: ignore[no-untyped-call]

    def visit_custom_op_unary_operator(self, element: Any, operator: Any, **kwargs: Any) -> str:
        _refuse_names(operator.opstring)
        return str(super().visit_custom_op_unary_operator(element, operator, **kwargs))  # type: ignore[no-untyped-call]

    @contextmanager
    def _covering(self, tables: Sequence[Any]) -> Iterator[None]:
        self._inside = (*self._inside, frozenset(tables))
        try:
            yield
        finally:
            self._inside = self._inside[:-1]


def _owned(statement: Any) -> Any:
    if statement._prefixes:
        raise Bug(f"an INSERT into {statement.table.name} with a prefix (OR REPLACE) cannot be fenced.")
    if statement._multi_values:
        raise Bug(f"give the rows for {statement.table.name} as parameters, not as VALUES: they are to be fenced.")
    if statement.select is None:
        return statement.values({TENANT: _BOUND})
    names = [_key(name) for name in statement._select_names]
    if TENANT in names or not isinstance(statement.select, sa.Select):
        raise Bug(f"an INSERT into {statement.table.name} takes a SELECT without {TENANT}.")
    fresh = sa.insert(statement.table).from_select([*names, TENANT], statement.select.add_columns(_BOUND))
    return fresh.returning(*statement._returning) if statement._returning else fresh


def _always(from_: Any) -> Iterator[Any]:
    """The fenced tables and their aliases that a row of this FROM always has."""
    if isinstance(from_, FromGrouping):
        yield from _always(from_.element)
    elif isinstance(from_, Join):
        yield from _always(from_.left)
        if not from_.isouter:
            yield from _always(from_.right)
    elif _is_fenced(from_):
        yield from_


def _everywhere(from_: Any) -> Iterator[Any]:
    """All fenced tables and aliases in this FROM."""
    if isinstance(from_, FromGrouping):
        yield from _everywhere(from_.element)
    elif isinstance(from_, Join):
        yield from _everywhere(from_.left)
        yield from _everywhere(from_.right)
    elif _is_fenced(from_):
        yield from_


def _is_fenced(from_: Any) -> bool:
    if isinstance(from_, AliasedReturnsRows):  # an alias, or a sample, of a table
        from_ = from_.element
    return isinstance(from_, TableClause) and from_.name.lower() in fenced_tables()


def _is_ours(from_: Any) -> Any:
    if TENANT not in from_.c:
        raise Bug(f"{from_} has no column {TENANT} here. Use the table of wayfare.store.schema.METADATA.")
    return from_.c[TENANT] == _BOUND


def _key(column: Any) -> str:
    return column if isinstance(column, str) else str(column.key)
