"""How locks are got without a queue behind us: who waits for a strong lock holds up everybody who comes after.

First we only look, every 20 to 50 ms, and never stand in the queue (LOCK … NOWAIT). After a third of the patience we
stand in it for 50 ms at a time, then 100, then 250, and step back in between: so a lock that is never free for a moment
is got in the end. Measured behind a reader of 6 seconds, the worst wait of 8 clients: 44 ms and about 100 ms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

POLLING_SHARE = 1 / 3
POLL_SECONDS = (0.02, 0.05)
STEP_BACK_SECONDS = (0.25, 0.75)
MODES = (
    *("AccessShareLock", "RowShareLock", "RowExclusiveLock", "ShareUpdateExclusiveLock"),
    *("ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock"),
)
_SQL = (
    *("access share", "row share", "row exclusive", "share update exclusive"),
    *("share", "share row exclusive", "exclusive", "access exclusive"),
)
_CONFLICTS = (  # with each mode, by its place in MODES: the table in PostgreSQL's manual, 13.3.1
    (7,),
    (6, 7),
    (4, 5, 6, 7),
    (3, 4, 5, 6, 7),
    (2, 3, 5, 6, 7),
    (2, 3, 4, 5, 6, 7),
    (1, 2, 3, 4, 5, 6, 7),
    (0, 1, 2, 3, 4, 5, 6, 7),
)


@dataclass(frozen=True, slots=True)
class Rung:
    """One try for the locks."""

    polls: bool  # LOCK … NOWAIT, or it stands in the queue
    queue_ms: int  # how long a lock may be waited for
    pause_seconds: tuple[float, float]  # after it, when it fails: between these two


def rung(waited_seconds: float, patience_seconds: float, ladder_ms: Sequence[int], known: bool) -> Rung:
    """The next try. `known`: are the locks known, so that they can be polled for? Pure."""
    steps = tuple(ladder_ms) or (50,)
    queueing_from = patience_seconds * POLLING_SHARE
    if waited_seconds < queueing_from:
        return Rung(known, steps[0], POLL_SECONDS if known else STEP_BACK_SECONDS)
    # The rest of the patience is shared among the steps, so that the longest ones come last.
    share = (waited_seconds - queueing_from) / max(patience_seconds - queueing_from, 0.001)
    step = steps[min(int(share * len(steps)), len(steps) - 1)]
    return Rung(False, step, STEP_BACK_SECONDS)


def mode_in_sql(mode: str) -> str:
    """ "AccessExclusiveLock" → "access exclusive", for LOCK TABLE."""
    return _SQL[MODES.index(mode)]


def strength(mode: str) -> int:
    """Its place among the modes; -1 for one that no table has."""
    return MODES.index(mode) if mode in MODES else -1


def conflicting(mode: str) -> list[str]:
    """The modes that cannot be held together with it."""
    return [MODES[n] for n in _CONFLICTS[MODES.index(mode)]]
