"""One MySQL or MariaDB database: source, target, and relay between the two."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from wayfare.core.errors import Bug
from wayfare.core.ports import Chunk, Parcel, Ticket
from wayfare.core.tables import Table
from wayfare.systems.databases.mysql import (
    dialect,
    read,
    relay,
    write,
)
from wayfare.systems.databases.mysql.native import library
from wayfare.systems.databases.mysql.schema.port import MySqlSchema
from wayfare.systems.databases.mysql.target import Target


class MySql(Target):
    def schema(self) -> MySqlSchema:
        return MySqlSchema(self._connections, self.server)

    def sends(self, table: Table) -> Sequence[str]:
        return relay.sends(table)

    def receives(self, source: Table, landed: Table) -> Sequence[str]:
        return relay.receives(source, landed) if self._server is None or self._server.local_infile else ()

    def send(self, table: Table, chunk: Chunk, form: str, view: str = "") -> Iterator[Parcel]:
        if form.startswith(relay.OWN) and not library():  # its floats and zero dates need it
            raise Bug("a relay was planned without the native part.")
        with self._rows(dialect.select(relay.readable(table), chunk), table, view) as stream:
            yield from read.lines(stream, relay.readable(table))

    def receive(self, ticket: Ticket, table: Table, form: str, parcels: Iterable[Parcel]) -> int:
        with self._connections.use() as connection:
            like = form.startswith(relay.OWN)
            return write.once(connection, ticket, lambda c: write.load_parcels(c, table, parcels, like))
