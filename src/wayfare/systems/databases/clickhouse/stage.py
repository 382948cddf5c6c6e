"""Staging and publishing without transactions: each step is done whole or not at all, or may be repeated.

REPLACE exchanges two names, which an Atomic database does in one rename. The ledger notes beforehand which table (by
its UUID) is to stand under the name: so a repeated publish sees whether it happened, and a discard whether to turn it
back. APPEND inserts chunk by chunk under a deduplication token: an insert that was cut off is completed, one that was
not is skipped. MERGE deletes by key and inserts: doing that twice equals once.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence

from wayfare.core.errors import Invalid, Refused
from wayfare.core.ports import Mode
from wayfare.core.tables import Table
from wayfare.systems.databases.clickhouse.catalog import column_types, identities, rows
from wayfare.systems.databases.clickhouse.dialect import (
    ATTEMPT,
    MERGE_RELUCTANCE,
    add_check,
    add_index,
    create_staged,
    drop_table,
    file_name_bytes,
    insert_into,
    names,
    quote,
    text_literal,
)
from wayfare.systems.databases.clickhouse.ledger import Ledger
from wayfare.systems.databases.clickhouse.port import Engine

_READABLE = re.compile(r"[^A-Za-z0-9]+")
_SKIPPING = re.compile(r"^(minmax|set|bloom_filter|tokenbf_v1|ngrambf_v1|text|vector_similarity)\b")
_WINDOW = "non_replicated_deduplication_window"
_WINDOW_BLOCKS = 10_000
_SORT_BYTES_IN_MEMORY = 1 << 30
# A chunk's rows in one order on one thread: the same blocks each time, which is what the token's deduplication counts.
_SAME_BLOCKS = {
    "insert_deduplicate": "1",
    "max_threads": "1",
    "max_insert_threads": "1",
    "max_bytes_before_external_sort": str(_SORT_BYTES_IN_MEMORY),
}
_FILE_NAME_BYTES_MAX = 190  # of 255; the rest is for the database's name and a UUID when the table is dropped
_NO_WAIT = {"alter_sync": "0", "mutations_sync": "0"}
_ANY_SIZE = {"max_table_size_to_drop": "0"}


def staged_name(run: str, table: str) -> str:
    """Unique by the name's hash, recognisable by its letters, and of bounded length."""
    mark = hashlib.blake2b(table.encode(), digest_size=6).hexdigest()
    return f"wayfare_{run}_{mark}_{_READABLE.sub('_', table)[:40]}"


