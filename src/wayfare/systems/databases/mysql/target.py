"""A database as a target: staging, writing, putting in place, and changing what is there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pyarrow as pa

from wayfare.core.errors import WayfareError
from wayfare.core.findings import Finding, Severity
from wayfare.core.ports import CARRIED, Mode, Ticket
from wayfare.core.tables import Column, Table, View
from wayfare.systems.databases.mysql import connection as link
from wayfare.systems.databases.mysql import (
    definition,
    naming,
    write,
)
from wayfare.systems.databases.mysql import server as servers
from wayfare.systems.databases.mysql.dialect import quote
from wayfare.systems.databases.mysql.ledger import staged_name
from wayfare.systems.databases.mysql.source import Source
from wayfare.systems.databases.mysql.stage import Staging

NAME_BYTES_MAX = 64


class Target(Source):
    name_bytes_max = NAME_BYTES_MAX
    has_namespaces = False
    default_namespace = ""
    folds_case = True  # names of columns always, of tables on some platforms
    carries = CARRIED - {"partial_index"}

    def draft(self, table: Table) -> Sequence[str]:
        return definition.statements(naming.sayable(table), self._server or servers.ANY_SERVER)

    def name_fault(self, name: str, *, is_table: bool) -> str:
        return naming.fault(name, is_table)

    # ---- writing

    def staged(self, run: str, table: Table) -> Table:
        return replace(table, name=staged_name(run, table.name))

    def stage(self, run: str, tables: Sequence[Table]) -> None:
        with self._staging(run) as staging:
            staging.stage([naming.sayable(t) for t in tables])

    def write(self, ticket: Ticket, table: Table, batches: Iterable[pa.RecordBatch]) -> int:
        server = self.server()
        with self._connections.use() as connection:
            return write.once(connection, ticket, lambda c: write.load_batches(c, server, table, batches))

    def seal(self, run: str, table: Table) -> None:
        with self._staging(run) as staging:
            staging.seal(naming.sayable(table))

    def publish(self, run: str, tables: Sequence[Table], mode: Mode) -> None:
        with self._staging(run) as staging:
            staging.publish([naming.sayable(t) for t in tables], mode)

    def finish(self, run: str) -> None:
        with self._staging(run) as staging:
            staging.finish()

    def discard(self, run: str) -> None:
        with self._staging(run) as staging:
            staging.discard()

    @contextmanager
    def _staging(self, run: str) -> Iterator[Staging]:
        """On a connection that is not used again: it does not look at foreign keys."""
        server = self.server()
        connection = self._connections.open()
        try:
            yield Staging(connection, server, run)
        finally:
            link.drop(connection)

    # ---- changing

    def delete(self, table: Table, keys: pa.RecordBatch) -> int:
        with self._connections.use() as connection:
            return write.delete(connection, table, keys)

    def add_columns(self, table: Table, columns: Sequence[Column]) -> None:
        have = {c.name.lower() for t in self.tables() if t.name == table.name for c in t.columns}
        new = [c for c in columns if c.name.lower() not in have]
        if new:
            with self._connections.use() as connection:
                link.run(connection, definition.add_columns(table, new, self.server()))

    def create_views(self, views: Sequence[View]) -> Sequence[Finding]:
        findings = []
        with self._connections.use() as connection:
            for view in views:
                try:
                    link.run(connection, f"CREATE OR REPLACE VIEW {quote(view.name)} AS {view.definition}")
                except WayfareError as error:
                    message = f"the view could not be made: {error.message} Its text is: {view.definition}"
                    findings.append(Finding("view_failed", Severity.WARNING, message, view.label, "Make it by hand."))
        return findings
