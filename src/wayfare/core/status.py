"""The life of a run, as data. Faces translate these words; nobody else has a status enum."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"  # paused, or held by an approval or a window; resumes where it stood
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNDOING = "undoing"
    UNDONE = "undone"


ALLOWED: dict[Status, frozenset[Status]] = {
    Status.QUEUED: frozenset({Status.RUNNING, Status.WAITING, Status.CANCELLED, Status.FAILED}),
    Status.RUNNING: frozenset({Status.WAITING, Status.SUCCEEDED, Status.FAILED, Status.CANCELLED, Status.UNDOING}),
    Status.WAITING: frozenset({Status.QUEUED, Status.RUNNING, Status.CANCELLED, Status.UNDOING}),
    Status.SUCCEEDED: frozenset({Status.UNDOING}),
    Status.FAILED: frozenset({Status.QUEUED, Status.UNDOING}),
    Status.CANCELLED: frozenset({Status.QUEUED, Status.UNDOING}),
    Status.UNDOING: frozenset({Status.UNDONE, Status.FAILED}),
    Status.UNDONE: frozenset(),
}
ENDED = frozenset({Status.SUCCEEDED, Status.FAILED, Status.CANCELLED, Status.UNDONE})
