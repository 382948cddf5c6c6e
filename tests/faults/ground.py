"""What the faults are done to: databases with rows that can be told apart, changed by their own drivers, not by us."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import duckdb
import psycopg

from wayfare.control.copies import CopyRequest, verify
from wayfare.core.address import Address
from wayfare.systems.databases.mysql.testbed import connect
from wayfare.systems.databases.postgresql.options import parameters

ITEMS = 20_000
VISITS = 3_000

# The dialects differ in how they make rows out of nothing, and in little else that matters here.
NUMBERS = {
    "postgresql": "generate_series(1, {count}) AS t(n)",
    "mysql": "(SELECT seq AS n FROM seq_1_to_{count}) AS t",
    "duckdb": "generate_series(1, {count}) AS t(n)",
    "sqlite": "(WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < {count}) SELECT n FROM t)",
}


def sql(address: Address, *statements: str) -> list[tuple[Any, ...]]:
    """Run statements, each committed, through the system's own driver; the rows of the last one."""
    with _connected(address) as cursor:
        for statement in statements:
            cursor.execute(statement)
        return [tuple(row) for row in cursor.fetchall()] if cursor.description else []


@contextmanager
def _connected(address: Address) -> Iterator[Any]:
    match address.system:
        case "postgresql":
            with psycopg.connect(autocommit=True, **parameters(address)) as connection:
                yield connection.cursor()
        case "mysql":
            with connect(address) as connection:
                yield connection.cursor()
        case "sqlite":
            with closing(sqlite3.connect(address.database, isolation_level=None, timeout=60)) as connection:
                connection.create_function("concat", -1, lambda *parts: "".join(map(str, parts)))  # older ones lack it
                yield connection.cursor()
        case "duckdb":
            with duckdb.connect(address.database) as connection:
                yield connection.cursor()


def tables(address: Address) -> set[str]:
    """Every table there is, staged ones and ledgers included."""
    if address.system == "sqlite":
        return {
            n
            for (n,) in sql(address, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
        }
    schema = f"= '{address.database}'" if address.system == "mysql" else "NOT IN ('pg_catalog', 'information_schema')"
    found = sql(address, f"SELECT table_name FROM information_schema.tables WHERE table_schema {schema}")
    return {name for (name,) in found}


def visible(address: Address) -> set[str]:
    """The tables that people see: without what stands in a staging schema."""
    if address.system not in ("postgresql", "duckdb"):
        return tables(address)
    found = sql(address, "SELECT table_name FROM information_schema.tables WHERE table_schema IN ('public', 'main')")
    return {name for (name,) in found}


def fill(address: Address, items: int = ITEMS, visits: int = VISITS) -> None:
    """`items` with a key, and `visits` without one, in which every row stands three times."""
    one, other = (NUMBERS[address.system].format(count=count) for count in (items, visits))
    text = "concat('item ', n, ' is worth its money')"
    sql(
        address,
        "CREATE TABLE items (id integer PRIMARY KEY, price numeric(12,2) NOT NULL, note varchar(200))",
        "CREATE TABLE visits (item integer, page varchar(40))",
        f"INSERT INTO items SELECT n, n / 4.0, {text} FROM {one}",
        f"INSERT INTO visits SELECT n % {visits // 3}, 'front' FROM {other}",
    )


def same(source: Address, target: Address, **options: Any) -> bool:
    """Compared anew, row by row, from the two databases alone."""
    return verify(CopyRequest(source, target, **options), rows=True).outcome == "equal"
