"""What needs no server: options, fields, values, windows, tokens, errors. `input; expected` pairs."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from systems.zoho import seed
from wayfare.core.address import Address
from wayfare.core.errors import Busy, Forbidden, Invalid, NotFound, Refused, Unauthenticated, Unreachable
from wayfare.core.landing import Verdict
from wayfare.core.ports import Chunk
from wayfare.core.redacted import Redacted
from wayfare.core.tables import Column, Meaning, Table
from wayfare.systems.databases.zoho import errors, landing, options, types
from wayfare.systems.databases.zoho.export import Cells
from wayfare.systems.databases.zoho.options import Bulk, Options
from wayfare.systems.databases.zoho.pages import Module
from wayfare.systems.databases.zoho.rows import Rows, decoder
from wayfare.systems.databases.zoho.tokens import RENEWALS_MAX, AccessTokens
from wayfare.systems.databases.zoho.types import Field, Place
from wayfare.systems.databases.zoho.window import Window

KEYS = "client_id=a&client_secret=b&refresh_token=c"
ENVIRONMENT = {
    "ZOHO_CLIENT_ID": "a",
    "ZOHO_CLIENT_SECRET": "b",
    "ZOHO_REFRESH_TOKEN": "c",
    "ZOHO_API_DOMAIN": "https://www.zohoapis.in/",
}


def parsed(url: str, environment: dict[str, str] | None = None) -> Options:
    return options.parse(Address.parse(url), environment or {})


# Options


@pytest.mark.parametrize(
    ("url", "api", "accounts"),
    [
        ("zoho://www.zohoapis.com/?", "https://www.zohoapis.com", "https://accounts.zoho.com"),
        ("zoho://www.zohoapis.eu?", "https://www.zohoapis.eu", "https://accounts.zoho.eu"),
        ("zoho://www.zohoapis.in/?", "https://www.zohoapis.in", "https://accounts.zoho.in"),
        ("zoho://www.zohoapis.com.au/?", "https://www.zohoapis.com.au", "https://accounts.zoho.com.au"),
        ("zoho://www.zohoapis.jp/?", "https://www.zohoapis.jp", "https://accounts.zoho.jp"),
        ("zoho://www.zohoapis.com.cn/?", "https://www.zohoapis.com.cn", "https://accounts.zoho.com.cn"),
        ("zoho://www.zohoapis.sa/?", "https://www.zohoapis.sa", "https://accounts.zoho.sa"),
        ("zoho://www.zohoapis.ca/?", "https://www.zohoapis.ca", "https://accounts.zohocloud.ca"),
        ("zoho://sandbox.zohoapis.eu/?", "https://sandbox.zohoapis.eu", "https://accounts.zoho.eu"),
        ("zoho:///?api_domain=https://www.zohoapis.eu/&", "https://www.zohoapis.eu", "https://accounts.zoho.eu"),
        ("zoho:///?api_domain=www.zohoapis.eu&", "https://www.zohoapis.eu", "https://accounts.zoho.eu"),
        ("zoho://crm.example/?accounts_url=login.example&", "https://crm.example", "https://login.example"),
        ("zoho://127.0.0.1:81/?accounts_url=127.0.0.1:82&", "http://127.0.0.1:81", "http://127.0.0.1:82"),
        ("zoho://[::1]:81/?accounts_url=https://[::1]&", "http://[::1]:81", "https://[::1]"),
    ],
)
def test_servers(url: str, api: str, accounts: str) -> None:
    found = parsed(url + KEYS)
    assert (found.api_domain, found.accounts_url) == (api, accounts)


def test_the_environment_fills_what_the_url_lacks() -> None:
    found = parsed("zoho:///?client_id=mine", ENVIRONMENT)
    assert (found.client_id, found.client_secret.reveal(), found.refresh_token.reveal()) == ("mine", "b", "c")
    assert found.api_domain == "https://www.zohoapis.in"
    assert parsed("zoho://www.zohoapis.eu/", ENVIRONMENT).api_domain == "https://www.zohoapis.eu"


@pytest.mark.parametrize(
    "url",
    [
        "zoho://www.zohoapis.com/?accounts_url=evil.example",
        "zoho://evil.example/?accounts_url=accounts.zoho.com",
        "zoho:///?api_domain=evil.example&accounts_url=accounts.zoho.com&client_id=a&client_secret=b",
    ],
)
def test_what_the_environment_keeps_secret_goes_to_nobody_else(url: str) -> None:
    with pytest.raises(Invalid, match="credentials of the environment are not sent to"):
        parsed(url, ENVIRONMENT)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"zoho://www.zohoapis.com/?{KEYS}&colour=red", "unknown option 'colour'"),
        ("zoho://www.zohoapis.com/?client_id=a", "lacks client_secret, refresh_token"),
        (f"zoho:///?{KEYS}", "names no API domain"),
        (f"zoho://crm.example/?{KEYS}", "none of Zoho's API domains"),
        (f"zoho://zohoapis.com.evil.example/?{KEYS}", "none of Zoho's API domains"),
        (f"zoho://evil-zohoapis.com/?{KEYS}", "none of Zoho's API domains"),
        (f"zoho://evil.example.zohoapis.org/?{KEYS}", "none of Zoho's API domains"),
        (f"zoho:///?api_domain=http://www.zohoapis.com&{KEYS}", "https only"),
        (f"zoho://www.zohoapis.com/?accounts_url=http://10.0.0.1&{KEYS}", "https only"),
        (f"zoho://www.zohoapis.com/?accounts_url=ftp://x&{KEYS}", "https only"),
        (f"zoho://www.zohoapis.com/?accounts_url=https://u:p@x&{KEYS}", "not the address of a server"),
        (f"zoho://www.zohoapis.com/?accounts_url=https://x/path&{KEYS}", "not the address of a server"),
        (f"zoho://www.zohoapis.com/?accounts_url=https://x:a&{KEYS}", "port is not a number"),
        (f"zoho://www.zohoapis.com/?bulk=maybe&{KEYS}", "none of auto, always, never"),
        (f"zoho://www.zohoapis.com/?foreign_keys=maybe&{KEYS}", "neither on nor off"),
        (f"zoho://www.zohoapis.com/?wait_seconds=soon&{KEYS}", "not a number"),
        (f"zoho://www.zohoapis.com/?wait_seconds=-1&{KEYS}", "between 0 and 3600"),
    ],
)
def test_wrong_options_are_named(url: str, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        parsed(url)


def test_other_options() -> None:
    found = parsed(f"zoho://www.zohoapis.com/?{KEYS}&modules=A,%20B&bulk=never&foreign_keys=off&wait_seconds=7")
    assert (found.modules, found.bulk, found.foreign_keys, found.wait_seconds) == (("A", "B"), Bulk.NEVER, False, 7.0)


def test_secrets_are_not_shown() -> None:
    address = Address.parse("zoho://www.zohoapis.com/?client_id=1000.ID&client_secret=s3cr3t&refresh_token=1000.r3fr")
    for text in (str(address), repr(address), repr(options.parse(address, {}))):
        assert "s3cr3t" not in text
        assert "r3fr" not in text
    assert set(address.secrets()) == {"s3cr3t", "1000.r3fr"}


# Fields


def told(**field: Any) -> dict[str, Any]:
    return {"api_name": "F", "data_type": "text", "json_type": "string", "display_label": "Label", **field}


@pytest.mark.parametrize(
    ("field", "columns"),
    [
        (told(length=100), [("F", pa.string(), "plain", "text", 100)]),
        (told(length=100, read_only=True), [("F", pa.string(), "plain", "text", None)]),
        (told(data_type="textarea", length=2_000), [("F", pa.string(), "plain", "textarea", None)]),
        (told(data_type="autonumber", length=30), [("F", pa.string(), "plain", "autonumber", 30)]),
        (told(data_type="integer", length=9), [("F", pa.int32(), "plain", "integer", None)]),
        (told(data_type="integer", length=12), [("F", pa.int64(), "plain", "integer", None)]),
        (told(data_type="bigint", length=18), [("F", pa.int64(), "plain", "bigint", None)]),
        (told(data_type="boolean"), [("F", pa.bool_(), "plain", "boolean", None)]),
        (told(data_type="date"), [("F", pa.date32(), "plain", "date", None)]),
        (told(data_type="datetime"), [("F", types.UTC, "plain", "datetime", None)]),
        (
            told(data_type="currency", length=16, currency={"precision": 3}),
            [("F", pa.decimal128(19, 3), "plain", "currency(19,3)", None)],
        ),
        (
            told(data_type="double", length=16, decimal_place=9),
            [("F", pa.decimal128(25, 9), "plain", "double(25,9)", None)],
        ),
        (
            told(data_type="percent", length=5, decimal_place=2),
            [("F", pa.decimal128(7, 2), "plain", "percent(7,2)", None)],
        ),
        (told(data_type="percent", length=5), [("F", pa.string(), "number", "percent", None)]),
        (
            told(data_type="formula", formula={"return_type": "currency"}),
            [("F", pa.float64(), "plain", "formula(currency)", None)],
        ),
        (
            told(data_type="formula", formula={"return_type": "string"}),
            [("F", pa.string(), "plain", "formula(string)", None)],
        ),
        (
            told(data_type="rollup_summary", rollup_summary={"return_type": "integer"}),
            [("F", pa.int64(), "plain", "rollup_summary(integer)", None)],
        ),
        (
            told(data_type="multiselectpicklist", json_type="jsonarray"),
            [("F", types.TEXTS, "plain", "multiselectpicklist", None)],
        ),
        (told(data_type="fileupload", json_type="jsonarray"), [("F", pa.string(), "json", "fileupload", None)]),
        (told(data_type="RRULE", json_type="jsonobject"), [("F", pa.string(), "json", "RRULE", None)]),
        (told(data_type="brand_new", json_type="double"), [("F", pa.float64(), "plain", "brand_new", None)]),
        (told(data_type="brand_new"), [("F", pa.string(), "plain", "brand_new", None)]),
        (told(api_name="Tag", json_type="jsonarray"), [("Tag", types.TEXTS, "plain", "tags", None)]),
        (
            told(data_type="ownerlookup", json_type="jsonobject"),
            [("F", pa.int64(), "plain", "ownerlookup", None), ("F_name", pa.string(), "plain", "name of F", None)],
        ),
        (
            told(data_type="lookup", json_type="jsonobject", lookup={"module": {"api_name": "Deals"}}),
            [("F", pa.int64(), "plain", "lookup(Deals)", None), ("F_name", pa.string(), "plain", "name of F", None)],
        ),
        (
            told(data_type="bigint", json_type="jsonobject"),
            [("F", pa.int64(), "plain", "lookup", None), ("F_name", pa.string(), "plain", "name of F", None)],
        ),
        (
            told(data_type="multi_module_lookup", json_type="jsonobject"),
            [
                ("F", pa.int64(), "plain", "multi_module_lookup", None),
                ("F_name", pa.string(), "plain", "name of F", None),
                ("F_module", pa.string(), "plain", "module of F", None),
            ],
        ),
        (
            told(data_type="lookup", json_type="jsonobject", lookup={"module": {"api_name": "se_module"}}),
            [
                ("F", pa.int64(), "plain", "lookup(se_module)", None),
                ("F_name", pa.string(), "plain", "name of F", None),
                ("F_module", pa.string(), "plain", "se_module of F", None),
            ],
        ),
        (told(data_type="subform", json_type="jsonarray"), []),
        (told(data_type="multiselectlookup", json_type="jsonarray"), []),
    ],
)
def test_columns_of_a_field(field: dict[str, Any], columns: list[tuple[Any, ...]]) -> None:
    identity, *found = types.columns([Field.of(field)])
    assert (identity.name, identity.nullable) == ("id", False)
    assert [(c.name, c.type, str(c.meaning), c.native, c.length) for c in found] == columns
    assert all(c.comment.startswith("Label") and c.origin == "zoho" and c.nullable for c in found)


def test_names_that_are_taken() -> None:
    fields = [Field("A", data_type="ownerlookup"), Field("A_name"), Field("a_NAME_")]
    assert [c.name for c in types.columns(fields)] == ["id", "A", "A_name__", "A_name", "a_NAME_"]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        (Column("X", pa.string(), native="text"), "plain"),
        (Column("O", pa.int64(), native="ownerlookup"), "17"),
        (Column("O_name", pa.string(), native="name of O"), "Ann"),
        (Column("W", pa.int64(), native="multi_module_lookup"), "18"),
        (Column("W_module", pa.string(), native="module of W"), "Leads"),
        (Column("W_module", pa.string(), native="se_module of W"), "Deals"),
        (Column("Tag", types.TEXTS, native="tags"), ["hot"]),
        (Column("None", pa.int64(), native="lookup(Deals)"), None),
        (Column("None_name", pa.string(), native="name of None"), None),
    ],
)
def test_places(column: Column, value: Any) -> None:
    record = {
        "X": "plain",
        "O": {"id": "17", "name": "Ann"},
        "W": {"id": "18", "name": "Bo", "module": {"api_name": "Leads"}},
        "Tag": [{"name": "hot", "id": "1"}],
        "$se_module": "Deals",
        "None": None,
    }
    assert types.place(column).value(record) == value


def test_a_lookup_that_is_told_as_an_id_alone() -> None:
    assert Place("O", "id").value({"O": "17"}) == "17"
    assert Place("O", "name").value({"O": "17"}) is None


# Values


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (pa.int64(), "5725767000000123456", 5725767000000123456),
        (pa.int64(), Decimal("7.0"), 7),
        (pa.int64(), 7, 7),
        (pa.decimal128(18, 2), Decimal("12.3"), Decimal("12.30")),
        (pa.decimal128(18, 2), 12, Decimal("12.00")),
        (pa.decimal128(18, 2), "1E+3", Decimal("1000.00")),
        (pa.float64(), Decimal("0.1"), 0.1),
        (pa.float64(), "0.30000000000000004", 0.30000000000000004),
        (pa.bool_(), True, True),
        (pa.bool_(), "false", False),
        (pa.date32(), "2024-02-29", dt.date(2024, 2, 29)),
        (types.UTC, "2024-02-29T23:59:59+05:30", dt.datetime(2024, 2, 29, 18, 29, 59, tzinfo=dt.UTC)),
        (types.TEXTS, ["a", None], ["a", None]),
        (types.TEXTS, "a;b", ["a", "b"]),
        (pa.string(), 17, "17"),
        (pa.string(), True, "true"),
        (pa.string(), {"a": [1]}, '{"a": [1]}'),
    ],
)
def test_values(kind: pa.DataType, value: Any, expected: Any) -> None:
    table = Table("T", (Column("F", kind, native="text"),))
    assert Rows(table)([{"F": value}, {"F": None}, {}]).to_pydict() == {"F": [expected, None, None]}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (pa.int64(), Decimal("7.5")),
        (pa.int64(), "seven"),
        (pa.int64(), True),
        (pa.int32(), 2**31),
        (pa.decimal128(18, 2), Decimal("0.001")),
        (pa.decimal128(4, 2), Decimal(100)),
        (pa.decimal128(4, 2), "NaN"),
        (pa.float64(), "one"),
        (pa.bool_(), "yes"),
        (pa.date32(), "29.02.2024"),
        (types.UTC, "2024-02-29T23:59:59"),
    ],
)
def test_values_that_cannot_be_kept(kind: pa.DataType, value: Any) -> None:
    table = Table("T", (Column("F", kind, native="text"),))
    with pytest.raises(Refused, match="record 9 holds") as told:
        Rows(table)([{"id": "8", "F": None}, {"id": "9", "F": value}])
    assert told.value.where == "T.F"


def test_structures_are_json() -> None:
    decode = decoder(Column("F", pa.string(), meaning=Meaning.JSON))
    value = [{"id": "1", "size": 12, "share": Decimal("0.5"), "name": "ä"}, None, "text"]
    assert json.loads(decode(value)) == [{"id": "1", "size": 12, "share": 0.5, "name": "ä"}, None, "text"]
    assert decoder(Column("F", pa.string(), meaning=Meaning.NUMBER))(Decimal("1E+3")) == "1000"


def test_cells_of_an_export() -> None:
    cells = Cells(("Name",), {"Deal": "Deal.Deal_Name", "Other": ""}, ("Owner",), {"7": "Ann"}, ("File",))
    assert cells.asked() == ["id", "Name", "Owner", "Deal", "Other", "Deal.Deal_Name"]
    row = {"id": "1", "Name": "", "Owner": "7", "Deal": "5", "Deal.Deal_Name": "Big", "Other": ""}
    expected = {"id": "1", "Name": None, "Owner": {"id": "7", "name": "Ann"}, "Deal": {"id": "5", "name": "Big"}}
    assert cells.record(row) == {**expected, "Other": None}


@pytest.mark.parametrize(("count", "timed", "sizes"), [(0, True, [1]), (50, True, [50]), (120, True, [50, 50, 22])])
def test_groups_of_fields(count: int, timed: bool, sizes: list[int]) -> None:
    names = tuple(f"F{i}" for i in range(count - 1)) + (("Modified_Time",) if count else ())
    groups = Module("M", names, timed).groups()
    assert [len(g) for g in groups] == sizes
    assert {f for g in groups for f in g} == set(names or ("id",))
    assert len(groups) == 1 or all("Modified_Time" in g for g in groups)


# Windows


@pytest.mark.parametrize(
    ("value", "held"),
    [
        ("2024-01-01T10:00:00+05:30", False),
        ("2024-01-01T04:30:01+00:00", True),
        ("2024-01-01T12:00:00+00:00", True),
        ("2024-01-01T12:00:01+00:00", False),
        (None, False),
    ],
)
def test_windows(value: str | None, held: bool) -> None:
    chunk = Chunk(cursor="Modified_Time", after="2024-01-01T04:30:00", upto="2024-01-01T12:00:00Z")
    window = Window.of(chunk)
    assert window.since == "2024-01-01T04:29:59+00:00"
    assert window.holds({"Modified_Time": value}, None) is held


def test_the_running_second_is_left_to_the_next_copy() -> None:
    window = Window.of(Chunk(cursor="Modified_Time"))
    now = dt.datetime(2024, 1, 1, 12, 0, 7, 500_000, tzinfo=dt.UTC)
    assert window.holds({"Modified_Time": "2024-01-01T12:00:06+00:00"}, now)
    assert not window.holds({"Modified_Time": "2024-01-01T12:00:07+00:00"}, now)
    assert window.since == ""
    assert Window.of(Chunk()).holds({}, now)


# Tokens


def options_for(domain: str) -> Options:
    return Options(f"https://www.zohoapis.{domain}", "https://accounts", "a", Redacted("b"), Redacted("c"))


def test_a_token_of_another_data_centre_is_refused() -> None:
    def answer(form: dict[str, str]) -> dict[str, str]:
        return {"access_token": "t", "api_domain": "https://www.zohoapis.eu"}

    with pytest.raises(Invalid, match=r"kept at https://www\.zohoapis\.eu"):
        AccessTokens().current(options_for("com"), answer)
    assert AccessTokens().current(options_for("eu"), answer).reveal() == "t"


def test_no_more_tokens_are_asked_for_than_zoho_makes() -> None:
    asked: list[dict[str, str]] = []

    def answer(form: dict[str, str]) -> dict[str, str]:
        asked.append(form)
        return {"access_token": f"t{len(asked)}"}

    tokens, ours = AccessTokens(), options_for("com")
    token = tokens.current(ours, answer)
    assert tokens.current(ours, answer) == token
    for _ in range(RENEWALS_MAX - 1):
        token = tokens.renewed(token, ours, answer)
    assert tokens.renewed(Redacted("t1"), ours, answer) == token, "another thread has renewed it already"
    with pytest.raises(Busy, match="ten minutes"):
        tokens.renewed(token, ours, answer)
    assert len(asked) == RENEWALS_MAX
    assert asked[0] == {"grant_type": "refresh_token", "client_id": "a", "client_secret": "b", "refresh_token": "c"}


# Errors


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, "INVALID_TOKEN", Unauthenticated),
        (401, "AUTHENTICATION_FAILURE", Unauthenticated),
        (401, "OAUTH_SCOPE_MISMATCH", Forbidden),
        (403, "NO_PERMISSION", Forbidden),
        (400, "INVALID_MODULE", NotFound),
        (400, "INVALID_HOST", Invalid),
        (400, "LIMIT_REACHED", Refused),
        (400, "TOKEN_BOUND_DATA_MISMATCH", Refused),
        (400, "DISCRETE_PAGINATION_LIMIT_EXCEEDED", Refused),
        (400, "LIMIT_EXCEEDED", Refused),
        (429, "LIMIT_EXCEEDED", Busy),
        (429, "TOO_MANY_REQUESTS", Busy),
        (404, "", NotFound),
        (503, "", Unreachable),
        (302, "", Refused),
    ],
)
def test_codes(status: int, code: str, kind: type[Exception]) -> None:
    for body in ({"code": code, "message": "so it is"}, {"data": [{"code": code, "message": "so it is"}]}):
        error = errors.classify(status, body, "https://www.zohoapis.com")
        assert type(error) is kind
        assert error.message.startswith("so it is.")
        assert code in error.message


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, {"error": "invalid_code"}, Unauthenticated),
        (200, {"error": "invalid_client"}, Unauthenticated),
        (400, {"error": "Access Denied"}, Busy),
        (429, {}, Busy),
        (500, "<html>", Unreachable),
        (200, {}, Unauthenticated),
    ],
)
def test_no_token(status: int, body: Any, kind: type[Exception]) -> None:
    assert type(errors.token_refused(status, body, "https://accounts.zoho.com")) is kind


# Landing


def test_nothing_is_promised_that_a_field_cannot_keep() -> None:
    assert landing.land(Column("F", pa.string(), length=20)).column.native == "text"
    assert landing.land(Column("F", pa.float64())).verdict is Verdict.IMPOSSIBLE
    for column in types.columns([Field.of(f) for f in seed.leads().fields]):
        assert landing.land(column).column == column
