"""The adapter against the stand-in, over the wire, by python-tds and by mssql-python."""

from __future__ import annotations

import datetime as dt
import itertools
import uuid
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from wayfare.core.address import Address
from wayfare.core.errors import LossRefused, Refused, WayfareError
from wayfare.core.ports import WHOLE, Chunk, Snapshots, Stages
from wayfare.core.tables import LOSS_ALLOWED, Check, ForeignKey, Identity, Meaning, Table
from wayfare.systems.databases.sqlserver.database import SqlServer
from wayfare.systems.databases.sqlserver.testbed import run

TYPES = """CREATE TABLE kinds (
    id int NOT NULL PRIMARY KEY, a_bit bit, a_tinyint tinyint, a_smallint smallint, a_bigint bigint,
    a_decimal decimal(38,10), a_numeric numeric(5,2), a_money money, a_smallmoney smallmoney, a_float float,
    a_real real,
    a_date date, a_time7 time, a_time0 time(0), a_time3 time(3), a_datetime datetime, a_small smalldatetime,
    a_dt2 datetime2, a_dt0 datetime2(0), a_dt3 datetime2(3), a_dto datetimeoffset, a_dto3 datetimeoffset(3),
    a_char char(5), a_varchar varchar(20), a_vmax varchar(max), a_nchar nchar(5), a_nvarchar nvarchar(20),
    a_nmax nvarchar(max), a_text text, a_ntext ntext, a_binary binary(4), a_varbinary varbinary(10),
    a_bmax varbinary(max), a_image image, a_uuid uniqueidentifier, a_xml xml, a_variant sql_variant,
    a_version rowversion, a_place hierarchyid, a_shape geography)"""
ROW = """INSERT INTO kinds VALUES (1, 1, 255, -32768, -9223372036854775808,
    1234567890123456789012345678.0123456789, -999.99, -922337203685477.5808, 214748.3647, 1.7976931348623157e308, 1.5,
    '0001-01-01', '23:59:59.9999999', '12:34:56', '00:00:00.001', '1753-01-01 00:00:00.003', '2079-06-06 23:59:00',
    '9999-12-31 23:59:59.9999999', '0001-01-01 00:00:00', '1969-12-31 23:59:59.999',
    '2024-02-29 01:02:03.1234567 +05:30',
    '2024-02-29 01:02:03.123 -08:00', 'ab', 'naïve €', 'x', N'ab', N'漢字🙂', N'e\u0301 \ufeff', 'old', N'old 漢', 0x01,
    0x0102030405060708090A, 0x00FF, 0xFF, '6F9619FF-8B86-D011-B42D-00C04FC964FF', '<a b="1">é</a>', N'five', '/1/2/',
    'POINT (1 2)')""".replace("VALUES", """(id, a_bit, a_tinyint, a_smallint, a_bigint, a_decimal, a_numeric, a_money,
    a_smallmoney, a_float, a_real, a_date, a_time7, a_time0, a_time3, a_datetime, a_small, a_dt2, a_dt0, a_dt3, a_dto,
    a_dto3, a_char, a_varchar, a_vmax, a_nchar, a_nvarchar, a_nmax, a_text, a_ntext, a_binary, a_varbinary, a_bmax,
    a_image, a_uuid, a_xml, a_variant, a_place, a_shape) VALUES""")  # fmt: skip

EPOCH = dt.datetime(1970, 1, 1)


def table(db: SqlServer, name: str) -> Table:
    return next(t for t in db.tables() if t.name == name)


def rows(db: SqlServer, found: Table, *chunks: Chunk, view: str = "") -> list[dict[str, Any]]:
    return [r for c in (chunks or (WHOLE,)) for b in db.read(found, c, view) for r in b.to_pylist()]


def ticks(value: dt.datetime, per_second: int) -> int:
    gap = value - EPOCH
    return (gap.days * 86_400 + gap.seconds) * per_second + gap.microseconds * per_second // 1_000_000


