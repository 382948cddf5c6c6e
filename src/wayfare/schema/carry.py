"""Carrying a change out: its statements in groups, each committed with the entry that says so, from wherever it stood.

Where statements can share a transaction, what is done and what is written down cannot differ. A statement that commits
by itself has its intent written down before; if its runner is lost, the catalog tells what became of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from wayfare.core.changes import Entry, Held, Outcome, Policy, Schema, Standing
from wayfare.core.errors import Busy, Stopped, WayfareError
from wayfare.core.statements import Kind, Statement

ROWS = frozenset({Kind.INSERT, Kind.UPDATE, Kind.DELETE, Kind.COPY})
AT_WORK_SECONDS_MAX = 60.0
LOOK_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be done, and under which entry it is written down."""

    history: str
    version: str
    name: str
    checksum: str
    statements: tuple[Statement, ...]
    undoing: bool = False  # the statements take an applied change back
    environment: str = ""
    by: str = ""
    locks: Mapping[int, Mapping[str, str]] = field(default_factory=dict)  # by statement: from the rehearsal
    clauses: Mapping[int, str] = field(default_factory=dict)  # … and the clause that was pinned


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a change is: `share` of the statement at work, 0 to 1."""

    version: str
    done: int
    total: int
    share: float = 0.0


Told = Callable[[Progress], None]


def groups(statements: Sequence[Statement], together: bool) -> Iterator[tuple[int, int]]:
    """What is committed as one: (from, to) positions. Depends on the statements alone, so a resumed run cuts alike."""
    start = 0
    for position, statement in enumerate(statements):
        if position > start and not _joins(statements[position - 1], statement, together):
            yield start, position
            start = position
    if start < len(statements):
        yield start, len(statements)


def _joins(before: Statement, statement: Statement, together: bool) -> bool:
    if before.alone or statement.alone:
        return False
    return together or (before.kind in ROWS and statement.kind in ROWS)


def carry_out(schema: Schema, held: Held, change: Change, policy: Policy, told: Told = lambda progress: None) -> Entry:
    """Bring the change to its end, from where an earlier runner left it: the entry as it is kept then.

    Raises Refused when a statement is refused (the entry is FAILED, and says where), LockLost, Busy, Stopped.
    """
    entry = _resumed(schema, held, change)
    try:
        for start, end in groups(change.statements, schema.together):
            if entry.done >= end:
                continue
            policy.stopping()
            entry = _group(schema, held, change, entry, start, end, policy, told)
            told(Progress(change.version, entry.done, entry.total))
    except (Stopped, Busy):
        raise
    except WayfareError as error:
        if held.alive():
            held.keep(replace(entry, standing=_failed(change), error=str(error), intent="", ended_at=time.time()))
        raise
    if entry.standing in (Standing.APPLYING, Standing.UNDOING):  # a change without statements, or one that was done
        entry = replace(entry, standing=_end(change), ended_at=time.time())
        held.keep(entry)
    return entry


def _group(
    schema: Schema, held: Held, change: Change, entry: Entry, start: int, end: int, policy: Policy, told: Told
) -> Entry:
    statements = change.statements[start:end]
    last = end == len(change.statements)
    if not _atomic(schema, statements):
        entry = replace(entry, intent=schema.shape(statements[0]))
        held.keep(entry)
    after = replace(
        entry,
        done=end,
        intent="",
        standing=_end(change) if last else entry.standing,
        ended_at=time.time() if last else None,
    )
    locks: dict[str, str] = {}
    for position in range(start, end):
        locks |= change.locks.get(position, {})
    chosen = replace(
        policy,
        locks=locks,
        clause=change.clauses.get(start, ""),
        progress=lambda share: told(Progress(change.version, start, len(change.statements), share)),
    )
    held.carry(statements, after, chosen)
    return replace(after, ended_at=time.time()) if last else after


def _atomic(schema: Schema, statements: Sequence[Statement]) -> bool:
    """Are the statements and their entry one transaction?"""
    if any(s.alone for s in statements):
        return False
    return schema.together or all(s.kind in ROWS for s in statements)


def _end(change: Change) -> Standing:
    return Standing.UNDONE if change.undoing else Standing.APPLIED


def _failed(change: Change) -> Standing:
    """A way back that failed is still a way back: the entry must not be taken for a change that failed."""
    return Standing.UNDOING if change.undoing else Standing.FAILED


def _resumed(schema: Schema, held: Held, change: Change) -> Entry:
    """The entry of a change that was begun, with what its lost runner did; or a new one."""
    standing = Standing.UNDOING if change.undoing else Standing.APPLYING
    known = next((e for e in schema.entries(change.history) if e.version == change.version and _same(e, change)), None)
    fresh = Entry(
        change.history,
        change.version,
        change.name,
        change.checksum,
        standing,
        0,
        len(change.statements),
        environment=change.environment,
        by=change.by,
        started_at=time.time(),
    )
    if known is None:
        if not (schema.together and not any(s.alone for s in change.statements)):
            held.keep(fresh)  # a change in one transaction has no state before its end that anybody must know
        return fresh
    entry = replace(known, standing=standing, error="", by=change.by, ended_at=None, total=len(change.statements))
    entry = settled(schema, entry, change.statements)
    held.keep(entry)
    return entry


def settled(schema: Schema, entry: Entry, statements: Sequence[Statement]) -> Entry:
    """With what became of the statement that was begun, and whose end nobody has written down. Raises Busy while the
    server still carries it out.
    """
    if entry.intent and _outcome(schema, statements[entry.done], entry.intent) is Outcome.DONE:
        entry = replace(entry, done=entry.done + 1)
    return replace(entry, intent="")


def _same(entry: Entry, change: Change) -> bool:
    """Was this change begun before, in this direction? What failed before its first statement begins anew."""
    if change.undoing:
        return entry.standing is Standing.UNDOING
    return entry.standing is Standing.APPLYING or (entry.standing is Standing.FAILED and entry.done > 0)


def _outcome(schema: Schema, statement: Statement, intent: str) -> Outcome:
    """Raises Busy while the server still carries it out."""
    deadline = time.monotonic() + AT_WORK_SECONDS_MAX
    while (outcome := schema.outcome(statement, intent)) is Outcome.AT_WORK:
        if time.monotonic() > deadline:
            told = f"the server is still at work on a statement whose runner was lost: {statement.text[:80]}"
            raise Busy(told, where=f"line {statement.line}", remedy="Wait for its end, or end it there; then go on.")
        time.sleep(LOOK_SECONDS)
    return outcome
