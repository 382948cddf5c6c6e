"""What happened to a run, in order: the journal. Progress, logs, audit, reports and web hooks only read it.

An event is kept once by (run, step, attempt, name), so that a replay never doubles it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Name(StrEnum):
    CREATED = "created"
    STATUS = "status"  # data: {"to": Status, "reason": text}; attempt counts the changes
    PHASE_STARTED = "phase_started"  # step: the phase's name
    PHASE_DONE = "phase_done"
    STEP_STARTED = "step_started"
    STEP_DONE = "step_done"  # data: {"result": …, "seconds": …}
    STEP_FAILED = "step_failed"  # data: {"code", "message", "remedy", "where", "retryable"}
    STEP_UNDONE = "step_undone"
    FINDING = "finding"  # data: a Finding's fields
    ADOPTED = "adopted"  # data: {"from": executor, "by": executor}
    ASKED = "asked"  # somebody asked for pause, resume, cancel or roll back


@dataclass(frozen=True, slots=True)
class Event:
    run: str
    name: Name
    step: str = ""
    attempt: int = 1
    data: Mapping[str, Any] = field(default_factory=dict)
    at: float = 0.0  # seconds since the epoch
    sequence: int = 0  # the place in the store's journal; 0 before it is kept