def test_it_is_a_source_and_no_target(db: SqlServer) -> None:
    assert isinstance(db, Snapshots)
    assert not isinstance(db, Stages)
    assert db.check().version.startswith("SQL Server 2022 (16.0")


def test_every_type_is_read_exactly(db: SqlServer) -> None:
    run(db.address, TYPES, ROW, "INSERT INTO kinds (id) VALUES (2)")
    found = db.refine(table(db, "kinds"))
    kinds = {c.name: c.type for c in found.columns}
    assert kinds["a_dt2"] == pa.string(), "finer than microseconds, and beyond the years of nanoseconds"
    assert kinds["a_dto"] == pa.timestamp("ns", "UTC")
    assert kinds["a_time7"] == pa.time64("ns")
    batch = next(iter(db.read(found, WHOLE)))
    got = {name: batch.column(name)[0] for name in batch.schema.names}
    assert got["a_tinyint"].as_py() == 255
    assert got["a_bigint"].as_py() == -(2**63)
    assert got["a_decimal"].as_py() == Decimal("1234567890123456789012345678.0123456789")
    assert got["a_numeric"].as_py() == Decimal("-999.99")
    assert got["a_money"].as_py() == Decimal("-922337203685477.5808")
    assert got["a_smallmoney"].as_py() == Decimal("214748.3647")
    assert got["a_float"].as_py() == 1.7976931348623157e308
    assert got["a_date"].as_py() == dt.date(1, 1, 1)
    assert got["a_time7"].value == 86_399_999_999_900
    assert got["a_time0"].as_py() == dt.time(12, 34, 56)
    assert got["a_time3"].as_py() == dt.time(0, 0, 0, 1000)
    assert got["a_datetime"].as_py() == dt.datetime(1753, 1, 1, 0, 0, 0, 3000)
    assert got["a_small"].as_py() == dt.datetime(2079, 6, 6, 23, 59)
    assert got["a_dt2"].as_py() == "9999-12-31 23:59:59.9999999"
    assert got["a_dt0"].as_py() == dt.datetime(1, 1, 1)
    assert got["a_dt3"].value == -1
    assert got["a_dto"].value == ticks(dt.datetime(2024, 2, 28, 19, 32, 3), 10**9) + 123_456_700
    assert got["a_dto3"].as_py() == dt.datetime(2024, 2, 29, 9, 2, 3, 123_000, dt.UTC)
    assert got["a_uuid"].as_py() == uuid.UUID("6F9619FF-8B86-D011-B42D-00C04FC964FF").bytes
    texts = {n: got[f"a_{n}"].as_py() for n in ("char", "varchar", "nchar", "nvarchar", "nmax", "text", "ntext")}
    assert texts == {
        "char": "ab   ",
        "varchar": "naïve €",
        "nchar": "ab   ",
        "nvarchar": "漢字🙂",
        "nmax": "e\u0301 \ufeff",
        "text": "old",
        "ntext": "old 漢",
    }
    assert got["a_binary"].as_py() == b"\x01\0\0\0"
    assert got["a_varbinary"].as_py() == bytes(range(1, 11))
    assert (got["a_bmax"].as_py(), got["a_image"].as_py()) == (b"\0\xff", b"\xff")
    assert (got["a_xml"].as_py(), got["a_variant"].as_py(), got["a_place"].as_py()) == (
        '<a b="1">é</a>',
        "five",
        "/1/2/",
    )
    assert len(got["a_version"].as_py()) == 8
    nulls = {k for k, v in batch.to_pylist()[1].items() if v is None}
    assert nulls == set(kinds) - {"id", "a_version"}


def test_seven_digits_that_nobody_used_are_microseconds(db: SqlServer) -> None:
    run(
        db.address,
        "CREATE TABLE t (id int PRIMARY KEY, a datetime2, b time, c datetimeoffset)",
        "INSERT INTO t VALUES (1, '9999-12-31 23:59:59.9999990', '01:02:03.123456', '2024-01-01 00:00:00 +00:00')",
    )
    found = db.refine(table(db, "t"))
    assert [c.type for c in found.columns[1:]] == [pa.timestamp("us"), pa.time64("us"), pa.timestamp("us", "UTC")]
    assert rows(db, found)[0]["a"] == dt.datetime(9999, 12, 31, 23, 59, 59, 999_999)


