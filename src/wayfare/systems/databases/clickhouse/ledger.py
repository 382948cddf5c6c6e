"""A run's ledger: one small table beside the staged ones, where an inserted row is a fact.

ClickHouse has no transactions, but an INSERT of one row happens or does not. So every row of a staged table carries the
number of the attempt that wrote it, and a chunk is written when the ledger names its attempt: rows of any other attempt
do not count. They are left out by `committed`, and removed before the table is put in place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wayfare.core.ports import Ticket
from wayfare.systems.databases.clickhouse.catalog import identities, rows
from wayfare.systems.databases.clickhouse.dialect import ATTEMPT, create_ledger, quote, text_literal
from wayfare.systems.databases.clickhouse.port import Engine

_FIRST = "argMin({}, (at, attempt))"  # of attempts that both finished, the same one for everybody


class Ledger:
    def __init__(self, engine: Engine, run: str) -> None:
        self._engine = engine
        self.name = f"wayfare_{run}_ledger"

    def create(self) -> None:
        self._engine.command(create_ledger(self.name))

    def exists(self) -> bool:
        return self.name in identities(self._engine, [self.name])

    def written(self, ticket: Ticket) -> int | None:
        """The rows of a chunk that is written, or None."""
        found = rows(
            self._engine,
            f"SELECT {_FIRST.format('rows')} AS n FROM {quote(self.name)} "
            f"WHERE kind = 'chunk' AND name = {text_literal(ticket.table)} AND chunk = {ticket.chunk} "
            "HAVING count() > 0",
        )
        return int(found[0]["n"]) if found else None

    def wrote(self, ticket: Ticket, attempt: int, count: int) -> None:
        self._insert("chunk", ticket.table, chunk=ticket.chunk, attempt=attempt, count=count)

    def attempts(self, staged: str) -> Sequence[int]:
        """The attempts that count, in the order of their chunks."""
        return [int(r["a"]) for r in rows(self._engine, f"{self._winners(staged)} ORDER BY chunk")]

    def committed(self, staged: str) -> str:
        """SQL: is this row of the staged table one that counts?"""
        return f"{quote(ATTEMPT)} IN (SELECT a FROM ({self._winners(staged)}))"

    def note(self, kind: str, name: str, text: str = "") -> None:
        self._insert(kind, name, note=text)

    def notes(self, kind: str) -> Mapping[str, str]:
        sql = f"SELECT name, {_FIRST.format('note')} AS note FROM {quote(self.name)} WHERE kind = {text_literal(kind)}"
        return {r["name"]: r["note"] for r in rows(self._engine, f"{sql} GROUP BY name")}

    def _winners(self, staged: str) -> str:
        return (
            f"SELECT {_FIRST.format('attempt')} AS a, chunk FROM {quote(self.name)} "
            f"WHERE kind = 'chunk' AND name = {text_literal(staged)} GROUP BY chunk"
        )

    def _insert(self, kind: str, name: str, chunk: int = 0, attempt: int = 0, count: int = 0, note: str = "") -> None:
        values = f"{text_literal(kind)}, {text_literal(name)}, {chunk}, {attempt}, {count}, {text_literal(note)}"
        self._engine.command(f"INSERT INTO {quote(self.name)} (kind, name, chunk, attempt, rows, note) SELECT {values}")
