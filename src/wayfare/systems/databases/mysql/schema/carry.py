"""Carrying statements out: rows in one transaction with their entry, a change of the schema by itself.

A change that waits for a metadata lock lets nobody else in, readers included. So it never waits for long: MariaDB can
be told not to wait at all, which is polled; and a statement that stands in the queue is ended after some hundred
milliseconds, and tried again. The server cannot be told so short a time, so we look at its list of processes.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from wayfare.core.changes import Carried, Entry, Policy, ended_now
from wayfare.core.errors import Busy, LossRefused, Refused, Stopped, WayfareError
from wayfare.core.statements import Kind, Statement
from wayfare.systems.databases.mysql import connection as link
from wayfare.systems.databases.mysql.connection import Connection, Connections
from wayfare.systems.databases.mysql.schema import records
from wayfare.systems.databases.mysql.schema.interrupting import interruptible
from wayfare.systems.databases.mysql.server import Server

LOOK_SECONDS = 0.02
LATE_SECONDS = 3 * LOOK_SECONDS  # a statement is seen to wait so late, and then so late to have waited, and to be gone
POLL_SECONDS = (0.02, 0.05)  # between two tries that did not wait
POLLING_SHARE = 1 / 3  # of the patience; then the statement queues, for as long as the ladder says
_ROWS = {Kind.INSERT, Kind.UPDATE, Kind.DELETE}
_WITHIN = {*_ROWS, Kind.SELECT, Kind.SET}
# These are done as soon as they have their locks. Others work first, and need the strongest lock at their end again:
# not to wait for it would throw the work away.
_QUICK = {
    *(Kind.CREATE_TABLE, Kind.DROP_TABLE, Kind.RENAME_TABLE, Kind.CREATE_VIEW, Kind.DROP_VIEW, Kind.TRUNCATE),
    *(Kind.CREATE_TRIGGER, Kind.DROP_TRIGGER, Kind.CREATE_FUNCTION, Kind.DROP_FUNCTION, Kind.RENAME_COLUMN),
    *(Kind.SET_DEFAULT, Kind.DROP_DEFAULT),
}
MARK = "/* wayfare"
# InnoDB tells times in the machine's zone, whatever the connection's is.
TRANSACTION_AGE = "TIMESTAMPDIFF(SECOND, CONVERT_TZ(t.trx_started, 'SYSTEM', '+00:00'), UTC_TIMESTAMP())"


def keeps_together(statement: Statement) -> bool:
    return statement.kind in _WITHIN and not statement.alone


def acceptable(statements: Sequence[Statement]) -> None:
    """Raises Refused before anything is done."""
    for statement in statements:
        if statement.kind is Kind.TRANSACTION:
            raise refused(statement, "each change is a transaction already.", "Leave BEGIN and COMMIT out.")
        if len(statements) > 1 and not keeps_together(statement):
            words = "the server commits each change of the schema by itself."
            raise refused(statement, words, "Put it into a change of its own.")


def rows(
    connections: Connections,
    writing: Callable[[], AbstractContextManager[Connection]],
    statements: Sequence[Statement],
    entry: Entry,
    policy: Policy,
) -> Carried:
    """All in one transaction with the entry, again from the start while somebody else has the rows."""
    started, tries = time.monotonic(), 0
    while True:
        tries += 1
        begun = time.monotonic()
        try:
            with writing() as connection:
                link.run(connection, "SET SESSION innodb_lock_wait_timeout = 1, lock_wait_timeout = 1")
                with interruptible(connections, connection, policy.interrupted):
                    changed = sum(_row_change(connection, s) for s in statements)
                seconds = time.monotonic() - begun
                records.keep(connection, ended_now(entry))
            return Carried(seconds, tries, begun - started, changed)
        except Busy as error:
            _impatient(policy, started, tries, str(error))


def _row_change(connection: Connection, statement: Statement) -> int:
    with placed(statement):
        changed = link.run(connection, f"{MARK} rows */ {statement.text}")
    return changed if statement.kind in _ROWS else 0


def _impatient(policy: Policy, started: float, tries: int, why: str) -> None:
    policy.stopping()
    if reason := policy.interrupted():
        raise Stopped(reason)
    waited = time.monotonic() - started
    if waited > policy.lock_wait_seconds_max:
        raise Busy(
            f"the locks could not be had in {waited:.1f} seconds ({tries} tries): {why}",
            remedy="Wait for the long transactions, or end them, or raise the time to wait for locks.",
        )


@dataclass(frozen=True, slots=True)
class Runner:
    """Carries out one statement that the server commits by itself."""

    connections: Connections
    server: Server
    connection: Connection
    fence: int

    def change(self, statement: Statement, policy: Policy) -> Carried:
        """Raises Busy, Stopped, and Refused with the place of the statement."""
        text = f"{MARK} {self.fence} */ {clause(statement, policy.clause)}"
        quick = all(a.kind in _QUICK for a in statement.actions) or "INSTANT" in policy.clause.upper()
        started, tries = time.monotonic(), 0
        while True:
            tries += 1
            begun = time.monotonic()
            polling = begun - started < policy.lock_wait_seconds_max * POLLING_SHARE
            at_once = self.server.maria and quick and polling
            link.run(self.connection, f"SET SESSION lock_wait_timeout = {0 if at_once else _whole(policy)}")
            ladder = policy.ladder_ms or (50,)
            patience = 0.0 if at_once else max(0.0, ladder[min(tries, len(ladder)) - 1] / 1000 - LATE_SECONDS)
            try:
                with placed(statement):
                    self._watched(text, policy, patience)
                return Carried(time.monotonic() - begun, tries, begun - started)
            except Busy as error:
                _impatient(policy, started, tries, f"{error.message} {self._blockers()}")
            time.sleep(random.uniform(*POLL_SECONDS))  # noqa: S311  # so that two do not poll in step

    def _watched(self, text: str, policy: Policy, patience: float) -> None:
        """In a thread of its own, so that it is looked at from here, and ended when it must be."""
        number = int(self.connection.thread_id())
        failed: list[BaseException] = []

        def work() -> None:
            try:
                link.run(self.connection, text)
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=work, name="wayfare-change", daemon=True)
        thread.start()
        reason = None
        watch = Watch(policy, patience, time.monotonic())
        try:
            with self.connections.use() as eye:
                while thread.is_alive():
                    thread.join(LOOK_SECONDS)
                    if not thread.is_alive():
                        break
                    reason = reason or watch.look(_state(eye, number, self.server))
                    if reason:  # said until it is gone: what comes between two of its states is lost
                        link.run(eye, f"KILL QUERY {number:d}")
        finally:
            thread.join()
        if failed:
            raise (reason or failed[0]) from failed[0]

    def _blockers(self) -> str:
        """Who has transactions open: one of them has the lock."""
        sql = (
            f"SELECT p.id, p.user, p.command, {TRANSACTION_AGE} FROM "
            "information_schema.innodb_trx t JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id "
            "WHERE p.id <> CONNECTION_ID() ORDER BY t.trx_started LIMIT 5"
        )
        with self.connections.use() as eye:
            try:
                found = link.rows(eye, sql)
            except WayfareError:  # without the right to look there is nothing to tell
                return ""
        told = [f"process {p} ({user}, {command.lower()}) for {seconds} s" for p, user, command, seconds in found]
        return f"Transactions are open: {', '.join(told)}." if told else ""


@dataclass(slots=True)
class Watch:
    """Decides what becomes of a statement at work. `patience`: seconds that it may stand in the queue at first.

    At the end of long work the strongest lock is wanted again: then it may wait for as long as it has worked.
    """

    policy: Policy
    patience: float
    began: float
    waiting_since: float | None = None
    worked: float = 0.0  # seconds

    def look(self, state: tuple[bool, float] | None) -> WayfareError | None:
        """`state`: does it wait for a lock, and the share done. Why it must end, if it must."""
        now = time.monotonic()
        try:
            self.policy.stopping()
        except WayfareError as stopped:
            return stopped
        if why := self.policy.interrupted():
            return Stopped(why)
        limit = self.policy.statement_seconds_max
        if limit and now - self.began > limit:
            return Refused(f"it took longer than {limit:g} seconds.", remedy="Allow it more time, or do it in parts.")
        if state is None:
            return None
        waits, share = state
        if not waits:
            self.waiting_since, self.worked = None, now - self.began
            self.policy.progress(share)
            return None
        self.waiting_since = self.waiting_since or now
        allowed = max(self.patience, min(self.worked, self.policy.lock_wait_seconds_max))
        return Busy("it stood in the queue for a lock.") if now - self.waiting_since >= allowed else None


def _state(eye: Connection, number: int, server: Server) -> tuple[bool, float] | None:
    share = "(stage - 1 + progress / 100) / max_stage" if server.maria else "0"
    sql = f"SELECT state, {share} FROM information_schema.processlist WHERE id = {number:d}"
    found = link.rows(eye, sql)
    if not found or not found[0][0]:
        return None
    state, done = found[0]
    return state.startswith("Waiting for") and "lock" in state, min(max(float(done or 0), 0.0), 1.0)


def _whole(policy: Policy) -> int:
    return max(int(policy.lock_wait_seconds_max), 1)


def clause(statement: Statement, pinned: str) -> str:
    """With the clause that the rehearsal found, unless somebody wrote one."""
    if not pinned or any(a.details.get("clauses") for a in statement.actions):
        return statement.text
    first = statement.text.split(None, 1)[0].upper()
    if first == "ALTER":
        return f"{statement.text}, {pinned}"
    creates_index = {a.kind for a in statement.actions} <= {Kind.CREATE_INDEX, Kind.DROP_INDEX}
    return f"{statement.text} {pinned.replace(',', ' ')}" if creates_index and statement.actions else statement.text


class placed(AbstractContextManager[None]):  # noqa: N801  # read as a word: with placed(statement)
    """What the server says of a statement, with the statement's place; a loss of values is a refusal here."""

    def __init__(self, statement: Statement) -> None:
        self._where = statement.place

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, LossRefused):
            raise Refused(error.message, where=self._where) from error
        if isinstance(error, Refused):
            error.where = self._where


def refused(statement: Statement, message: str, remedy: str) -> Refused:
    return Refused(message, where=statement.place, remedy=remedy)
