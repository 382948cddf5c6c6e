"""Document 004's three complete examples, run as printed with curl and jq, against real servers.

Only hosts, ports and credentials are put in their places. Once with both of the document's servers in one process, and
once as it draws them: a main backend that wants sign-in, which calls a universal migration service over HTTP.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest

from faces.server import Server, serving
from moving import data, run_script
from systems.zoho.seed import fill
from wayfare.core.address import Address
from wayfare.core.errors import Unavailable
from wayfare.core.ports import WHOLE, Executes
from wayfare.systems.databases.clickhouse import testbed as clickhouse
from wayfare.systems.databases.mysql import testbed as mysql
from wayfare.systems.databases.postgresql import testbed as postgresql
from wayfare.systems.databases.zoho import testserver as zoho
from wayfare.systems.registry import open_database

SCRIPT = Path(__file__).with_name("document_004.sh")
LOCALHOST = {"WAYFARE_EGRESS_ALLOW": "127.0.0.0/8"}  # with accounts, the operator has to allow it

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (shutil.which("curl") and shutil.which("jq")), reason="curl and jq run the examples"),
]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What the document calls localhost: PostgreSQL, ClickHouse, MySQL and Zoho, with something in them."""
    with ExitStack() as opened:
        try:
            scratch = tmp_path_factory.mktemp("postgresql")
            on_postgresql = opened.enter_context(postgresql.launch(scratch))
            on_clickhouse = opened.enter_context(clickhouse.http(tmp_path_factory.mktemp("clickhouse")))
            on_mysql = opened.enter_context(mysql.mariadb(tmp_path_factory.mktemp("mysql")))
        except Unavailable as error:
            pytest.skip(str(error))
        crm = opened.enter_context(zoho.serving())
        yield {"postgresql": on_postgresql, "clickhouse": on_clickhouse, "mysql": on_mysql, "zoho": crm}


@pytest.fixture(params=["one process", "two processes"])
def servers(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Server, Server]]:
    """The main backend and the universal migration service."""
    if request.param == "one process":
        with serving(tmp_path / "home", "--face", "jarvis") as server:
            yield server, server
        return
    with (
        serving(tmp_path / "main", "--face", "jarvis", "--auth-enabled", env=LOCALHOST) as main,
        serving(tmp_path / "universal") as universal,
    ):
        yield main, universal


def blocks() -> dict[str, str]:
    found = re.split(r"(?m)^#= (.*)\n", SCRIPT.read_text())[1:]
    return dict(zip(found[::2], found[1::2], strict=True))


def placed(block: str, replaced: dict[str, str]) -> str:
    for printed, actual in replaced.items():
        block = block.replace(printed, actual)
    return block


def connection(address: Address) -> str:
    """The five lines of a connection, as they stand between braces."""
    fields = {"host": address.host, "port": address.port, "database": address.database, "username": address.user}
    return json.dumps({**fields, "password": address.password.reveal()})[1:-1]


def printed_connection(port: int, database: str, username: str, indent: str) -> str:
    fields = {"host": "localhost", "port": port, "database": database, "username": username, "password": "password"}
    return f",\n{indent}".join(f'"{k}": {json.dumps(v)}' for k, v in fields.items())


