"""What is asked of a database whose schema is changed: the ports beside those of `core.ports`, and their words.

    database ─ schema() → Schema ─ lock() → Held ─ carry(statements, entry)
                          ├ Rehearses ─ rehearsal() → Rehearsal: measured on an empty clone, nothing stays
                          │                           └ Plans ─ plans(queries): how it would answer them
                          ├ Watches ─ sample(): how its queries fare
                          └ Replicates ─ place, position, reached, lag
             └ Switches (core.switches) ─ switch() → Switch: who takes writes

A target keeps two tables of ours: `_wayfare_revisions`, what was done to it, and `_wayfare_lock`, who does something
now. `dump`, `sizes` and rehearsals leave both out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol, runtime_checkable

from wayfare.core.ports import Closing
from wayfare.core.statements import Action, Statement

REVISIONS_TABLE = "_wayfare_revisions"
LOCK_TABLE = "_wayfare_lock"
OWN_HISTORY = "own_history"


class Standing(StrEnum):
    """Where an entry of the history stands."""

    APPLYING = "applying"  # begun; `done` statements of `total` are committed
    APPLIED = "applied"
    FAILED = "failed"  # a statement was refused; `done` says which
    UNDOING = "undoing"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of `_wayfare_revisions`. The key is (history, version). Times are seconds since the epoch."""

    history: str  # whose: "revisions" for a folder of files, "changes" for those with approvals
    version: str
    name: str
    checksum: str  # SHA-256 of the text in hexadecimal; "" where it was adopted and nobody knows
    standing: Standing
    done: int
    total: int
    environment: str = ""  # where it was said: "production"
    intent: str = ""  # what `Schema.shape` told before a statement that is committed apart from its entry
    by: str = ""  # who ran it: "anna@host:4711", "adopted from alembic"
    error: str = ""
    started_at: float = 0.0
    ended_at: float | None = None


def ended_now(entry: Entry) -> Entry:
    """As it is kept when what it tells of is done: whoever made it could not know when that would be."""
    return entry if entry.ended_at is None else replace(entry, ended_at=time.time())


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the lock of a schema."""

    by: str
    fence: int  # grows with every holder
    since: float  # seconds since the epoch
    until: float | None = None  # where the lock is a lease: when it ends unless it is renewed
    alive: bool = True  # False: a row is left, and nobody behind it


@dataclass(frozen=True, slots=True)
class Policy:
    """How patient a change may be. `locks` are known from the rehearsal: table → mode, in the system's words."""

    lock_wait_seconds_max: float = 60.0  # to try for the locks, in all; then Busy
    # A try may stand in the queue this long, and whoever comes meanwhile waits behind it; first it only polls. With a
    # step of 250 ms the worst client waited 280 ms, and the change came no sooner.
    ladder_ms: tuple[int, ...] = (50, 100)
    statement_seconds_max: float = 0.0  # 0: as long as it takes
    locks: Mapping[str, str] = field(default_factory=dict)
    clause: str = ""  # pinned by the rehearsal: "ALGORITHM=INSTANT"
    stopping: Callable[[], None] = lambda: None  # called between tries; raises Stopped
    progress: Callable[[float], None] = lambda share: None  # of the statement at work, 0 to 1, where it can be seen
    # Asked several times a second while a statement is at work, from any thread, by systems that tell who waits: a
    # reason ends it, and nothing of it stays. Whoever gave a reason goes on giving it.
    interrupted: Callable[[], str] = lambda: ""


@dataclass(frozen=True, slots=True)
class Carried:
    """How it went."""

    seconds: float  # of the statements themselves
    tries: int = 1  # for the locks
    waited_seconds: float = 0.0
    rows: int = 0  # changed by INSERT, UPDATE, DELETE


