"""What is decided without a server: options, types, SQL text, views, errors."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

from wayfare.core import errors
from wayfare.core.address import Address
from wayfare.core.errors import Invalid
from wayfare.core.landing import Verdict
from wayfare.core.ports import WHOLE, Chunk
from wayfare.core.tables import Column, Index, Meaning, Table
from wayfare.systems.databases.sqlserver import catalog, dialect, landing, options, select
from wayfare.systems.databases.sqlserver.drivers.odbc_text import connection_string
from wayfare.systems.databases.sqlserver.errors import classify
from wayfare.systems.databases.sqlserver.options import Driver, Encrypt
from wayfare.systems.databases.sqlserver.types import spelt, travels
from wayfare.systems.databases.sqlserver.views import select_of

URL = "sqlserver://sa:pw@db.example.org/shop"


def parsed(url: str) -> options.Options:
    return options.parse(Address.parse(url))


def test_a_plain_url():
    found = parsed(URL)
    assert (found.host, found.port, found.instance, found.database, found.user) == (
        *("db.example.org", 1433, "", "shop", "sa"),
    )
    assert found.encrypt is Encrypt.PREFERRED
    assert found.trusts
    assert not found.windows


@pytest.mark.parametrize("host", ["db%5CSQLEXPRESS", "db%5Csqlexpress"])
def test_a_named_instance_is_part_of_the_host(host):
    found = parsed(f"sqlserver://sa:pw@{host}/shop")
    assert (found.host, found.port, found.instance) == ("db", 0, "SQLEXPRESS")
    assert parsed(f"sqlserver://sa:pw@{host}:1500/shop").port == 1500
    assert parsed("sqlserver://sa:pw@db/shop?instance=x").instance == "X"


@pytest.mark.parametrize("url", ["sqlserver://db/shop", "sqlserver://windows:windows@db/shop"])
def test_windows_authentication_as_oneself(url):
    found = parsed(url)
    assert found.windows
    assert found.integrated
    assert not found.password


def test_windows_authentication_as_somebody():
    found = parsed("sqlserver://CORP%5Cann:pw@db/shop")
    assert found.windows
    assert not found.integrated
    assert found.user == "CORP\\ann"
    assert not parsed("sqlserver://windows:pw@db/shop?authentication=sql").windows


@pytest.mark.parametrize(
    ("query", "driver"),
    [("driver=python-tds", Driver.TDS), ("driver=mssql-python", Driver.NATIVE), ("driver=odbc", Driver.ODBC)],
)
def test_drivers(query, driver):
    assert parsed(f"{URL}?{query}").driver is driver


def test_encryption_that_is_asked_for_checks_the_certificate():
    assert parsed(f"{URL}?encrypt=yes").encrypt is Encrypt.YES
    assert not parsed(f"{URL}?encrypt=yes").trusts
    assert parsed(f"{URL}?encrypt=yes&trust_server_certificate=yes").trusts
    assert not parsed(f"{URL}?ca_file=/ca.pem").trusts
    assert parsed(f"{URL}?encrypt=false").encrypt is Encrypt.NO


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"{URL}?colour=blue", "colour"),
        (f"{URL}?driver=jdbc", "jdbc"),
        (f"{URL}?encrypt=maybe", "maybe"),
        (f"{URL}?trust_server_certificate=perhaps", "trust_server_certificate"),
        (f"{URL}?authentication=magic", "magic"),
        ("sqlserver://sa@db", "no database"),
    ],
)
def test_what_nobody_knows_is_refused(url, said):
    with pytest.raises(Invalid, match=said):
        parsed(url)


def test_connection_strings_hide_nothing_and_break_on_nothing():
    found = replace(parsed(URL), password=type(parsed(URL).password)("a;b{c}d"))
    text = connection_string(found)
    assert "Server=db.example.org,1433;" in text
    assert "PWD={a;b{c}}d};" in text
    assert "Trusted_Connection=yes;" in connection_string(parsed("sqlserver://windows@db/shop"))
    assert "UID" not in connection_string(parsed("sqlserver://windows@db/shop"))
    assert "Server=db\\X;" in connection_string(parsed("sqlserver://sa@db%5Cx/shop"))


@pytest.mark.parametrize(
    ("native", "kind", "meaning", "length"),
    [
        ("bit", pa.bool_(), Meaning.PLAIN, None),
        ("tinyint", pa.uint8(), Meaning.PLAIN, None),
        ("bigint", pa.int64(), Meaning.PLAIN, None),
        ("decimal(10,2)", pa.decimal128(10, 2), Meaning.PLAIN, None),
        ("numeric(38,38)", pa.decimal128(38, 38), Meaning.PLAIN, None),
        ("money", pa.decimal128(19, 4), Meaning.PLAIN, None),
        ("smallmoney", pa.decimal128(10, 4), Meaning.PLAIN, None),
        ("real", pa.float32(), Meaning.PLAIN, None),
        ("float", pa.float64(), Meaning.PLAIN, None),
        ("date", pa.date32(), Meaning.PLAIN, None),
        ("time(7)", pa.time64("ns"), Meaning.PLAIN, None),
        ("time(0)", pa.time64("us"), Meaning.PLAIN, None),
        ("datetime", pa.timestamp("ms"), Meaning.PLAIN, None),
        ("smalldatetime", pa.timestamp("s"), Meaning.PLAIN, None),
        ("datetime2(0)", pa.timestamp("s"), Meaning.PLAIN, None),
        ("datetime2(3)", pa.timestamp("ms"), Meaning.PLAIN, None),
        ("datetime2(6)", pa.timestamp("us"), Meaning.PLAIN, None),
        ("datetime2(7)", pa.timestamp("ns"), Meaning.PLAIN, None),
        ("datetimeoffset(7)", pa.timestamp("ns", "UTC"), Meaning.PLAIN, None),
        ("nvarchar(20)", pa.string(), Meaning.PLAIN, 20),
        ("varchar(max)", pa.string(), Meaning.PLAIN, None),
        ("ntext", pa.string(), Meaning.PLAIN, None),
        ("varbinary(50)", pa.binary(), Meaning.PLAIN, 50),
        ("rowversion", pa.binary(), Meaning.PLAIN, 8),
        ("image", pa.binary(), Meaning.PLAIN, None),
        ("geography", pa.binary(), Meaning.PLAIN, None),
        ("uniqueidentifier", pa.binary(16), Meaning.UUID, None),
        ("xml", pa.string(), Meaning.OTHER, None),
        ("sql_variant", pa.string(), Meaning.OTHER, None),
        ("hierarchyid", pa.string(), Meaning.OTHER, None),
        ("json", pa.string(), Meaning.JSON, None),
    ],
)
def test_types(native, kind, meaning, length):
    found = travels(native)
    assert (found.type, found.meaning, found.length) == (kind, meaning, length)


@pytest.mark.parametrize(
    ("catalogued", "native"),
    [
        (("nvarchar", 40, 0, 0), "nvarchar(20)"),
        (("varchar", -1, 0, 0), "varchar(max)"),
        (("decimal", 9, 12, 3), "decimal(12,3)"),
        (("datetime2", 8, 27, 7), "datetime2(7)"),
        (("timestamp", 8, 0, 0), "rowversion"),
        (("int", 4, 10, 0), "int"),
    ],
)
def test_a_type_in_full(catalogued, native):
    assert spelt(*catalogued) == native


@pytest.mark.parametrize(
    ("kind", "native", "verdict"),
    [
        (pa.int8(), "smallint", Verdict.WIDENED),
        (pa.uint64(), "decimal(20,0)", Verdict.WIDENED),
        (pa.timestamp("us", "UTC"), "datetimeoffset(6)", Verdict.EXACT),
        (pa.timestamp("ns"), "datetime2(7)", Verdict.LOSSY),
        (pa.decimal256(60, 20), "nvarchar(100)", Verdict.WIDENED),
        (pa.string(), "nvarchar(max)", Verdict.EXACT),
        (pa.list_(pa.int32()), "", Verdict.IMPOSSIBLE),
    ],
)
def test_landing(kind, native, verdict):
    found = landing.land(Column("c", kind))
    assert (found.column.native, found.verdict) == (native, verdict)
    assert bool(found.reason) is (verdict is not Verdict.EXACT)


def test_names_and_literals():
    assert dialect.quote("a]b[c") == "[a]]b[c]"
    assert dialect.literal("it's") == "N'it''s'"
    assert dialect.literal(-5) == "-5"


def test_bounds_are_compared_in_the_column_s_own_type():
    table = Table(
        "t",
        (
            Column("d", pa.timestamp("us"), native="datetime2(6)"),
            Column("o", pa.timestamp("us", "UTC"), native="datetimeoffset(6)"),
            Column("n", pa.decimal128(10, 2), native="decimal(10,2)"),
            Column("r", pa.binary(), native="rowversion"),
        ),
    )
    found = dialect.where(table, Chunk(cursor="d", after="2024-01-01T10:00:00Z"))
    assert found == " WHERE [d] IS NOT NULL AND [d] > CAST(N'2024-01-01 10:00:00' AS datetime2(7))"
    assert "N'2024-01-01 10:00:00 +00:00'" in dialect.where(table, Chunk(cursor="o", upto="2024-01-01T10:00:00"))
    assert dialect.where(table, Chunk(by="n", low="1.5")) == " WHERE [n] >= CAST(N'1.5' AS decimal(10,2))"
    assert "CAST(0x00000000000007d1 AS binary(8))" in dialect.where(table, Chunk(cursor="r", after="00000000000007D1"))
    assert dialect.where(table, WHOLE) == ""


def test_an_index_in_its_own_words():
    table = Table("t", (), namespace="dbo")
    index = Index("ix", ("a", "b"), unique=True, descending=(False, True), where="[a]>(0)")
    assert dialect.create_index(table, index, ("c",)) == (
        "CREATE UNIQUE INDEX [ix] ON [dbo].[t] ([a], [b] DESC) INCLUDE ([c]) WHERE [a]>(0)"
    )


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("((0))", "0"),
        ("(N'a)b')", "N'a)b'"),
        ("(1)+(2)", "(1)+(2)"),
        ("([a]>(0))", "[a]>(0)"),
        ("getdate()", "getdate()"),
    ],
)
def test_expressions_lose_the_parentheses_around_them(text, bare):
    assert catalog._unwrapped(text) == bare


@pytest.mark.parametrize(
    ("definition", "columns", "text"),
    [
        ("CREATE VIEW dbo.v AS SELECT 1 AS a", (), "SELECT 1 AS a"),
        ("/* x */ create or alter view [v]]]\n(a, [b c])\nwith schemabinding as\nselect 1;", ("a", "b c"), "select 1"),
        ("-- as\nCREATE VIEW v WITH SCHEMABINDING, X AS SELECT a FROM t WITH CHECK OPTION", (), "SELECT a FROM t"),
        ("CREATE VIEW v AS WITH x AS (SELECT 1 AS a) SELECT a FROM x", (), "WITH x AS (SELECT 1 AS a) SELECT a FROM x"),
    ],
)  # fmt: skip
def test_the_select_of_a_view(definition, columns, text):
    assert select_of(definition) == (columns, text)


class _Told(Exception):
    __module__ = "pytds"

    def __init__(self, text: str, number: int = 0) -> None:
        super().__init__(text)
        self.msg_no = number


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (_Told("Login failed for user 'x'.", 18456), errors.Unauthenticated),
        (
            _Told("Cannot open database \"x\" requested by the login. Login failed for user 'x'.", 18456),
            errors.NotFound,
        ),
        (_Told("Cannot open database", 4060), errors.NotFound),
        (_Told("SELECT permission was denied", 229), errors.Forbidden),
        (_Told("Transaction was deadlocked", 1205), errors.Busy),
        (_Told("Lock request time out", 1222), errors.Busy),
        (_Told("Invalid object name 'x'.", 208), errors.Refused),
        (_Told("[28000] [Microsoft] Login failed for user 'x'. (18456)"), errors.Unauthenticated),
        (_Told("certificate verify failed: self-signed"), errors.Unreachable),
        (_Told("Login timeout expired"), errors.Unreachable),
        (ConnectionResetError("reset"), errors.Unreachable),
    ],
)
def test_errors_by_their_numbers(error, kind):
    found = classify(error, "here")
    assert type(found) is kind
    assert found.where == "here"


def test_what_is_no_driver_s_error_is_left_alone():
    assert classify(ValueError("ours")) is None


def test_moments_are_counted_by_the_server():
    table = Table("t", (Column("d", pa.timestamp("us"), native="datetime2(6)"),), namespace="s")
    found = select.statement(table, WHOLE, select.parts(table))
    counted = "DATEDIFF_BIG(microsecond, CAST('1970-01-01' AS datetime2(7)), [d])"
    assert found == f"SELECT {counted} AS c0 FROM [s].[t]"