def run(folder: Path, chosen: dict[str, str]) -> dict[str, Any]:
    """Every block in one shell, as somebody would paste them; the answers, by block."""
    lines = ["set -e"]
    for number, block in enumerate(chosen.values()):
        lines.append(f"{{ {block}\n}} > {folder}/{number}.json 2> {folder}/{number}.err")
    done = subprocess.run(["bash", "-c", "\n".join(lines)], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    texts = [(folder / f"{number}.json").read_text() for number in range(len(chosen))]
    return {name: json.loads(text) if text else None for name, text in zip(chosen, texts, strict=True)}


def count(address: Address, table: str) -> int:
    with open_database(address) as database:
        found = next(t for t in database.tables() if t.name == table)
        return sum(batch.num_rows for batch in database.read(found, WHOLE))


def fill_mysql(address: Address) -> Address:
    with open_database(address) as database:
        assert isinstance(database, Executes)
        database.execute("CREATE TABLE users (id INT PRIMARY KEY, name VARCHAR(20))")
        database.execute("INSERT INTO users VALUES (1, 'Ada'), (2, 'Grace')")
    return address


def test_the_complete_examples(places: dict[str, Any], servers: tuple[Server, Server], tmp_path: Path) -> None:
    main, universal = servers
    source, target = places["postgresql"](), places["postgresql"]()
    run_script(source, data("chinook/Chinook_PostgreSql.sql").decode())
    analytics, shop = places["clickhouse"](), places["clickhouse"]()
    users = fill_mysql(places["mysql"]())
    crm = fill(places["zoho"].organisation())
    at_zoho = f'"http://127.0.0.1:{places["zoho"].server_port}", "accounts_url": "{places["zoho"].url}"'
    replaced = {
        "localhost:5009": f"127.0.0.1:{main.port}",
        "localhost:5010": f"127.0.0.1:{universal.port}",
        printed_connection(5432, "source_db", "postgres", " " * 8): connection(source),
        printed_connection(5432, "target_db", "postgres", " " * 8): connection(target),
        printed_connection(8123, "analytics_db", "default", " " * 8): connection(analytics),
        printed_connection(3306, "source_db", "root", " " * 6): connection(users),
        printed_connection(8123, "analytics_db", "default", " " * 6): connection(shop),
        '"https://www.zohoapis.com"': at_zoho,
        **{f"your_{n}": getattr(crm, n) for n in ("refresh_token", "client_id", "client_secret")},
    }
    answers = run(tmp_path, {name: placed(block, replaced) for name, block in blocks().items()})
    assert all("error" not in (answer or {}) for answer in answers.values()), answers

    assert answers["example 1 step 1"]["message"] == "User registered successfully"
    assert answers["example 1 step 3"]["message"] == "Database master created successfully"
    assert answers["example 1 step 3"]["database"]["id"] == 1
    first = answers["example 1 step 4"]["operation"]
    assert (first["id"], first["schedule"], first["status"]) == (1, "2024-01-15T10:30:00", "pending")
    assert answers["example 1 step 5"]["operation"]["id"] == 1

    assert answers["example 2 step 1"]["operation"]["id"] == 2
    executed = answers["example 2 step 2"]
    assert executed["message"] in ("Operation executed successfully", "Operation already completed"), executed
    assert executed["operation"]["status"] == "completed"
    assert executed["microservice_response"]["success"] is True
    assert executed["status_code"] == 200
    assert count(target, "Leads") == len(crm.modules["Leads"].records)

    assert answers["example 3"]["success"] is True
    assert answers["example 3"]["tables_migrated"] == [{"table": "users", "records": 2}]
    assert count(shop, "users") == 2

    ended = followed(main)
    assert ended["status"] == "completed", ended
    assert ended["migration_results"]["tables_migrated_count"] == 11
    assert ended["migration_results"]["total_records"] == 15607
    assert count(analytics, "track") == 3503


def followed(main: Server) -> dict[str, Any]:
    """The first operation's status, once its scheduler has carried it out."""
    with httpx2.Client(verify=False, base_url=main.url, timeout=30) as http:
        login = http.post("/api/auth/login", json={"username": "admin", "password": "pass123"})
        signed_in = {"Authorization": f"Bearer {login.json()['access_token']}"}
        deadline = time.monotonic() + 120
        while True:
            found: dict[str, Any] = http.get("/api/operations/1/status", headers=signed_in).json()
            if found["is_completed"] or time.monotonic() > deadline:
                return found
            time.sleep(0.5)


def test_the_script_is_what_the_document_prints() -> None:
    """Eight commands, each begun once; nothing in them is ours."""
    assert list(blocks()) == [
        *(f"example 1 step {number}" for number in range(1, 6)),
        *("example 2 step 1", "example 2 step 2", "example 3"),
    ]
    assert not re.search("wayfare", SCRIPT.read_text(), re.IGNORECASE)
