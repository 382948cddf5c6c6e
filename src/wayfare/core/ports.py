"""Every boundary of the core, as protocols. Nothing here does I/O.

Required methods are few; whatever a system may lack is a separate protocol, asked for with `isinstance`. There is no
`supports_x()` and no stub that raises. Everything is thread-safe and any call may be repeated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Protocol, Self, runtime_checkable

import pyarrow as pa

from wayfare.core.address import Address
from wayfare.core.findings import Finding
from wayfare.core.landing import Landing
from wayfare.core.tables import Column, Table, View
from wayfare.core.tables import Sequence as NamedSequence

ROWS_PER_BATCH = 32_768
BATCH_BYTES_MAX = 32 << 20  # a batch ends early here, so that rows of 20 MB do not gather


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of one table: the unit of retry, parallelism and exactly-once.

    `low` (inclusive) and `high` (exclusive) bound `by`, which is a column's name or a coordinate that only the system's
    own adapter reads (PostgreSQL's ctid pages). An incremental read adds `cursor`: only rows with
    after < cursor column ≤ upto. Bounds are integers or text, so that a plan is plain JSON.
    """

    index: int = 0
    by: str = ""  # "": the whole table
    low: int | str | None = None  # None: from the start
    high: int | str | None = None  # None: to the end
    rows_estimate: int = 0
    cursor: str = ""
    after: int | str | None = None
    upto: int | str | None = None


WHOLE = Chunk()


def chunks_at(by: str, cuts: Sequence[int | str], rows_each: int) -> list[Chunk]:
    """The chunks that meet at `cuts`, in their order: one more than there are cuts, the outer two without an end."""
    bounds = pairwise([None, *cuts, None])
    return [Chunk(index, by, low, high, rows_each) for index, (low, high) in enumerate(bounds)]


class Mode(StrEnum):
    REPLACE = "replace"  # the target table becomes the copy
    APPEND = "append"  # rows are added
    MERGE = "merge"  # rows are upserted by primary key


@dataclass(frozen=True, slots=True)
class Facts:
    """What `check` learnt: the server, and everything that would stop a copy."""

    version: str  # "PostgreSQL 18.6"
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Ticket:
    """The right to write one chunk once: rows and ledger entry commit together, so a later attempt finds it done."""

    run: str
    table: str  # the staged table's label
    chunk: int
    attempt: int = 1


CARRIED = frozenset(
    {
        *(
            "primary_key",
            "unique",
            "index",
            "partial_index",
            "foreign_key",
            "foreign_key_action",
            "foreign_key_mixed",
            "foreign_key_circle",
            "foreign_key_abroad",  # to a table of another namespace
        ),
        *("check", "default", "identity", "comment", "view", "generated"),
    }
)


class Closing(Protocol):
    def __enter__(self) -> Self: ...
    def __exit__(self, *exc: object) -> None: ...


@runtime_checkable
class Database(Closing, Protocol):
    """One database, connected lazily.

    Raises, from any method: Unreachable, Unauthenticated, Forbidden, NotFound (no such database), Busy, Full, Refused.
    """

    system: str  # the adapter's name
    address: Address

    def check(self) -> Facts:
        """Connect and say what is there. Raises within the connect timeout (10 s) when the host is down."""
        ...

    def tables(self) -> Sequence[Table]:
        """Every user table with all that is known without reading rows; sorted by namespace and name."""
        ...

    def split(self, table: Table, rows_per_chunk: int, view: str = "") -> Sequence[Chunk]:
        """Chunks that together hold every row exactly once. At least one, [WHOLE] where the table cannot be cut."""
        ...

    def read(self, table: Table, chunk: Chunk, view: str = "") -> Iterator[pa.RecordBatch]:
        """Batches with the schema `table.arrow()`: at most ROWS_PER_BATCH rows, about BATCH_BYTES_MAX bytes.

        `view` is a token of `Snapshots`. Closing the iterator early ends the query. Raises Refused, naming table and
        column, for a stored value that the column's Arrow type cannot express.
        """
        ...

    def land(self, column: Column) -> Landing:
        """How this system would hold that column of any system. Pure: the same answer always, no I/O."""
        ...


@runtime_checkable
class Namespaced(Protocol):
    """Has a namespace for tables that name none ("public", "dbo"); a copy takes it for the target's own such one."""

    default_namespace: str


@runtime_checkable
class Stages(Protocol):
    """A database that can be a target. A copy is built beside the real tables, proven there, and then put in place.

    `run` is 16 lower-case letters and digits. All tables given are *landed*: their columns come from `land`, and their
    keys, indexes, foreign keys, checks, defaults and comments are already spoken in this system's dialect.
    """

    name_bytes_max: int  # the longest identifier
    has_namespaces: bool
    default_namespace: str  # where tables without one go ("public", "main"); "" without namespaces
    folds_case: bool  # are names that differ in case alone the same to it?
    carries: frozenset[str]  # of CARRIED: what beyond the rows this system can hold; the planner reports the rest

    def staged(self, run: str, table: Table) -> Table:
        """The same table under its staging name. Pure."""
        ...

    def stage(self, run: str, tables: Sequence[Table]) -> None:
        """Create the empty staged tables (no keys or indexes yet, unless the system needs them) and the run's ledger.

        Repeatable: what exists already is kept, with its rows.
        """
        ...

    def write(self, ticket: Ticket, table: Table, batches: Iterable[pa.RecordBatch]) -> int:
        """Write one chunk into the staged `table` (as given by `staged`); rows and ledger entry commit together.

        Returns the rows of the chunk. When the ledger has this chunk already, nothing is written and the recorded
        number is returned. A failure, of the batches or of the system, leaves the table as it was.
        """
        ...

    def seal(self, run: str, table: Table) -> None:
        """Give the staged copy of `table` its primary key, unique constraints, indexes and checks. Repeatable."""
        ...

    def publish(self, run: str, tables: Sequence[Table], mode: Mode) -> None:
        """Put the staged tables in place, in one transaction where the system has them, else repeatably.

        REPLACE sets the replaced tables aside until `finish`. APPEND and MERGE move the rows into the existing tables
        and create the missing ones. Afterwards foreign keys, comments and the next value of identities are set.
        Repeatable: what is in place already is left alone.
        """
        ...

    def finish(self, run: str) -> None:
        """Forget the run: drop the ledger and what `publish` set aside. Repeatable."""
        ...

    def discard(self, run: str) -> None:
        """Undo: drop what was staged and, where replaced tables are still set aside, put them back. Repeatable."""
        ...


