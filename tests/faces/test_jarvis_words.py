"""Document 004's times, connections and URLs, as ours."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from starlette.requests import Request

from wayfare.core.errors import Invalid
from wayfare.faces.jarvis.clock import instant, lasting, printed
from wayfare.faces.jarvis.services import ours
from wayfare.faces.jarvis.shapes import Connection
from wayfare.systems.databases.sqlserver import options as sqlserver
from wayfare.systems.databases.zoho import options as zoho
from wayfare.systems.registry import adapter


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (8, "8s"), (300, "5m 0s"), (330, "5m 30s"), (3600, "1h 0m 0s"), (3661, "1h 1m 1s")],
)
def test_how_long(seconds: int, text: str) -> None:
    assert lasting(seconds) == text


def test_times_come_back() -> None:
    assert printed(instant("2024-01-15T10:30:00")) == "2024-01-15T10:30:00"
    assert instant("2024-01-15T10:30:00") == instant("2024-01-15T05:00:00z")


@pytest.mark.parametrize(
    "text",
    ["", "now", "2024-13-01T00:00:00", "2024-01-01T00:00:00+05:30 IST", "0001-01-01T00:00:00", "9999-12-31T23:59:59Z"],
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(Invalid, match="is not a time") as refused:
        instant(text)
    assert refused.value.where == "schedule"


def connection(**fields: Any) -> Connection:
    return Connection.model_validate(fields)


def test_a_named_instance_and_windows_sign_in() -> None:
    given = connection(
        server=r"localhost\SQLEXPRESS",
        database="source_db",
        username="windows",
        password="windows",
        driver="ODBC Driver 17 for SQL Server",
    )
    found = sqlserver.parse(given.address(adapter("sqlserver"), "source"))
    assert (found.host, found.instance, found.database) == ("localhost", "SQLEXPRESS", "source_db")
    assert found.integrated
    assert found.odbc_driver == "ODBC Driver 17 for SQL Server"


def test_a_default_instance() -> None:
    given = connection(server="localhost", database="d", username="sa", password="p")
    found = sqlserver.parse(given.address(adapter("sqlserver"), "source"))
    assert (found.host, found.port, found.user, found.integrated) == ("localhost", 1433, "sa", False)


def test_a_zoho_account() -> None:
    given = connection(refresh_token="r", client_id="c", client_secret="s", api_domain="https://www.zohoapis.eu")
    found = zoho.parse(given.address(adapter("zoho"), "source"), {})
    assert (found.api_domain, found.accounts_url) == ("https://www.zohoapis.eu", "https://accounts.zoho.eu")
    assert (found.client_id, found.client_secret.reveal(), found.refresh_token.reveal()) == ("c", "s", "r")


@pytest.mark.parametrize(
    ("system", "fields", "where"),
    [
        ("postgresql", {"host": "h", "api_domain": "x"}, "source.api_domain"),
        ("postgresql", {"host": "h", "server": "x"}, "source.server"),
        ("zoho", {"client_id": "x", "host": "h"}, "source.host"),
        ("sqlserver", {"server": "a", "host": "b", "database": "d"}, "source.server"),
        ("zoho", {"api_domain": "https://host:port"}, "source.api_domain"),
    ],
)
def test_fields_of_other_systems_are_refused(system: str, fields: dict[str, Any], where: str) -> None:
    with pytest.raises(Invalid) as refused:
        connection(**fields).address(adapter(system), "source")
    assert refused.value.where == where


def test_passwords_are_not_shown() -> None:
    assert "canary" not in repr(connection(host="h", password="canary", refresh_token="canary", client_secret="canary"))
    with pytest.raises(ValidationError):
        connection(host="h", port=70000)


# URL; is it ours, for one that listens at 127.0.0.1:8000 and was called as wayfare.example:443?
OURS = """
http://localhost:5010;           yes
http://localhost:5010/;          yes
http://localhost:5010/migrate;   yes
http://127.0.0.1:5010;           yes
http://[::1]:5010;               yes
http://localhost:8000;           yes
https://wayfare.example;         yes
http://localhost:5001;           no
http://localhost;                no
http://localhost:5010/other;     no
http://10.0.0.1:5010;            no
http://user@localhost:5010;      no
ftp://localhost:5010;            no
http://localhost:port;           no
http://wayfare.example:5010;     no
"""


@pytest.mark.parametrize("line", OURS.strip().splitlines())
def test_which_services_are_ours(line: str) -> None:
    url, answer = (part.strip() for part in line.split(";"))
    headers = [(b"host", b"wayfare.example:443")]
    request = Request({"type": "http", "server": ("127.0.0.1", 8000), "headers": headers})
    assert ours(request, url) is (answer == "yes")
