"""Carrying statements out: in one transaction with their entry, or alone.

A file has one writer. The transaction is begun when its turn comes, and where readers keep a commit from being
written (in the modes with a rollback journal, whose waiting writer lets no new reader in) it is rolled back after
some hundred milliseconds and tried anew, so that they never queue for long.
"""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager

from wayfare.core.changes import Carried, Policy
from wayfare.core.errors import Busy, Refused, Stopped, WayfareError
from wayfare.core.statements import Kind, Statement
from wayfare.systems.databases.sqlite.errors import occupied, sort
from wayfare.systems.databases.sqlite.files import Files

STEPS_PER_LOOK = 100_000  # of SQLite's machine: some milliseconds
POLL_MS = 50
_ROWS = {Kind.INSERT, Kind.UPDATE, Kind.DELETE}
# Nothing that these do can leave a row without its parent, so the whole file need not be looked through.
_HARMLESS = {
    *(Kind.CREATE_INDEX, Kind.DROP_INDEX, Kind.REINDEX, Kind.CREATE_VIEW, Kind.DROP_VIEW),
    *(Kind.CREATE_TRIGGER, Kind.DROP_TRIGGER, Kind.RENAME_COLUMN, Kind.SELECT),
}
_WITH_KEYS = (
    "SELECT m.name FROM sqlite_master m "
    "WHERE m.type = 'table' AND EXISTS (SELECT 1 FROM pragma_foreign_key_list(m.name))"
)
_ORPHANS = "SELECT parent FROM pragma_foreign_key_check(?)"
Orphans = Counter[tuple[str, str]]  # (table, parent) → rows whose parent is missing


def acceptable(statements: Sequence[Statement]) -> None:
    """Raises Refused before anything is done."""
    for statement in statements:
        if statement.kind is Kind.TRANSACTION:
            raise _refused(statement, "a change is one transaction already.", "Leave BEGIN and COMMIT out.")
        if statement.alone and len(statements) > 1:
            raise _refused(statement, "it cannot run within a transaction.", "Put it into a change of its own.")


def whole(
    connection: sqlite3.Connection, act: Callable[[sqlite3.Connection], tuple[int, float]], policy: Policy
) -> Carried:
    """Begin, `act`, commit: again from the start while somebody else has the file. Raises Busy when patience ends."""
    started = time.monotonic()
    tries = 0
    while True:
        tries += 1
        begun = time.monotonic()
        try:
            rows, seconds = _transaction(connection, act, policy)
            return Carried(seconds, tries, begun - started, rows)
        except sqlite3.OperationalError as error:
            if not occupied(error):
                raise
        _impatient(policy, started, tries)


def _transaction(
    connection: sqlite3.Connection, act: Callable[[sqlite3.Connection], tuple[int, float]], policy: Policy
) -> tuple[int, float]:
    _wait_ms(connection, POLL_MS)
    connection.execute("BEGIN IMMEDIATE")
    try:
        rows, seconds = act(connection)
        _wait_ms(connection, max(policy.ladder_ms, default=POLL_MS))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return rows, seconds


def _impatient(policy: Policy, started: float, tries: int) -> None:
    """Raises Busy when it has taken too long, and Stopped when somebody asked for that."""
    policy.stopping()
    waited = time.monotonic() - started
    if waited > policy.lock_wait_seconds_max:
        raise Busy(
            f"other programs had the file for {waited:.1f} seconds ({tries} tries).",
            remedy="Find who writes to it or reads for long, or raise the time to wait for locks.",
        )


def _wait_ms(connection: sqlite3.Connection, milliseconds: int) -> None:
    connection.execute(f"PRAGMA busy_timeout = {milliseconds}")


def run(
    connection: sqlite3.Connection, files: Files, statements: Sequence[Statement], policy: Policy
) -> tuple[int, float]:
    """(rows changed, seconds) of all of them, in the open transaction. Raises Refused with the place of the statement.

    Foreign keys are as the connection has them (off, unless a PRAGMA of the script said otherwise), which is what
    rebuilding a table needs; so at the end it is asked whether rows have lost their parents.
    """
    started = time.monotonic()
    rows = sum(_one(connection, statement, policy) for statement in statements)
    if any(a.kind not in _HARMLESS for s in statements for a in s.actions) or any(not s.actions for s in statements):
        _whole_families(connection, files)
    return rows, time.monotonic() - started


