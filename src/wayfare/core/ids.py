"""Identifiers: time-ordered, so that a listing by id is a listing by age."""

from __future__ import annotations

import secrets
import time
import uuid

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32, in lower case
_MILLISECONDS_DIGITS = 9  # 45 bits: good until the year 3084
_RANDOM_DIGITS = 7  # 35 bits beside the millisecond
RUN_ID_CHARACTERS = _MILLISECONDS_DIGITS + _RANDOM_DIGITS


def new_run_id(now_seconds: float | None = None) -> str:
    """A 16-character id that sorts by time and is safe in file, table and schema names."""
    moment = int((time.time() if now_seconds is None else now_seconds) * 1000)
    return _digits(moment, _MILLISECONDS_DIGITS) + _digits(secrets.randbits(5 * _RANDOM_DIGITS), _RANDOM_DIGITS)


def new_record_id(now_seconds: float | None = None) -> str:
    """A UUIDv7 (RFC 9562): it sorts by time, to the millisecond, and says nothing else about the record."""
    moment = int((time.time() if now_seconds is None else now_seconds) * 1000)
    number = moment << 80 | 7 << 76 | secrets.randbits(12) << 64 | 2 << 62 | secrets.randbits(62)
    return str(uuid.UUID(int=number))


def _digits(number: int, count: int) -> str:
    return "".join(_ALPHABET[number >> 5 * place & 31] for place in reversed(range(count)))
