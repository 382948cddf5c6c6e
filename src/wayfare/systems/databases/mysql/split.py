"""Where to cut a table so that its chunks can be read side by side.

Integer keys are halved wherever the optimizer, which looks into the index without reading it, believes in more rows
than a chunk should have: skewed keys cost a few questions more, not a scan. Other keys are stepped along in order.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import pyarrow as pa

from wayfare.core.ports import WHOLE, Chunk, chunks_at
from wayfare.core.tables import Column, Table
from wayfare.systems.databases.mysql import connection as link
from wayfare.systems.databases.mysql import dialect
from wayfare.systems.databases.mysql.connection import Connection
from wayfare.systems.databases.mysql.dialect import quote
from wayfare.systems.databases.mysql.errors import classified

CHUNKS_MAX = 4_096
PIECES_MAX = 256  # of one range at once
TEXT_BOUND_CHARACTERS_MAX = 700
_STEP_ROWS_MIN = 1_000

Bound = int | str


def chunks(connection: Connection, table: Table, rows_per_chunk: int) -> Sequence[Chunk]:
    """Chunks by the first column of the primary key, or of a unique index without NULLs; else the whole table."""
    by = next((c for c in table.leading_columns if dialect.splittable(c)), None)
    if by is None or rows_per_chunk < 1:
        return [WHOLE]
    integers = pa.types.is_integer(by.type)
    cuts = (
        _integer_cuts(connection, table, by, rows_per_chunk)
        if integers
        else _steps(connection, table, by, rows_per_chunk)
    )
    if not cuts:
        return [WHOLE]
    estimate = max(table.rows_estimate // (len(cuts) + 1), 1)
    return chunks_at(by.name, cuts, estimate)


def _integer_cuts(connection: Connection, table: Table, by: Column, rows_per_chunk: int) -> list[Bound]:
    name = quote(by.name)
    low, high = link.rows(connection, f"SELECT MIN({name}), MAX({name}) FROM {quote(table.name)}")[0]
    if low is None or low == high:
        return []
    parts = list(_halves(connection, table, by, int(low), int(high) + 1, rows_per_chunk))
    return _joined(parts, rows_per_chunk, table.rows_estimate)


def _halves(
    connection: Connection, table: Table, by: Column, low: int, high: int, rows: int
) -> Iterator[tuple[int, int]]:
    """(first key, estimated rows) of consecutive ranges, each of about half of `rows` or of one key."""
    part = max(rows // 2, 1)
    waiting = [(low, high)]
    found = 0
    while waiting:
        low, high = waiting.pop()
        whole = found == 0 and not waiting
        estimate = max(_estimate(connection, table, by, low, high), table.rows_estimate if whole else 0)
        if estimate <= part or high - low <= 1 or found + len(waiting) >= CHUNKS_MAX:
            found += 1
            yield low, estimate
        else:
            # Even keys need no more than one division; the halves are for skewed ones.
            pieces = min(-(-estimate // part), high - low, PIECES_MAX)
            cuts = [low + (high - low) * i // pieces for i in range(pieces + 1)]
            waiting += reversed([p for p in itertools.pairwise(cuts) if p[0] < p[1]])


def _estimate(connection: Connection, table: Table, by: Column, low: int, high: int) -> int:
    chunk = Chunk(by=by.name, low=low, high=high)
    index = quote(dialect.range_index(table, by.name))
    # MySQL looks into an index that it may use, but not into one that it must.
    sql = f"SELECT {quote(by.name)} FROM {quote(table.name)} USE INDEX ({index}){dialect.where(table, chunk)}"
    with classified(table.label), connection.cursor() as cursor:
        cursor.execute("EXPLAIN FORMAT=TRADITIONAL " + sql)
        names = [str(d[0]).lower() for d in cursor.description or ()]
        row = dict(zip(names, cursor.fetchone() or (), strict=False))
    return int(row.get("rows") or 0)


def _joined(parts: Sequence[tuple[int, int]], rows: int, total: int) -> list[Bound]:
    """Neighbouring ranges become one as long as they stay near `rows`: the gaps of skewed keys need no chunks.

    The optimizer counts about double for long ranges, so its estimates are taken in proportion to the table's size.
    """
    believed = sum(estimate for _, estimate in parts)
    scale = total / believed if total and believed else 1.0
    cuts: list[Bound] = []
    gathered = 0.0
    for low, estimate in parts:
        size = estimate * scale
        if gathered and gathered + size / 2 > rows:
            cuts.append(low)
            gathered = 0.0
        gathered += size
    return cuts


def _steps(connection: Connection, table: Table, by: Column, rows_per_chunk: int) -> list[Bound]:
    """Every so many rows along the index, the key that is there. All rows with one key stay in one chunk."""
    name, forced = quote(by.name), quote(dialect.range_index(table, by.name))
    octets = pa.types.is_binary(by.type)
    shown, before = (f"HEX({name})", dialect.BYTES_BOUND) if octets else (f"CAST({name} AS CHAR)", "")
    step = max(rows_per_chunk, _STEP_ROWS_MIN if table.rows_estimate > _STEP_ROWS_MIN * 4 else 1)
    cuts: list[Bound] = []
    while len(cuts) < CHUNKS_MAX:
        after = f" WHERE {name} >= {dialect.bound(cuts[-1], by)}" if cuts else ""
        place = f"FROM {quote(table.name)} FORCE INDEX ({forced}){after} ORDER BY {name} LIMIT 1 OFFSET {step:d}"
        found = link.rows(connection, f"SELECT {shown} {place}")
        if not found:
            break
        bound = before + str(found[0][0])
        if (cuts and bound == cuts[-1]) or len(bound) > TEXT_BOUND_CHARACTERS_MAX:
            break  # more rows with one key than a chunk should have: the last chunk takes the rest
        cuts.append(bound)
    return cuts
