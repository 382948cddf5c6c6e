"""What has passed is cleared away by the way: now and then, by whoever adds something. Nobody has to be told."""

from __future__ import annotations

import random
from collections.abc import Callable

PRUNED_SHARE = 0.01  # of additions


def now_and_then(prune: Callable[[], object]) -> None:
    """Call it after the addition's transaction. Rows are cleared away whatever the chance; only when, depends on it."""
    if random.random() < PRUNED_SHARE:  # noqa: S311  no secret depends on it
        prune()
