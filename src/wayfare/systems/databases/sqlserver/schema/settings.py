"""The settings of a connection on which schemas are changed.

Those that SQL Server's own tools have, because views, computed columns and filtered indexes keep the settings under
which they were made, and some of these must be on for an index on them
(https://learn.microsoft.com/sql/t-sql/statements/set-statements-transact-sql). With XACT_ABORT every error ends the
whole transaction, whatever its severity; without it, some let the next statement go on.
"""

from __future__ import annotations

from wayfare.systems.databases.sqlserver.drivers import Connection

OWN_MS = 10_000  # for the locks of our own two tables
_ON = "ANSI_NULLS, ANSI_PADDING, ANSI_WARNINGS, ARITHABORT, CONCAT_NULL_YIELDS_NULL, QUOTED_IDENTIFIER"


def prepare(connection: Connection) -> None:
    """Of a connection that nobody else gets afterwards: a script may set others."""
    connection.run(f"SET {_ON} ON")
    connection.run("SET NUMERIC_ROUNDABORT OFF")
    connection.run("SET NOCOUNT OFF")
    connection.run("SET IMPLICIT_TRANSACTIONS OFF")
    connection.run("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
    connection.run("SET XACT_ABORT ON")


def ours(connection: Connection) -> None:
    """Before we write again behind statements of a script, which may have set any of these."""
    connection.run("SET ROWCOUNT 0")
    lock_timeout(connection, OWN_MS)


def lock_timeout(connection: Connection, milliseconds: int) -> None:
    """0: a lock that is not free at once is error 1222."""
    connection.run(f"SET LOCK_TIMEOUT {max(0, milliseconds)}")