def test_what_is_finer_than_its_column_is_refused_or_lost_as_allowed(db: SqlServer) -> None:
    run(
        db.address,
        "CREATE TABLE t (id int PRIMARY KEY, a datetime2)",
        "INSERT INTO t VALUES (1, '2024-01-01 00:00:00.1234567'), (2, '2024-01-01'), (3, NULL)",
    )
    found = table(db, "t")
    coarse = _typed(found, "a", pa.timestamp("us"))
    with pytest.raises(LossRefused, match=r"dbo\.t\.a"):
        rows(db, coarse)
    forgiving = _hinted(coarse, "a")
    assert [r["a"] for r in rows(db, forgiving)] == [None, dt.datetime(2024, 1, 1), None]
    run(db.address, "UPDATE t SET a = '9999-12-31' WHERE id = 1")
    with pytest.raises(LossRefused, match="1677 to 2262"):
        rows(db, found)


def _typed(found: Table, name: str, kind: pa.DataType) -> Table:
    return replace(found, columns=tuple(replace(c, type=kind) if c.name == name else c for c in found.columns))


def _hinted(found: Table, name: str) -> Table:
    return replace(found, hints=((LOSS_ALLOWED, name),))


STRUCTURE = (
    "CREATE SCHEMA sales",
    "CREATE TABLE dbo.region (code nchar(2) NOT NULL CONSTRAINT PK_region PRIMARY KEY CLUSTERED)",
    "INSERT INTO dbo.region VALUES (N'eu'), (N'us')",
    """CREATE TABLE sales.[order] (
        id int IDENTITY(10,5) NOT NULL CONSTRAINT PK_order PRIMARY KEY CLUSTERED,
        region nchar(2) NULL CONSTRAINT FK_region FOREIGN KEY REFERENCES dbo.region (code) ON DELETE SET NULL,
        parent int NULL,
        amount decimal(10,2) NOT NULL CONSTRAINT DF_amount DEFAULT ((0)),
        doubled AS ([amount]*(2)) PERSISTED,
        note nvarchar(100) NULL DEFAULT (N'none'),
        made datetime2(3) NOT NULL DEFAULT (sysutcdatetime()),
        CONSTRAINT CK_amount CHECK ([amount]>=(0)),
        CONSTRAINT CK_off CHECK ([amount]<(1000)),
        CONSTRAINT UQ_note UNIQUE NONCLUSTERED (note))""",
    "ALTER TABLE sales.[order] WITH CHECK ADD CONSTRAINT FK_parent FOREIGN KEY (parent) REFERENCES sales.[order] (id)",
    "ALTER TABLE sales.[order] NOCHECK CONSTRAINT CK_off",
    "CREATE UNIQUE NONCLUSTERED INDEX IX_some ON sales.[order] (region, amount DESC) INCLUDE (note)"
    " WHERE (region IS NOT NULL)",
    "INSERT INTO sales.[order] (region, amount, note, made) VALUES (N'eu', 1.5, N'a', '2024-01-01'),"
    " (N'us', 2.5, N'b', '2024-01-02')",
    "EXEC sp_addextendedproperty N'MS_Description', N'it''s an order', N'SCHEMA', N'sales', N'TABLE', N'order'",
    "EXEC sp_addextendedproperty @name=N'MS_Description', @value=N'in euro', @level0type=N'SCHEMA',"
    " @level0name=N'sales', @level1type=N'TABLE', @level1name=N'order', @level2type=N'COLUMN', @level2name=N'amount'",
    "CREATE VIEW sales.big (id, amount) AS SELECT id, amount FROM sales.[order] WHERE amount > 2",
    "CREATE SEQUENCE dbo.numbers AS bigint START WITH 7 INCREMENT BY 3",
)  # fmt: skip


