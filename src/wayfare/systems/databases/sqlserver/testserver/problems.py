"""DuckDB's errors under SQL Server's numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
from sqlglot.errors import SqlglotError

from wayfare.systems.databases.sqlserver.testserver.wire import SqlError

_COLUMN = r"column \"?([^\"\s]+)\"? (?:that does not|not found)|Referenced column \"([^\"]+)\" not found"
_NULL = "Cannot insert the value NULL into column '{}'; column does not allow nulls."
_RULES = (
    (r"Table with name (\S+) does not exist", 208, "Invalid object name '{}'."),
    (_COLUMN, 207, "Invalid column name '{}'."),
    (r"(?i)Duplicate key", 2627, "Violation of PRIMARY KEY constraint. Cannot insert duplicate key."),
    (r"NOT NULL constraint failed: \S+?\.(\S+)", 515, _NULL),
    (r"CHECK constraint failed", 547, "The INSERT statement conflicted with the CHECK constraint."),
    (r"Conversion Error", 245, "Conversion failed: {}"),
    (r"Out of Range", 8115, "Arithmetic overflow error converting expression."),
    (
        r"Transaction conflict|Conflict on (?:update|tuple)|write-write conflict",
        3960,
        "Snapshot isolation transaction aborted due to a conflict.",
    ),
    (r"Parser Error", 102, "Incorrect syntax: {}"),
)


@contextmanager
def classified(text: str) -> Iterator[None]:
    """Raises SqlError for what DuckDB or the translation refuses; `text` is told when nothing fits."""
    try:
        yield
    except duckdb.Error as error:
        raise _problem(str(error)) from error
    except (SqlglotError, ValueError, KeyError, StopIteration, IndexError) as error:
        raise SqlError(102, f"Incorrect syntax near '{text[:60]}': {error}", 15) from error


def _problem(said: str) -> SqlError:
    for pattern, number, message in _RULES:
        if found := re.search(pattern, said):
            named = next((g for g in found.groups() if g), said.splitlines()[0])
            return SqlError(number, message.format(named.rstrip("!")))
    return SqlError(50000, said[:500])
