"""How locks are got without a queue behind us: whoever waits for Sch-M holds up everybody who comes after.

First a try takes only what is free at once (SET LOCK_TIMEOUT 0), every 20 to 50 ms. After a third of the patience it
stands in the queue, for as long as the ladder says, and steps back in between: so a lock that is never free for a
moment is got in the end. A try that did long work before it met a lock is not repeated so often.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

POLLING_SHARE = 1 / 3
CHEAP_SECONDS = 0.1
POLL_SECONDS = (0.02, 0.05)
STEP_BACK_SECONDS = (0.25, 0.75)


@dataclass(frozen=True, slots=True)
class Rung:
    """One try for the locks."""

    queue_ms: int  # how long a lock may be waited for
    pause_seconds: tuple[float, float]  # after it, when it fails: between these two


def rung(waited_seconds: float, patience_seconds: float, ladder_ms: Sequence[int], last_seconds: float = 0.0) -> Rung:
    """The next try; `last_seconds`: how long the one before worked. Pure."""
    steps = tuple(ladder_ms) or (50,)
    queueing_from = patience_seconds * POLLING_SHARE
    if waited_seconds < queueing_from:
        return Rung(0, POLL_SECONDS if last_seconds < CHEAP_SECONDS else STEP_BACK_SECONDS)
    share = (waited_seconds - queueing_from) / max(patience_seconds - queueing_from, 0.001)
    step = steps[min(int(share * len(steps)), len(steps) - 1)]
    return Rung(max(step, 1), STEP_BACK_SECONDS)
