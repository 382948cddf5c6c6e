"""Which database it is, and how large its tables are."""

from __future__ import annotations

from collections.abc import Mapping

from wayfare.core.changes import LOCK_TABLE, OWN_HISTORY, REVISIONS_TABLE, Size
from wayfare.core.errors import SystemFailed
from wayfare.systems.databases.postgresql.connect import Connections
from wayfare.systems.databases.postgresql.dialect import DEFAULT_NAMESPACE
from wayfare.systems.databases.postgresql.schema.names import NOT_OURS

_IDENTITY = """
select s.system_identifier::text || '/' || d.oid::text from pg_control_system() s, pg_database d
where d.datname = current_database()
"""
# A partitioned table has no rows of its own: those of its partitions, however deep, are its.
_SIZES = f"""
select n.nspname, c.relname, sum(greatest(p.reltuples, 0))::int8, sum(pg_total_relation_size(p.oid))::int8
from pg_class c join pg_namespace n on n.oid = c.relnamespace
cross join lateral (
  select c.oid, c.reltuples where c.relkind <> 'p'
  union all select k.oid, k.reltuples from pg_partition_tree(c.oid) t join pg_class k on k.oid = t.relid
    where c.relkind = 'p' and t.isleaf) p
where c.relkind in ('r', 'p', 'm') and c.relpersistence <> 't' and {NOT_OURS}
group by n.nspname, c.relname
"""

_FOREIGN = f"""
select s.subname from pg_subscription_rel r join pg_subscription s on s.oid = r.srsubid
join pg_class c on c.oid = r.srrelid
where s.subenabled and c.relnamespace = '{DEFAULT_NAMESPACE}'::regnamespace and c.relname = any(%s)
"""


def identity(connections: Connections) -> str:
    """ "7431…/16384": the cluster's identifier, which its standbys share, and the database's number in it."""
    with connections.use() as connection:
        row = connection.execute(_IDENTITY).fetchone()
    assert row
    return str(row[0])


def sizes(connections: Connections) -> Mapping[str, Size]:
    """By "namespace.name", and by "name" too in the default namespace. Estimates: nothing is counted."""
    found: dict[str, Size] = {}
    with connections.use() as connection:
        for namespace, name, rows, size in connection.execute(_SIZES).fetchall():
            found[f"{namespace}.{name}"] = Size(rows, size)
            if namespace == DEFAULT_NAMESPACE:
                found[name] = found[f"{namespace}.{name}"]
    return found


def examine(connections: Connections) -> Mapping[str, str]:
    """Do blocks in PL/pgSQL run, and is the history here that of this server? That one is told of only where it is not:
    a subscription that brings our tables along would stop at the first entry that both servers have.
    """
    with connections.use("pg_subscription_rel") as connection:
        rows = connection.execute(_FOREIGN, ([REVISIONS_TABLE, LOCK_TABLE],)).fetchall()
    told = {OWN_HISTORY: f"the subscription {rows[0][0]} brings the history of another server here."} if rows else {}
    return {**_plpgsql(connections), **told}


def _plpgsql(connections: Connections) -> Mapping[str, str]:
    """Revisions often have blocks in it; a server may lack the language, or the right to use it."""
    try:
        with connections.use("plpgsql") as connection:
            connection.execute("do language plpgsql $$ begin perform 1; end $$")
    except SystemFailed as error:
        if error.retryable:
            raise
        return {"plpgsql": error.message}
    return {"plpgsql": ""}
