"""The settings of a connection on which schemas are changed.

What the copier sets (UTC, ISO dates, no row security) is taken back: `ALTER … TYPE timestamptz` means the time zone of
the database, and a script must do what it does in the database's own tools. Inside a transaction everything is SET
LOCAL, so that nothing stays behind on a server connection that a pooler gives to others.
"""

from __future__ import annotations

from wayfare.systems.databases.postgresql.connect import Connection
from wayfare.systems.databases.postgresql.dialect import literal

AT_WORK = "wayfare schema "  # … and the fence: the application name of whoever carries statements out
CHECKS_CLIENT = 140_000  # from this version on a server can notice that its client is gone while it works
CLIENT_CHECK_MS = 500


def prepare(connection: Connection, fence: int, statement_seconds_max: float = 0.0, *, local: bool = True) -> None:
    """At the beginning of a transaction, or, with local=False, for a connection that is closed afterwards."""
    word = "set local" if local else "set"
    lines = [
        "reset all",
        f"{word} application_name = {literal(f'{AT_WORK}{fence}')}",
        f"{word} idle_in_transaction_session_timeout = 0",
        f"{word} statement_timeout = {round(statement_seconds_max * 1000)}",
    ]
    if connection.info.server_version >= CHECKS_CLIENT:
        lines.append(f"{word} client_connection_check_interval = {CLIENT_CHECK_MS}")
    connection.execute("; ".join(lines) if local else lines[0])
    for line in [] if local else lines[1:]:
        connection.execute(line)  # one by one: several at once would be a transaction


def lock_timeout(connection: Connection, milliseconds: int, *, local: bool = True) -> None:
    """0 would be for ever, so at least 1."""
    connection.execute(f"set {'local ' if local else ''}lock_timeout = {max(1, milliseconds)}")
