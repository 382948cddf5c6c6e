"""Writing a chunk: LOAD DATA LOCAL streamed from memory, in one transaction with its ledger entry."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

import pyarrow as pa
from pymysql.protocol import OKPacketWrapper

from wayfare.core.errors import Refused
from wayfare.core.ports import Parcel, Ticket
from wayfare.core.tables import Table
from wayfare.systems.databases.mysql import connection as link
from wayfare.systems.databases.mysql import dialect, encode
from wayfare.systems.databases.mysql.connection import Connection
from wayfare.systems.databases.mysql.errors import classified
from wayfare.systems.databases.mysql.ledger import Ledger
from wayfare.systems.databases.mysql.server import Server

Piece: TypeAlias = bytes | bytearray | memoryview
Load: TypeAlias = Callable[[Connection], int]

_QUERY = 0x03
_PACKET_BYTES = 1 << 20
_INSERT_BYTES_MAX = 4 << 20
_WARNINGS_SHOWN = 3


def once(connection: Connection, ticket: Ticket, load: Load) -> int:
    """Run `load` and enter its rows into the ledger, or nothing when the ledger has the chunk already."""
    ledger = Ledger(connection, ticket.run)
    recorded = ledger.rows(ticket)
    if recorded is not None:
        return recorded
    # Ranges of keys that other chunks insert between must not be locked.
    link.run(connection, "SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
    link.run(connection, "START TRANSACTION")
    rows = load(connection)
    if ledger.enter(ticket, rows):
        link.run(connection, "COMMIT")
        return rows
    link.run(connection, "ROLLBACK")  # another attempt was faster
    return ledger.rows(ticket) or 0


def load_batches(connection: Connection, server: Server, table: Table, batches: Iterable[pa.RecordBatch]) -> int:
    if not server.local_infile:
        return _insert(connection, server, table, batches)
    count = _Counter()
    pieces = (piece for batch in batches for piece in encode.lines(count(batch), table.written, table.label))
    return load_lines(connection, table, dialect.load(table), pieces, lambda: count.rows)


def load_parcels(connection: Connection, table: Table, statement: str, parcels: Iterable[Parcel]) -> int:
    rows = 0

    def pieces() -> Iterator[Piece]:
        nonlocal rows
        for parcel in parcels:
            rows += parcel.rows
            yield parcel.data

    return load_lines(connection, table, statement, pieces(), lambda: rows)


class _Counter:
    def __init__(self) -> None:
        self.rows = 0

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        self.rows += batch.num_rows
        return batch


def load_lines(
    connection: Connection, table: Table, statement: str, pieces: Iterable[Piece], expected: Callable[[], int]
) -> int:
    """Send the lines. LOCAL makes warnings of errors, so any warning, and any row that is missing, fails the chunk."""
    with classified(table.label):
        connection._execute_command(_QUERY, statement)
        connection._read_packet()
    for piece in pieces:  # whatever the source raises passes through; the connection is then given up
        view = memoryview(piece)
        with classified(table.label):
            for start in range(0, len(view), _PACKET_BYTES):
                connection.write_packet(bytes(view[start : start + _PACKET_BYTES]))
    with classified(table.label):
        connection.write_packet(b"")
        answer = OKPacketWrapper(connection._read_packet())
    if answer.warning_count or answer.affected_rows != expected():
        raise _not_exact(connection, table, int(answer.affected_rows), expected())
    return expected()


def _not_exact(connection: Connection, table: Table, loaded: int, sent: int) -> Refused:
    warnings = link.rows(connection, f"SHOW WARNINGS LIMIT {_WARNINGS_SHOWN}")
    said = "; ".join(f"{text} ({code})" for _, code, text in warnings) or "it gave no reason."
    return Refused(
        f"{loaded} of {sent} rows were taken, not all of them exactly: {said}",
        where=table.label,
        remedy="Nothing of this chunk was kept. Allow the loss with --allow-loss, or choose another type with --map.",
    )


def _insert(connection: Connection, server: Server, table: Table, batches: Iterable[pa.RecordBatch]) -> int:
    """For servers that forbid LOAD DATA LOCAL: about ten times slower."""
    rows = 0
    bytes_max = min(_INSERT_BYTES_MAX, server.packet_bytes_max // 2)
    for batch in batches:
        for values in encode.values(batch, table.written, table.label, bytes_max):
            rows += link.run(connection, dialect.insert(table, values))
    return rows


def delete(connection: Connection, table: Table, keys: pa.RecordBatch) -> int:
    """Remove the rows with these keys."""
    columns = [table.column(k) for k in table.key]
    removed = 0
    for values in encode.values(keys.select(list(table.key)), columns, table.label, _INSERT_BYTES_MAX):
        removed += link.run(connection, dialect.delete_rows(table, [values]))
    return removed
