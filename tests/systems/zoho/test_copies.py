"""Whole copies out of Zoho CRM, proven equal; then what changed, what went, and what is said of it all."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from beds import running
from moving import move
from stories.command import Wayfare
from systems.zoho import seed
from wayfare.control.copies import CopyRequest, verify
from wayfare.copy.report import Report
from wayfare.core.address import Address
from wayfare.core.status import Status
from wayfare.systems.databases.zoho.testcrm import Fault, Organisation
from wayfare.systems.databases.zoho.testserver import Server
from wayfare.systems.registry import open_database
from wayfare.systems.testing import Fresh

THROTTLED = Fault(429, {"code": "TOO_MANY_REQUESTS", "message": "slower"}, {"Retry-After": "0"})
CUT = Fault(0)
ENDED = Fault(401)  # stands for all tokens having ended
MORE = [pytest.param(name, marks=pytest.mark.thorough) for name in ("mariadb", "clickhouse-embedded", "duckdb")]
ROWS = {
    "Accounts": seed.ACCOUNTS,
    "Campaigns": 0,
    "Contacts": seed.CONTACTS,
    "Deal_Items": 90,
    "Deals": seed.DEALS,
    "Leads": seed.LEADS,
    "Projects": seed.PROJECTS,
    "Tasks": seed.TASKS,
    "Users": 3,
}


@pytest.fixture(scope="module", params=["postgresql", *MORE])
def bed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fresh]:
    with running(request.param, tmp_path_factory.mktemp(request.param)) as fresh:
        yield fresh


@pytest.fixture
def target(bed: Fresh) -> Address:
    return bed()


@pytest.fixture
def duckdb(tmp_path: Path) -> Address:
    return Address("duckdb", database=str(tmp_path / "copy.duckdb"))


@pytest.fixture
def sqlite(tmp_path: Path) -> Address:
    """For incremental copies: DuckDB cannot change a row that another one refers to."""
    return Address("sqlite", database=str(tmp_path / "copy.db"))


def copied(home: Path, source: Address, target: Address, **options: Any) -> Report:
    run, report = move(home, CopyRequest(source, target, **options))
    assert run.status is Status.SUCCEEDED, run.reason
    assert report.outcome == "equal"
    return report


def rows(report: Report) -> dict[str, int]:
    return {t.source: t.rows_target for t in report.tables}


def ask(address: Address, sql: str) -> list[dict[str, Any]]:
    with open_database(address) as database:
        found: pa.Table = database.execute(sql)  # type: ignore[attr-defined]
        return found.to_pylist()


def codes(report: Report) -> set[str]:
    return {f.code for f in report.findings}


def test_everything_arrives(tmp_path: Path, server: Server, crm: Organisation, target: Address) -> None:
    """What exports tell, read anew, is what pages told and what now stands in the target."""
    report = copied(tmp_path, server.address(crm), target)
    assert rows(report) == ROWS
    assert {"source_moves", "module_not_read"} <= codes(report)
    assert verify(CopyRequest(server.address(crm, bulk="always"), target), rows=True).outcome == "equal"


def test_exports_arrive(tmp_path: Path, server: Server, crm: Organisation, duckdb: Address) -> None:
    crm.rules.export_records = 1_000  # the leads are three exports
    assert rows(copied(tmp_path, server.address(crm, bulk="always"), duckdb)) == ROWS
    assert verify(CopyRequest(server.address(crm), duckdb), rows=True).outcome == "equal"


def test_values_are_as_they_were(tmp_path: Path, address: Address, target: Address) -> None:
    if target.system != "postgresql":
        pytest.skip("looked at in one dialect")
    copied(tmp_path, address, target)
    (first,) = ask(target, f'SELECT * FROM "Leads" WHERE id = {seed.identity(1, 10)}')
    assert first["Description"] == seed.LONG
    assert first["Serial"] == 2**53 + 10
    assert str(first["Annual_Revenue"]) == "10234567890.10"
    assert first["Topics"] == ["A, B", "C"]
    assert first["Owner_name"] == "Usér 1 🙂"
    assert first["Tag"] == ["hot"]
    (deal,) = ask(target, f'SELECT * FROM "Deals" WHERE id = {seed.identity(4, 1)}')
    assert str(deal["Amount"]) == "99999999999999.99"
    assert (deal["What_name"], deal["What_module"]) == ("Lead", "Leads")
    (contact,) = ask(target, f'SELECT * FROM "Contacts" WHERE id = {seed.identity(3, 1)}')
    assert contact["Account_Name_name"] == "a field of its own"
    assert contact["Account_Name_name_"] == seed.account_name(2)
    joined = ask(
        target,
        'SELECT count(*) AS n FROM "Deal_Items" i JOIN "Deals" d ON d.id = i."Parent_Id" '
        'JOIN "Accounts" a ON a.id = d."Account_Name" JOIN "Users" u ON u.id = d."Owner"',
    )
    assert joined == [{"n": 90}]
    keys = ask(target, "SELECT count(*) AS n FROM pg_constraint WHERE contype = 'f'")
    assert keys == [{"n": 12}]
    (comment,) = ask(target, """SELECT obj_description('"Deal_Items"'::regclass) AS text""")
    assert comment["text"] == "Items (sub-form of Deals)"


def test_only_what_changed_is_asked_for_again(
    tmp_path: Path, server: Server, crm: Organisation, address: Address, sqlite: Address
) -> None:
    some = {"tables": ("Leads", "Deal_Items"), "incremental": True, "cursor": "Modified_Time"}
    copied(tmp_path, address, sqlite, **some)
    leads = crm.modules["Leads"]
    leads.records[int(seed.identity(1, 7))] |= {"Last_Name": "changed", "Modified_Time": "2025-03-01T10:00:00+05:30"}
    leads.add(seed.lead(seed.LEADS + 1) | {"Modified_Time": "2025-03-02T10:00:00+05:30"})
    leads.add(seed.lead(seed.LEADS + 2) | {"Modified_Time": "2025-03-03T10:00:00+05:30"})
    crm.asked.clear()
    assert rows(copied(tmp_path, address, sqlite, **some))["Leads"] == 3
    found = ask(sqlite, f"SELECT Last_Name FROM Leads WHERE id = {seed.identity(1, 7)}")
    assert found == [{"Last_Name": "changed"}]
    assert ask(sqlite, "SELECT count(*) AS n FROM Leads") == [{"n": seed.LEADS + 2}]
    whole = [p for _, path, p in crm.asked if path.endswith("/Leads") and p["fields"] != "id"]
    assert len(whole) == 1, "one page of changed records, and the keys"
    assert rows(copied(tmp_path, address, sqlite, **some))["Leads"] == 0


def test_a_record_that_changes_in_the_running_second_is_not_missed(
    tmp_path: Path,
    server: Server,
    crm: Organisation,
    address: Address,
    sqlite: Address,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Zoho's times are whole seconds: what changes within one that was seen would have the time of what was seen."""
    some = {"tables": ("Accounts",), "incremental": True, "cursor": "Modified_Time"}
    accounts = crm.modules["Accounts"].records
    moment = dt.datetime(2025, 5, 1, 12, 0, 0, tzinfo=dt.UTC)
    monkeypatch.setattr(server, "clock", lambda: moment + dt.timedelta(milliseconds=400))
    accounts[int(seed.identity(2, 1))] |= {"Account_Name": "one", "Modified_Time": moment.isoformat()}
    copied(tmp_path, address, sqlite, **some)
    accounts[int(seed.identity(2, 2))] |= {"Account_Name": "two", "Modified_Time": moment.isoformat()}
    monkeypatch.setattr(server, "clock", lambda: moment + dt.timedelta(seconds=5))
    assert rows(copied(tmp_path, address, sqlite, **some)) == {"Accounts": 2}
    names = ask(sqlite, "SELECT Account_Name FROM Accounts ORDER BY id LIMIT 2")
    assert names == [{"Account_Name": "one"}, {"Account_Name": "two"}]


