"""Application locks of a connection: sp_getapplock with the owner Session. They need the role public only.

Asked for with a timeout of 0, so that nobody waits (https://learn.microsoft.com/sql/relational-databases/
system-stored-procedures/sp-getapplock-transact-sql). Names are compared by their bytes, and are the database's own.
"""

from __future__ import annotations

from wayfare.systems.databases.sqlserver.dialect import literal
from wayfare.systems.databases.sqlserver.drivers import Connection


def take(connection: Connection, name: str) -> bool:
    """0 and 1 mean that it was granted; -1 that it was not free."""
    asked = (
        "SET NOCOUNT ON; DECLARE @got int;\n"
        f"EXEC @got = sp_getapplock @Resource = {literal(name)}, @LockMode = N'Exclusive',"
        " @LockOwner = N'Session', @LockTimeout = 0;\n"
        "SET NOCOUNT OFF; SELECT @got AS got"
    )
    return int(connection.rows(asked)[0]["got"]) >= 0


def release(connection: Connection, name: str) -> None:
    connection.run(f"EXEC sp_releaseapplock @Resource = {literal(name)}, @LockOwner = N'Session'")


def ours(connection: Connection, name: str) -> bool:
    """Does this connection hold it?"""
    asked = f"SELECT APPLOCK_MODE(N'public', {literal(name)}, N'Session') AS mode"
    return bool(connection.rows(asked)[0]["mode"] == "Exclusive")


def free(connection: Connection, name: str) -> bool:
    """Could this connection have it now?"""
    asked = f"SELECT APPLOCK_TEST(N'public', {literal(name)}, N'Exclusive', N'Session') AS free"
    return bool(connection.rows(asked)[0]["free"])
