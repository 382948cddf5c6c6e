"""The part of a table that an incremental read is about: rows with after < cursor ≤ upto. Pure.

Zoho's times are whole seconds. A record may change a second time within the second in which it was read, and the next
copy, which begins after the greatest time it has seen, would never notice. So the second that is running when the
reading begins is left to the next copy.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from wayfare.core.errors import Invalid
from wayfare.core.ports import Chunk
from wayfare.systems.databases.zoho.types import Place

MODIFIED = "Modified_Time"
_MARGIN = dt.timedelta(seconds=1)

Comparable = int | dt.datetime


@dataclass(frozen=True, slots=True)
class Window:
    cursor: str = ""  # a field's name; "": every row
    after: Comparable | None = None
    upto: Comparable | None = None

    @classmethod
    def of(cls, chunk: Chunk) -> Window:
        """Raises Invalid for a bound that is neither a number nor a time."""
        return cls(chunk.cursor, _bound(chunk.after), _bound(chunk.upto)) if chunk.cursor else cls()

    @property
    def since(self) -> str:
        """For the header If-Modified-Since, a little early, as its own bound may be left out; "" where it is no use."""
        if self.cursor != MODIFIED or not isinstance(self.after, dt.datetime):
            return ""
        return (self.after - _MARGIN).replace(microsecond=0).isoformat()

    def holds(self, record: Any, now: dt.datetime | None) -> bool:
        """`now` is when the reading began, by the server's clock; None when that is unknown."""
        if not self.cursor:
            return True
        try:
            value = comparable(Place(self.cursor).value(record))
        except ValueError as error:
            raise Invalid(
                f"{self.cursor} is neither a number nor a time, so nothing can continue by it.",
                where="--cursor",
                remedy=f"Continue by {MODIFIED}.",
            ) from error
        if value is None:
            return False
        if isinstance(value, dt.datetime) and now is not None and value >= now.replace(microsecond=0):
            return False
        return (self.after is None or value > self.after) and (self.upto is None or value <= self.upto)  # type: ignore[operator]


def comparable(value: Any) -> Comparable | None:
    """An integer, or a time in UTC (a date is its beginning). Raises ValueError for anything else."""
    if value is None:
        return None
    text = str(value)
    if text.lstrip("-").isdecimal():
        return int(text)
    found = dt.datetime.fromisoformat(text)
    return found.replace(tzinfo=dt.UTC) if found.tzinfo is None else found.astimezone(dt.UTC)


def _bound(value: int | str | None) -> Comparable | None:
    try:
        return comparable(value)
    except ValueError as error:
        raise Invalid(
            f"{value!r} is neither a number nor a time.",
            where="--since",
            remedy="Write one such as 2024-01-31T00:00:00Z.",
        ) from error