def test_deleted_records_are_told_and_removed_on_request(
    tmp_path: Path, crm: Organisation, address: Address, sqlite: Address
) -> None:
    some = {"tables": ("Contacts",), "incremental": True, "cursor": "Modified_Time"}
    copied(tmp_path, address, sqlite, **some)
    crm.modules["Contacts"].delete(int(seed.identity(3, 9)), seed.moment(9_000))
    assert "rows_deleted_in_source" in codes(copied(tmp_path, address, sqlite, **some))
    assert "rows_removed" in codes(copied(tmp_path, address, sqlite, deletes=True, **some))
    assert ask(sqlite, "SELECT count(*) AS n FROM Contacts") == [{"n": seed.CONTACTS - 1}]


def test_a_copy_survives_what_comes_between(tmp_path: Path, server: Server, crm: Organisation, duckdb: Address) -> None:
    """Tokens that end after a few requests, throttling, server errors and cut answers, all in one copy."""
    crm.rules.tokens_max = 10_000
    met = itertools.cycle([None, None, THROTTLED, None, Fault(503), None, CUT, None, ENDED])

    def trouble(path: str, parameters: dict[str, str]) -> None:
        fault = next(met)
        if fault is ENDED:
            crm.tokens.clear()
        elif fault:
            crm.faults.append(fault)

    crm.before = trouble
    assert rows(copied(tmp_path, server.address(crm), duckdb, exclude=("Leads",)))["Projects"] == seed.PROJECTS
    assert len(crm.made) > 3


