"""Webhooks by Standard Webhooks (https://www.standardwebhooks.com): message, signature, when it is tried again."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from datetime import UTC, datetime
from fnmatch import fnmatchcase

from wayfare.core.errors import Invalid
from wayfare.core.plan import Json
from wayfare.core.redacted import Redacted

KEY_PREFIX = "whsec_"
KEY_BYTES = 32  # 24 to 64, says the specification
# Waits before each attempt, as the specification recommends: a receiver may be down for a day.
WAITS_SECONDS = (0.0, 5.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0, 36_000.0)


def new_key() -> Redacted:
    return Redacted(KEY_PREFIX + base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode())


def message(topic: str, subject: str, data: Json, at: float) -> str:
    """The body. `subject` is the id of what has changed."""
    moment = datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
    return json.dumps({"type": topic, "timestamp": moment, "data": {"id": subject, **data}}, separators=(",", ":"))


def headers(key: Redacted, id_: str, body: str, now: float) -> dict[str, str]:
    """What lets the receiver know that it is from us, unchanged, fresh, and whether it has seen it before."""
    moment = str(int(now))
    signature = f"v1,{signed(key, f'{id_}.{moment}.{body}')}"
    return {
        "webhook-id": id_,
        "webhook-timestamp": moment,
        "webhook-signature": signature,
        "content-type": "application/json",
    }


def signed(key: Redacted, text: str) -> str:
    raw = base64.b64decode(key.reveal().removeprefix(KEY_PREFIX))
    return base64.b64encode(hmac.new(raw, text.encode(), hashlib.sha256).digest()).decode()


def wants(topics: list[str], topic: str) -> bool:
    """`topics` are patterns such as run.*; none means everything."""
    return not topics or any(fnmatchcase(topic, pattern) for pattern in topics)


def check_topics(topics: list[str]) -> None:
    for pattern in topics:
        if not pattern or len(pattern) > 100 or not set(pattern) <= set("abcdefghijklmnopqrstuvwxyz_.*"):
            remedy = "Write one like run.succeeded, run.* or schedule.failed."
            raise Invalid(f"{pattern[:60]!r} is no topic.", where="topics", remedy=remedy)


def wait_before(attempt: int) -> float | None:
    """Seconds before that attempt (from 1); None where it is given up."""
    return WAITS_SECONDS[attempt - 1] if attempt <= len(WAITS_SECONDS) else None
