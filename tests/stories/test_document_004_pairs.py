"""The ten combinations that document 004 supports, each through POST /migrate of a real server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

import asking
from faces.server import Server, serving
from stories.test_document_004 import count
from systems.zoho.seed import fill
from wayfare.core.address import Address
from wayfare.core.errors import Unavailable
from wayfare.core.ports import Executes
from wayfare.faces.jarvis.words import SUPPORTED
from wayfare.systems.databases.clickhouse import testbed as clickhouse
from wayfare.systems.databases.mysql import testbed as mysql
from wayfare.systems.databases.postgresql import testbed as postgresql
from wayfare.systems.databases.sqlserver import testbed as sqlserver
from wayfare.systems.databases.zoho import testserver as zoho
from wayfare.systems.registry import open_database

pytestmark = pytest.mark.slow
USERS = [(1, "Ada"), (2, "Grace"), (3, "Ünal")]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("home"), "--face", "jarvis") as found:
        yield found


@pytest.fixture(scope="module")
def beds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """New, empty databases of each system; of Zoho, an organisation."""
    with ExitStack() as opened:
        try:
            fresh: dict[str, Any] = {
                "postgresql": opened.enter_context(postgresql.launch(tmp_path_factory.mktemp("postgresql"))),
                "clickhouse": opened.enter_context(clickhouse.http(tmp_path_factory.mktemp("clickhouse"))),
                "mysql": opened.enter_context(mysql.mariadb(tmp_path_factory.mktemp("mysql"))),
            }
            server = opened.enter_context(sqlserver.server(tmp_path_factory.mktemp("sqlserver")))
        except Unavailable as error:
            pytest.skip(str(error))
        fresh["sqlserver"] = lambda: server
        fresh["zoho"] = opened.enter_context(zoho.serving())
        yield fresh


@pytest.fixture(scope="module")
def sources(beds: dict[str, Any]) -> dict[str, tuple[dict[str, Any], str, int]]:
    """Of each system: a connection as the document writes it, a table, and how many rows it has."""
    found = {}
    for system, text in (("postgresql", "TEXT"), ("mysql", "VARCHAR(20)"), ("sqlserver", "NVARCHAR(20)")):
        address = beds[system]()
        with open_database(address) as database:
            assert isinstance(database, Executes)
            database.execute(f"CREATE TABLE users (id INT PRIMARY KEY, name {text})")
            for number, name in USERS:
                prefix = "N" if system == "sqlserver" else ""
                database.execute(f"INSERT INTO users VALUES ({number}, {prefix}'{name}')")
        found[system] = (written(address), "users", len(USERS))
    crm = fill(beds["zoho"].organisation())
    secrets = {name: getattr(crm, name) for name in ("refresh_token", "client_id", "client_secret")}
    at_zoho = {**secrets, "api_domain": beds["zoho"].url, "accounts_url": beds["zoho"].url}
    found["zoho"] = (at_zoho, "Leads", len(crm.modules["Leads"].records))
    return found


def written(address: Address) -> dict[str, Any]:
    host = "server" if address.system == "sqlserver" else "host"
    odbc = {"driver": "ODBC Driver 17 for SQL Server"} if address.system == "sqlserver" else {}
    login = {"username": address.user, "password": address.password.reveal()}
    return {host: address.host, "port": address.port, "database": address.database, **login, **odbc}


@pytest.mark.parametrize(("source", "target"), sorted(SUPPORTED))
def test_a_combination(server: Server, beds: dict[str, Any], sources: dict[str, Any], source: str, target: str) -> None:
    connection, table, rows = sources[source]
    address = beds[target]()
    body = {
        "source_type": source,
        "dest_type": target,
        "source": connection,
        "destination": written(address),
        "operation_type": "full",
    }
    answer = asking.post(f"{server.url}/migrate", json=body, timeout=120)
    assert answer.status_code == 200, answer.text
    assert answer.json()["success"] is True, answer.text
    assert {"table": table, "records": rows} in answer.json()["tables_migrated"]
    assert count(address, table) == rows
