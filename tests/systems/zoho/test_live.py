"""The adapter against the stand-in server: what it tells, what it asks for, and what it does about trouble."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from systems.zoho import seed
from wayfare.core.address import Address
from wayfare.core.errors import (
    Busy,
    Forbidden,
    Invalid,
    NotFound,
    Refused,
    Unauthenticated,
    Unreachable,
    WayfareError,
)
from wayfare.core.losses import losses
from wayfare.core.ports import WHOLE, Chunk
from wayfare.core.tables import LOSS_ALLOWED, Meaning, Table
from wayfare.systems.databases.zoho import catalog, pages
from wayfare.systems.databases.zoho.database import ZohoDatabase
from wayfare.systems.databases.zoho.options import Bulk
from wayfare.systems.databases.zoho.testcrm import Fault, Module, Organisation
from wayfare.systems.databases.zoho.testserver import Server
from wayfare.systems.testing import free_port

SLOWER = Fault(429, {"code": "TOO_MANY_REQUESTS", "message": "slower"}, {"Retry-After": "0"})
CUT = Fault(0)


def find(zoho: ZohoDatabase, name: str) -> Table:
    return next(t for t in zoho.tables() if t.name == name)


def rows(zoho: ZohoDatabase, table: Table, chunks: Sequence[Chunk] = (WHOLE,)) -> list[dict[str, Any]]:
    return [row for chunk in chunks for batch in zoho.read(table, chunk) for row in batch.to_pylist()]


def asked(crm: Organisation, module: str) -> list[dict[str, str]]:
    """The parameters of the requests for records of a module."""
    return [parameters for _, path, parameters in crm.asked if path == f"/crm/v8/{module}"]


# What it tells


def test_fields_are_columns(zoho: ZohoDatabase) -> None:
    leads = find(zoho, "Leads")
    told = {c.name: (c.type, c.meaning, c.native, c.length) for c in leads.columns}
    text, plain = pa.string(), Meaning.PLAIN
    assert leads.columns[0].name == "id"
    assert leads.key == ("id",)
    assert told["id"] == (pa.int64(), plain, "bigint", None)
    assert told["Last_Name"] == (text, plain, "text", 80)
    assert told["Full_Name"] == (text, plain, "text", None), "its length is not kept to"
    assert told["Description"] == (text, plain, "textarea", None)
    assert told["Topics"] == (pa.list_(text), plain, "multiselectpicklist", None)
    assert told["No_of_Employees"] == (pa.int32(), plain, "integer", None)
    assert told["Serial"] == (pa.int64(), plain, "bigint", None)
    assert told["Annual_Revenue"] == (pa.decimal128(18, 2), plain, "currency(18,2)", None)
    assert told["Weight"] == (pa.float64(), plain, "formula(double)", None)
    assert told["Born"] == (pa.date32(), plain, "date", None)
    assert told["Modified_Time"] == (pa.timestamp("us", "UTC"), plain, "datetime", None)
    assert told["Photo"] == (text, Meaning.JSON, "imageupload", None)
    assert told["Owner"] == (pa.int64(), plain, "ownerlookup", None)
    assert told["Owner_name"] == (text, plain, "name of Owner", None)
    assert leads.column("Lead_Source").comment == "Lead Source"
    assert leads.rows_estimate == seed.LEADS


def test_lookups_are_foreign_keys(zoho: ZohoDatabase, server: Server, crm: Organisation) -> None:
    def keys(table: Table) -> set[tuple[str, str]]:
        return {(k.columns[0], k.parent) for k in table.foreign_keys}

    assert keys(find(zoho, "Contacts")) == {
        ("Account_Name", "Accounts"),
        ("Reporting_To", "Contacts"),
        ("Owner", "Users"),
    }
    assert keys(find(zoho, "Deal_Items")) == {("Parent_Id", "Deals")}
    with ZohoDatabase(server.address(crm, foreign_keys="off")) as without:
        assert not any(t.foreign_keys for t in without.tables())


def test_only_the_named_modules_are_seen(server: Server, crm: Organisation) -> None:
    with ZohoDatabase(server.address(crm, modules="Deals, Accounts")) as some:
        assert [t.name for t in some.tables()] == ["Accounts", "Deals"]
        assert {k.parent for t in some.tables() for k in t.foreign_keys} == {"Accounts"}
    with ZohoDatabase(server.address(crm, modules="Deels")) as none, pytest.raises(NotFound, match="Deels"):
        none.tables()


def test_a_sub_form_that_does_not_mention_its_record_has_it_all_the_same(zoho: ZohoDatabase, crm: Organisation) -> None:
    crm.modules["Deal_Items"].fields.pop(0)
    items = find(zoho, "Deal_Items")
    assert {row["Parent_Id"] for row in rows(zoho, items)} <= set(crm.modules["Deals"].records)
    assert items.foreign_keys[0].parent == "Deals"


def test_what_cannot_be_read_is_told(zoho: ZohoDatabase, crm: Organisation) -> None:
    crm.modules["Projects"].readable = False
    told = {f.where: f for f in zoho.check().findings if f.code == "module_not_read"}
    assert set(told) == {"Attachments", "Projects"}
    assert "permission denied" in told["Projects"].message
    assert "Projects" not in [t.name for t in zoho.tables()]


def test_the_catalog_that_was_checked_is_read_once(zoho: ZohoDatabase, crm: Organisation) -> None:
    zoho.check()
    crm.asked.clear()
    first = zoho.tables()
    assert not crm.asked
    crm.module(Module("New", "New", [seed.meta("Name")]))
    assert [t.name for t in zoho.tables()] == sorted([*(t.name for t in first), "New"]), "and then anew"


# What it asks for


def test_pages_are_a_chain_of_tokens(zoho: ZohoDatabase, crm: Organisation) -> None:
    leads = find(zoho, "Leads")
    found = rows(zoho, leads)
    assert [r["id"] for r in found] == sorted(crm.modules["Leads"].records)
    requests = asked(crm, "Leads")
    assert len(requests) == -(-seed.LEADS // 200)
    assert "page_token" not in requests[0]
    assert all("page_token" in r and r["sort_by"] == "id" for r in requests[1:])
    assert rows(zoho, leads) == found, "and again the same"


def test_ids_of_nineteen_digits_are_exact(zoho: ZohoDatabase) -> None:
    found = rows(zoho, find(zoho, "Accounts"))
    assert found[0]["id"] == int(seed.identity(2, 1))
    assert found[3]["Parent_Account"] == int(seed.identity(2, 3))
    assert found[3]["Parent_Account_name"] == seed.account_name(3)


def test_an_empty_module_has_no_rows(zoho: ZohoDatabase) -> None:
    assert rows(zoho, find(zoho, "Campaigns")) == []


def test_more_than_fifty_fields_are_put_together(zoho: ZohoDatabase, crm: Organisation) -> None:
    found = rows(zoho, find(zoho, "Projects"))
    assert all(len(r["fields"].split(",")) <= 50 for r in asked(crm, "Projects"))
    for row, record in zip(found, crm.modules["Projects"].records.values(), strict=True):
        assert {k: row[k] for k in row if k.startswith("Field_")} == {
            f"Field_{i}": record.get(f"Field_{i}") for i in range(seed.WIDE)
        }


def test_a_record_that_changes_between_two_requests_is_of_one_moment(zoho: ZohoDatabase, crm: Organisation) -> None:
    projects = find(zoho, "Projects")
    records = crm.modules["Projects"].records
    changing, going = int(seed.identity(6, 3)), int(seed.identity(6, 5))

    def change(path: str, parameters: dict[str, str]) -> None:
        if "ids" in parameters:
            crm.before = None
            new = {f"Field_{i}": "new" for i in range(seed.WIDE)}
            records[changing] |= {"Name": "new", "Modified_Time": "2025-01-01T00:00:00+00:00", **new}
            records.pop(going)

    crm.before = change
    found = {r["id"]: r for r in rows(zoho, projects)}
    assert going not in found
    assert {v for k, v in found[changing].items() if k.startswith("Field_") or k == "Name"} == {"new"}


def test_records_that_never_rest_are_given_up(zoho: ZohoDatabase, crm: Organisation) -> None:
    projects = find(zoho, "Projects")
    turns = iter(range(10_000))

    def change(path: str, parameters: dict[str, str]) -> None:
        crm.modules["Projects"].records[int(seed.identity(6, 3))]["Modified_Time"] = seed.moment(next(turns))

    crm.before = change
    with pytest.raises(Busy, match="Projects change faster"):
        rows(zoho, projects)


def test_records_that_come_and_go_during_a_chain_do_not_disturb_the_others(
    zoho: ZohoDatabase, crm: Organisation
) -> None:
    leads = find(zoho, "Leads")
    there = set(crm.modules["Leads"].records)
    gone = {int(seed.identity(1, n)) for n in range(1, 600, 7)}

    def change(path: str, parameters: dict[str, str]) -> None:
        if len(asked(crm, "Leads")) == 4:
            for identity in gone & set(crm.modules["Leads"].records):
                crm.modules["Leads"].delete(identity, seed.moment(1))
            crm.modules["Leads"].add(seed.lead(seed.LEADS + 1))

    crm.before = change
    found = [r["id"] for r in rows(zoho, leads)]
    assert len(found) == len(set(found))
    assert there - gone <= set(found)


def test_some_columns_cost_no_more_than_they_need(zoho: ZohoDatabase, crm: Organisation) -> None:
    projects = find(zoho, "Projects")
    crm.asked.clear()
    names = rows(zoho, projects.only(frozenset({"Owner_name"})))
    assert len(names) == seed.PROJECTS
    assert {r["fields"] for r in asked(crm, "Projects")} == {"Owner"}
    assert len(rows(zoho, projects.only(frozenset({"id"})))) == seed.PROJECTS
    chunk = Chunk(cursor="Modified_Time", after=seed.moment(200))
    late = rows(zoho, projects.only(frozenset({"Name"})), [chunk])
    assert [r["Name"] for r in late] == [f"Project {n}" for n in range(201, seed.PROJECTS + 1)]


@pytest.mark.parametrize(
    ("chunk", "count"),
    [
        (Chunk(cursor="Modified_Time", after=seed.moment(2_400)), 50),
        (Chunk(cursor="Modified_Time", after=seed.moment(2_400), upto=seed.moment(2_410)), 10),
        (Chunk(cursor="Modified_Time", after="2024-01-02T21:30:00+01:00"), 50),  # the same time, told elsewhere
        (Chunk(cursor="Modified_Time", after="2030-01-01"), 0),
        (Chunk(cursor="id", after=int(seed.identity(1, 2_440))), 10),
        (Chunk(cursor="Born", after="1969-12-30"), 2_100),
    ],
)
def test_cursors(zoho: ZohoDatabase, chunk: Chunk, count: int) -> None:
    assert len(rows(zoho, find(zoho, "Leads"), [chunk])) == count


@pytest.mark.parametrize(
    ("chunk", "where"),
    [
        (Chunk(cursor="Modified_Time", after="yesterday"), "--since"),
        (Chunk(cursor="Last_Name", after=1), "--cursor"),
    ],
)
def test_what_is_no_cursor(zoho: ZohoDatabase, chunk: Chunk, where: str) -> None:
    with pytest.raises(Invalid) as told:
        rows(zoho, find(zoho, "Leads"), [chunk])
    assert told.value.where == where


# Exports


def test_exports_are_chunks(server: Server, crm: Organisation) -> None:
    crm.rules.export_records = 1_000
    with ZohoDatabase(server.address(crm, bulk="always")) as zoho:
        leads = find(zoho, "Leads")
        assert zoho.split(leads, 10) == [WHOLE]
        chunks = zoho.split(replace(leads, rows_estimate=450_000), 10)
        assert [(c.low, c.high) for c in chunks] == [(0, 1), (1, 2), (2, None)]
        parts = [rows(zoho, leads, [chunk]) for chunk in chunks]
        assert [len(p) for p in parts] == [1_000, 1_000, 450]
        assert sorted(r["id"] for p in parts for r in p) == sorted(crm.modules["Leads"].records)


@pytest.mark.parametrize(
    ("rows", "bulk", "plain", "exported"),
    [
        (49_999, Bulk.AUTO, True, False),
        (50_000, Bulk.AUTO, True, True),
        (50_000, Bulk.AUTO, False, False),
        (90_001, Bulk.AUTO, False, True),
        (1, Bulk.ALWAYS, False, True),
        (1_000_000, Bulk.NEVER, True, False),
    ],
)
def test_what_is_exported(rows: int, bulk: Bulk, plain: bool, exported: bool) -> None:
    assert catalog._is_exported(rows, bulk, plain=plain) is exported


def test_small_modules_are_not_exported(zoho: ZohoDatabase, crm: Organisation) -> None:
    rows(zoho, find(zoho, "Leads"))
    assert not crm.paths("/bulk/")


def test_an_export_that_fails_is_worth_another_try(server: Server, crm: Organisation) -> None:
    with ZohoDatabase(server.address(crm, bulk="always")) as zoho:
        table = find(zoho, "Accounts")
        crm.rules.export_fails = True
        with pytest.raises(Busy, match="Accounts failed"):
            rows(zoho, table)
        crm.rules.export_fails = False
        crm.faults += [CUT, SLOWER, Fault(500), CUT]
        assert len(rows(zoho, table)) == seed.ACCOUNTS


def test_a_record_that_changes_after_its_export_is_of_one_moment(server: Server, crm: Organisation) -> None:
    leads = crm.modules["Leads"].records
    changing, going = int(seed.identity(1, 50)), int(seed.identity(1, 51))

    def change(path: str, parameters: dict[str, str]) -> None:
        if "ids" in parameters:
            crm.before = None
            leads[changing] |= {"Last_Name": "new", "Photo": None, "Modified_Time": "2025-01-01T00:00:00+05:30"}
            leads.pop(going)

    with ZohoDatabase(server.address(crm, bulk="always")) as zoho:
        table = find(zoho, "Leads")
        crm.before = change
        found = {r["id"]: r for r in rows(zoho, table)}
    assert len(found) == seed.LEADS - 1
    assert (found[changing]["Last_Name"], found[changing]["Photo"]) == ("new", None)


def test_records_in_two_exports_are_found(server: Server, crm: Organisation) -> None:
    crm.rules.export_records = 1_000
    first = int(seed.identity(1, 1))

    def move(path: str, parameters: dict[str, str]) -> None:
        if path.endswith("/bulk/v8/read") and len(crm.exports) == 1:  # before the second
            records = crm.modules["Leads"].records
            records[first] = records.pop(first)  # now the last one

    with ZohoDatabase(server.address(crm, bulk="always")) as zoho:
        leads = find(zoho, "Leads")
        crm.before = move
        with pytest.raises(Busy, match="two exports"):
            rows(zoho, leads)


# Trouble


def test_a_token_that_ends_is_renewed_once_for_all(zoho: ZohoDatabase, crm: Organisation) -> None:
    tables = [t for t in zoho.tables() if t.name in ("Accounts", "Contacts", "Deals", "Deal_Items")]
    made = len(crm.made)
    crm.tokens.clear()
    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(lambda t: len(rows(zoho, t)), tables))
    assert counts == [seed.ACCOUNTS, seed.CONTACTS, 90, seed.DEALS]
    assert len(crm.made) == made + 1


def test_a_token_that_ends_between_pages(zoho: ZohoDatabase, crm: Organisation) -> None:
    leads = find(zoho, "Leads")

    def end(path: str, parameters: dict[str, str]) -> None:
        if len(asked(crm, "Leads")) in (3, 9):
            crm.tokens.clear()

    crm.before = end
    assert len(rows(zoho, leads)) == seed.LEADS
    assert len(crm.made) == 3


def test_everyone_in_the_process_shares_the_token(address: Address, crm: Organisation) -> None:
    for _ in range(3):
        with ZohoDatabase(address) as zoho:
            zoho.check()
    assert len(crm.made) == 1


def test_a_refresh_token_that_was_used_too_often(server: Server, crm: Organisation) -> None:
    crm.rules.tokens_max = 0
    with ZohoDatabase(server.address(crm)) as zoho, pytest.raises(Busy, match="too many access tokens") as told:
        zoho.check()
    assert told.value.retryable


@pytest.mark.parametrize(
    ("wrong", "said"), [("client_secret", "invalid_client"), ("client_id", "invalid_client"), ("refresh_token", "code")]
)
def test_wrong_credentials(server: Server, crm: Organisation, wrong: str, said: str) -> None:
    secret = "1000.not-the-right-one"
    with (
        ZohoDatabase(server.address(crm, **{wrong: secret})) as zoho,
        pytest.raises(Unauthenticated, match=said) as told,
    ):
        zoho.check()
    assert secret not in str(told.value)


@pytest.mark.parametrize("scope", ["ZohoCRM.settings.READ", "ZohoCRM.modules.READ", "ZohoCRM.bulk.READ"])
def test_a_missing_scope_is_named(server: Server, crm: Organisation, scope: str) -> None:
    crm.scopes = crm.scopes - {scope}
    with ZohoDatabase(server.address(crm, bulk="always")) as zoho, pytest.raises(Forbidden) as told:
        rows(zoho, find(zoho, "Leads"))
    assert scope in told.value.remedy


def test_a_storm_of_throttling_is_waited_out(zoho: ZohoDatabase, crm: Organisation) -> None:
    leads = find(zoho, "Leads")
    crm.faults += [SLOWER] * 20
    assert len(rows(zoho, leads)) == seed.LEADS


def test_throttling_is_not_waited_out_for_ever(server: Server, crm: Organisation) -> None:
    with ZohoDatabase(server.address(crm, wait_seconds="1")) as zoho:
        leads = find(zoho, "Leads")
        crm.faults.append(replace(SLOWER, headers={"Retry-After": "3600"}))
        with pytest.raises(Busy, match="TOO_MANY_REQUESTS"):
            rows(zoho, leads)


def test_more_calls_at_once_than_the_edition_allows(server: Server, crm: Organisation) -> None:
    crm.rules.calls_at_once = 1
    with ZohoDatabase(server.address(crm)) as zoho:
        tables = zoho.tables()
        with ThreadPoolExecutor(4) as pool:
            counts = dict(zip((t.name for t in tables), pool.map(lambda t: len(rows(zoho, t)), tables), strict=True))
    assert counts["Leads"] == seed.LEADS
    assert crm.at_once_most == 1


@pytest.mark.parametrize("fault", [CUT, Fault(500), Fault(502), Fault(503)])
def test_what_breaks_is_tried_again(zoho: ZohoDatabase, crm: Organisation, fault: Fault) -> None:
    leads = find(zoho, "Leads")
    crm.faults += [fault] * 3
    assert len(rows(zoho, leads)) == seed.LEADS
    crm.faults += [fault] * 5
    with pytest.raises(Unreachable) as told:
        rows(zoho, leads)
    assert told.value.retryable


def test_nobody_listens(server: Server, crm: Organisation) -> None:
    closed = free_port()
    no_api = replace(server.address(crm), port=closed)
    no_accounts = server.address(crm, accounts_url=f"http://127.0.0.1:{closed}")
    for address in (no_api, no_accounts):
        with ZohoDatabase(address) as zoho, pytest.raises(Unreachable, match="no connection"):
            zoho.check()


def test_pages_end_and_the_way_out_is_said(zoho: ZohoDatabase, crm: Organisation) -> None:
    crm.rules.pages_end = 1_000
    with pytest.raises(Refused, match="LIMIT_REACHED") as told:
        rows(zoho, find(zoho, "Leads"))
    assert "bulk=always" in told.value.remedy


def test_redirects_are_not_followed(zoho: ZohoDatabase, crm: Organisation, server: Server) -> None:
    leads = find(zoho, "Leads")
    crm.faults.append(Fault(302, {}, {"Location": f"{server.url}/crm/v8/Leads"}))
    crm.asked.clear()
    with pytest.raises(Refused, match="302"):
        rows(zoho, leads)
    assert len(crm.asked) == 1


def test_a_value_that_is_none_of_its_type(zoho: ZohoDatabase, crm: Organisation) -> None:
    leads = find(zoho, "Leads")
    crm.modules["Leads"].records[int(seed.identity(1, 5))]["Born"] = "31/12/1969"
    with pytest.raises(Refused, match="31/12/1969") as told:
        rows(zoho, leads)
    assert told.value.where == "Leads.Born"
    assert seed.identity(1, 5) in told.value.message
    batches = list(zoho.read(replace(leads, hints=(*leads.hints, (LOSS_ALLOWED, "Born"))), WHOLE))
    assert [losses(b) for b in batches] == [{"Born": 1}, {}]
    assert sum(b.num_rows for b in batches) == seed.LEADS


def test_a_read_may_be_closed_early(zoho: ZohoDatabase) -> None:
    leads = find(zoho, "Leads")
    for _ in range(15):  # more than there are connections
        batches = zoho.read(leads, WHOLE)
        next(batches)
        batches.close()  # type: ignore[attr-defined]
    assert len(rows(zoho, leads)) == seed.LEADS


def test_pages_that_overlap_are_not_taken(zoho: ZohoDatabase, crm: Organisation, monkeypatch: Any) -> None:
    """A server that forgets the order would give a record twice, and another never."""
    leads = find(zoho, "Leads")
    chain = pages._chain
    monkeypatch.setattr(pages, "_chain", lambda *told: [a for a in chain(*told) for _ in range(2)])
    with pytest.raises(Busy, match="overlap"):
        rows(zoho, leads)


def test_errors_are_ours(zoho: ZohoDatabase, crm: Organisation) -> None:
    leads = find(zoho, "Leads")
    crm.faults.append(Fault(400, {"code": "SOMETHING_NEW", "message": "never heard of", "status": "error"}))
    with pytest.raises(WayfareError, match=r"never heard of\. \(SOMETHING_NEW\)"):
        rows(zoho, leads)
