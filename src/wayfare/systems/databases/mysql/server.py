"""Which server answers, and what it can do. Asked once a database."""

from __future__ import annotations

import re
from dataclasses import dataclass

from wayfare.systems.databases.mysql import connection as link
from wayfare.systems.databases.mysql.connection import Connection

_COLLATIONS = "SELECT collation_name FROM information_schema.collations"
_FULL_COLLATIONS = "SELECT full_collation_name FROM information_schema.collation_character_set_applicability"
_FULL_COLLATIONS_SINCE = (10, 10)


@dataclass(frozen=True, slots=True)
class Server:
    maria: bool
    version: tuple[int, ...] = (0,)
    collations: frozenset[str] = frozenset()
    local_infile: bool = True
    packet_bytes_max: int = 16 << 20
    folds_case: bool = False  # table names

    @property
    def printed(self) -> str:
        return f"{'MariaDB' if self.maria else 'MySQL'} {'.'.join(map(str, self.version))}"

    @property
    def checks(self) -> bool:
        return self.version >= ((10, 2) if self.maria else (8, 0, 16))


ANY_SERVER = Server(maria=True)  # for plans made before anybody asked


def ask(connection: Connection) -> Server:
    sql = "SELECT VERSION(), @@local_infile, @@max_allowed_packet, @@lower_case_table_names"
    printed, infile, packet, lower = link.rows(connection, sql)[0]
    maria = "mariadb" in printed.lower()
    found = re.search(r"(\d+)\.(\d+)\.(\d+)", printed.removeprefix("5.5.5-"))
    version = tuple(int(p) for p in found.groups()) if found else (0,)
    full = maria and version >= _FULL_COLLATIONS_SINCE
    collations = link.rows(connection, _FULL_COLLATIONS if full else _COLLATIONS)
    return Server(
        maria=maria,
        version=version,
        collations=frozenset(str(row[0]) for row in collations if row[0]),
        local_infile=bool(infile),
        packet_bytes_max=int(packet),
        folds_case=bool(lower),
    )
