"""T-SQL as DuckDB says it: sqlglot does most, and here is what it does not know of SQL Server's types. Pure.

What a column was declared as is asked of `Known`, because DuckDB holds several types alike.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlglot import exp, parse_one
from sqlglot.dialects.duckdb import DuckDB

from wayfare.systems.databases.sqlserver.testserver.types import Declared, declared

# (schema, table) → its columns as declared
Known = Callable[[str, str], list[tuple[str, str]]]

_UNITS = {"NANOSECOND": 1, "MICROSECOND": 1_000, "MILLISECOND": 1_000_000, "SECOND": 1_000_000_000}
_GLOBALS = {
    "@@VERSION": "'Microsoft SQL Server 2022 (RTM) - 16.0.4000.1'",
    "@@SERVERNAME": "'testserver'",
    "@@OPTIONS": "5432",
    "@@MAX_PRECISION": "38",
    "@@LANGUAGE": "'us_english'",
    "@@MICROSOFTVERSION": "268439456",
}
_BINARY = frozenset({"binary", "varbinary", "image", "timestamp"})
_TEXT = frozenset({"char", "varchar", "nchar", "nvarchar", "text", "ntext", "sysname", "xml"})


# What T-SQL has and DuckDB has not; made once in each database, in its schema dbo.
def _once(name: str, argument: str, body: str, more: str = "") -> str:
    """A macro that computes `argument` once: DuckDB repeats what it is given wherever it stands."""
    return f"{name}(x{more}) AS list_transform([{argument}], lambda y: {body})[1]"


_WHOLE = "replace(CAST(x AS VARCHAR), 'T', ' ')"
_UUID = "upper(replace(CAST(x AS VARCHAR), '-', ''))"
MACROS = (
    _once(
        "moment_text",
        _WHOLE,
        "rpad(CASE length(y) WHEN 10 THEN y || ' 00:00:00.' WHEN 16 THEN y || ':00.' WHEN 19 THEN y || '.'"
        " ELSE y END, 27, '0')",
    ),
    _once("time_text", "CAST(x AS VARCHAR)", "rpad(CASE WHEN length(y) = 8 THEN y || '.' ELSE y END, 16, '0')"),
    _once(
        "micros",
        _WHOLE,
        "epoch_us(CAST(CASE WHEN y LIKE '____-%' THEN left(y, 26) ELSE '1970-01-01 ' || left(y, 15) END AS TIMESTAMP))",
    ),
    "fraction(x) AS CAST(rpad(regexp_extract(CAST(x AS VARCHAR), '\\.(\\d+)', 1), 9, '0') AS BIGINT)",
    _once("nanos", "CAST(x AS VARCHAR)", "CAST(micros(y) AS HUGEINT) * 1000 + fraction(y) % 1000"),
    _once("floored", "x", "(y - ((y % n) + n) % n) // n", ", n"),
    _once(
        "moved",
        "CAST(x AS VARCHAR)",
        "micros(y) - (CASE WHEN right(y, 6)[1] = '-' THEN -1 ELSE 1 END) * 60000000"
        " * (CAST(right(y, 5)[1:2] AS BIGINT) * 60 + CAST(right(y, 2) AS BIGINT))",
    ),
    "switchoffset(x, zone) AS left(moment_text(make_timestamp(moved(x))), 26) || substr(x, 27, 1) || ' ' || zone",
    _once(
        "uuid_bytes",
        _UUID,
        "unhex(y[7:8] || y[5:6] || y[3:4] || y[1:2] || y[11:12] || y[9:10] || y[15:16] || y[13:14] || y[17:32])",
    ),
    "sysutcdatetime() AS CAST(get_current_timestamp() AS TIMESTAMP)",
    "sysdatetime() AS CAST(get_current_timestamp() AS TIMESTAMP)",
    "db_name() AS current_database()",
    "db_id() AS (SELECT d.database_id FROM sys.databases d WHERE d.name = current_database())",
    "schema_name() AS 'dbo'",
    "suser_sname() AS 'wayfare'",
    "original_login() AS 'wayfare'",
    "is_srvrolemember(x) AS 0",
    "has_perms_by_name(a, b, c) AS 1",
    "serverproperty(x) AS CASE lower(x) WHEN 'productversion' THEN '16.0.4000.1' WHEN 'edition' THEN 'Test Edition'"
    " WHEN 'servername' THEN 'testserver' WHEN 'engineedition' THEN '3'"
    " WHEN 'collation' THEN 'SQL_Latin1_General_CP1_CI_AS' END",
    "object_id(x) AS (SELECT o.object_id FROM sys.objects o JOIN sys.schemas s ON s.schema_id = o.schema_id"
    " WHERE replace(replace(lower(x), '[', ''), ']', '') IN (lower(o.name), lower(s.name || '.' || o.name)))",
    "object_definition(x) AS (SELECT definition FROM sys.sql_modules m WHERE m.object_id = x)",
    "type_name(x) AS (SELECT name FROM sys.types t WHERE t.user_type_id = x)",
)


def with_globals(sql: str, own: Mapping[str, str]) -> str:
    """`own`: those of the connection."""
    for name, value in {**_GLOBALS, **own}.items():
        sql = re.sub(re.escape(name) + r"\b", lambda _, v=value: v, sql, flags=re.IGNORECASE)  # type: ignore[misc]
    return sql


@dataclass(frozen=True, slots=True)
class Scope:
    """The columns that the tables of a SELECT bring, by alias and name, in lower case."""

    columns: dict[tuple[str, str], Declared]

    @classmethod
    def of(cls, tree: Any, known: Known) -> Scope:
        found: dict[tuple[str, str], Declared] = {}
        for table in tree.find_all(exp.Table):
            for name, kind in known(table.db, table.name):
                for place in (table.alias_or_name.lower(), ""):
                    found.setdefault((place, name.lower()), declared(kind))
        return cls(found)

    def kind(self, node: Any) -> Declared | None:
        """What an expression is declared as, where that is plain to see."""
        node = node.unnest() if isinstance(node, exp.Paren) else node
        if isinstance(node, exp.Alias):
            node = node.this
        if isinstance(node, exp.Column):
            return self.columns.get((node.table.lower(), node.name.lower()))
        if isinstance(node, (exp.Cast, exp.Convert)):
            target = node.this if isinstance(node, exp.Convert) else node.to
            return _declared(target)
        return None

    def shown(self, tree: Any) -> list[Declared | None] | None:
        """What each expression of the SELECT list is declared as; None where a star stands for columns."""
        select = tree.find(exp.Select) if isinstance(tree, (exp.Subquery, exp.Union)) else tree
        listed = list(select.expressions) if isinstance(select, exp.Select) else []
        if any(isinstance(e, exp.Star) or (isinstance(e, exp.Column) and e.is_star) for e in listed):
            return None
        return [self.kind(e) for e in listed]


def _declared(node: Any) -> Declared:
    return declared(node.sql("tsql"))


def to_duckdb(tree: Any, scope: Scope) -> str:
    """The tree itself is changed: give a copy of one that is to be kept."""
    return str(_rewritten(tree, scope).sql(DuckDB, copy=False))


def _rewritten(node: Any, scope: Scope) -> Any:
    """From the leaves up."""
    for child in list(node.iter_expressions()):
        new = _rewritten(child, scope)
        if new is not child:
            child.replace(new)
    return _changed(node, scope)


def expression(text: str) -> str:
    """One expression on its own: a default, a computed column, a check."""
    return to_duckdb(parse_one(text, read="tsql"), Scope({}))


def _as(value: Any, kind: str) -> exp.Expression:
    return exp.cast(value, kind, dialect=DuckDB)


def _call(name: str, *arguments: Any) -> exp.Expression:
    return exp.Anonymous(this=name, expressions=list(arguments))


def _changed(node: Any, scope: Scope) -> Any:
    if isinstance(node, exp.Convert):
        style = node.args.get("style")
        return _cast(node.expression, _declared(node.this), scope, str(style.this) if style else "")
    if isinstance(node, exp.Cast):
        return _cast(node.this, _declared(node.to), scope)
    if isinstance(node, (exp.GT, exp.GTE, exp.LT, exp.LTE, exp.EQ)):
        return _comparison(node, scope)
    if isinstance(node, exp.DateDiff):
        return _difference(node)
    if isinstance(node, exp.Extract) and node.name.upper() == "NANOSECOND":
        return _call("fraction", node.expression)
    if isinstance(node, exp.TimeStrToTime):
        return node.this
    if isinstance(node, exp.Dot) and isinstance(node.expression, exp.Anonymous):
        plain = exp.column(node.this) if isinstance(node.this, exp.Identifier) else node.this
        return plain if node.expression.name.lower() == "tostring" else _call("encode", plain)
    if isinstance(node, exp.CurrentTimestamp):
        return _as(_call("get_current_timestamp"), "TIMESTAMP")
    if isinstance(node, exp.Parameter):
        return exp.Placeholder(this=f"{node.name.lower()}")
    if isinstance(node, exp.Table):
        node.set("hints", None)
    return node


def _comparison(node: Any, scope: Scope) -> Any:
    """Moments that are held here in different ways, or with an offset, are compared alike."""
    sides = (node.this, node.expression)
    kinds = [scope.kind(side) for side in sides]
    if any(kind and kind.name == "datetimeoffset" for kind in kinds):
        form = "moved"
    elif any(isinstance(side, exp.Anonymous) and side.name == "moment_text" for side in sides):
        form = "moment_text"
    else:
        return node
    return type(node)(this=_call(form, sides[0]), expression=_call(form, sides[1]))


def _difference(node: exp.DateDiff) -> exp.Expression:
    end, start = node.this, node.expression
    unit = node.text("unit").upper()
    if unit == "DAY":
        return _as(exp.Sub(this=_as(end, "DATE"), expression=_as(start, "DATE")), "INTEGER")
    gap = exp.paren(exp.Sub(this=_call("nanos", end), expression=_call("nanos", start)))
    return _as(_call("floored", gap, exp.Literal.number(_UNITS[unit])), "BIGINT")


def _cast(inner: Any, kind: Declared, scope: Scope, style: str = "") -> exp.Expression:
    if isinstance(inner, exp.HexString) and kind.name in ("nvarchar", "nchar"):
        return exp.Literal.string(bytes.fromhex(inner.this.removeprefix("0x")).decode("utf-16-le"))
    was = scope.kind(inner)
    if kind.name in _BINARY and was and was.name == "uniqueidentifier":
        return _call("uuid_bytes", inner)
    if kind.name in _TEXT:
        return _text(inner, kind, was, style)
    return stored(inner, kind)


def _text(inner: Any, kind: Declared, was: Declared | None, style: str) -> exp.Expression:
    text: exp.Expression = _as(inner, "VARCHAR")
    if was and was.name == "bit":
        text = _as(_as(inner, "INTEGER"), "VARCHAR")
    elif was and was.name == "uniqueidentifier":
        text = exp.Upper(this=text)
    elif was and was.name in _BINARY and style in ("1", "2"):
        text = exp.Hex(this=inner)
    elif style == "126":
        text = _call("replace", text, exp.Literal.string(" "), exp.Literal.string("T"))
    return exp.Left(this=text, expression=exp.Literal.number(kind.size)) if (kind.size or 0) > 0 else text


def stored(value: Any, kind: Declared) -> exp.Expression:
    """A value as DuckDB holds one of that type."""
    if kind.storage == "VARCHAR" and kind.name == "datetime2":
        return _call("moment_text", value)
    if kind.storage == "VARCHAR" and kind.name == "time":
        return _call("time_text", value)
    if kind.name in ("char", "nchar") and kind.size:
        return _call("rpad", _as(value, "VARCHAR"), exp.Literal.number(kind.size), exp.Literal.string(" "))
    if kind.storage == "BLOB" and kind.name == "binary" and kind.size:
        raw = exp.Hex(this=_as(value, "BLOB"))
        return _call("unhex", _call("rpad", raw, exp.Literal.number(2 * kind.size), exp.Literal.string("0")))
    return _as(value, kind.storage)


def insert(tree: exp.Insert, known: Known, numbered: tuple[str, str] | None) -> str:
    """INSERT, each value in the form its column's type has here.

    `numbered` is the identity column and the expression of its values, where they are not given.
    """
    target = tree.this
    table = target.this if isinstance(target, exp.Schema) else target
    kinds = {name.lower(): declared(kind) for name, kind in known(table.db, table.name)}
    names = [c.name for c in target.expressions] if isinstance(target, exp.Schema) else []
    given = names or [
        n for n, k in known(table.db, table.name) if k != "timestamp" and not (numbered and n == numbered[0])
    ]
    body = to_duckdb(tree.expression, Scope.of(tree.expression, known))
    aliases = [f"c{i}" for i in range(len(given))]
    values = [
        stored(exp.column(a), kinds[n.lower()]).sql(DuckDB) if n.lower() in kinds else a
        for n, a in zip(given, aliases, strict=True)
    ]
    if numbered:
        given, values = [numbered[0], *given], [numbered[1], *values]
    columns = ", ".join(exp.to_identifier(n, quoted=True).sql(DuckDB) for n in given)
    where = exp.table_(table.name, db=table.db or "dbo", quoted=True).sql(DuckDB)
    return f"INSERT INTO {where} ({columns}) SELECT {', '.join(values)} FROM ({body}) AS given({', '.join(aliases)})"


def view_select(text: str) -> Iterator[str]:
    """The schema, name and SELECT of CREATE VIEW."""
    name = r"(?:\[(?P<{0}b>(?:[^\]]|\]\])+)\]|(?P<{0}>\w+))"
    pattern = (
        r"(?is)^\s*(?:create\s+(?:or\s+alter\s+)?|alter\s+)view\s+(?:"
        + name.format("s")
        + r"\s*\.\s*)?"
        + name.format("n")
    )
    found = re.match(
        pattern + r"\s*(?P<columns>\([^)]*\))?\s*(?:with\s+\w+\s*(?:,\s*\w+\s*)*)?\bas\b(?P<rest>.*)$", text
    )
    if not found:
        raise ValueError("not a view")
    yield (found["sb"] or found["s"] or "dbo").replace("]]", "]")
    yield (found["nb"] or found["n"]).replace("]]", "]")
    yield found["rest"].strip().rstrip(";")
    yield (found["columns"] or "").replace("[", '"').replace("]", '"')
