"""The place of a server among copies of itself, and how far a copy is.

A replica of these two runs what the primary's binary log says, and could run changes of its own. How far it is is told
by global transaction identifiers: "0-1-42" (domain, server, number) on MariaDB, "uuid:1-42" on MySQL.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from wayfare.core.changes import Part
from wayfare.core.errors import Conflict, Forbidden, Invalid, Unavailable, Unreachable
from wayfare.systems.databases.mysql import connection as link
from wayfare.systems.databases.mysql.connection import Connection
from wayfare.systems.databases.mysql.dialect import literal
from wayfare.systems.databases.mysql.schema import carry
from wayfare.systems.databases.mysql.server import Server

_STATUS_SINCE = (8, 0, 22)  # MySQL's SHOW REPLICA STATUS; before it, SLAVE
_MARIA = re.compile(r"(\d+)-(\d+)-(\d+)")
_MYSQL = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(:[a-z_]\w*)?(:\d+(-\d+)?)+", re.IGNORECASE)
_OF_CLIENTS = "p.user NOT IN ('system user', 'event_scheduler') AND p.command NOT LIKE 'Binlog Dump%'"
# A SELECT outside of a transaction holds the table's metadata lock as well.
_LONG = (
    "SELECT p.id, p.user, GREATEST(COALESCE({age}, 0), IF(p.command = 'Sleep', 0, p.time)) AS age, p.info "
    "FROM information_schema.processlist p "
    "LEFT JOIN information_schema.innodb_trx t ON t.trx_mysql_thread_id = p.id "
    "WHERE p.db = DATABASE() AND p.id <> CONNECTION_ID() AND {clients} AND COALESCE(p.info, '') NOT LIKE {ours} "
    "AND ({age} >= {seconds} OR (p.command <> 'Sleep' AND p.time >= {seconds})) ORDER BY age DESC, p.id"
)
_TEXT_CHARACTERS_MAX = 200


def part(connection: Connection, server: Server) -> Part:
    """A replica that was stopped is one still, where an error stopped it or it is read-only.

    Raises Forbidden without the right to ask: a replica taken for a lone server would be changed by itself. On MySQL,
    who may not see others' processes (PROCESS) sees no replicas either, and is told ALONE for PRIMARY.
    """
    if _feeds(connection, server):
        return Part.REPLICA
    if server.maria:
        connected = bool(int(link.rows(connection, "SHOW GLOBAL STATUS LIKE 'Slaves_connected'")[0][1]))
    else:
        dumps = "SELECT count(*) FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%'"
        connected = bool(link.value(connection, dumps))
    return Part.PRIMARY if connected else Part.ALONE


def position(connection: Connection, server: Server) -> str:
    """Of what is written, or on a replica replayed. "" where the server keeps no log: nobody can replicate it.

    Raises Unavailable where MySQL keeps a log without such identifiers.
    """
    if server.maria:
        log, here = link.rows(connection, "SELECT @@gtid_binlog_pos, @@gtid_current_pos")[0]
        return str(log or here or "")
    executed, mode, keeps = link.rows(connection, "SELECT @@gtid_executed, @@gtid_mode, @@log_bin")[0]
    if keeps and mode != "ON":
        raise Unavailable(
            f"the positions of the log cannot be told apart (gtid_mode={mode}).",
            remedy="Set gtid_mode=ON on the primary and its replicas.",
        )
    return "".join(str(executed or "").split())


def reached(connection: Connection, server: Server, position: str) -> bool:
    """Raises Invalid for what is no position of this kind of server."""
    if server.maria:
        wanted = _domains(position)
        here = _domains(str(link.value(connection, "SELECT @@gtid_current_pos") or ""))
        log = _domains(str(link.value(connection, "SELECT @@gtid_binlog_pos") or ""))
        return all(max(here.get(domain, -1), log.get(domain, -1)) >= number for domain, number in wanted.items())
    if not all(_MYSQL.fullmatch(one) for one in position.split(",") if position):
        raise _no_position(position, "MySQL")
    return bool(link.value(connection, f"SELECT GTID_SUBSET({literal(position)}, @@gtid_executed)"))


def _domains(position: str) -> Mapping[int, int]:
    """Domain → the number of its last transaction."""
    found = [_MARIA.fullmatch(one) for one in position.split(",") if position]
    if not all(found):
        raise _no_position(position, "MariaDB")
    return {int(one[1]): int(one[3]) for one in found if one}


def _no_position(position: str, whose: str) -> Invalid:
    return Invalid(f"{position!r} is no position of {whose}'s log.", where="position")


def lag_seconds(connection: Connection, server: Server) -> float:
    """The server's own word, in whole seconds; of several primaries, the one it is furthest behind.

    Raises Conflict where it stopped replaying, with the server's reason, and Unreachable where it does not hear from
    its primary.
    """
    return max((_lag(feed) for feed in _feeds(connection, server)), default=0.0)


def _lag(feed: Mapping[str, Any]) -> float:
    where = f"{feed['source_host']}:{feed['source_port']}"
    if feed["replica_sql_running"] != "Yes":
        reason = str(feed["last_sql_error"] or "") or "somebody stopped it"
        raise Conflict(
            f"the replica has stopped replaying what {where} did: {reason}.",
            remedy="Mend what it tells of, START REPLICA, and wait until it has caught up.",
        )
    if feed["replica_io_running"] != "Yes" or feed["seconds_behind_source"] is None:
        reason = str(feed["last_io_error"] or "") or f"its connection is in state {feed['replica_io_running']!r}"
        raise Unreachable(
            f"the replica does not hear from its primary {where}: {reason}.",
            remedy="Is the primary running, and may the replica reach it? See SHOW REPLICA STATUS, and START REPLICA.",
        )
    return float(feed["seconds_behind_source"])


def _feeds(connection: Connection, server: Server) -> Sequence[Mapping[str, Any]]:
    """The primaries that this server replays, with MySQL's present names of what is told of each, in lower case."""
    replica = "REPLICA" if server.version >= _STATUS_SINCE else "SLAVE"
    sql = "SHOW ALL SLAVES STATUS" if server.maria else f"SHOW {replica} STATUS"
    try:
        found = link.records(connection, sql)
    except Forbidden as error:
        right = "REPLICA MONITOR (before 10.5: REPLICATION CLIENT)" if server.maria else "REPLICATION CLIENT"
        message = f"it cannot be told whether this server is a replica: {error.message}"
        raise Forbidden(message, remedy=f"GRANT {right} ON *.* to this user.") from error
    feeds = [{_present(name): value for name, value in row.items()} for row in found]
    return [f for f in feeds if _serves(f) or link.value(connection, "SELECT @@read_only")]


