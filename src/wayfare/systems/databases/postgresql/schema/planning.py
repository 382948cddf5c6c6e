"""How the planner would answer queries of which only the text without values is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import psycopg

from wayfare.core.changes import Planned
from wayfare.systems.databases.postgresql.connect import Connection
from wayfare.systems.databases.postgresql.errors import translated

PLAN_SECONDS_MAX = 10
_NAME = "_wayfare_query"
_PARAMETERS = "select cardinality(parameter_types)::int4 from pg_prepared_statements where name = %s"


def planned(connection: Connection, text: str) -> Planned:
    """Nothing is carried out. A query that cannot be planned says so in `error`."""
    connection.execute("begin")
    try:
        connection.execute("set local plan_cache_mode = force_generic_plan")  # it needs no values
        connection.execute(f"set local statement_timeout = '{PLAN_SECONDS_MAX}s'")
        # In the binary format the protocol takes one statement at a time, whatever a text smuggles in.
        connection.execute(f"prepare {_NAME} as {text}".encode(), binary=True)
        row = connection.execute(_PARAMETERS, (_NAME,)).fetchone()
        nulls = ", ".join(["null"] * (row[0] if row else 0))
        found = connection.execute(
            f"explain (format json) execute {_NAME}{f' ({nulls})' if nulls else ''}".encode()
        ).fetchone()
    except psycopg.Error as error:
        if connection.closed:
            raise
        return Planned(error=translated(error).message)
    finally:
        if not connection.closed:
            connection.execute("rollback")
            connection.execute("deallocate all")  # a rollback leaves it prepared
    assert found
    nodes = list(_nodes(found[0][0]["Plan"]))
    whole = dict.fromkeys(str(n["Relation Name"]) for n in nodes if n["Node Type"] == "Seq Scan")
    indexes = dict.fromkeys(str(n["Index Name"]) for n in nodes if "Index Name" in n)
    return Planned(float(nodes[0]["Total Cost"]), tuple(whole), tuple(indexes))


def _nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)
