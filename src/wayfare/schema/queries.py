"""An application's own queries, planned on the clone before and after a change: which break, and which become dearer.

They are those that the server counts, without their values; nothing is carried out. What a query costs is the
planner's guess, on a sample of the rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from wayfare.core.changes import Planned, Query, Schema, Watches
from wayfare.core.errors import Unavailable
from wayfare.core.findings import Finding, Severity
from wayfare.schema.watch import touches

QUERIES_MAX = 50
TEXT_TOLD = 300  # characters of a query, in a finding
OURS = "_wayfare_"
_PLANNED = re.compile(r"(?:\s|\(|/\*.*?\*/|--[^\n]*\n)*(select|insert|update|delete|merge|with)\b", re.DOTALL | re.I)


@dataclass(frozen=True, slots=True)
class Tried:
    """A query, and how the clone would answer it before and after the change."""

    key: str  # the server's id of it
    text: str
    before: Planned
    after: Planned


def wanted(schema: Schema, tables: Sequence[str]) -> tuple[Mapping[str, str], str]:
    """What is to be tried: the text of each query, by its id. And, where the server tells none, why."""
    if not isinstance(schema, Watches):
        return {}, "this system does not count its queries."
    try:
        return chosen(schema.sample().queries, tables), ""
    except Unavailable as error:
        return {}, error.message


def chosen(queries: Mapping[str, Query], tables: Sequence[str]) -> Mapping[str, str]:
    """Those that take the most time, of all that name one of the tables. Pure."""
    fit = {k: q for k, q in queries.items() if _PLANNED.match(q.text) and OURS not in q.text}
    named = [(key, query) for key, query in fit.items() if touches(query.text, tables)]
    named.sort(key=lambda item: (-item[1].total_ms, item[0]))
    return {key: query.text for key, query in named[:QUERIES_MAX]}


def judged(tried: Sequence[Tried], ratio_max: float) -> Iterator[Finding]:
    """Of those that could be planned before: what is refused now, and what costs more than `ratio_max` times as much.

    Pure.
    """
    for one in tried:
        if one.before.error:
            continue
        if one.after.error:
            told = f"a query breaks: {one.after.error} It is: {_short(one.text)}"
            advice = "Change the application first, and wait until nobody asks this any more; or keep what it needs."
            yield Finding("query_breaks", Severity.ERROR, told, f"query {one.key}", advice)
        elif one.after.cost > one.before.cost * ratio_max:
            told = f"{_dearer(one)}: {_short(one.text)}"
            advice = "Look at its plan, and whether an index is missing."
            yield Finding("query_dearer", Severity.WARNING, told, f"query {one.key}", advice)


def untried(why: str) -> Finding:
    told = f"the application's queries were not tried: {why}"
    return Finding("queries_not_tried", Severity.INFO, told, "queries", "Look for those that the change breaks.")


def counted(tried: Sequence[Tried]) -> Mapping[str, int]:
    """For the step's result."""
    unplanned = sum(1 for one in tried if one.before.error)
    return {"queries_tried": len(tried) - unplanned, "queries_not_planned": unplanned}


def _dearer(one: Tried) -> str:
    """ "by the planner, on a sample, this costs 84 instead of 8 (users is read whole, users_age is not used)"."""
    whole = [f"{table} is read whole" for table in one.after.whole if table not in one.before.whole]
    unused = [f"{index} is not used" for index in one.before.indexes if index not in one.after.indexes]
    why = f" ({', '.join([*whole, *unused])})" if whole or unused else ""
    return f"by the planner, on a sample, this costs {one.after.cost:.4g} instead of {one.before.cost:.4g}{why}"


def _short(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= TEXT_TOLD else f"{plain[:TEXT_TOLD]}…"
