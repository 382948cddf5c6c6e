"""Writing one chunk, exactly once, into a staged table."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Iterable, Iterator

import pyarrow as pa

from wayfare.core.ports import Ticket
from wayfare.core.tables import Table
from wayfare.systems.databases.clickhouse.block import encode
from wayfare.systems.databases.clickhouse.dialect import ATTEMPT, insert_into
from wayfare.systems.databases.clickhouse.ledger import Ledger
from wayfare.systems.databases.clickhouse.port import Engine


def write(engine: Engine, ticket: Ticket, table: Table, batches: Iterable[pa.RecordBatch]) -> int:
    """See `Stages.write`. Rows of an attempt that never reached the ledger stay until `seal`, and do not count."""
    ledger = Ledger(engine, ticket.run)
    if (done := ledger.written(ticket)) is not None:
        return done
    attempt = secrets.randbits(63) | 1
    blocks = _Blocks(table, attempt, batches)
    if (first := next(blocks, None)) is not None:
        names = [*(c.name for c in table.written), ATTEMPT]
        engine.insert(insert_into(table.name, names), "Native", itertools.chain([first], blocks))
    ledger.wrote(ticket, attempt, blocks.rows)
    recorded = ledger.written(ticket)
    return blocks.rows if recorded is None else recorded


class _Blocks(Iterator[bytes]):
    """The batches in ClickHouse's format, counted as they pass."""

    def __init__(self, table: Table, attempt: int, batches: Iterable[pa.RecordBatch]) -> None:
        self._columns = table.written
        self._attempt = (ATTEMPT, attempt)
        self._batches = iter(batches)
        self.rows = 0

    def __next__(self) -> bytes:
        for batch in self._batches:
            if batch.num_rows:
                self.rows += batch.num_rows
                return encode(batch, self._columns, self._attempt)
        raise StopIteration