def test_the_catalog_tells_all_there_is(db: SqlServer) -> None:
    run(db.address, *STRUCTURE)
    found = table(db, "order")
    assert [t.label for t in db.tables()] == ["dbo.region", "sales.order"]
    assert found.key == ("id",)
    assert found.comment == "it's an order"
    assert found.column("amount").comment == "in euro"
    assert found.column("id").identity == Identity(20, 5, always=True)
    assert found.column("amount").default == "0"
    assert found.column("note").default == "N'none'"
    assert found.column("doubled").generated == "[amount]*(2)"
    assert not found.column("amount").nullable
    assert found.checks == (Check("CK_amount", "[amount]>=(0)"),), "a disabled one is not enforced"
    assert found.foreign_keys == (
        ForeignKey("FK_parent", ("parent",), "order", ("id",), "sales"),
        ForeignKey("FK_region", ("region",), "region", ("code",), "dbo", on_delete="SET NULL"),
    )
    unique, filtered = found.indexes
    assert (unique.name, unique.columns, unique.unique, unique.constraint) == ("UQ_note", ("note",), True, True)
    assert (filtered.columns, filtered.descending, filtered.unique) == (("region", "amount"), (False, True), True)
    assert filtered.where == "region IS NOT NULL"
    assert "INCLUDE ([note])" in filtered.definition
    assert found.rows_estimate == 2
    assert [c.name for c in found.written] == ["id", "region", "parent", "amount", "note", "made"]
    assert {f.code for f in db.check().findings} == {"no_shared_view", "constraint_disabled"}


def test_views_and_sequences(db: SqlServer) -> None:
    run(db.address, *STRUCTURE)
    (view,) = db.views()
    assert (view.label, view.columns) == ("sales.big", ("id", "amount"))
    assert view.definition == "SELECT id, amount FROM sales.[order] WHERE amount > 2"
    (sequence,) = db.sequences()
    assert (sequence.name, sequence.next, sequence.increment) == ("numbers", 7, 3)


def test_computed_columns_are_read_when_asked_for(db: SqlServer) -> None:
    run(db.address, *STRUCTURE)
    found = table(db, "order")
    plain = replace(found, columns=tuple(replace(c, generated="") for c in found.columns))
    assert [r["doubled"] for r in rows(db, plain)] == [Decimal("3.00"), Decimal("5.00")]


@pytest.mark.parametrize(
    ("native", "value"),
    [
        ("int", "n * 3"),
        ("bigint", "n * n * 1000"),
        ("nvarchar(40)", "concat('k', right(concat('0000', n), 5), '''')"),
        ("decimal(12,3)", "n / 8.0"),
        ("uniqueidentifier", "newid()"),
        ("date", "dateadd(day, n, cast('2000-01-01' as date))"),
        ("datetime2(3)", "dateadd(second, n, cast('2000-01-01' as datetime2(3)))"),
    ],
)
def test_chunks_of_every_key(db: SqlServer, native: str, value: str) -> None:
    numbers = ", ".join(f"({n})" for n in range(-100, 900))
    run(
        db.address,
        f"CREATE TABLE t (k {native} NOT NULL PRIMARY KEY, n int)",
        f"INSERT INTO t (k, n) SELECT {value}, n FROM (VALUES {numbers}) AS v(n)" if "n * n" not in value
        else f"INSERT INTO t (k, n) SELECT {value} + n, n FROM (VALUES {numbers}) AS v(n)",
    )  # fmt: skip
    found = table(db, "t")
    chunks = db.split(found, 100)
    assert len(chunks) >= 5
    assert [c.index for c in chunks] == list(range(len(chunks)))
    assert all(a.high == b.low for a, b in itertools.pairwise(chunks))
    parts = [rows(db, found, c) for c in chunks]
    assert sorted(r["n"] for p in parts for r in p) == list(range(-100, 900))
    assert max(map(len, parts)) <= 400


