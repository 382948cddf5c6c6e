"""Writing one chunk: its rows and its ledger entry are one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import psycopg
import pyarrow as pa

from wayfare.core.errors import Bug
from wayfare.core.ports import Ticket
from wayfare.core.tables import Table
from wayfare.systems.databases.postgresql.connect import Connection, Connections
from wayfare.systems.databases.postgresql.dialect import ledger_schema, qualified
from wayfare.systems.databases.postgresql.encode import Encoder
from wayfare.systems.databases.postgresql.errors import translated
from wayfare.systems.databases.postgresql.wire import CopyIn, copy_in


def write(connections: Connections, ticket: Ticket, table: Table, batches: Iterable[pa.RecordBatch]) -> int:
    encoder = Encoder(table)
    schema = table.arrow()

    def feed(copy: CopyIn) -> None:
        if encoder.start:
            copy.send(encoder.start)
        for batch in batches:
            if batch.schema != schema:
                raise Bug(f"a batch for {table.label} has another schema: {batch.schema} instead of {schema}.")
            for piece in encoder.encode(batch):
                copy.send(piece)
        if encoder.end:
            copy.send(encoder.end)

    return once(connections, ticket, table, encoder.statement, feed)


def once(connections: Connections, ticket: Ticket, table: Table, statement: str, feed: Callable[[CopyIn], None]) -> int:
    """Carry out one COPY for a chunk unless the ledger has it already. Returns the chunk's rows.

    The ledger row goes in last. Where another attempt is committing the same one, the insert waits for it and then
    fails on the ledger's key: everything of ours is rolled back, and the other's count is returned.
    """
    with connections.use(table.label) as connection:
        done = recorded(connection, ticket)
        if done is not None:
            return done
        connection.execute("begin")
        with copy_in(connection, statement) as copy:
            feed(copy)
            rows = copy.finish()
        try:
            connection.execute(
                f"insert into {_ledger(ticket)} (label, chunk, attempt, written) values (%s, %s, %s, %s)",
                (ticket.table, ticket.chunk, ticket.attempt, rows),
            )
            connection.execute("commit")
        except psycopg.errors.UniqueViolation as error:
            connection.execute("rollback")
            done = recorded(connection, ticket)
            if done is None:
                raise translated(error, table.label) from error
            return done
        return rows


def recorded(connection: Connection, ticket: Ticket) -> int | None:
    """The rows of this chunk when an attempt has committed it."""
    found = connection.execute(
        f"select written from {_ledger(ticket)} where label = %s and chunk = %s", (ticket.table, ticket.chunk)
    ).fetchone()
    return None if found is None else int(found[0])


def _ledger(ticket: Ticket) -> str:
    return qualified(ledger_schema(ticket.run), "ledger")