class Held(Closing, Protocol):
    """The right to change a schema, which one runner has at a time. Every write checks the fence.

    Each method raises LockLost once another may have taken over.
    """

    fence: int

    def alive(self) -> bool: ...

    def keep(self, entry: Entry) -> None:
        """Make or replace the entry of that history and version. Creates our tables where they are missing."""
        ...

    def forget(self, history: str, version: str) -> None:
        """Remove an entry: only for repairs."""
        ...

    def carry(self, statements: Sequence[Statement], entry: Entry, policy: Policy) -> Carried:
        """Carry them out and keep `entry`: all of it in one transaction, or nothing is done. An `ended_at` that is not
        None becomes the time at which they were done.

        Where `Schema.together` is false, or the only statement is `alone`, the entry is kept right after it instead;
        whoever calls has kept one with the intent before. Raises Refused with the statement's line and column in
        `where`, Busy when the locks cannot be had in time, Stopped: also with what `Policy.interrupted` gave as the
        reason. A statement that is done before it can be ended is done: then nothing is raised.
        """
        ...


class Outcome(StrEnum):
    """What became of a statement whose runner was lost."""

    DONE = "done"
    NOT_DONE = "not_done"  # … or its halves are removed by now: it may be carried out again
    AT_WORK = "at_work"  # the server is still carrying it out


@dataclass(frozen=True, slots=True)
class Size:
    rows: int  # estimates of the catalog
    bytes: int


@runtime_checkable
class Changeable(Protocol):
    """A database whose schema can be changed under a lock, with a history."""

    def schema(self) -> Schema:
        """Lives as long as the database."""
        ...


class Schema(Protocol):
    """Thread-safe."""

    dialect: str  # as `Adapter.sql_dialect`: "postgres", "mysql", "sqlite", "tsql"
    together: bool  # can several changes be one transaction?

    def identity(self) -> str:
        """The same however it is reached, and of no other database: for the question whether two addresses are one."""
        ...

    def dump(self) -> str:
        """The whole schema as text, without rows, the same for the same schema. Raises Unavailable without its tool."""
        ...

    def sizes(self) -> Mapping[str, Size]:
        """By table, "namespace.name", and by "name" where that is in the default namespace."""
        ...

    def lock(self, by: str) -> Held | None:
        """None when another holds it; never waits."""
        ...

    def holder(self) -> Holder | None:
        """Without taking it."""
        ...

    def entries(self, history: str = "", limit: int = 0) -> Sequence[Entry]:
        """In the order they were begun; `limit`: the last ones. Empty where there is no history yet."""
        ...

    def shape(self, statement: Statement) -> str:
        """A digest of what the statement will change, to tell later whether it did."""
        ...

    def outcome(self, statement: Statement, intent: str) -> Outcome:
        """Of a statement whose runner was lost, from the catalog. Removes halves, such as an invalid index."""
        ...


@runtime_checkable
class Examines(Protocol):
    """Has parts that changes need, and that may be missing. OWN_HISTORY is among them where the history of another
    server is brought here, as by a subscription.
    """

    def examine(self) -> Mapping[str, str]:
        """Each part and what is wrong with it, "" for nothing. Changes nothing."""
        ...


class Blocks(StrEnum):
    """What others cannot do on a table meanwhile."""

    NOTHING = "nothing"
    SCHEMA_CHANGES = "schema changes"
    WRITES = "writes"
    EVERYTHING = "reads and writes"

    @property
    def told(self) -> str:
        """After "the table takes": "no writes"."""
        return "neither reads nor writes" if self is Blocks.EVERYTHING else f"no {self.value}"


@dataclass(frozen=True, slots=True)
class Measured:
    """What a statement really did to the clone."""

    seconds: float
    locks: Mapping[str, str] = field(default_factory=dict)  # existing table → the strongest mode, in the system's words
    blocks: Mapping[str, Blocks] = field(default_factory=dict)  # … and what that means
    rewrites: tuple[str, ...] = ()  # tables written anew
    rebuilds: tuple[str, ...] = ()  # indexes built anew, of tables that are not
    scans: tuple[str, ...] = ()  # tables read whole
    creates: tuple[str, ...] = ()  # tables, indexes, views …
    drops: tuple[str, ...] = ()
    log_bytes: int = 0  # written ahead
    clause: str = ""  # the mildest that the system accepts: "ALGORITHM=INSTANT"
    estimate_seconds: float = 0.0  # on the real database, from the sample
    error: str = ""  # why it was refused; what came after it was measured without it


