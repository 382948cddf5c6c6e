"""Who stands in the way of a lock: from the dynamic views, which need VIEW SERVER STATE."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import Any

from wayfare.core.errors import Busy, Forbidden, WayfareError
from wayfare.core.statements import Statement
from wayfare.systems.databases.sqlserver.connection import Connections
from wayfare.systems.databases.sqlserver.dialect import bracketed, literal
from wayfare.systems.databases.sqlserver.errors import classified
from wayfare.systems.databases.sqlserver.schema.refusals import where
from wayfare.systems.databases.sqlserver.schema.settings import lock_timeout

NAMED_MAX = 5
WAIT_MS = 500
_HOLDERS = f"""
SELECT DISTINCT TOP ({NAMED_MAX}) l.request_session_id AS number, s.program_name AS program, s.login_name AS login,
    s.host_name AS host, s.status AS status, l.request_mode AS mode, o.name AS name
FROM sys.dm_tran_locks l JOIN sys.dm_exec_sessions s ON s.session_id = l.request_session_id
JOIN sys.objects o ON o.object_id = l.resource_associated_entity_id
WHERE l.resource_type = N'OBJECT' AND l.resource_database_id = DB_ID() AND l.request_status = N'GRANT'
    AND l.request_session_id <> @@SPID AND o.object_id IN ({{places}})
"""


def busy(connections: Connections, statement: Statement, waited_seconds: float, tries: int) -> Busy:
    """The error when patience has run out; it looks once more who is in the way."""
    tables = statement.tables
    return Busy(
        f"no lock on {', '.join(tables) or 'what the statement needs'} in {waited_seconds:.1f} s ({tries} tries):"
        f" {_who(connections, tables)}.",
        where=where(statement),
        remedy="Wait for those transactions or end them, or allow it more time.",
    )


def _who(connections: Connections, tables: Sequence[str]) -> str:
    try:
        found = blockers(connections, tables)
    except Forbidden:
        return "who is in the way is told only to whoever has VIEW SERVER STATE"
    except WayfareError as error:  # the answer is worth having without names
        return f"who is in the way cannot be told ({error.message})"
    return "; ".join(found) or "whoever it was is gone by now"


def blockers(connections: Connections, tables: Sequence[str]) -> list[str]:
    """One text for each session that holds a lock on one of them. Raises Forbidden without VIEW SERVER STATE."""
    if not tables:
        return []
    places = ", ".join(f"OBJECT_ID({literal(bracketed(table))})" for table in tables)
    with closing(connections.open()) as connection, classified():
        # Where a change of somebody else is in the way, it has rows of the catalog too.
        lock_timeout(connection, WAIT_MS)
        connection.run("SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED")
        return [_told(row) for row in connection.rows(_HOLDERS.format(places=places))]


def _told(row: dict[str, Any]) -> str:
    program, host = (row["program"] or "").strip() or "no program name", (row["host"] or "").strip()
    at = f" at {host}" if host else ""
    return (
        f"session {row['number']} ({program}{at}, login {row['login']}, {row['status']})"
        f" holds {row['mode']} on {row['name']}"
    )
