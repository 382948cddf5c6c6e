"""A run's ledger: which chunks are written, which staged table stands for which, what publish has done.

One small table in the target's database, so that its rows commit together with what they speak of.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from wayfare.core.ports import Ticket
from wayfare.systems.databases.mysql import connection as link
from wayfare.systems.databases.mysql.connection import Connection
from wayfare.systems.databases.mysql.dialect import literal, quote

# Chunk numbers begin at 0; these are entries of other kinds.
_NAME, _MERGED, _FOREIGN_KEY, _PLACING = -1, -2, -3, -4
_HASH_DIGITS = 24


def staged_name(run: str, name: str) -> str:
    """44 characters, whatever the table is called."""
    return f"wf_{run}_{_digest(name)}"


def old_name(run: str, name: str) -> str:
    return f"wf_{run}_old_{_digest(name)}"


def key_name(run: str, table: str, name: str) -> str:
    """A foreign key's name for as long as the replaced table holds the real one."""
    return f"wf_{run}_fk_{_digest(table + chr(0) + name)}"


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:_HASH_DIGITS]


class Ledger:
    def __init__(self, connection: Connection, run: str) -> None:
        self._connection = connection
        self.name = f"wf_{run}_ledger"
        self._table = quote(self.name)

    def create(self) -> None:
        link.run(
            self._connection,
            f"CREATE TABLE IF NOT EXISTS {self._table} ("
            "entry VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,"
            " chunk BIGINT NOT NULL, rows_written BIGINT NOT NULL, name TEXT CHARACTER SET utf8mb4 NOT NULL,"
            " PRIMARY KEY (entry, chunk)) ENGINE=InnoDB",
        )

    def exists(self) -> bool:
        return bool(link.rows(self._connection, f"SHOW TABLES LIKE {literal(self.name.replace('_', chr(92) + '_'))}"))

    def drop(self) -> None:
        link.run(self._connection, f"DROP TABLE IF EXISTS {self._table}")

    def rows(self, ticket: Ticket) -> int | None:
        entry = f"entry = {literal(ticket.table)} AND chunk = {ticket.chunk:d}"
        found = link.value(self._connection, f"SELECT rows_written FROM {self._table} WHERE {entry}")
        return None if found is None else int(found)

    def enter(self, ticket: Ticket, rows: int) -> bool:
        """False when the chunk was entered meanwhile."""
        return self._put(ticket.table, ticket.chunk, rows, "")

    def name_table(self, staged: str, name: str) -> None:
        self._put(staged, _NAME, 0, name)

    def names(self) -> Mapping[str, str]:
        """Staged name → real name."""
        return self._named(_NAME)

    def merge(self, staged: str) -> None:
        """Call it in the transaction that moves the rows."""
        self._put(staged, _MERGED, 0, "")

    def merged(self) -> frozenset[str]:
        return frozenset(self._named(_MERGED))

    def place(self, staged: str) -> None:
        """Say that `staged` is about to be renamed: without it a table of that real name is none of ours."""
        self._put(staged, _PLACING, 0, "")

    def placed(self) -> frozenset[str]:
        return frozenset(self._named(_PLACING))

    def name_key(self, temporary: str, name: str) -> None:
        self._put(temporary, _FOREIGN_KEY, 0, name)

    def key_names(self) -> Mapping[str, str]:
        """Temporary foreign key's name → real name."""
        return self._named(_FOREIGN_KEY)

    def _put(self, entry: str, chunk: int, rows: int, name: str) -> bool:
        values = f"({literal(entry)}, {chunk:d}, {rows:d}, {literal(name)})"
        return link.run(self._connection, f"INSERT IGNORE INTO {self._table} VALUES {values}") == 1

    def _named(self, chunk: int) -> Mapping[str, str]:
        found = link.rows(self._connection, f"SELECT entry, name FROM {self._table} WHERE chunk = {chunk:d}")
        return {str(entry): str(name) for entry, name in found}