def test_tables_that_cannot_be_cut(db: SqlServer) -> None:
    run(db.address, "CREATE TABLE heap (a int)", "CREATE TABLE small (a int NOT NULL PRIMARY KEY)")
    assert [len(db.split(t, 10)) for t in db.tables()] == [1, 1]


def test_a_cursor_by_time_and_by_version(db: SqlServer) -> None:
    run(
        db.address,
        "CREATE TABLE t (id int PRIMARY KEY, at datetime2(3), o datetimeoffset(3))",
        "INSERT INTO t VALUES (1, '2024-01-01', '2024-01-01 00:00:00 +01:00'),"
        " (2, '2024-01-02', '2024-01-01 00:00:00 -01:00'), (3, NULL, NULL)",
    )
    found = table(db, "t")
    assert [r["id"] for r in rows(db, found, Chunk(cursor="at", after="2024-01-01T00:00:00"))] == [2]
    assert [r["id"] for r in rows(db, found, Chunk(cursor="at", upto="2024-01-01T12:00:00"))] == [1]


def test_a_column_may_be_asked_as_text(db: SqlServer) -> None:
    run(
        db.address,
        "CREATE TABLE t (id int PRIMARY KEY, b bit, u uniqueidentifier, d datetime2(7), n decimal(5,2))",
        "INSERT INTO t VALUES (1, 1, '6F9619FF-8B86-D011-B42D-00C04FC964FF', '2024-01-01 00:00:00.1234567', 1.50)",
    )
    found = table(db, "t")
    for name in ("b", "u", "d", "n"):
        found = _typed(found, name, pa.string())
    assert rows(db, found) == [
        {
            "id": 1,
            "b": "true",
            "u": "6f9619ff-8b86-d011-b42d-00c04fc964ff",
            "d": "2024-01-01 00:00:00.1234567",
            "n": "1.50",
        }
    ]


def test_a_snapshot_is_each_reader_s_own(db: SqlServer) -> None:
    run(db.address, "CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t VALUES (1)")
    with db.snapshot() as view:
        assert (view.token, view.shared, view.everywhere) == ("snapshot", False, False)
        assert [r["id"] for r in rows(db, table(db, "t"), view=view.token)] == [1]
    run(db.address, f"ALTER DATABASE [{db.address.database}] SET ALLOW_SNAPSHOT_ISOLATION OFF")
    with SqlServer(db.address) as again:
        with again.snapshot() as view:
            assert view.token == ""
        assert any(f.code == "no_shared_view" and "SET ALLOW" in f.advice for f in again.check().findings)
        with pytest.raises(Refused, match="snapshot isolation is not allowed"):
            rows(again, table(again, "t"), view="snapshot")


def test_a_dropped_table_is_said_by_name(db: SqlServer) -> None:
    run(db.address, "CREATE TABLE gone (id int PRIMARY KEY)")
    found = table(db, "gone")
    run(db.address, "DROP TABLE gone")
    with pytest.raises(Refused, match=r"Invalid object name 'gone'") as caught:
        rows(db, found)
    assert caught.value.where == "dbo.gone"


def test_statements_are_executed(db: SqlServer) -> None:
    assert db.execute("CREATE TABLE t (id int)").num_rows == 0
    db.execute("INSERT INTO t VALUES (1), (2)")
    assert db.execute("SELECT COUNT(*) AS n FROM t").to_pylist() == [{"n": 2}]
    with pytest.raises(WayfareError, match="Invalid column name"):
        db.execute("SELECT nothing FROM t")


def test_own_types_are_told_as_what_they_stand_on(db: SqlServer, address: Address) -> None:
    run(address, "CREATE TABLE t (a sysname, b hierarchyid, c geometry)")
    found = table(db, "t")
    assert [c.native for c in found.columns] == ["sysname", "hierarchyid", "geometry"]
    assert found.column("b").meaning is Meaning.OTHER
    assert {"shapes_as_bytes", "read_as_text"} <= {f.code for f in db.check().findings}
