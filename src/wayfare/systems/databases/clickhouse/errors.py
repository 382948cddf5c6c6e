"""ClickHouse's error codes, sorted into ours. The codes are those of `system.errors`."""

from __future__ import annotations

import re

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

_CODE = re.compile(r"Code: (\d+)")
_NOISE = re.compile(r"^.*?DB::Exception: (?:Code: \d+\. DB::Exception: )?", re.DOTALL)
_KINDS: dict[int, type[WayfareError]] = {
    60: NotFound,  # UNKNOWN_TABLE
    81: NotFound,  # UNKNOWN_DATABASE
    192: Unauthenticated,  # UNKNOWN_USER
    193: Unauthenticated,  # WRONG_PASSWORD
    194: Unauthenticated,  # REQUIRED_PASSWORD
    516: Unauthenticated,  # AUTHENTICATION_FAILED
    164: Forbidden,  # READONLY
    291: Forbidden,  # DATABASE_ACCESS_DENIED
    497: Forbidden,  # ACCESS_DENIED
    243: Full,  # NOT_ENOUGH_SPACE
    76: Busy,  # CANNOT_OPEN_FILE: another process has the folder
    159: Busy,  # TIMEOUT_EXCEEDED
    202: Busy,  # TOO_MANY_SIMULTANEOUS_QUERIES
    241: Busy,  # MEMORY_LIMIT_EXCEEDED
    252: Busy,  # TOO_MANY_PARTS
    473: Busy,  # DEADLOCK_AVOIDED
    209: Unreachable,  # SOCKET_TIMEOUT
    210: Unreachable,  # NETWORK_ERROR
}
_REMEDIES: dict[type[WayfareError], str] = {
    Unauthenticated: "Check user and password of the URL.",
    Full: "Make room on the server's disk, then resume.",
    Forbidden: "Grant this user the right, or use another user.",
}
_BY_TEXT: dict[str, type[WayfareError]] = {"No space left on device": Full, "Permission denied": Forbidden}


def classify(text: str, where: str, code: int = 0) -> WayfareError:
    """An error of ours for the server's words; `code` where it came apart from them."""
    if not code and (found := _CODE.search(text)):
        code = int(found[1])
    kind = _BY_TEXT.get(next((words for words in _BY_TEXT if words in text), "")) or _KINDS.get(code, Refused)
    first = _NOISE.sub("", text, count=1).strip().split("\n", 1)[0][:500] or "no reason was given."
    return kind(f"{first} (code {code})" if code else first, remedy=_REMEDIES.get(kind, ""), where=where)


def code_in(text: str) -> int:
    """The code that the server's words speak of, or 0."""
    found = _CODE.search(text)
    return int(found[1]) if found else 0


def broken(error: BaseException, where: str) -> Unreachable:
    """A connection that could not be made, or broke."""
    return Unreachable(
        f"no connection: {error or type(error).__name__}.",
        remedy="Check host and port, and that the server runs and can be reached from here.",
        where=where,
    )
