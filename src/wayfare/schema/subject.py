"""What the steps of a schema change share: its statements, its way back, where it goes, and its limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from wayfare.core.codec import decode
from wayfare.core.plan import Json, StepContext
from wayfare.core.statements import Statement
from wayfare.schema.watch import Limits

HISTORY = "changes"
MASTER = "master"  # document 001's word for the primary, and its role in a run


@dataclass(frozen=True, slots=True)
class Known:
    """A statement with what its rehearsal found: what it locks, and the clause that was pinned."""

    statement: Statement
    locks: Mapping[str, str] = field(default_factory=dict)
    clause: str = ""
    back: tuple[str, ...] = ()  # its own inverse, where one is known


@dataclass(frozen=True, slots=True)
class Member:
    """One server of a database: its role in the run, and what it is among the others (`core.changes.Part`)."""

    name: str
    part: str


@dataclass(frozen=True, slots=True)
class ChangeSubject:
    version: str  # the change's id
    name: str
    checksum: str  # of up and down
    dialect: str
    up: tuple[Known, ...]
    down: tuple[Known, ...]
    fingerprint: str  # of the schema that was studied
    members: tuple[Member, ...]
    touched: tuple[str, ...]  # tables whose queries are watched
    environment: str = ""
    by: str = ""
    estimate_seconds: float = 0.0
    rollback_seconds: float = 0.0
    lock_wait_seconds_max: float = 60.0
    limits: Limits = field(default_factory=Limits)
    green: str = ""  # the member that takes the master's place, where one does

    @property
    def reached(self) -> tuple[str, ...]:
        """The tables whose queries may feel it: those that it names and, as DROP INDEX names none, those it locks."""
        return tuple(dict.fromkeys([*self.touched, *(table for known in self.up for table in known.locks)]))

    def part(self, member: str) -> str:
        return next(m.part for m in self.members if m.name == member)


def subject_of(context: StepContext) -> ChangeSubject:
    return subject_from(context.subject)


def subject_from(data: Json) -> ChangeSubject:
    return decode(ChangeSubject, data)


def statements(known: Sequence[Known]) -> tuple[Statement, ...]:
    return tuple(k.statement for k in known)
