"""Building a copy beside the real tables and putting it in place.

Every DDL statement commits by itself, so each step here looks at what is there and does only what is missing: all of it
may be repeated after a crash anywhere. The one step that must not be seen half done, the renaming, is one statement.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from wayfare.core.ports import Mode
from wayfare.core.tables import ForeignKey, Table
from wayfare.systems.databases.mysql import catalog, definition, dialect
from wayfare.systems.databases.mysql import connection as link
from wayfare.systems.databases.mysql.connection import Connection
from wayfare.systems.databases.mysql.dialect import literal, quote
from wayfare.systems.databases.mysql.ledger import Ledger, key_name, old_name, staged_name
from wayfare.systems.databases.mysql.server import Server

_CHECK_NAMES = "SELECT constraint_name FROM information_schema.check_constraints WHERE constraint_schema = DATABASE()"


@dataclass(frozen=True, slots=True)
class _Held:
    """A foreign key and the table that has it."""

    table: str
    key: ForeignKey


class Staging:
    """The stages of one run on one connection."""

    def __init__(self, connection: Connection, server: Server, run: str) -> None:
        self._connection, self._server, self._run = connection, server, run
        self._ledger = Ledger(connection, run)
        # Tables are moved and dropped whole here; their references are put right by name.
        self._do("SET SESSION foreign_key_checks=0")

    def stage(self, tables: Sequence[Table]) -> None:
        self._ledger.create()
        taken = frozenset[str]()
        if not self._server.maria and self._server.checks:
            taken = frozenset(str(row[0]).lower() for row in link.rows(self._connection, _CHECK_NAMES))
        for table in tables:
            staged = staged_name(self._run, table.name)
            self._ledger.name_table(staged, table.name)
            if not self._has(staged):
                self._do(definition.create_table(table, staged, self._server, taken))

    def seal(self, table: Table) -> None:
        staged = staged_name(self._run, table.name)
        if not self._has(staged):
            return  # in place already
        found = link.rows(self._connection, f"SHOW INDEX FROM {quote(staged)}")
        have = frozenset(str(row[2]).lower() for row in found)
        for statement in definition.add_indexes(table, staged, self._server, have):
            self._do(statement)
        # The server renews its statistics some seconds later; until then it would plan as if the table were empty.
        link.rows(self._connection, f"ANALYZE NO_WRITE_TO_BINLOG TABLE {quote(staged)}")

    def publish(self, tables: Sequence[Table], mode: Mode) -> None:
        if mode is not Mode.REPLACE:
            self._move_rows(tables, mode)
        created = [t for t in tables if self._is_new(t, mode)]
        self._rename(created)
        self._repoint(old_name, {t.name for t in tables})
        self._add_foreign_keys([t for t in tables if staged_name(self._run, t.name) not in self._ledger.merged()])
        for table in tables:
            self._set_next_number(table)

    def finish(self) -> None:
        if not self._ledger.exists():
            return
        self._drop_own()
        self._name_keys_finally()
        self._ledger.drop()

    def discard(self) -> None:
        if not self._ledger.exists():
            return
        names, placed = self._ledger.names(), self._ledger.placed()
        back = {s: n for s, n in names.items() if self._has(old_name(self._run, n))}
        if back:
            parts = [f"{quote(n)} TO {quote(s)}" for s, n in back.items() if self._has(n) and not self._has(s)]
            parts += [f"{quote(old_name(self._run, n))} TO {quote(n)}" for n in back.values()]
            self._do(f"RENAME TABLE {', '.join(parts)}")
        self._repoint(staged_name, set(names.values()))
        for staged, name in names.items():
            if staged in placed and staged not in back and not self._has(staged):
                self._do(f"DROP TABLE IF EXISTS {quote(name)}")
        self._drop_own()
        self._ledger.drop()

    # ---- publishing

    def _is_new(self, table: Table, mode: Mode) -> bool:
        """Is the staged table still to be renamed?"""
        if not self._has(staged_name(self._run, table.name)):
            return False
        return mode is Mode.REPLACE or not self._has(table.name)

    def _move_rows(self, tables: Sequence[Table], mode: Mode) -> None:
        merged = self._ledger.merged()
        self._do("START TRANSACTION")
        for table in tables:
            staged = staged_name(self._run, table.name)
            if staged in merged or not self._has(staged) or not self._has(table.name):
                continue
            upsert = mode is Mode.MERGE and table.key
            for statement in dialect.merge_rows(staged, table) if upsert else [dialect.append_rows(staged, table)]:
                self._do(statement)
            self._ledger.merge(staged)
        self._do("COMMIT")

    def _rename(self, tables: Sequence[Table]) -> None:
        parts = []
        for table in tables:
            staged, old = staged_name(self._run, table.name), old_name(self._run, table.name)
            if self._has(table.name):
                parts.append(f"{quote(table.name)} TO {quote(old)}")
            parts.append(f"{quote(staged)} TO {quote(table.name)}")
            self._ledger.place(staged)
        if parts:
            self._do(f"RENAME TABLE {', '.join(parts)}")

    def _repoint(self, moved: Callable[[str, str], str], names: set[str]) -> None:
        """Foreign keys of tables outside of the copy follow a renamed parent: lead them back to the one in place."""
        by_new = {moved(self._run, name).lower(): name for name in names}
        for held in self._held():
            name = by_new.get(held.key.parent.lower())
            if name is None or held.table.startswith(f"wf_{self._run}_") or held.table in names:
                continue
            key = held.key
            again = ForeignKey(key.name, key.columns, name, key.parent_columns, "", key.on_delete, key.on_update)
            self._do(f"ALTER TABLE {quote(held.table)} DROP FOREIGN KEY {quote(key.name)}")
            self._do(f"ALTER TABLE {quote(held.table)} {dialect.add_foreign_key(again, key.name)}")

    def _add_foreign_keys(self, tables: Sequence[Table]) -> None:
        held = self._held()
        taken = {h.key.name.lower() for h in held}
        for table in tables:
            have = {(h.key.columns, h.key.parent) for h in held if h.table == table.name}
            for number, key in enumerate(table.foreign_keys):
                if (key.columns, key.parent) in have:
                    continue
                name = key.name or f"{table.name[:50]}_ibfk_{number + 1}"
                if name.lower() in taken:  # the replaced table holds it until `finish`
                    temporary = key_name(self._run, table.name, name)
                    self._ledger.name_key(temporary, name)
                    name = temporary
                self._do(f"ALTER TABLE {quote(table.name)} {dialect.add_foreign_key(key, name)}")
                taken.add(name.lower())

    def _name_keys_finally(self) -> None:
        names = self._ledger.key_names()
        taken = {h.key.name.lower() for h in self._held()}
        for held in self._held():
            real = names.get(held.key.name)
            if real and real.lower() not in taken:
                self._do(f"ALTER TABLE {quote(held.table)} {dialect.add_foreign_key(held.key, real)}")
                self._do(f"ALTER TABLE {quote(held.table)} DROP FOREIGN KEY {quote(held.key.name)}")

    def _set_next_number(self, table: Table) -> None:
        identity = next((c.identity for c in table.columns if c.identity), None)
        if identity is None:
            return
        condition = f"table_schema = DATABASE() AND table_name = {literal(table.name)}"
        current = link.value(
            self._connection, f"SELECT auto_increment FROM information_schema.tables WHERE {condition}"
        )
        if identity.next > int(current or 1):
            self._do(f"ALTER TABLE {quote(table.name)} AUTO_INCREMENT = {identity.next:d}")

    # ---- looking

    def _has(self, name: str) -> bool:
        pattern = literal(name.replace("\\", "\\\\").replace("_", "\\_").replace("%", "\\%"))
        found = link.rows(self._connection, f"SHOW TABLES LIKE {pattern}")
        return any(str(row[0]) == name or self._server.folds_case for row in found)

    def _held(self) -> list[_Held]:
        return [_Held(t, key) for t, keys in catalog.foreign_keys(self._connection).items() for key in keys]

    def _drop_own(self) -> None:
        """All tables of this run but the ledger."""
        found = link.rows(self._connection, f"SHOW TABLES LIKE 'wf\\_{self._run}\\_%'")
        own = [quote(str(row[0])) for row in found if str(row[0]) != self._ledger.name]
        if own:
            self._do(f"DROP TABLE IF EXISTS {', '.join(own)}")

    def _do(self, sql: str) -> None:
        link.run(self._connection, sql)