def alone(connection: sqlite3.Connection, statement: Statement, policy: Policy) -> Carried:
    started = time.monotonic()
    tries = 0
    while True:
        tries += 1
        begun = time.monotonic()
        _wait_ms(connection, POLL_MS)
        try:
            rows = _one(connection, statement, policy, within=False)
            return Carried(time.monotonic() - begun, tries, begun - started, rows)
        except sqlite3.OperationalError as error:
            if not occupied(error):
                raise
        _impatient(policy, started, tries)


def _one(connection: sqlite3.Connection, statement: Statement, policy: Policy, within: bool = True) -> int:
    """Rows it changed. The driver's error passes only when somebody else has the file."""
    try:
        with _watched(connection, statement, policy):
            for _ in connection.execute(statement.text):  # a SELECT does its work row by row
                pass
    except sqlite3.Error as error:
        if occupied(error):
            raise
        raise _sorted(statement, error) from error
    except (sqlite3.Warning, UnicodeEncodeError, ValueError) as error:  # two statements in one; a lone surrogate; NUL
        raise _refused(statement, f"{error}.", "") from error
    if within and not connection.in_transaction:
        raise _refused(statement, "it ended the transaction of the change.", "Leave BEGIN and COMMIT out.")
    return int(connection.execute("SELECT changes()").fetchone()[0]) if statement.kind in _ROWS else 0


@contextmanager
def _watched(connection: sqlite3.Connection, statement: Statement, policy: Policy) -> Iterator[None]:
    """Ends the statement when it takes too long, or when somebody asks to stop."""
    deadline = time.monotonic() + policy.statement_seconds_max if policy.statement_seconds_max else None
    ended: list[WayfareError] = []

    def look() -> int:
        try:
            policy.stopping()
        except WayfareError as stopped:
            ended.append(stopped)
        if why := policy.interrupted():
            ended.append(Stopped(why))
        if deadline and time.monotonic() > deadline:
            words = f"it took longer than {policy.statement_seconds_max:g} seconds."
            ended.append(_refused(statement, words, "Allow it more time, or do it in parts."))
        return len(ended)

    connection.set_progress_handler(look, STEPS_PER_LOOK)
    try:
        yield
    except sqlite3.OperationalError:
        if ended:
            raise ended[0] from None
        raise
    finally:
        connection.set_progress_handler(None, 0)


def _whole_families(connection: sqlite3.Connection, files: Files) -> None:
    """Raises Refused when more rows than before have no parent."""
    after = orphans(connection)
    if not after:
        return
    with closing(files.open_reader()) as reader:  # it still sees the file as it was
        new = after - orphans(reader)
    if new:
        (table, parent), count = max(new.items(), key=lambda item: item[1])
        raise Refused(
            f"{count} rows of {table} would refer to rows of {parent} that are not there.",
            where=table,
            remedy="Add the missing rows, or remove those, in the same change.",
        )


def orphans(connection: sqlite3.Connection) -> Orphans:
    """By table, so that a key whose parent has no fitting index is counted and does not hide the others."""
    found: Orphans = Counter()
    for (table,) in connection.execute(_WITH_KEYS).fetchall():
        try:
            found.update((table, parent) for (parent,) in connection.execute(_ORPHANS, (table,)))
        except sqlite3.OperationalError as error:
            if occupied(error):
                raise
            found[table, str(error)] += 1
    return found


def _refused(statement: Statement, message: str, remedy: str) -> Refused:
    return Refused(message, where=statement.place, remedy=remedy)


def _sorted(statement: Statement, error: sqlite3.Error) -> WayfareError:
    code = getattr(error, "sqlite_errorcode", 0)
    found = sort(None, "", code, str(error))
    found.where = statement.place
    return found
