"""More than one server: a primary and its replica, of either kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from wayfare.core.address import Address
from wayfare.systems.databases.mysql import testbed

# A machine in another zone than the connection, as many are.
REPLICA_ZONE = "Asia/Tokyo"
_MYSQL = ("--gtid-mode=ON", "--enforce-gtid-consistency=ON")


@contextmanager
def mariadb_pair(scratch: Path) -> Iterator[tuple[Address, Address]]:
    """(primary, replica), which replays already. They name no database."""
    with _pair(scratch, testbed.maria_server) as (primary, replica):
        _follow(
            replica,
            f"CHANGE MASTER TO MASTER_HOST='{primary.host}', MASTER_PORT={primary.port}, "
            f"MASTER_USER='{primary.user}', MASTER_PASSWORD='{primary.password.reveal()}', MASTER_USE_GTID=slave_pos",
            "START SLAVE",
        )
        yield primary, replica


@contextmanager
def mysql_pair(scratch: Path) -> Iterator[tuple[Address, Address]]:
    with _pair(scratch, testbed.mysql_server, *_MYSQL) as (primary, replica):
        _follow(
            replica,
            f"CHANGE REPLICATION SOURCE TO SOURCE_HOST='{primary.host}', SOURCE_PORT={primary.port}, "
            f"SOURCE_USER='{primary.user}', SOURCE_PASSWORD='{primary.password.reveal()}', SOURCE_AUTO_POSITION=1, "
            "GET_SOURCE_PUBLIC_KEY=1",
            "START REPLICA",
        )
        yield primary, replica


PAIRS = {"mariadb": mariadb_pair, "mysql": mysql_pair}


@contextmanager
def _pair(
    scratch: Path, server: Callable[..., AbstractContextManager[Address]], *settings: str
) -> Iterator[tuple[Address, Address]]:
    """The replica keeps no log, so that what it does by itself has no identifiers."""
    for name in ("primary", "replica"):
        (scratch / name).mkdir()
    log = f"--log-bin={scratch / 'primary' / 'log'}"
    with (
        server(scratch / "primary", *settings, log, "--server-id=1") as primary,
        server(scratch / "replica", *settings, "--server-id=2", zone=REPLICA_ZONE) as replica,
    ):
        yield primary, replica


def _follow(replica: Address, *statements: str) -> None:
    with testbed.connect(replica) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
