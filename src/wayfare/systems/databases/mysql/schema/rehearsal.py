"""Trying statements on a clone, and telling what they did there."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from wayfare.core.changes import Blocks, Measured
from wayfare.core.errors import Forbidden, Unreachable, WayfareError
from wayfare.core.statements import Action, Kind, Statement
from wayfare.systems.databases.mysql import connection as link
from wayfare.systems.databases.mysql.connection import Connections
from wayfare.systems.databases.mysql.dialect import literal
from wayfare.systems.databases.mysql.schema import carry, clone, gentle, harmless, objects
from wayfare.systems.databases.mysql.schema import recall as recalling
from wayfare.systems.databases.mysql.server import Server

_ROWS = {Kind.INSERT, Kind.UPDATE, Kind.DELETE}
_READ_WHOLE = {Kind.CREATE_INDEX, Kind.ADD_UNIQUE, Kind.ADD_PRIMARY_KEY, Kind.ADD_FOREIGN_KEY, Kind.ADD_CHECK}
_EXCLUSIVE = {Kind.DROP_TABLE, Kind.RENAME_TABLE, Kind.TRUNCATE, Kind.CREATE_TRIGGER, Kind.DROP_TRIGGER}
_PROBE = "wayfare_probe"


@contextmanager
def rehearsal(connections: Connections, server: Server, sample: Collection[str]) -> Iterator[Clone]:
    with clone.made(connections, sample) as made:
        yield Clone(made, server)


@dataclass(frozen=True, slots=True)
class Seen:
    """What is looked at before and after."""

    names: frozenset[str]  # tables, views, routines … and indexes
    tables: frozenset[str]
    numbers: Mapping[str, int]  # table → what InnoDB calls it; a table written anew has another
    reads: int  # rows read one after the other, by this connection


@dataclass(slots=True)
class Clone:
    """A `Rehearsal`."""

    _made: clone.Made
    _server: Server
    _fixed: float | None = field(default=None)  # seconds that rewriting a table takes which has no rows

    def dump(self) -> str:
        return objects.printed([*objects.things(self._made.connection), *self._made.aside])

    def recall(self, action: Action) -> Sequence[str]:
        return recalling.recall(self._made.connection, action)

    def run(self, statement: Statement) -> Measured:
        if why := harmless.fault(statement, [d for d in self._made.databases if d != self._made.name]):
            return Measured(0.0, error=why)
        fixed = self._fixed_seconds()
        before = self._look()
        try:
            clause, seconds = self._gently(statement)
        except Unreachable:
            raise
        except WayfareError as error:
            return Measured(0.0, error=error.message)
        return self._measured(statement, clause, seconds, fixed, before, self._look())

    def _gently(self, statement: Statement) -> tuple[str, float]:
        """(the mildest clause, seconds). The last try is without one: what that says is the statement's own fault."""
        for clause in gentle.ladder(statement, self._server.maria):
            try:
                return clause, self._timed(carry.clause(statement, clause))
            except Unreachable:
                raise
            except WayfareError:
                continue
        return gentle.written(statement), self._timed(statement.text)

    def _timed(self, text: str) -> float:
        started = time.perf_counter()
        link.run(self._made.connection, text)
        return time.perf_counter() - started

    def _fixed_seconds(self) -> float:
        if self._fixed is None:
            link.run(self._made.connection, f"CREATE TABLE {_PROBE} (id INT PRIMARY KEY) ENGINE=InnoDB")
            self._fixed = self._timed(f"ALTER TABLE {_PROBE} FORCE")
            link.run(self._made.connection, f"DROP TABLE {_PROBE}")
        return self._fixed

    def _look(self) -> Seen:
        connection = self._made.connection
        tables = (
            "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND engine IS NOT NULL"
        )
        every = (
            "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() "
            "UNION SELECT index_name FROM information_schema.statistics WHERE table_schema = DATABASE() "
            "AND index_name <> 'PRIMARY' "
            "UNION SELECT routine_name FROM information_schema.routines WHERE routine_schema = DATABASE() "
            "UNION SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = DATABASE()"
        )
        return Seen(
            frozenset(str(n) for (n,) in link.rows(connection, every)),
            frozenset(str(n) for (n,) in link.rows(connection, tables)),
            self._numbers(),
            int(link.rows(connection, "SHOW SESSION STATUS LIKE 'Handler_read_rnd_next'")[0][1]),
        )

    def _numbers(self) -> Mapping[str, int]:
        """Empty without the right to look: then only a copy is known to be one."""
        where = "innodb_sys_tables" if self._server.maria else "innodb_tables"
        like = literal(self._made.name.replace("_", "\\_") + "/%")
        try:
            found = link.rows(
                self._made.connection, f"SELECT name, table_id FROM information_schema.{where} WHERE name LIKE {like}"
            )
        except Forbidden:
            return {}
        return {str(name).partition("/")[2]: int(number) for name, number in found}

    def _measured(
        self, statement: Statement, clause: str, seconds: float, fixed: float, before: Seen, after: Seen
    ) -> Measured:
        algorithm = gentle.parts(clause)[0]
        named = [t for t in map(objects.plain, statement.tables) if t in before.tables]
        own = [t for t in map(objects.plain, (a.table for a in statement.actions)) if t in before.tables]
        rewritten = {t for t, number in before.numbers.items() if after.numbers.get(t, number) != number}
        if algorithm == "COPY":
            rewritten |= set(own)
        scanned = set(rewritten)
        reads_whole = any(a.kind in _READ_WHOLE for a in statement.actions) and algorithm != "INSTANT"
        if reads_whole or (statement.kind in _ROWS and self._read_on(before, after)):
            scanned |= set(own)
        if all(a.kind is Kind.TRUNCATE for a in statement.actions):
            rewritten, scanned = set(), set()
        blocks, locks = _blocking(statement, clause, set(own), named)
        scale = max((self._made.scales.get(t, 1.0) for t in (scanned or own)), default=1.0)
        estimate = fixed + max(seconds - fixed, 0.0) * scale if scanned else seconds
        return Measured(
            seconds,
            locks=locks,
            blocks=blocks,
            rewrites=tuple(sorted(rewritten)),
            scans=tuple(sorted(scanned)),
            creates=tuple(sorted(after.names - before.names)),
            drops=tuple(sorted(before.names - after.names)),
            clause="" if clause == gentle.written(statement) else clause,
            estimate_seconds=estimate,
        )

    @staticmethod
    def _read_on(before: Seen, after: Seen) -> bool:
        """Looking itself reads the catalog; that is the same each time, give or take what was made."""
        return after.reads > before.reads


def _blocking(
    statement: Statement, clause: str, own: set[str], named: Sequence[str]
) -> tuple[dict[str, Blocks], dict[str, str]]:
    """What others cannot do, and the lock's name: by the clause, or by what kind of statement it is."""
    if statement.kind in _ROWS:
        return dict.fromkeys(named, Blocks.NOTHING), dict.fromkeys(named, "ROWS")
    exclusive = any(a.kind in _EXCLUSIVE for a in statement.actions)
    blocks, locks = {}, {}
    for table in named:
        if table not in own:  # a parent of a foreign key
            blocks[table], locks[table] = Blocks.SCHEMA_CHANGES, "SHARED_UPGRADABLE"
        elif clause and not exclusive:
            algorithm, mode = gentle.parts(clause)
            blocks[table], locks[table] = gentle.blocks(clause), mode or algorithm
        elif statement.kind not in (Kind.CREATE_VIEW, Kind.DROP_VIEW, Kind.SELECT, Kind.SET):
            blocks[table], locks[table] = Blocks.EVERYTHING, "EXCLUSIVE"
    return blocks, locks
