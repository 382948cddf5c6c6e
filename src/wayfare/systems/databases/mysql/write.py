"""Writing a chunk: LOAD DATA LOCAL streamed from memory, in one transaction with its ledger entry."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
from pymysql.protocol import OKPacketWrapper

from wayfare.core.errors import LossRefused, Refused
from wayfare.core.ports import Parcel, Ticket
from wayfare.core.tables import Meaning, Table
from wayfare.systems.databases.mysql import connection as link
from wayfare.systems.databases.mysql import dialect, encode
from wayfare.systems.databases.mysql.connection import Connection
from wayfare.systems.databases.mysql.errors import classified, is_loss
from wayfare.systems.databases.mysql.ledger import Ledger
from wayfare.systems.databases.mysql.server import Server
from wayfare.systems.databases.mysql.wire import send_packet

Piece: TypeAlias = bytes | bytearray | memoryview
Load: TypeAlias = Callable[[Connection], int]

_QUERY = 0x03
_PACKET_BYTES = 1 << 20
_INSERT_BYTES_MAX = 4 << 20
_WARNINGS_SHOWN = 3
_DATA_TRUNCATED = 1265
_COLUMN = re.compile(r"column (?:`\w*`\.`\w*`\.)?['`](.*)['`] at row", re.DOTALL)


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
    sent = _Sent(table)

    def pieces() -> Iterator[Piece]:
        for batch in batches:
            sent.count(batch)
            yield from encode.lines(batch, table.written, table.label)

    return load_lines(connection, table, pieces(), sent)


def load_parcels(connection: Connection, table: Table, parcels: Iterable[Parcel], like: bool) -> int:
    """`like` says that they come from the very same types."""
    sent = _Sent(table, empties_known=not like)

    def pieces() -> Iterator[Piece]:
        for parcel in parcels:
            sent.rows += parcel.rows
            yield parcel.data

    return load_lines(connection, table, pieces(), sent)


class _Sent:
    """What has been sent, to compare with what the server says it took.

    An ENUM that once was given a wrong label holds '', which no statement can write without a warning: it is expected.
    Between the very same ENUMs it is the only cause of such a warning, so there they need no counting.
    """

    def __init__(self, table: Table, empties_known: bool = True) -> None:
        self.rows = 0
        self._empties = 0
        self._empties_known = empties_known
        self._enums = frozenset(c.name for c in table.written if c.meaning is Meaning.ENUM and "" not in c.labels)

    def count(self, batch: pa.RecordBatch) -> None:
        self.rows += batch.num_rows
        for name in self._enums:
            self._empties += pc.sum(pc.equal(batch.column(name), "")).as_py() or 0

    def explains(self, warnings: Sequence[tuple[Any, ...]], count: int) -> bool:
        """Do they all speak of ENUMs that are empty, and of no more than there are? The server may show only some."""
        found = [_COLUMN.search(str(text)) for _, code, text in warnings if code == _DATA_TRUNCATED]
        ours = len(found) == len(warnings) and all(f and f[1] in self._enums for f in found)
        return ours and count == (self._empties if self._empties_known else len(warnings))


def load_lines(connection: Connection, table: Table, pieces: Iterable[Piece], sent: _Sent) -> int:
    """Send the lines. LOCAL makes warnings of errors, so any warning, and any row that is missing, fails the chunk."""
    with classified(table.label):
        connection._execute_command(_QUERY, dialect.load(table))
        connection._read_packet()
    for piece in pieces:  # whatever the source raises passes through; the connection is then given up
        view = memoryview(piece)
        with classified(table.label):
            for start in range(0, len(view), _PACKET_BYTES):
                send_packet(connection, view[start : start + _PACKET_BYTES])
    with classified(table.label):
        connection.write_packet(b"")
        answer = OKPacketWrapper(connection._read_packet())
    if answer.warning_count or answer.affected_rows != sent.rows:
        _explain(connection, table, answer, sent)
    return sent.rows


def _explain(connection: Connection, table: Table, answer: Any, sent: _Sent) -> None:
    warnings = link.rows(connection, "SHOW WARNINGS")
    if answer.affected_rows == sent.rows and sent.explains(warnings, int(answer.warning_count)):
        return
    said = "; ".join(f"{text} ({code})" for _, code, text in warnings[:_WARNINGS_SHOWN]) or "it gave no reason."
    # A row that is missing is none of them: it broke a key, and no permission would bring it back.
    lossy = bool(warnings) and answer.affected_rows == sent.rows and all(is_loss(int(code)) for _, code, _ in warnings)
    raise (LossRefused if lossy else Refused)(
        f"{answer.affected_rows} of {sent.rows} rows were taken, not all of them exactly: {said}",
        where=_place(table, warnings),
        remedy="Nothing of this chunk was kept. Allow the loss with --allow-loss, or choose another type with --map.",
    )


def _place(table: Table, warnings: Sequence[tuple[Any, ...]]) -> str:
    """The table, and the column where all speak of one."""
    found = {match[1] for _, _, text in warnings if (match := _COLUMN.search(str(text)))}
    return f"{table.label}.{found.pop()}" if len(found) == 1 else table.label


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