class Stage:
    """One run's tables beside the real ones."""

    def __init__(self, engine: Engine, run: str) -> None:
        self._engine = engine
        self._run = run
        self._ledger = Ledger(engine, run)

    def create(self, tables: Sequence[Table]) -> None:
        if long := [t.name for t in tables if file_name_bytes(t.name) > _FILE_NAME_BYTES_MAX]:
            # Told now: the name is first used when everything is loaded.
            raise Invalid(
                f"the name {long[0]!r} is too long for ClickHouse's files.", where=long[0], remedy="Rename it."
            )
        self._ledger.create()
        for table in tables:
            self._engine.command(create_staged(table, staged_name(self._run, table.name)))

    def seal(self, table: Table) -> None:
        staged = staged_name(self._run, table.name)
        if not self._sweep(staged):
            return  # already in place
        for index in table.indexes:
            if _SKIPPING.match(index.method):
                self._engine.command(add_index(staged, index))
        for check in table.checks:
            self._engine.command(add_check(staged, check))

    def publish(self, table: Table, mode: Mode) -> None:
        staged = staged_name(self._run, table.name)
        found = identities(self._engine, [table.name, staged])
        placed = self._ledger.notes("place").get(table.name)
        if staged not in found or (placed and found.get(table.name) == placed):
            return
        if mode is Mode.REPLACE or table.name not in found:
            self._place(table.name, staged, found, placed)
        elif mode is Mode.APPEND:
            self._append(table, staged)
        else:
            self._merge(table, staged)

    def finish(self) -> None:
        """The ledger goes last: while it is there, an interrupted finish or discard can be told from a finished one."""
        pattern = text_literal(f"wayfare_{self._run}_")
        found = rows(
            self._engine,
            "SELECT name FROM system.tables WHERE database = currentDatabase() "
            f"AND startsWith(name, {pattern}) AND name != {text_literal(self._ledger.name)}",
        )
        for name in [*(r["name"] for r in found), self._ledger.name]:
            self._engine.command(drop_table(name), _ANY_SIZE)

    def discard(self) -> None:
        if self._ledger.exists():
            for name, placed in self._ledger.notes("place").items():
                self._put_back(name, placed)
        self.finish()

    def _put_back(self, name: str, placed: str) -> None:
        staged = staged_name(self._run, name)
        found = identities(self._engine, [name, staged])
        if found.get(name) != placed:
            return  # never placed, or put back already
        if staged in found:
            self._engine.command(f"EXCHANGE TABLES {quote(staged)} AND {quote(name)}")
        else:
            self._engine.command(drop_table(name), _ANY_SIZE)

    def _place(self, name: str, staged: str, there: Mapping[str, str], placed: str | None) -> None:
        if self._sweep(staged):
            # The column is gone for every reader at once. Its files go in the background: waiting took 0.1 s a part.
            self._engine.command(f"ALTER TABLE {quote(staged)} DROP COLUMN IF EXISTS {quote(ATTEMPT)}", _NO_WAIT)
        # Only now, or the merges would begin and everything else would wait for them.
        self._engine.command(f"ALTER TABLE {quote(staged)} RESET SETTING {MERGE_RELUCTANCE}")
        if not there[staged]:
            remedy = "Copy into a database with the engine Atomic."
            raise Refused("tables of this database cannot be exchanged safely.", where=name, remedy=remedy)
        if placed is None:
            self._ledger.note("place", name, there[staged])
        if name in there:
            self._engine.command(f"EXCHANGE TABLES {quote(staged)} AND {quote(name)}")
        else:
            self._engine.command(f"RENAME TABLE {quote(staged)} TO {quote(name)}")

    def _sweep(self, staged: str) -> bool:
        """Remove rows of attempts that do not count. False when the table is not, or no longer, a staged one."""
        if ATTEMPT not in column_types(self._engine, staged):
            return False
        stray = f"NOT ({self._ledger.committed(staged)})"
        if rows(self._engine, f"SELECT count() AS n FROM {quote(staged)} WHERE {stray}")[0]["n"]:
            self._engine.command(f"ALTER TABLE {quote(staged)} DELETE WHERE {stray}")
        return True

    def _append(self, table: Table, staged: str) -> None:
        if table.name in self._ledger.notes("append"):
            return
        borrowed = self._borrow_window(table.name)
        columns = names(c.name for c in table.written)
        insert = insert_into(table.name, [c.name for c in table.written])
        for attempt in self._ledger.attempts(staged):
            token = {**_SAME_BLOCKS, "insert_deduplication_token": f"{self._run}-{staged}-{attempt}"}
            rows_of = f"SELECT {columns} FROM {quote(staged)} WHERE {quote(ATTEMPT)} = {attempt} ORDER BY ALL"
            self._engine.command(f"{insert} {rows_of}", token)
        self._ledger.note("append", table.name)
        if borrowed:
            self._engine.command(f"ALTER TABLE {quote(table.name)} RESET SETTING {_WINDOW}")

    def _borrow_window(self, name: str) -> bool:
        """Have the table remember its recent inserts. True when it did not by itself; replicated tables always do."""
        sql = "SELECT engine, engine_full FROM system.tables WHERE database = currentDatabase() AND name = "
        found = rows(self._engine, sql + text_literal(name))[0]
        if not found["engine"].endswith("MergeTree"):
            raise Invalid(
                f"{name} has the engine {found['engine']}, which cannot tell a repeated insert from a new one.",
                where="--mode",
                remedy="Append into a table of the MergeTree family, or replace the table.",
            )
        if found["engine"].startswith(("Replicated", "Shared")) or _WINDOW in found["engine_full"]:
            return False
        self._engine.command(f"ALTER TABLE {quote(name)} MODIFY SETTING {_WINDOW} = {_WINDOW_BLOCKS}")
        return True

    def _merge(self, table: Table, staged: str) -> None:
        if table.name in self._ledger.notes("merge"):
            return
        if not table.key:
            raise Invalid(f"{table.label} has no primary key to merge by.", where="--mode", remedy="Use append.")
        key, columns = names(table.key), names(c.name for c in table.written)
        counted = f"FROM {quote(staged)} WHERE {self._ledger.committed(staged)}"
        self._engine.command(f"DELETE FROM {quote(table.name)} WHERE ({key}) IN (SELECT {key} {counted})")
        insert = insert_into(table.name, [c.name for c in table.written])
        self._engine.command(f"{insert} SELECT {columns} {counted}", {"insert_deduplicate": "0"})
        self._ledger.note("merge", table.name)