def test_rows_that_change_during_the_copy_are_found(
    tmp_path: Path, crm: Organisation, address: Address, duckdb: Address
) -> None:
    """A record deleted after it was read: the copy holds it, and a later verification names it."""
    copied(tmp_path, address, duckdb, tables=("Deals",))
    crm.modules["Deals"].delete(int(seed.identity(4, 5)), seed.moment(1))
    report = verify(CopyRequest(address, duckdb, tables=("Deals",)), rows=True)
    assert report.outcome == "different"
    assert report.tables[0].differences_total == 1


def test_users_that_may_not_be_seen_are_left_out(
    tmp_path: Path, server: Server, crm: Organisation, duckdb: Address
) -> None:
    crm.scopes = crm.scopes - {"ZohoCRM.users.READ"}
    report = copied(tmp_path, server.address(crm), duckdb, tables=("Deals", "Accounts"))
    assert any(f.code == "module_not_read" and "owners stay ids" in f.message for f in report.findings)
    assert ask(duckdb, "SELECT count(DISTINCT Owner) AS n FROM Deals") == [{"n": 3}]


def test_by_the_command_line(tmp_path: Path, crm: Organisation, address: Address) -> None:
    """With the credentials in the environment, as document 004 has them; no secret is written anywhere."""
    wayfare = Wayfare(tmp_path, tmp_path / "home")
    source = f"zoho:///?accounts_url={address.options['accounts_url']}&modules=Deals,Deal_Items,Accounts,Users"
    environment = {
        "ZOHO_API_DOMAIN": f"http://127.0.0.1:{address.port}",
        "ZOHO_CLIENT_ID": crm.client_id,
        "ZOHO_CLIENT_SECRET": crm.client_secret,
        "ZOHO_REFRESH_TOKEN": crm.refresh_token,
    }
    answers = [
        wayfare("doctor", source, **environment),
        wayfare("plan", source, "duckdb:///copy.duckdb", **environment),
        wayfare("copy", source, "duckdb:///copy.duckdb", "--json", **environment),
        wayfare("verify", source, "duckdb:///copy.duckdb", "--rows", **environment),
        wayfare("copy", address.url(reveal=True), "duckdb:///other.duckdb", "--tables", "Accounts", "--json"),
        wayfare("verify", address.url(reveal=True), "duckdb:///other.duckdb", "--tables", "Accounts"),
    ]
    for answer in answers:
        assert answer.code == 0, answer.err
    found = {t["source"]: t["rows_target"] for t in answers[2].json["tables"]}
    assert found == {"Accounts": seed.ACCOUNTS, "Deal_Items": 90, "Deals": seed.DEALS, "Users": 3}
    for secret in (crm.client_secret, crm.refresh_token, *crm.tokens):
        assert not any(secret in answer.out + answer.err for answer in answers)
        kept = [p for p in tmp_path.rglob("*") if p.is_file() and secret.encode() in p.read_bytes()]
        assert not kept


def test_what_the_command_line_says_of_a_wrong_secret(tmp_path: Path, crm: Organisation, address: Address) -> None:
    wayfare = Wayfare(tmp_path, tmp_path / "home")
    wrong = address.url(reveal=True).replace(crm.client_secret, "wrong")
    answer = wayfare("doctor", wrong)
    assert answer.code == 4
    assert "invalid_client" in answer.err + answer.out
    assert crm.refresh_token not in answer.err + answer.out
