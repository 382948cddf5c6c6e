"""SQL Server's error numbers in our words. Every call into a driver passes through `classified`.

Numbers are those of sys.messages. The drivers differ in how they tell them: python-tds as `msg_no`, the ODBC drivers in
parentheses at the end of the text, or only as an SQLSTATE in front of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from wayfare.core.errors import (
    Busy,
    Forbidden,
    Full,
    NotFound,
    Refused,
    SystemFailed,
    Unauthenticated,
    Unreachable,
    WayfareError,
)

_KINDS: dict[type[WayfareError], tuple[int, ...]] = {
    Unauthenticated: (18450, 18451, 18452, 18456, 18458, 18459, 18461, 18470, 18486, 18487, 18488),
    NotFound: (911, 4060),
    Forbidden: (229, 230, 262, 297, 300, 916, 4064, 15562),
    Busy: (1204, 1205, 1222, 3960, 10928, 10929, 40197, 40501, 40613, 49918, 49919, 49920),
    Full: (1101, 1105, 3257, 9002),
    Unreachable: (53, 64, 233, 121, 10053, 10054, 10060, 10061, 17142, 6005, 596),
}
_BY_NUMBER = {number: kind for kind, numbers in _KINDS.items() for number in numbers}
_BY_STATE: dict[str, type[WayfareError]] = {
    "28000": Unauthenticated,
    "08001": Unreachable,
    "08S01": Unreachable,
    "HYT00": Unreachable,
    "HYT01": Unreachable,
    "08004": Unreachable,
    "40001": Busy,
    "42S02": Refused,
}
_REMEDIES: dict[type[WayfareError], str] = {
    Unauthenticated: "Check the user and the password, and that the server allows SQL Server logins.",
    NotFound: "Correct the database's name in the URL, or let this login use it.",
    Forbidden: "Grant SELECT (and VIEW DEFINITION) on the database to this user; to change its schema, also db_ddladmin"
    " and db_datawriter.",
    Unreachable: "Is the server running, does it listen on TCP, and may this machine reach it?",
}
_INVALID_OBJECT = 208
_LOGIN_FAILED, _NO_DATABASE = 18456, 4060  # the second is followed by the first
# How Microsoft's driver says what must be tried again where it leaves the number out.
_LOCKS = {"Lock request time out period exceeded": 1222, "was deadlocked on": 1205}
_TEXT_MAX = 500
_CERTIFICATE = re.compile(r"certificate|self[- ]signed|TLS|SSL", re.IGNORECASE)
_ENCRYPTION = re.compile(r"encryption (?:not|enabled|but it is)|requested encryption", re.IGNORECASE)
# How Microsoft's driver says that a login failed where it forgets the server's number.
_LOST = re.compile(r"Login timeout|Communication link failure|TCP Provider|Connection refused|not connected", re.I)


@contextmanager
def classified(where: str = "") -> Iterator[None]:
    """Turn whatever a driver or a socket raises into one of core/errors.py."""
    try:
        yield
    except WayfareError:
        raise
    except UnicodeError as error:
        text = "a text is not valid Unicode (half of a surrogate pair), or not of its code page."
        raise Refused(text, where=where, remedy="Correct it in the source, or leave the column out.") from error
    except Exception as error:  # each driver has a tree of its own; what is no driver's error shows as itself
        if (found := classify(error, where)) is None:
            raise
        raise found from error


def classify(error: BaseException, where: str = "") -> WayfareError | None:
    """None for what is neither a driver's error nor the network's."""
    text = _said(error)
    number, state = _number(error, text), _state(text)
    if number in _BY_NUMBER:
        return _made(_BY_NUMBER[number], text, number, where)
    if number == _INVALID_OBJECT:
        return Refused(f"{text} ({number})", where=where, remedy="Was the table dropped or renamed meanwhile?")
    if _ENCRYPTION.search(text):
        remedy = "Choose encrypt=yes or encrypt=no, as the server has it."
        return Unreachable(f"client and server want encryption differently: {text}", where=where, remedy=remedy)
    if _is_tls(error, text):
        remedy = "Give its authority with ca_file=…, or accept any certificate with trust_server_certificate=yes."
        return Unreachable(f"TLS could not be agreed: {text}", where=where, remedy=remedy)
    if isinstance(error, (OSError, EOFError)) or type(error).__name__ == "ClosedConnectionError" or _LOST.search(text):
        return _made(Unreachable, f"the connection broke: {text}", 0, where)
    if not number and state in _BY_STATE:
        return _made(_BY_STATE[state], text, 0, where)
    if number or _is_driver(error):
        return _made(Refused, text, number, where)
    return None


def line_of(error: WayfareError) -> int:
    """The line of the batch (from 1) about which the server complained; 0 where the driver does not tell."""
    return int(getattr(error.__cause__, "line", 0) or 0)


def _made(kind: type[WayfareError], text: str, number: int, where: str) -> WayfareError:
    assert issubclass(kind, (SystemFailed, NotFound))
    return kind(f"{text} ({number})" if number else text, where=where, remedy=_REMEDIES.get(kind, ""))


def _number(error: BaseException, text: str) -> int:
    """The server's number; 0 where the driver does not tell it."""
    told = getattr(error, "msg_no", 0) or getattr(error, "number", 0)
    if told:
        return _NO_DATABASE if told == _LOGIN_FAILED and "Cannot open database" in text else int(told)
    found = re.search(r"(?:^|[\s.])\((?:error )?(\d{2,6})\)|Native error:? (\d+)|native error (\d+)", text)
    number = int(next(g for g in found.groups() if g)) if found else 0
    if not number:  # Microsoft's driver leaves it out, but these it says in the server's own words
        number = next((n for said, n in _LOCKS.items() if said in text), 0)
        number = _LOGIN_FAILED if "Login failed for user" in text else number
    return _NO_DATABASE if number in (0, _LOGIN_FAILED) and "Cannot open database" in text else number


def _state(text: str) -> str:
    found = re.search(r"\[?\b([0-9A-Z]{5})\]?\b", text)
    return found[1] if found else ""


def _said(error: BaseException) -> str:
    texts = [str(a) for a in error.args if isinstance(a, str) and a]
    text = " ".join(texts) or str(error) or type(error).__name__
    text = re.sub(r"\[(?:Microsoft|FreeTDS|SQL Server|unixODBC|ODBC Driver \d+ for SQL Server)\]", "", text)
    text = re.sub(r"Driver Error: [^;]*; DDBC Error:", "", text)
    return re.sub(r"\s+", " ", text)[:_TEXT_MAX].strip()


def _is_tls(error: BaseException, text: str) -> bool:
    module = type(error).__module__
    return module.startswith(("ssl", "OpenSSL")) or (bool(_CERTIFICATE.search(text)) and not isinstance(error, OSError))


def _is_driver(error: BaseException) -> bool:
    return type(error).__module__.partition(".")[0] in ("pytds", "mssql_python", "arrow_odbc", "ddbc_bindings")
