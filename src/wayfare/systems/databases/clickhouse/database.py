"""One ClickHouse database: every port of the core it fills, each by its own module."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Self

import pyarrow as pa

from wayfare.core.address import Address
from wayfare.core.errors import Forbidden, NotFound, Refused
from wayfare.core.findings import Finding, Severity
from wayfare.core.landing import Landing
from wayfare.core.ports import Chunk, Facts, Mode, Ticket
from wayfare.core.tables import Column, Table, View
from wayfare.systems.databases.clickhouse import catalog, dialect, landing, types
from wayfare.systems.databases.clickhouse import read as reading
from wayfare.systems.databases.clickhouse import write as writing
from wayfare.systems.databases.clickhouse.block import encode
from wayfare.systems.databases.clickhouse.embedded import EmbeddedEngine
from wayfare.systems.databases.clickhouse.http import HttpEngine
from wayfare.systems.databases.clickhouse.options import Embedded, options
from wayfare.systems.databases.clickhouse.port import Engine
from wayfare.systems.databases.clickhouse.stage import Stage, staged_name

_ANSWERS = re.compile(r"^\s*(SELECT|WITH|SHOW|DESC|DESCRIBE|EXPLAIN|EXISTS|CHECK)\b", re.IGNORECASE)
_ATOMIC = ("Atomic", "Replicated", "Shared", "Overlay")  # the last is the embedded engine's own
_SERVER = (
    "SELECT version() AS version, serverTimezone() AS zone, "
    "(SELECT engine FROM system.databases WHERE name = currentDatabase()) AS engine"
)


class ClickHouse:
    system = types.SYSTEM
    name_bytes_max = 190  # of plain letters; `stage` refuses a shorter name that its file could not have
    has_namespaces = False
    default_namespace = ""
    folds_case = False
    carries = frozenset({"primary_key", "check", "default", "comment", "view", "generated"})

    def __init__(self, address: Address) -> None:
        self.address = address
        given = options(address)
        self._engine: Engine = EmbeddedEngine(given) if isinstance(given, Embedded) else HttpEngine(given)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._engine.close()

    def check(self) -> Facts:
        server = catalog.rows(self._engine, _SERVER)[0]
        findings = [_KEYS_SORT]
        if server["zone"] not in ("UTC", "Etc/UTC"):
            findings.append(_zone_differs(server["zone"]))
        if server["engine"] not in _ATOMIC:
            findings.append(_not_atomic(server["engine"]))
        return Facts(f"ClickHouse {server['version']}", tuple(findings))

    def tables(self) -> Sequence[Table]:
        return catalog.tables(self._engine)

    def views(self) -> Sequence[View]:
        return catalog.views(self._engine)

    def create_views(self, views: Sequence[View]) -> Sequence[Finding]:
        failed = []
        for view in views:
            try:
                self._engine.command(dialect.create_view(view.name, view.definition))
            except (Refused, NotFound, Forbidden) as error:
                failed.append(
                    Finding(
                        "view_failed",
                        Severity.WARNING,
                        error.message,
                        view.label,
                        f"Create it by hand: {view.definition}",
                    )
                )
        return failed

    def draft(self, table: Table) -> Sequence[str]:
        return dialect.draft(table)

    def split(self, table: Table, rows_per_chunk: int, view: str = "") -> Sequence[Chunk]:
        return reading.split(self._engine, table, rows_per_chunk)

    def read(self, table: Table, chunk: Chunk, view: str = "") -> Iterator[pa.RecordBatch]:
        return reading.read(self._engine, table, chunk)

    def land(self, column: Column) -> Landing:
        return landing.land(column)

    def staged(self, run: str, table: Table) -> Table:
        return replace(table, name=staged_name(run, table.name), namespace="")

    def stage(self, run: str, tables: Sequence[Table]) -> None:
        Stage(self._engine, run).create(tables)

    def write(self, ticket: Ticket, table: Table, batches: Iterable[pa.RecordBatch]) -> int:
        return writing.write(self._engine, ticket, table, batches)

    def seal(self, run: str, table: Table) -> None:
        Stage(self._engine, run).seal(table)

    def publish(self, run: str, tables: Sequence[Table], mode: Mode) -> None:
        stage = Stage(self._engine, run)
        for table in tables:
            stage.publish(table, mode)

    def finish(self, run: str) -> None:
        Stage(self._engine, run).finish()

    def discard(self, run: str) -> None:
        Stage(self._engine, run).discard()

    def execute(self, sql: str) -> pa.Table:
        if not _ANSWERS.match(sql):
            self._engine.command(sql)
            return pa.table({})
        batches = list(self._engine.query(sql))
        return pa.Table.from_batches(batches) if batches else pa.table({})

    def delete(self, table: Table, keys: pa.RecordBatch) -> int:
        """The keys go into a table of their own first, as text of millions of keys is no statement."""
        columns = [replace(table.column(name), nullable=False) for name in table.key]
        # Named like a run's tables, so that nobody takes it for a user's when this process dies here.
        holder = f"wayfare_{secrets.token_hex(8)}_keys"
        declared = ", ".join(dialect.column_sql(replace(c, default="", comment="")) for c in columns)
        self._engine.command(f"CREATE TABLE {dialect.quote(holder)} ({declared}) ENGINE = MergeTree ORDER BY tuple()")
        try:
            block = encode(keys.select(list(table.key)), columns)
            self._engine.insert(dialect.insert_into(holder, table.key), "Native", [block])
            key = dialect.names(table.key)
            found = f"FROM {dialect.quote(table.name)} WHERE ({key}) IN (SELECT {key} FROM {dialect.quote(holder)})"
            count = int(catalog.rows(self._engine, f"SELECT count() AS n {found}")[0]["n"])
            self._engine.command(f"DELETE {found}")
        finally:
            self._engine.command(dialect.drop_table(holder))
        return count

    def add_columns(self, table: Table, columns: Sequence[Column]) -> None:
        for column in columns:
            self._engine.command(dialect.add_column(table.name, column))


_KEYS_SORT = Finding(
    "keys_not_enforced",
    Severity.INFO,
    "ClickHouse sorts by a primary key and does not enforce it: later inserts may repeat a key.",
    advice="Keep uniqueness in what writes to the table.",
)


def _zone_differs(zone: str) -> Finding:
    return Finding(
        "server_zone",
        Severity.WARNING,
        f"The server's time zone is {zone}: timestamps without zone are kept in UTC, and are shown shifted there.",
        advice="Read them with SETTINGS session_timezone = 'UTC'.",
    )


def _not_atomic(engine: str) -> Finding:
    return Finding(
        "database_engine",
        Severity.ERROR,
        f"The database has the engine {engine}, which cannot exchange tables: a copy cannot be put in place safely.",
        advice="Copy into a database with the engine Atomic.",
    )
