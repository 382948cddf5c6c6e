"""What went wrong, in Wayfare's words, from SQLSTATE.

A failed login is the one case where libpq hides the code and only gives the text; there the server's (English) wording
is read, and a server that speaks another language is told as Refused with its own text.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from wayfare.core.errors import (
    Busy,
    Forbidden,
    Full,
    NotFound,
    Refused,
    Unauthenticated,
    Unreachable,
    WayfareError,
)

_BY_CODE: dict[str, type[WayfareError]] = {
    "3D000": NotFound,  # invalid_catalog_name
    "42P01": NotFound,  # undefined_table
    "3F000": NotFound,  # invalid_schema_name
    "42501": Forbidden,
    "53100": Full,  # disk_full
    "53300": Busy,  # too_many_connections
    "55006": Busy,  # object_in_use
    "55P03": Busy,  # lock_not_available
    "57014": Busy,  # query_canceled: a timeout, or an administrator
    "25P03": Unreachable,  # idle_in_transaction_session_timeout
    "57P05": Unreachable,  # idle_session_timeout
    "57P01": Unreachable,  # admin_shutdown
    "57P02": Unreachable,  # crash_shutdown
    "57P03": Unreachable,  # cannot_connect_now
}
_BY_CLASS: dict[str, type[WayfareError]] = {
    "08": Unreachable,
    "28": Unauthenticated,
    "40": Busy,  # rollback: serialization failure, deadlock
    "53": Busy,  # insufficient resources
}
_BY_LOGIN_TEXT: tuple[tuple[str, type[WayfareError]], ...] = (
    ("starting up", Unreachable),
    ("shutting down", Unreachable),
    ("recovery", Unreachable),
    ("not yet accepting", Unreachable),
    ("not accepting", Unreachable),
    ("too many", Busy),
    ("connection slots", Busy),
    ("permission denied", Forbidden),
    ("pg_hba.conf", Unauthenticated),
    ("authentication", Unauthenticated),
    ("no password supplied", Unauthenticated),
    ("password", Unauthenticated),
)
_REMEDIES: dict[type[WayfareError], str] = {
    Unauthenticated: "Check the user and the password.",
    Forbidden: "Grant the right to this user, or use another one.",
    Full: "Make room on the server's disk and resume.",
    Busy: "It is tried again.",
}


def classified(code: str, message: str, where: str = "") -> WayfareError:
    """The error of an SQLSTATE; `message` is the server's text."""
    kind = _BY_CODE.get(code) or _BY_CLASS.get(code[:2], Refused)
    return kind(_sentence(message), remedy=_REMEDIES.get(kind, ""), where=where)


def translated(error: psycopg.Error, where: str = "") -> WayfareError:
    """The error of a statement on an open connection."""
    if error.sqlstate is None:
        kind = Unreachable if isinstance(error, psycopg.OperationalError) else Refused
        return kind(_sentence(str(error)), where=where)
    detail = f" {error.diag.message_detail}" if error.diag.message_detail else ""
    return classified(error.sqlstate, f"{error.diag.message_primary}.{detail}", where)


def login_failed(error: psycopg.Error, where: str) -> WayfareError:
    """The error of a connection that was never opened; `where` is the address without secrets."""
    if error.sqlstate is not None:
        return classified(error.sqlstate, str(error), where)
    text = str(error)
    if "FATAL:" not in text:
        remedy = "Check host and port, and that the server runs and accepts connections from here."
        if "authentication" in text or "password" in text:
            return Unauthenticated(_sentence(text), where=where, remedy=_REMEDIES[Unauthenticated])
        return Unreachable(f"no connection: {_sentence(text)}", where=where, remedy=remedy)
    said = text.partition("FATAL:")[2].strip()
    if said.startswith("database ") and "exist" in said:
        return NotFound(_sentence(said), where=where, remedy="Create the database first, or name another one.")
    if said.startswith("role "):
        return Unauthenticated(_sentence(said), where=where, remedy=_REMEDIES[Unauthenticated])
    kind: type[WayfareError] = next((k for words, k in _BY_LOGIN_TEXT if words in said), Refused)
    return kind(_sentence(said), where=where, remedy=_REMEDIES.get(kind, ""))


@contextmanager
def classifying(where: str = "") -> Iterator[None]:
    """Raise what psycopg raises within as Wayfare's errors."""
    try:
        yield
    except psycopg.Error as error:
        raise translated(error, where) from error


@contextmanager
def on_the_line() -> Iterator[None]:
    """Raise a broken socket as Unreachable. Only around our own reads and writes: others' errors pass untouched."""
    try:
        yield
    except OSError as error:
        raise Unreachable(f"the connection broke: {error}.") from error


def _sentence(text: str) -> str:
    line = " ".join(text.split())
    return line if line.endswith(".") else line + "."
