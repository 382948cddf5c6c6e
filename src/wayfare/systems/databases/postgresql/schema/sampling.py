"""Some blocks of a table's rows, taken along into the clone, so that the time of a statement can be estimated.

Blocks, not rows: what is read per page is then as it is in the table. Keys that point outside of the sample are not
checked while it is loaded, where the server lets us.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import psycopg

from wayfare.systems.databases.postgresql.connect import Connection, Connections
from wayfare.systems.databases.postgresql.dialect import names as columns_of
from wayfare.systems.databases.postgresql.dialect import qualified
from wayfare.systems.databases.postgresql.schema.names import oids

SHARE = 0.02
ROWS_MIN = 20_000  # fewer take so little time that the noise is larger
ROWS_MAX = 200_000
BYTES_MAX = 64 << 20

_ABOUT = """
select n.nspname, c.relname, greatest(c.reltuples, 0)::int8, pg_relation_size(c.oid)::int8, array(
  select attname::text from pg_attribute where attrelid = c.oid and attnum > 0 and not attisdropped
  and attgenerated = '' order by attnum)
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.oid = %s and c.relkind in ('r', 'm') and c.relpersistence <> 't'
"""
_LEAVES = """
select relid::int8 from pg_partition_tree(%s::oid::regclass) where isleaf
union select %s::int8 where not exists (select from pg_partitioned_table where partrelid = %s)
"""
_NAMES = "select o::oid::regclass::text from unnest(%s::int8[]) o"


@dataclass(frozen=True, slots=True)
class Taken:
    """Of one table."""

    bytes_there: int  # its size in the database, without indexes
    bytes_here: int  # … and of its sample

    @property
    def times(self) -> float:
        """How much larger the table is than its sample; at least 1."""
        return max(1.0, self.bytes_there / self.bytes_here) if self.bytes_here else 1.0


def percent(rows: int, size: int) -> float:
    """Of the blocks, to take: the share, more of a small table, less of a large one. Pure."""
    if rows <= ROWS_MIN or size <= 0:
        return 100.0
    wanted = max(SHARE, ROWS_MIN / rows)
    return 100 * min(wanted, ROWS_MAX / rows, BYTES_MAX / size)


def take(source: Connections, clone: Connections, tables: Collection[str]) -> dict[str, Taken]:
    """Fill the tables of the clone with samples; by the names that were given, and by those of partitions.

    A table that is not there, has no rows, or whose rows the clone's own rules refuse, is left empty and left out.
    """
    found: dict[str, Taken] = {}
    with source.use() as there, clone.use() as here:
        free = _free(here)
        for name, oid in oids(there, tables).items():
            leaves = [row[0] for row in there.execute(_LEAVES, (oid, oid, oid)).fetchall()]
            parts = [taken for leaf in leaves if (taken := _one(there, here, leaf, free))]
            if parts:
                found[name] = Taken(sum(p.bytes_there for p in parts), sum(p.bytes_here for p in parts))
    return found


def _free(here: Connection) -> bool:
    """May we leave triggers and foreign keys unchecked? A right of superusers, and of whom it was granted to."""
    try:
        with here.transaction():
            here.execute("set local session_replication_role = replica")
    except psycopg.errors.InsufficientPrivilege:
        return False
    return True


def _one(there: Connection, here: Connection, oid: int, free: bool) -> Taken | None:
    row = there.execute(_ABOUT, (oid,)).fetchone()
    if row is None or not row[3]:
        return None
    namespace, table, rows, size, columns = row
    name, listed = qualified(namespace, table), columns_of(tuple(columns))
    reads = (
        f"copy (select {listed} from only {name} tablesample system ({percent(rows, size):.6f}) repeatable (0)"
        f" limit {ROWS_MAX}) to stdout (format binary)"
    )
    try:
        with here.transaction():
            here.execute("set local synchronous_commit = off")
            if free:
                here.execute("set local session_replication_role = replica")
            _pass(there, reads, here, f"copy {name} ({listed}) from stdin (format binary)")
    except psycopg.errors.IntegrityError:
        return None
    except psycopg.errors.WrongObjectType:  # a materialized view cannot be filled
        return None
    here.execute(f"analyze {name}")
    sample = here.execute("select pg_relation_size(%s::regclass)::int8", (name,)).fetchone()
    return Taken(size, sample[0]) if sample and sample[0] else None


def _pass(there: Connection, reads: str, here: Connection, writes: str) -> None:
    with there.cursor() as source, here.cursor() as target, source.copy(reads) as out, target.copy(writes) as into:
        for piece in out:
            into.write(piece)


def named(here: Connection, tables: Collection[str]) -> list[str]:
    """Quoted, those of them that are there."""
    return [name for (name,) in here.execute(_NAMES, (list(oids(here, tables).values()),)).fetchall()]


def empty(clone: Connections, tables: Collection[str]) -> None:
    """Take the sampled rows out again: for a statement in whose way the rows stand that were not taken along."""
    with clone.use() as here, here.transaction():
        if _free(here):
            here.execute("set local session_replication_role = replica")
        for name in named(here, tables):
            here.execute(f"delete from {name}")
