"""Chunks of tables, and their rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa

from wayfare.core.errors import Unreachable, WayfareError
from wayfare.core.ports import WHOLE, Chunk
from wayfare.core.tables import Table
from wayfare.systems.databases.postgresql import decode
from wayfare.systems.databases.postgresql.catalog import HAS_CHILDREN
from wayfare.systems.databases.postgresql.connect import Connection, Connections
from wayfare.systems.databases.postgresql.dialect import full_name, literal, quote
from wayfare.systems.databases.postgresql.kinds import reading
from wayfare.systems.databases.postgresql.wire import copy_out

CTID = "ctid"  # a row's page and position: ranges of pages are read without an index, since version 14
CTID_RANGES_SINCE = 140_000
SAMPLED_PAGES = 64
BEGIN_READ = "begin isolation level repeatable read read only"


def enter_view(connection: Connection, view: str) -> None:
    """Open a transaction that sees what the snapshot `view` saw, or the present. Raises Unreachable when it ended."""
    connection.execute(BEGIN_READ)
    if not view:
        return
    try:
        connection.execute(f"set transaction snapshot {literal(view)}")
    except Exception as error:
        remedy = "Its connection broke. The same command goes on, with a new snapshot."
        raise Unreachable(f"the snapshot {view} has ended: {error}", remedy=remedy) from error


def from_clause(table: Table) -> str:
    return ("only " if HAS_CHILDREN in dict(table.hints) else "") + full_name(table)


def conditions(chunk: Chunk) -> list[str]:
    """The chunk's bounds, as predicates."""
    found: list[str] = []
    if chunk.by == CTID:
        found += [f"ctid >= '({chunk.low},0)'::tid"] if chunk.low is not None else []
        found += [f"ctid < '({chunk.high},0)'::tid"] if chunk.high is not None else []
    elif chunk.by:
        found += [f"{quote(chunk.by)} >= {literal(chunk.low)}"] if chunk.low is not None else []
        found += [f"{quote(chunk.by)} < {literal(chunk.high)}"] if chunk.high is not None else []
    if chunk.cursor:
        found.append(f"{quote(chunk.cursor)} is not null")
        found += [f"{quote(chunk.cursor)} > {literal(chunk.after)}"] if chunk.after is not None else []
        found += [f"{quote(chunk.cursor)} <= {literal(chunk.upto)}"] if chunk.upto is not None else []
    return found


def select(table: Table, chunk: Chunk, expressions: Sequence[str]) -> str:
    where = conditions(chunk)
    text = f"select {', '.join(expressions)} from {from_clause(table)}"
    return f"{text} where {' and '.join(where)}" if where else text


def read(connections: Connections, table: Table, chunk: Chunk, view: str) -> Iterator[pa.RecordBatch]:
    """Batches of one chunk. Closing the iterator closes the connection, and with it the query."""
    columns = [reading(c, decode.lists) for c in table.written]
    sql = f"copy ({select(table, chunk, [c.expression for c in columns])}) to stdout (format binary)"
    with connections.use(table.label) as connection:
        enter_view(connection, view)
        with copy_out(connection, sql, connections.stall_seconds) as frames:
            try:
                yield from decode.batches(frames, [c.slot for c in columns])
            except WayfareError as error:
                raise _placed(error, table) from error
        connection.execute("commit")


def _placed(error: WayfareError, table: Table) -> WayfareError:
    """The same error, saying in which table's column it happened."""
    where = f"{table.label}.{error.where}" if error.where else table.label
    return type(error)(error.message, remedy=error.remedy, where=where)


def split(connections: Connections, table: Table, rows_per_chunk: int, view: str) -> list[Chunk]:
    """Ranges of pages. Of a partitioned table, the same range of every partition: each row is still in one chunk."""
    with connections.use(table.label) as connection:
        if connection.info.server_version < CTID_RANGES_SINCE:
            return [WHOLE]
        enter_view(connection, view)
        pages, density = _size(connection, table)
        connection.execute("commit")
    if pages <= 1 or density <= 0:
        return [Chunk(rows_estimate=int(pages * density))]
    count = max(1, min(pages, round(pages * density / rows_per_chunk)))
    return ranges(pages, count, round(pages * density))


def ranges(pages: int, count: int, rows: int) -> list[Chunk]:
    """`count` even ranges over pages; the first and the last are open, for statistics may be old."""
    if count <= 1:
        return [Chunk(rows_estimate=rows)]
    cuts: list[int | None] = [None, *(pages * i // count for i in range(1, count)), None]
    return [Chunk(i, CTID, cuts[i], cuts[i + 1], rows // count) for i in range(count)]


_SIZES = """
select p.oid::regclass::text, pg_relation_size(p.oid) / current_setting('block_size')::int8,
       case when p.relpages > 0 and p.reltuples > 0 then p.reltuples / p.relpages end, p.relkind = 'f'
from pg_class c, pg_class p
where c.oid = to_regclass(%s)
  and (p.oid = c.oid and c.relkind <> 'p'
       or c.relkind = 'p' and p.oid in (select relid from pg_partition_tree(c.oid) where isleaf))
"""


def _size(connection: Connection, table: Table) -> tuple[int, float]:
    """Pages of the largest part, and rows per page of all parts together: chunks take a range of each part."""
    parts = connection.execute(_SIZES, (full_name(table),)).fetchall()
    if any(foreign for *_, foreign in parts):
        return 0, 0.0
    pages, rows = 0, 0.0
    for name, size, density, _ in parts:
        rows += size * (density if density is not None else _sampled_density(connection, name, size))
        pages = max(pages, size)
    return pages, rows / pages if pages else 0.0


def _sampled_density(connection: Connection, name: str, pages: int) -> float:
    """Rows per page on the first pages of a table that was never analysed. `name` comes quoted from regclass."""
    if not pages:
        return 0.0
    looked = min(pages, SAMPLED_PAGES)
    found = connection.execute(f"select count(*) from {name} where ctid < '({looked},0)'::tid").fetchone()
    return float(found[0]) / looked if found else 0.0
