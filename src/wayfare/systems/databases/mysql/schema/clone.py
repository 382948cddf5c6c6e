"""An empty copy of a database's schema in a database of its own on the same server, gone at the end."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise

from wayfare.core.errors import Forbidden, SystemFailed, Unavailable, WayfareError
from wayfare.systems.databases.mysql import connection as link
from wayfare.systems.databases.mysql.connection import Connection, Connections
from wayfare.systems.databases.mysql.dialect import literal, names, quote
from wayfare.systems.databases.mysql.schema import harmless, lock, objects
from wayfare.systems.databases.mysql.schema.objects import Thing

PREFIX = "wayfare_rehearsal_"
LEFT_OVER_SECONDS = 86_400  # older ones have nobody any more
ROWS_SAMPLED_MIN = 5_000
ROWS_SAMPLED_MAX = 200_000
BYTES_SAMPLED_MAX = 64 << 20
SHARE_SAMPLED = 0.02
STRETCHES = 16
_FORGIVING = "sql_mode = 'ALLOW_INVALID_DATES', foreign_key_checks = 0, innodb_strict_mode = 0"


@dataclass(frozen=True, slots=True)
class Made:
    connection: Connection  # in the clone, where statements mean what they mean to any program
    name: str
    aside: tuple[Thing, ...]  # what was not made: events would happen, and others would reach beyond the clone
    scales: dict[str, float]  # table → its rows for one of the clone's
    databases: tuple[str, ...]  # all there are on the server


@contextmanager
def made(connections: Connections, sample: Collection[str]) -> Iterator[Made]:
    """Raises Forbidden or Unavailable where no clone can be had."""
    name = f"{PREFIX}{int(time.time()):x}_{secrets.token_hex(4)}"
    connection = lock.own(connections)
    try:
        _unlogged(connection)
        databases = tuple(str(n) for (n,) in link.rows(connection, "SHOW DATABASES"))
        _sweep(connection, databases)
        found = objects.things(connection)
        _create(connection, connections.address.database, name)
        try:
            aside = tuple(t for t in found if _stays_aside(t, databases))
            scales = _fill(connection, connections.address.database, name, [t for t in found if t not in aside], sample)
            yield Made(connection, name, aside, scales, databases)
        finally:
            if link.alive(connection):
                link.run(connection, f"DROP DATABASE IF EXISTS {quote(name)}")
            else:  # a statement on the clone may have broken it
                with connections.use() as other:
                    link.run(other, f"DROP DATABASE IF EXISTS {quote(name)}")
    finally:
        link.drop(connection)


def _unlogged(connection: Connection) -> None:
    """Replicas need not make clones too, where this user may say so."""
    with suppress(WayfareError):  # without that right the clone is replicated, and dropped there as well
        link.run(connection, "SET SESSION sql_log_bin = 0")


def _sweep(connection: Connection, databases: Sequence[str]) -> None:
    for name in databases:
        born = re.fullmatch(PREFIX + r"([0-9a-f]+)_[0-9a-f]{8}", name)
        if born and time.time() - int(born[1], 16) > LEFT_OVER_SECONDS:
            link.run(connection, f"DROP DATABASE IF EXISTS {quote(name)}")


def _create(connection: Connection, original: str, name: str) -> None:
    sql = (
        "SELECT default_character_set_name, default_collation_name FROM information_schema.schemata "
        f"WHERE schema_name = {literal(original)}"
    )
    charset, collation = link.rows(connection, sql)[0]
    try:
        link.run(connection, f"CREATE DATABASE {quote(name)} CHARACTER SET {charset} COLLATE {collation}")
    except Forbidden as error:
        remedy = f"Grant ALL on `{PREFIX.replace('_', chr(92) + '_')}%`.* to this user."
        raise Forbidden("a rehearsal needs a database of its own: " + error.message, remedy=remedy) from error


def _stays_aside(thing: Thing, databases: Sequence[str]) -> bool:
    runs = thing.type in ("trigger", "function", "procedure")
    return thing.type == "event" or (runs and bool(harmless.abroad(thing.sql, databases)))


def _fill(
    connection: Connection, original: str, name: str, found: Sequence[Thing], sample: Collection[str]
) -> dict[str, float]:
    """Tables, then their rows, then what could act on rows. Views may need one another, so they are tried in rounds."""
    before = link.rows(connection, "SELECT @@sql_mode, @@innodb_strict_mode")[0]
    link.run(connection, f"USE {quote(name)}")
    link.run(connection, f"SET SESSION {_FORGIVING}")
    _make(connection, [t for t in found if t.type in ("table", "sequence")])
    wanted = {objects.plain(n) for n in sample}
    scales = {
        t.name: _take_along(connection, original, t.name) for t in found if t.type == "table" and t.name in wanted
    }
    _make(connection, [t for t in found if t.type in ("function", "procedure")])
    _make_in_rounds(connection, [t for t in found if t.type == "view"])
    _make(connection, [t for t in found if t.type == "trigger"])
    mode, strict = before
    link.run(
        connection,
        f"SET SESSION sql_mode = {literal(str(mode))}, innodb_strict_mode = {int(strict)}, foreign_key_checks = 1",
    )
    return scales


def _make(connection: Connection, found: Sequence[Thing]) -> None:
    for thing in found:
        if thing.mode:
            link.run(connection, f"SET SESSION sql_mode = {literal(thing.mode)}")
        try:
            link.run(connection, thing.sql)
        except SystemFailed as error:
            raise _unmade(thing, error) from error
    link.run(connection, f"SET SESSION {_FORGIVING}")


def _make_in_rounds(connection: Connection, found: Sequence[Thing]) -> None:
    left = list(found)
    while left:
        failed: list[tuple[Thing, SystemFailed]] = []
        for thing in left:
            try:
                link.run(connection, thing.sql)
            except SystemFailed as error:
                failed.append((thing, error))
        if len(failed) == len(left):
            raise _unmade(*failed[0]) from failed[0][1]
        left = [t for t, _ in failed]


def _unmade(thing: Thing, error: SystemFailed) -> WayfareError:
    message = f"the {thing.type} {thing.name} cannot be made in a clone: {error.message}"
    if isinstance(error, Forbidden):
        return Forbidden(message, where=thing.name, remedy="Rehearse as the user whose it is, or as an administrator.")
    return Unavailable(message, where=thing.name, remedy="Mend or drop it, or apply without a rehearsal.")


def _take_along(connection: Connection, original: str, table: str) -> float:
    """Copy some rows within the server, without locking those of the original; how many each of them stands for."""
    whole = f"{quote(original)}.{quote(table)}"
    sql = f"WHERE table_schema = {literal(original)} AND table_name = {literal(table)}"
    found = link.rows(connection, f"SELECT table_rows, avg_row_length FROM information_schema.tables {sql}")[0]
    total, width = int(found[0] or 0), max(int(found[1] or 0), 1)
    rows = max(min(max(int(total * SHARE_SAMPLED), ROWS_SAMPLED_MIN), ROWS_SAMPLED_MAX, BYTES_SAMPLED_MAX // width), 1)
    generated = "AND COALESCE(generation_expression, '') = '' ORDER BY ordinal_position"
    columns = link.rows(connection, f"SELECT column_name FROM information_schema.columns {sql} {generated}")
    listed = names([str(c) for (c,) in columns])
    into = f"INSERT INTO {quote(table)} ({listed}) SELECT {listed} FROM {whole}"
    link.run(connection, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
    taken = sum(link.run(connection, into + part) for part in _parts(connection, original, table, total, rows))
    return max(total, taken) / taken if taken else 1.0


def _parts(connection: Connection, original: str, table: str, total: int, rows: int) -> Iterator[str]:
    """Stretches of a whole-numbered key, evenly spaced; without one, the first rows."""
    key = (
        "SELECT k.column_name FROM information_schema.key_column_usage k JOIN information_schema.columns c "
        "USING (table_schema, table_name, column_name) WHERE k.constraint_name = 'PRIMARY' "
        f"AND k.table_schema = {literal(original)} AND k.table_name = {literal(table)} AND c.data_type LIKE '%int'"
        " AND (SELECT count(*) FROM information_schema.key_column_usage o WHERE o.constraint_name = 'PRIMARY' "
        "AND o.table_schema = k.table_schema AND o.table_name = k.table_name) = 1"
    )
    by = link.value(connection, key) if total > rows else None
    if by is None:
        yield f" LIMIT {rows}"
        return
    named = quote(str(by))
    low, high = link.rows(connection, f"SELECT min({named}), max({named}) FROM {quote(original)}.{quote(table)}")[0]
    edges = [int(low) + (int(high) + 1 - int(low)) * i // STRETCHES for i in range(STRETCHES + 1)]
    for start, end in pairwise(edges):
        yield f" WHERE {named} >= {start} AND {named} < {end} ORDER BY {named} LIMIT {max(rows // STRETCHES, 1)}"
