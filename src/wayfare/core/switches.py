"""The port of switching: of two databases, one of which subscribes to the other, which takes writes.

Apart from `core.changes`, which it goes with, as few databases can do it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from wayfare.core.changes import Schema
from wayfare.core.findings import Finding
from wayfare.core.ports import Closing


@dataclass(frozen=True, slots=True)
class Feed:
    """A subscription, by which a database takes the rows of another."""

    name: str
    slot: str  # at the other database: how far this one has come is asked there
    publications: tuple[str, ...]
    enabled: bool
    working: bool  # is somebody there now who applies rows?
    errors: int | None = None  # since the server began to count; None where it does not


@dataclass(frozen=True, slots=True)
class Offered:
    """A table of a database that others subscribe to."""

    table: str
    through: str  # under which table's name its rows travel: a partition's may go as those of the whole
    problem: str = ""  # why its rows, or some of them, do not travel
    keyless: bool = False  # changed and removed rows cannot be told from others: it has no replica identity


@dataclass(frozen=True, slots=True)
class Counter:
    """Where a sequence stands. `called`: was that value given to somebody?"""

    value: int
    called: bool


class Switch(Closing, Protocol):
    """The right to say whether a database takes writes, which one runner has at a time, on a connection of its own.

    Who connects anew to a frozen database may read, and clients that look for the server that takes writes pass it by;
    whoever asks for a transaction that writes by name still gets one. Subscriptions go on. All methods are repeatable.
    What this object does is impossible once its connection, and so the right, is lost: Unreachable is raised then.
    """

    def obstacles(self) -> Sequence[Finding]:
        """What is missing, or in the way, for all that is below: rights, and who could write all the same."""
        ...

    def setting(self) -> str:
        """What is kept at the database: "on" (it is frozen), "off", or "" for nothing."""
        ...

    def freeze(self) -> None:
        """From now on, who connects only reads. Who is connected stays as they are: see `end_others`."""
        ...

    def thaw(self, setting: str = "") -> None:
        """Takes writes again; `setting` ("" or "off") is what is kept for that."""
        ...

    def end_others(self, seconds_max: float) -> int:
        """End all clients that connected before the last `freeze` or `thaw` of this object, and so keep what was said
        before: how many. When it returns there are none.

        Raises Busy when some do not go in time, Forbidden when one may not be ended.
        """
        ...

    def written(self) -> int:
        """Rows written here since the server counts, by whomever; it grows also for what was rolled back."""
        ...

    def sequences(self) -> Mapping[str, Counter]:
        """By quoted name, with the namespace."""
        ...

    def set_sequences(self, counters: Mapping[str, Counter]) -> Sequence[str]:
        """Returns those that are not here."""
        ...

    def feeds(self) -> Sequence[Feed]: ...

    def feed(self, on: bool, seconds_max: float = 30.0) -> None:
        """Have all subscriptions work, or none. When it returns, nobody applies rows any more. Raises Busy."""
        ...

    def arrived(self) -> Mapping[str, bool]:
        """Tables that are subscribed to: has each been copied whole, so that only new rows follow?"""
        ...

    def offered(self, publications: Collection[str]) -> Sequence[Offered]:
        """All tables, and whether subscribers of these get their rows."""
        ...

    def large_objects(self) -> int:
        """How many there are: no subscription takes them along."""
        ...

    def mark(self) -> str:
        """A position of the log, with all that is committed by now before it. Writes a line into the log."""
        ...

    def confirmed(self, slot: str, position: str) -> bool:
        """Has the subscriber behind that slot applied and kept all up to there? Raises NotFound without the slot."""
        ...


@runtime_checkable
class Switches(Protocol):
    """A database that can be frozen, so that one that subscribes to it can take its place."""

    def takes_writes(self) -> bool:
        """Does a client that connects and asks for nothing else get a transaction that writes?"""
        ...

    def writing(self) -> Schema:
        """The schema, by connections that write also while it is frozen. Lives as long as the database."""
        ...

    def switch(self) -> Switch | None:
        """None when another has it; never waits."""
        ...
