"""Secrets in JSON that is shown and sent back: answers have `***`, and a change that sends `***` keeps what was."""

from __future__ import annotations

import re
from typing import Any

MASK = "***"
# Names of fields that hold secrets, however a service spells them: password, db_password, clientSecret, refresh_token …
_SECRET = re.compile(
    r"pass(word|phrase|wd)?$|pwd$|secret$|token$|credential|^auth(orization)?$|^cookie$|^dsn$|connection_?string$"
    r"|(api|private|access|secret|account|shared|signing|master|encryption)[_-]?key$",
    re.IGNORECASE,
)
_URL_PASSWORD = re.compile(r"(://[^/@:\s]*:)[^@\s]+(?=@)")
_NAMED = re.compile(r"((?:password|passwd|pwd|secret|token|api_?key)=)[^&;\s]+", re.IGNORECASE)  # in a URL, or a DSN


def shown(value: Any) -> Any:
    """The same JSON without secrets."""
    if isinstance(value, dict):
        return {k: MASK if _hidden(k, v) else shown(v) for k, v in value.items()}
    if isinstance(value, list):
        return [shown(item) for item in value]
    if isinstance(value, str):
        return _NAMED.sub(rf"\g<1>{MASK}", _URL_PASSWORD.sub(rf"\g<1>{MASK}", value))
    return value


def merged(new: Any, old: Any) -> Any:
    """`new`, with every `***` replaced by what stands at the same place in `old`; where nothing does, it stays."""
    if isinstance(new, dict):
        before = old if isinstance(old, dict) else {}
        return {k: merged(v, before.get(k)) for k, v in new.items()}
    if isinstance(new, list) and isinstance(old, list) and len(new) == len(old):
        return [merged(n, o) for n, o in zip(new, old, strict=True)]
    if new == MASK and isinstance(old, str):
        return old
    if isinstance(new, str) and isinstance(old, str) and new != old and shown(old) == new:
        return old  # a URL whose password was hidden
    return new


def secrets(value: Any) -> tuple[str, ...]:
    """The texts that must never be shown."""
    if isinstance(value, dict):
        own = [str(v) for k, v in value.items() if _hidden(k, v)]
        return (*own, *(s for k, v in value.items() if not _hidden(k, v) for s in secrets(v)))
    if isinstance(value, list):
        return tuple(s for item in value for s in secrets(item))
    return ()


def _hidden(name: Any, value: Any) -> bool:
    return bool(value) and isinstance(value, str | int | float) and bool(_SECRET.search(str(name)))
