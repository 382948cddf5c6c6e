"""Document 004's times: naive ones are Indian Standard Time, in requests and in answers."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from wayfare.core.errors import Invalid

IST = timezone(timedelta(hours=5, minutes=30), "IST")
SECONDS_MAX = datetime(9999, 1, 1, tzinfo=UTC).timestamp()  # what can be told in every zone
ZONES = {"IST": IST, "UTC": UTC, "GMT": UTC, "Z": UTC}  # as people write them behind a time
_WORD = re.compile(r"\s*(IST|UTC|GMT|Z)$", re.IGNORECASE)
REMEDY = "Write it like 2024-01-15T10:30:00 (Indian time), 2024-01-15T05:00:00Z or 2024-01-15T10:30:00+05:30."


def instant(text: str, where: str = "schedule") -> float:
    """Seconds since the epoch. A time without a zone is in IST. Raises Invalid."""
    word = _WORD.search(text.strip())
    zone = ZONES[word.group(1).upper()] if word else None
    try:
        found = datetime.fromisoformat(text.strip()[: word.start()] if word else text.strip())
        if zone and found.tzinfo:
            raise ValueError("it names two zones")
        seconds = (found if found.tzinfo else found.replace(tzinfo=zone or IST)).timestamp()
        if not 0 <= seconds < SECONDS_MAX:
            raise ValueError("no calendar of ours has it")
        return seconds
    except (ValueError, OverflowError) as error:
        raise Invalid(f"{text[:60]!r} is not a time.", where=where, remedy=REMEDY) from error


def printed(seconds: float) -> str:
    """As the document prints times: to the second, without a zone, in IST."""
    return datetime.fromtimestamp(seconds, IST).replace(tzinfo=None, microsecond=0).isoformat()


def printed_or_none(seconds: float | None) -> str | None:
    return None if seconds is None else printed(seconds)


def lasting(seconds: float) -> str:
    """ "5m 0s", "1h 2m 3s", "8s"."""
    minutes, left = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours}h"] * bool(hours) + [f"{minutes}m"] * bool(hours or minutes) + [f"{left}s"]
    return " ".join(parts)
