"""What `check` finds: rights and settings that a copy would miss later."""

from __future__ import annotations

import re
from collections.abc import Iterator

from wayfare.core.findings import Finding, Severity
from wayfare.systems.databases.mysql import connection as link
from wayfare.systems.databases.mysql.connection import Connection
from wayfare.systems.databases.mysql.server import Server

PACKET_BYTES_WISHED = 64 << 20
_ENGINES = """SELECT table_name FROM information_schema.tables
    WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'
    AND engine NOT IN ('InnoDB', 'ROCKSDB') ORDER BY table_name LIMIT 10"""


def findings(connection: Connection, server: Server) -> Iterator[Finding]:
    if not server.local_infile:
        message = "LOAD DATA LOCAL is switched off, so rows are written with INSERT, about ten times slower."
        yield Finding("slow_writes", Severity.WARNING, message, advice="SET GLOBAL local_infile=1 on the server.")
    if server.packet_bytes_max < PACKET_BYTES_WISHED:
        message = f"max_allowed_packet is {server.packet_bytes_max >> 20} MB: longer values cannot be written."
        yield Finding("small_packets", Severity.INFO, message, advice="Raise it on the server if values are longer.")
    if not _may_lock(connection):
        message = "this user may not LOCK TABLES, so the chunks of a copy are read at slightly different moments."
        advice = "Grant LOCK TABLES on the database, or copy while nobody writes."
        yield Finding("no_shared_view", Severity.WARNING, message, advice=advice)
    if plain := [str(row[0]) for row in link.rows(connection, _ENGINES)]:
        message = f"these tables have no transactions, so a snapshot does not hold for them: {', '.join(plain)}."
        yield Finding("no_transactions", Severity.WARNING, message, advice="Copy while nobody writes to them.")


def _may_lock(connection: Connection) -> bool:
    grants = " ".join(str(row[0]) for row in link.rows(connection, "SHOW GRANTS"))
    return bool(re.search(r"ALL PRIVILEGES|LOCK TABLES", grants))