def _present(name: str) -> str:
    return name.lower().replace("master", "source").replace("slave", "replica")


def _serves(feed: Mapping[str, Any]) -> bool:
    """A primary that was a replica once may have kept the description of it, where nothing runs."""
    runs = feed["replica_io_running"] != "No" or feed["replica_sql_running"] != "No"
    return runs or bool(feed["last_sql_errno"] or feed["last_io_errno"])


def connections(connection: Connection) -> int:
    """Clients of this database, whoever they are; those of others only with the right PROCESS."""
    sql = f"SELECT count(*) FROM information_schema.processlist p WHERE p.db = DATABASE() AND {_OF_CLIENTS}"
    return int(link.value(connection, sql))


def long_queries(connection: Connection, seconds: float) -> Sequence[str]:
    """Of this database, the oldest first; the statements of changes are left out. Raises Forbidden without PROCESS."""
    sql = _LONG.format(age=carry.TRANSACTION_AGE, clients=_OF_CLIENTS, seconds=seconds, ours=literal(carry.MARK + " %"))
    return [
        f"process {number} (user {user}) for {age:.0f} s: {_one_line(text) or 'no query now'}"
        for number, user, age, text in link.rows(connection, sql)
    ]


def _one_line(text: object) -> str:
    return " ".join(str(text or "").split())[:_TEXT_CHARACTERS_MAX]
