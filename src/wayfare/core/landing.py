"""How a column would stand in another system: the exact-or-refuse type policy, as data.

An adapter's `land` answers for one column; the planner turns the answers into findings. A verdict speaks of the type;
`limits` speak of single values: which ones the target cannot hold although the type fits. The dry run looks for such
values, and a run refuses at the first one, unless the loss was allowed for that column: then they become NULL, and are
counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from wayfare.core.tables import Column


class Verdict(StrEnum):
    EXACT = "exact"  # the same values under the same kind of type
    WIDENED = "widened"  # every value survives, under a wider or plainer type
    LOSSY = "lossy"  # every value changes or may change: needs --allow-loss COLUMN
    IMPOSSIBLE = "impossible"  # cannot be kept at all


@dataclass(frozen=True, slots=True)
class Limits:
    """Values of the *source's* Arrow type that the landed column cannot hold."""

    low: int | None = None  # least day (date), tick (timestamp, time), or integer
    high: int | None = None
    infinity: bool = True  # may it hold ± infinity (floats, dates, timestamps, NUMBER)?
    nan: bool = True
    nul: bool = True  # may text hold U+0000?
    bytes_max: int | None = None
    characters_max: int | None = None
    digits_max: int | None = None  # of a NUMBER that lands in a decimal: all digits
    fraction_digits_max: int | None = None  # … and those after the point

    @property
    def any(self) -> bool:
        return self != NO_LIMITS


NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Landing:
    """`column` is what the target will have: `native` is the type to create, `type` and `meaning` what `read` gives."""

    column: Column
    verdict: Verdict = Verdict.EXACT
    reason: str = ""  # what changes, in a sentence; empty when exact
    limits: Limits = NO_LIMITS