@runtime_checkable
class Names(Protocol):
    """Has rules for the names of tables and columns, beyond their length."""

    def name_fault(self, name: str, *, is_table: bool) -> str:
        """Why a table, or else a column, cannot be called so: "ends in white space"; "" where it can. Pure."""
        ...


@runtime_checkable
class Snapshots(Protocol):
    """Can give many connections one consistent view."""

    def snapshot(self) -> Snapshot:
        """A view held open until closed; its `token` is the `view` of `read` and `split`, also in other processes."""
        ...


class Snapshot(Closing, Protocol):
    """What is read under one snapshot is proof of one state only where all of it was read in the same view."""

    token: str
    shared: bool  # one view for all readers; False where that could not be had, and they may see different states
    everywhere: bool  # … also for those in other processes; False where each of them reads in a view of its own


@dataclass(frozen=True, slots=True)
class Parcel:
    """Bytes of rows on their way between like systems, with what was counted while they passed."""

    data: bytes | bytearray | memoryview
    rows: int
    digest: tuple[int, int]  # two sums modulo 2**64 over the rows, as `kernel.hashing.rows_digest` makes them


@runtime_checkable
class Relays(Protocol):
    """Can pass rows on as its own wire bytes, without parsing them.

    A format is a text such as "pgcopy-binary(int8,text)". Two databases may relay a table when one's `sends` and the
    other's `receives` share a format; only the adapters know what it means. The digest of a sent stream depends on the
    rows only, not on their order, chunks or storage, so both sides of a relayed table can be compared by sending both.
    """

    def sends(self, table: Table) -> Sequence[str]:
        """The formats this table can be sent in, best first. Pure."""
        ...

    def receives(self, source: Table, landed: Table) -> Sequence[str]:
        """The formats in which `landed` can be received, best first. Pure.

        `source` is the same table as its own system tells it, its columns in the same order: a neutral format such as
        `core.lines` is spelt from those, so that both sides arrive at the same text.
        """
        ...

    def send(self, table: Table, chunk: Chunk, form: str, view: str = "") -> Iterator[Parcel]: ...

    def receive(self, ticket: Ticket, table: Table, form: str, parcels: Iterable[Parcel]) -> int:
        """`Stages.write`, from parcels."""
        ...


@runtime_checkable
class Perishable(Protocol):
    """A snapshot that its connections may take with them."""

    def alive(self) -> bool:
        """Can it still be read in? Asked twice a second, so it must not wait; never raises."""
        ...


@runtime_checkable
class ShowsViews(Protocol):
    """Has views."""

    def views(self) -> Sequence[View]: ...


@runtime_checkable
class Views(ShowsViews, Protocol):
    """… and can make them."""

    def create_views(self, views: Sequence[View]) -> Sequence[Finding]:
        """Create or replace views written in this system's dialect; a finding, with the text, for each that fails."""
        ...


@runtime_checkable
class Sequences(Protocol):
    """Has free-standing sequences: those that no identity column owns."""

    def sequences(self) -> Sequence[NamedSequence]: ...


@runtime_checkable
class CreatesSequences(Sequences, Protocol):
    """… and can make them."""

    def create_sequences(self, sequences: Sequence[NamedSequence]) -> None:
        """Create the missing ones, and let each go on at its `next`. Repeatable."""
        ...


@runtime_checkable
class Refines(Protocol):
    """Settles by looking at the rows what the declared types leave open (SQLite)."""

    def refine(self, table: Table) -> Table: ...


@runtime_checkable
class Creates(Protocol):
    """A database that need not exist to be a target: `stage` makes the missing file."""

    def vacant(self) -> bool:
        """Is it missing, but can be made? Then `check` and `tables` would raise NotFound: it stands for an empty one.

        Raises NotFound (no such folder) or Forbidden (no right to write there) when it is missing and cannot be made.
        """
        ...


@runtime_checkable
class Executes(Protocol):
    """Speaks SQL."""

    def execute(self, sql: str) -> pa.Table:
        """Run one statement and give its rows; an empty table for statements without a result."""
        ...


@runtime_checkable
class Deletes(Protocol):
    """Can remove rows by key: an incremental copy reports deleted rows, and removes them on request."""

    def delete(self, table: Table, keys: pa.RecordBatch) -> int: ...


@runtime_checkable
class Drafts(Protocol):
    """Can show beforehand the statements that would make a table."""

    def draft(self, table: Table) -> Sequence[str]:
        """The statements for this landed table, its keys, indexes, foreign keys and comments, in order. Pure."""
        ...


@runtime_checkable
class Extends(Protocol):
    """Can add columns to an existing table: schema drift between runs."""

    def add_columns(self, table: Table, columns: Sequence[Column]) -> None: ...
