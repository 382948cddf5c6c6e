"""May a statement be tried on a clone? Only where it can touch nothing else on the server. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection

from wayfare.core.statements import Kind, Statement

# Of the server and not of a database, or of files: these are not tried.
_ELSEWHERE = re.compile(
    r"\s*(GRANT|REVOKE|FLUSH|RESET|PURGE|KILL|SHUTDOWN|RESTART|INSTALL|UNINSTALL|CHANGE|START|STOP|LOAD|USE|HANDLER|"
    r"IMPORT|CLONE|BINLOG|CACHE|BACKUP|XA|LOCK|UNLOCK|PREPARE|EXECUTE|"
    r"(CREATE|ALTER|DROP|RENAME)\s+(OR\s+REPLACE\s+)?"
    r"(USER|ROLE|SERVER|DATABASE|SCHEMA|TABLESPACE|UNDO|LOGFILE|INSTANCE|RESOURCE|EVENT)\b)"
    r"|.*\b(GLOBAL|PERSIST|PERSIST_ONLY)\b(?=[^']*=)|.*\bINTO\s+(OUT|DUMP)FILE\b|.*\bDATA\s+DIRECTORY\b",
    re.IGNORECASE | re.DOTALL,
)
_SPOKEN = {Kind.GRANT, Kind.REVOKE, Kind.DATABASE, Kind.TRANSACTION}


def fault(statement: Statement, databases: Collection[str]) -> str:
    """Why it is not tried; "" where it may be. `databases`: all names there are on the server."""
    if statement.kind in _SPOKEN or _ELSEWHERE.match(statement.text):
        return "it concerns more than this database, so it cannot be tried on a clone."
    if name := abroad(statement.text, databases):
        return f"it names the database {name}, so it would not stay in the clone; leave that name out to rehearse it."
    return ""


def abroad(text: str, databases: Collection[str]) -> str:
    """The database that a text names before a dot; "" for none. A table or alias of that name counts."""
    words = {w.lower() for w in re.findall(r"[^\s`.,()=<>+*/'\"-]+(?=`?\s*\.)", text)}
    quoted = {w.lower() for w in re.findall(r"`([^`]+)`\s*\.", text)}
    return next((d for d in databases if d.lower() in words | quoted), "")
