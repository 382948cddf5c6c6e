"""Where a definition is carried out, and how names are written."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import duckdb

from wayfare.systems.databases.sqlserver.testserver.catalog import Catalog
from wayfare.systems.databases.sqlserver.testserver.databases import Databases, quoted

PART = r"(?:\[(?:[^\]]|\]\])+\]|\w+)"
NAME = rf"({PART}(?:\s*\.\s*{PART})*)"


@dataclass(frozen=True, slots=True)
class Place:
    cursor: duckdb.DuckDBPyConnection
    catalog: Catalog
    databases: Databases
    database: str
    lock: Callable[[str, str, str], None]  # schema, name, mode


def parts(name: str) -> tuple[str, str]:
    """The schema (dbo by default) and name of a dotted name."""
    found = [p.strip("[]").replace("]]", "]") if p.startswith("[") else p for p in re.findall(PART, name)]
    return (found[-2] if len(found) > 1 else "dbo", found[-1])


def full(schema: str, name: str) -> str:
    return f"{quoted(schema or 'dbo')}.{quoted(name)}"
