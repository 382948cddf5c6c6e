"""Which tables a pattern means. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from fnmatch import fnmatchcase

from wayfare.core.errors import NotFound
from wayfare.core.tables import Table


def select(
    tables: Sequence[Table], patterns: Sequence[str], exclude: Sequence[str] = (), default_namespace: str = ""
) -> list[Table]:
    """The tables meant, in the catalog's order. `*` and `?` are wild; a pattern without a dot means any namespace.

    Raises NotFound for a pattern that matches nothing, naming the closest tables.
    """
    chosen = tables
    if patterns:
        for pattern in patterns:
            if not any(_matches(t, pattern) for t in tables):
                raise _nothing(pattern, tables, "--tables")
        chosen = [t for t in tables if any(_matches(t, p) for p in patterns)]
    for pattern in exclude:
        if not any(_matches(t, pattern) for t in tables):
            raise _nothing(pattern, tables, "--exclude")
    return [t for t in chosen if not any(_matches(t, p) for p in exclude)]


def _matches(table: Table, pattern: str) -> bool:
    names = (table.label, table.name)
    return any(fnmatchcase(n, pattern) for n in names) or any(fnmatchcase(n.lower(), pattern.lower()) for n in names)


def _nothing(pattern: str, tables: Sequence[Table], where: str) -> NotFound:
    if not tables:
        return NotFound("the source has no tables.", where=where, remedy="Is this the right database?")
    labels = [n for t in tables for n in {t.label, t.name}]
    close = difflib.get_close_matches(pattern.strip("*"), labels, n=3, cutoff=0.5)
    hint = f"Did you mean {' or '.join(close)}?" if close else f"There are: {_some([t.label for t in tables])}."
    return NotFound(f"no table matches {pattern!r}.", where=where, remedy=hint)


def _some(names: Sequence[str], count: int = 8) -> str:
    more = f" and {len(names) - count} more" if len(names) > count else ""
    return ", ".join(names[:count]) + more
