"""MySQL's error numbers in our words. Every call into the driver or onto its socket passes through `classified`."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import pymysql

from wayfare.core.errors import (
    Busy,
    Forbidden,
    Full,
    LossRefused,
    NotFound,
    Refused,
    SystemFailed,
    Unauthenticated,
    Unreachable,
    WayfareError,
)

UNSUPPORTED_IN_PREPARED = 1295

_KINDS: dict[type[WayfareError], tuple[int, ...]] = {
    Unauthenticated: (1045, 1698, 1524, 1862, 3118, 2059),
    NotFound: (1049,),
    Unreachable: (0, 1053, 1077, 1079, 1129, 1130, *range(1152, 1162), 1184, 1927, *range(2002, 2014), 2026, 2055),
    Full: (3, 28, 1021, 1114, 3019),
    Busy: (1040, 1203, 1205, 1213, 1226, 1614, 3024, 3572),
    Forbidden: (1044, 1142, 1143, 1227, 1290, 1370, 1419, 3159),
    # Out of range, cut off, not of this form: as errors of strict statements, and as warnings of LOAD DATA LOCAL.
    LossRefused: (1264, 1265, 1292, 1366, 1406, 1411),
}  # fmt: skip
_BY_NUMBER = {number: kind for kind, numbers in _KINDS.items() for number in numbers}
_PACKET_TOO_LARGE = 1153  # not a broken line, though it breaks it
_REMEDIES: dict[type[WayfareError], str] = {
    Unauthenticated: "Check the user and the password.",
    NotFound: "Create the database, or correct its name in the URL.",
    Unreachable: "Is the server running, and may this machine reach it?",
    Full: "Free some room on the server and resume.",
    Forbidden: "Grant the missing privilege to this user.",
    LossRefused: "Allow the loss with --allow-loss, or choose another type with --map.",
}


@contextmanager
def classified(where: str = "") -> Iterator[None]:
    """Turn whatever the driver or the socket raises into one of core/errors.py."""
    try:
        yield
    except pymysql.MySQLError as error:
        raise classify(error, where) from error
    except RuntimeError as error:  # of PyMySQL's, which has no class of its own for it
        if "LOAD_LOCAL" not in str(error):
            raise
        raise Refused("the server asks for a file of this machine, and gets none.", where=where) from error
    except (OSError, EOFError, ssl.SSLError) as error:
        raise Unreachable(f"the connection broke: {error}", where=where, remedy=_REMEDIES[Unreachable]) from error


def number(error: BaseException) -> int:
    """The server's error number; 0 when there is none."""
    first = error.args[0] if error.args else 0
    return first if isinstance(first, int) else 0


def is_loss(code: int) -> bool:
    """Does this number speak of a value that a column cannot keep as it is?"""
    return _BY_NUMBER.get(code) is LossRefused


def classify(error: pymysql.MySQLError, where: str = "") -> WayfareError:
    code = number(error)
    if isinstance(error, pymysql.err.InterfaceError) and not code:
        return Unreachable("the connection is closed.", where=where)
    text = str(error.args[1]) if len(error.args) > 1 else str(error)
    kind = _BY_NUMBER.get(code, Refused) if code or len(error.args) > 1 else Refused
    if code == _PACKET_TOO_LARGE:
        return Refused(f"{text} ({code})", where=where, remedy="Raise max_allowed_packet on the server.")
    if kind is Refused and "incorrect arguments to" in text.lower() and "load" in text.lower():
        return Forbidden(text, where=where, remedy="Set local_infile=ON on the server.")
    assert issubclass(kind, (SystemFailed, NotFound, LossRefused))
    return kind(f"{text} ({code})", where=where, remedy=_REMEDIES.get(kind, ""))
