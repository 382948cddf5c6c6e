"""A transaction in words: the drivers are in autocommit mode, and each has its own way to leave it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from wayfare.core.errors import Refused
from wayfare.systems.databases.sqlserver.drivers import Connection
from wayfare.systems.databases.sqlserver.errors import classified

ROLLBACK = "IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION"
_STATE = "SELECT @@TRANCOUNT AS depth, XACT_STATE() AS state"


@contextmanager
def transaction(connection: Connection) -> Iterator[None]:
    """Committed when the block ends well. What the drivers raise within it is classified by whoever calls."""
    with classified():
        connection.run("BEGIN TRANSACTION")
    try:
        yield
        with classified():
            connection.run("COMMIT TRANSACTION")
    except BaseException:
        roll_back(connection)
        raise


def roll_back(connection: Connection) -> None:
    """Where the connection is broken, the server does it; what comes next on it will say so."""
    try:
        with classified():
            connection.run(ROLLBACK)
    except Exception:  # whatever it is, the error before it is what has to be told
        connection.close()


def open_still(connection: Connection) -> bool:
    """Is the one transaction open that we began, and can it be committed?

    A batch may end it (COMMIT in a procedure), begin another within it, or doom it in a TRY … CATCH that tells nobody.
    """
    rows = connection.rows(_STATE)  # none after SET NOEXEC ON
    return bool(rows) and int(rows[0]["depth"]) == 1 and int(rows[0]["state"]) == 1


def ended(where: str) -> Refused:
    return Refused(
        "it ended the transaction of the change, or left another open.",
        where=where,
        remedy="Take BEGIN, COMMIT and ROLLBACK out of it; what it did is undone unless it committed that itself.",
    )