class Rehearsal(Protocol):
    """An empty clone of a schema. What is run here touches nothing else, and is gone at the end."""

    def run(self, statement: Statement) -> Measured:
        """Carry it out on the clone for good. A refusal is told in `error`, and leaves the clone as it was."""
        ...

    def dump(self) -> str: ...

    def recall(self, action: Action) -> Sequence[str]:
        """The statements that make again what the action is about, as it stands in the clone now.

        DROP INDEX → CREATE INDEX …, SET DEFAULT → the old default, CREATE OR REPLACE VIEW → the old view, GRANT → what
        is granted now. Empty where there is nothing yet, or where rows would be lost with it.
        """
        ...


@dataclass(frozen=True, slots=True)
class Planned:
    """How a system would answer a query: by its planner, nothing is carried out."""

    cost: float = 0.0  # in the planner's own unit
    whole: tuple[str, ...] = ()  # tables that would be read whole
    indexes: tuple[str, ...] = ()  # that would be used
    error: str = ""  # why it cannot be answered


@runtime_checkable
class Plans(Protocol):
    """A rehearsal on which queries can be planned, as the clone stands now."""

    def plans(self, queries: Mapping[str, str]) -> Mapping[str, Planned]:
        """Of texts without values ("select … where id = $1"), by their ids; each has its answer."""
        ...


@runtime_checkable
class Rehearses(Protocol):
    """Can be cloned without its rows."""

    def rehearsal(self, sample: Collection[str] = ()) -> AbstractContextManager[Rehearsal]:
        """`sample`: tables of which some blocks of rows are taken along, so that estimates can be made.

        Raises Forbidden or Unavailable, with what would be needed, where no clone can be had.
        """
        ...


@dataclass(frozen=True, slots=True)
class Query:
    """A normalised query since the server began to count."""

    text: str
    calls: int
    total_ms: float
    squares_ms2: float  # the sum of calls' squared times


@dataclass(frozen=True, slots=True)
class Waiting:
    """Somebody who waits for a lock."""

    query: str
    seconds: float
    blocked_by: tuple[str, ...] = ()  # application names, or process numbers
    behind_us: bool = False  # for what a change of ours holds or, where that cannot be told, is at work on


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at how the database fares. Counters only grow."""

    at: float  # seconds, monotonic
    queries: Mapping[str, Query]  # by the server's id of it
    waiting: tuple[Waiting, ...] = ()
    active: int = 0  # connections at work
    connections: int = 0
    commits: int = 0
    rollbacks: int = 0


@runtime_checkable
class Watches(Protocol):
    """Counts its queries and their times."""

    def sample(self) -> Sample:
        """Takes a few milliseconds. Raises Unavailable where the server does not count, with what to switch on."""
        ...

    def waiting(self) -> Sequence[Waiting]:
        """Who waits for a lock now, longest first; also where the server does not count."""
        ...


class Part(StrEnum):
    """What a server is among those that replicate."""

    ALONE = "alone"
    PRIMARY = "primary"
    STANDBY = "standby"  # replays the primary's log: it refuses changes of its own
    SUBSCRIBER = "subscriber"  # takes rows, not schema changes
    REPLICA = "replica"  # replays statements, and could run its own


LEADING = frozenset({Part.PRIMARY, Part.ALONE})  # whoever replicates from it may be away for the moment


@runtime_checkable
class Replicates(Protocol):
    """Knows its place among copies of itself."""

    def part(self) -> Part: ...

    def pooled(self) -> bool:
        """Does a pooler stand between, so that what belongs to a connection may reach another?"""
        ...

    def position(self) -> str:
        """Of the primary's log, now."""
        ...

    def reached(self, position: str) -> bool:
        """Has this replica replayed the log up to there?"""
        ...

    def lag_seconds(self) -> float:
        """How far this replica is behind; 0 for a primary."""
        ...

    def connections(self) -> int:
        """How many clients are connected to this database here."""
        ...

    def long_queries(self, seconds: float) -> Sequence[str]:
        """Transactions here that are older: they hold up a change on the primary, or its replay on a standby."""
        ...
