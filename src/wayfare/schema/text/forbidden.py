"""What a change may not contain: what reaches beyond the schema, or takes the runner's part."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from wayfare.core.changes import LOCK_TABLE, REVISIONS_TABLE
from wayfare.core.findings import Finding, Severity
from wayfare.core.statements import Action, Kind, Statement

_PRIVATE = re.compile(f"\\b(?:{REVISIONS_TABLE}|{LOCK_TABLE})\\b", re.IGNORECASE)
_ROLES = re.compile(r"^(create|alter|drop|rename)_(role|role_set|user|user_mapping|owned)$|^reassign_owned$")
_IDENTITY = {"role", "session_authorization"}  # SET …
_PRAGMAS = {"writable_schema", "journal_mode", "locking_mode", "schema_version"}
_REACHING = re.compile(
    r"\binto\s+(?:outfile|dumpfile)\b|\b(?:xp_cmdshell|sp_configure|sp_addsrvrolemember|openrowset|opendatasource)\b"
    r"|\b(?:load_extension|load_file|pg_read_file|pg_read_binary_file|pg_ls_dir|lo_import|lo_export|dblink)\s*\(",
    re.IGNORECASE,
)
_LOOKS = (Kind.SELECT, Kind.COMMENT)


def forbidden(statements: Sequence[Statement], dialect: str) -> list[Finding]:
    """An error for each statement that a change may not contain."""
    return [_finding(s, reason, advice) for s in statements for reason, advice in _reasons(s, dialect)]


def _finding(statement: Statement, reason: str, advice: str) -> Finding:
    return Finding("statement_forbidden", Severity.ERROR, reason, statement.place, advice)


def _reasons(statement: Statement, dialect: str) -> Iterator[tuple[str, str]]:
    found = [pair for action in statement.actions if (pair := _reason(action, dialect))]
    if not found and statement.kind is not Kind.COMMENT and _REACHING.search(statement.text):
        found.append(("the statement reaches beyond the database", "Copy rows with `wayfare copy`."))
    if statement.kind not in _LOOKS and _PRIVATE.search(statement.text):
        found.append(("the tables of Wayfare are changed by Wayfare alone", "Leave the statement out."))
    yield from dict.fromkeys(found)


def _reason(action: Action, dialect: str) -> tuple[str, str] | None:
    said = str(action.details.get("statement", ""))
    if action.kind is Kind.TRANSACTION:
        return "a change begins and ends its own transaction", "Leave the statement out: it is done for you."
    if action.kind is Kind.DATABASE:
        return f"{said.replace('_', ' ')} reaches beyond the database that is changed", "Do it apart from the change."
    if _ROLES.match(said):
        return "roles and users belong to the server, not to a schema", "Do it apart from the change."
    if said == "set_role" or (action.kind is Kind.SET and action.name in _IDENTITY):
        return "a change is carried out as the user of the connection", "Connect as the user who may do it."
    if action.kind is Kind.SET and (action.details.get("global") or _pragma(action)):
        return f"{action.name} is a setting of the whole server or file", "Set it apart from the change."
    if action.kind is Kind.COPY and _copies(action):
        return "files and programs of the server are out of reach of a change", "Copy rows with `wayfare copy`."
    if action.kind in (Kind.GRANT, Kind.REVOKE) and action.details.get("of") == "role":
        return f"membership in {action.name} belongs to the server, not to a schema", "Grant it apart from the change."
    return None


def _pragma(action: Action) -> bool:
    return bool(action.details.get("pragma")) and action.name in _PRAGMAS and bool(action.details.get("value"))


def _copies(action: Action) -> bool:
    return bool(action.details.get("program") or action.details.get("file")) or not action.details.get("from", True)
