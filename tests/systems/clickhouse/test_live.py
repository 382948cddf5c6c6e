"""The real engine, in process and over HTTP: its own types as a source, its catalog, its errors."""

from __future__ import annotations

import datetime as dt
import itertools
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from wayfare.core.address import Address
from wayfare.core.errors import Conflict, Invalid, NotFound, Refused, SystemFailed, Unauthenticated, Unreachable
from wayfare.core.landing import Verdict
from wayfare.core.ports import BATCH_BYTES_MAX, ROWS_PER_BATCH, WHOLE, Chunk, Mode, Ticket
from wayfare.core.redacted import Redacted
from wayfare.core.tables import Column, Table, View
from wayfare.systems.databases.clickhouse.database import ClickHouse
from wayfare.systems.testing import free_port

RUN = "0123456789abcdef"
OWN = {  # type → (values as SQL, what they are read as)
    "Bool": ("true", True),
    "Int8": ("-128", -128),
    "UInt64": ("18446744073709551615", 2**64 - 1),
    "Int128": ("'-170141183460469231731687303715884105728'", -(2**127)),
    "UInt128": ("'340282366920938463463374607431768211455'", 2**128 - 1),
    "Int256": (f"'{-(2**255)}'", str(-(2**255))),
    "UInt256": (f"'{2**256 - 1}'", str(2**256 - 1)),
    "Float32": ("1.5", 1.5),
    "Float64": ("-inf", float("-inf")),
    "Decimal(9, 2)": ("'-1234567.89'", "-1234567.89"),
    "Decimal(18, 4)": ("'-12345678901234.5678'", "-12345678901234.5678"),
    "Decimal(38, 10)": ("'-1.0000000001'", "-1.0000000001"),
    "Decimal(76, 20)": (f"'{'9' * 50}.5'", "9" * 50 + ".50000000000000000000"),
    "String": ("'a\\0é'", "a\0é"),
    "LowCardinality(String)": ("'low'", "low"),
    "FixedString(5)": ("'EUR'", "EUR"),
    "Date": ("'2149-06-06'", dt.date(2149, 6, 6)),
    "Date32": ("'1900-01-01'", dt.date(1900, 1, 1)),
    "DateTime": ("'2106-02-07 06:28:15'", dt.datetime(2106, 2, 7, 6, 28, 15)),
    "DateTime('Europe/Berlin')": ("'2024-07-01 12:00:00'", dt.datetime(2024, 7, 1, 10, tzinfo=dt.UTC)),
    "DateTime64(3)": ("'1900-01-01 00:00:00.001'", dt.datetime(1900, 1, 1, 0, 0, 0, 1000)),
    "DateTime64(5)": ("'2024-01-01 00:00:00.00001'", dt.datetime(2024, 1, 1, 0, 0, 0, 10)),
    "DateTime64(6, 'UTC')": ("'2299-12-31 23:59:59.999999'", dt.datetime(2299, 12, 31, 23, 59, 59, 999_999, dt.UTC)),
    "Time": ("'12:34:56'", dt.time(12, 34, 56)),
    "Time64(6)": ("'23:59:59.999999'", dt.time(23, 59, 59, 999_999)),
    "UUID": ("'00010203-0405-0607-0809-0a0b0c0d0e0f'", bytes(range(16))),
    "IPv4": ("'1.2.3.4'", "1.2.3.4"),
    "IPv6": ("'2001:db8::1'", "2001:db8::1"),
    "Enum8('a' = 1, 'it\\'s' = 2)": ("'it\\'s'", "it's"),
    "Array(Nullable(Int32))": ("[1, NULL]", [1, None]),
    "Array(UUID)": ("['00010203-0405-0607-0809-0a0b0c0d0e0f']", [bytes(range(16))]),
    "Array(DateTime64(6))": ("['2024-01-01 00:00:00.5']", [dt.datetime(2024, 1, 1, 0, 0, 0, 500_000)]),
    "Array(LowCardinality(String))": ("['x', '']", ["x", ""]),
    "Array(Array(Int8))": ("[[1], []]", "[[1],[]]"),
    "Tuple(a Int8, b String)": ("(1, 'x')", '{"a":1,"b":"x"}'),
    "Map(String, Int8)": ("map('k', 1)", '{"k":1}'),
    "Point": ("(1, 2.5)", "(1,2.5)"),
    "SimpleAggregateFunction(sum, UInt64)": ("7", 7),
}


def make(db: ClickHouse, native: str, value: str) -> Table:
    db.execute(f"CREATE TABLE own (id Int64, v {native}) ENGINE = MergeTree PRIMARY KEY id")
    db.execute(f"INSERT INTO own VALUES (1, {value})")
    return next(t for t in db.tables() if t.name == "own")


def values(db: ClickHouse, table: Table) -> list[Any]:
    return [row["v"] for batch in db.read(table, WHOLE) for row in batch.to_pylist()]


def copied(db: ClickHouse, table: Table, name: str) -> Table:
    """The table again under another name, by the way of a copy."""
    landed = replace(table, name=name, columns=tuple(db.land(c).column for c in table.columns))
    db.stage(RUN, [landed])
    staged = db.staged(RUN, landed)
    db.write(Ticket(RUN, staged.label, 0), staged, db.read(table, WHOLE))
    db.seal(RUN, landed)
    db.publish(RUN, [landed], Mode.REPLACE)
    db.finish(RUN)
    return landed


@pytest.mark.parametrize("native", OWN)
def test_every_type_of_its_own_is_read_and_written_back(db: ClickHouse, native: str) -> None:
    value, expected = OWN[native]
    table = make(db, native, value)
    found = values(db, table)
    assert (str(found[0]) if pa.types.is_decimal(table.column("v").type) else found[0]) == (
        str(expected) if pa.types.is_decimal(table.column("v").type) else expected
    )
    landing = db.land(table.column("v"))
    again = copied(db, table, "again")
    assert values(db, again) == found
    if landing.verdict is Verdict.EXACT:
        told = next(t for t in db.tables() if t.name == "again")
        assert told.column("v").native == table.column("v").native
        assert told.column("v").nullable == table.column("v").nullable


def test_a_time_beyond_a_day_is_kept(db: ClickHouse) -> None:
    column = Column("v", pa.time64("us"))
    ticks = [838 * 3_600_000_000 + 1, -1, 0, None]
    landed = Table("t", (Column("id", pa.int64(), False), column))
    landed = replace(landed, columns=tuple(db.land(c).column for c in landed.columns))
    batch = pa.RecordBatch.from_arrays(
        [pa.array(range(4)), pa.array(ticks, pa.int64()).view(pa.time64("us"))], schema=landed.arrow()
    )
    db.stage(RUN, [landed])
    staged = db.staged(RUN, landed)
    db.write(Ticket(RUN, staged.label, 0), staged, [batch])
    found = [b.column(1).view(pa.int64()).to_pylist() for b in db.read(staged, WHOLE)]
    assert list(itertools.chain(*found)) == ticks


def test_intervals_are_iso_8601(db: ClickHouse) -> None:
    db.execute(
        "CREATE VIEW spans AS SELECT INTERVAL 3 DAY AS d, INTERVAL 2 QUARTER AS q, INTERVAL 5 SECOND AS s, "
        "INTERVAL 1500 MILLISECOND AS m"
    )
    columns = [Column(n, pa.string(), native=f"Interval{u}") for n, u in zip("dqsm", ("Day", "Quarter"), strict=False)]
    assert [list(r.values()) for b in db.read(Table("spans", tuple(columns)), WHOLE) for r in b.to_pylist()] == [
        ["P3D", "P6M"]
    ]


def test_bytes_in_a_string_are_read_as_asked(db: ClickHouse) -> None:
    db.execute("CREATE TABLE own (v String, f FixedString(3)) ENGINE = MergeTree ORDER BY ()")
    db.execute("INSERT INTO own VALUES (unhex('FF00'), unhex('0A0000'))")
    table = next(t for t in db.tables())
    with pytest.raises(Refused, match=r"own\.v.*binary"):
        values(db, table)
    as_bytes = replace(table, columns=tuple(replace(c, type=pa.binary()) for c in table.columns))
    assert [r for b in db.read(as_bytes, WHOLE) for r in b.to_pylist()] == [{"v": b"\xff\x00", "f": b"\x0a\x00\x00"}]


def test_the_catalog_tells_the_structure(db: ClickHouse) -> None:
    db.execute("""CREATE TABLE shop (
        `or der` UInt32 COMMENT 'its number', at DateTime DEFAULT now(), total Decimal(10, 2),
        gross Decimal(12, 2) MATERIALIZED total * 2, shown String ALIAS toString(total), e UInt8 EPHEMERAL,
        CONSTRAINT positive CHECK total > 0, CONSTRAINT `odd one` CHECK `or der` != 3,
        INDEX ix total TYPE minmax GRANULARITY 2
    ) ENGINE = MergeTree PARTITION BY toYYYYMM(at) PRIMARY KEY (`or der`) ORDER BY (`or der`, at) COMMENT 'it''s'""")
    db.execute("CREATE TABLE sorted_only (a Int8) ENGINE = MergeTree ORDER BY a")
    shop, sorted_only = db.tables()
    assert [c.name for c in shop.columns] == ["or der", "at", "total", "gross", "shown"]
    assert [c.name for c in shop.written] == ["or der", "at", "total"]
    assert shop.column("at").default == "now()"
    assert shop.column("or der").comment == "its number"
    assert (shop.key, sorted_only.key, shop.comment) == (("or der",), (), "it's")
    assert {c.name: c.expression for c in shop.checks} == {"positive": "total > 0", "odd one": "`or der` != 3"}
    assert [(i.columns, i.method) for i in shop.indexes] == [(("total",), "minmax GRANULARITY 2")]
    assert dict(shop.hints)["partition_by"] == "toYYYYMM(at)"


def test_structure_of_its_own_is_carried(db: ClickHouse) -> None:
    db.execute("""CREATE TABLE own (id Int64, v Int64 DEFAULT 5, w Int64 MATERIALIZED v + 1,
        CONSTRAINT positive CHECK v > 0, INDEX ix v TYPE minmax GRANULARITY 2
    ) ENGINE = MergeTree PARTITION BY id % 2 PRIMARY KEY id ORDER BY (id, v)""")
    db.execute("INSERT INTO own (id) VALUES (1), (2)")
    own = next(t for t in db.tables())
    copied(db, own, "again")
    again = next(t for t in db.tables() if t.name == "again")
    assert replace(again, name="own", bytes_estimate=own.bytes_estimate) == own
    assert db.execute("SELECT sum(w) AS n FROM again").to_pylist() == [{"n": 12}]


def test_views_without_their_database(db: ClickHouse) -> None:
    db.execute("CREATE TABLE base (a Int8) ENGINE = MergeTree ORDER BY a")
    db.execute("CREATE VIEW seen AS SELECT a, 'x.y' AS t FROM base")
    (view,) = db.views()
    here = db.execute("SELECT currentDatabase() AS d").to_pylist()[0]["d"]
    assert here not in view.definition
    failed = db.create_views([replace(view, name="again"), View("bad", "SELECT nothing FROM nowhere")])
    assert [f.where for f in failed] == ["bad"]
    assert {v.name for v in db.views()} >= {"seen", "again"}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("Int64", "number - 5000"),
        ("UInt64", "number * 1844674407370955"),
        ("String", "concat('k''', toString(cityHash64(number)))"),
        ("DateTime('Europe/Berlin')", "toDateTime(1711846800 + number, 'UTC')"),
        ("Date", "toDate(number)"),
        ("UUID", "generateUUIDv4()"),
        ("Nullable(Int32)", "if(number % 10 = 0, NULL, number)"),
        ("Float64", "number"),
    ],
)
def test_chunks_of_any_key_hold_every_row_once(db: ClickHouse, kind: str, value: str) -> None:
    db.execute(f"CREATE TABLE own (v {kind}, n Int64) ENGINE = MergeTree ORDER BY v SETTINGS allow_nullable_key = 1")
    db.execute(f"INSERT INTO own SELECT {value}, number FROM numbers(10000)")
    table = next(t for t in db.tables())
    chunks = db.split(table, 1000)
    assert len(chunks) > 5 or kind == "Float64"
    numbers = [n for c in chunks for b in db.read(table, c) for n in b.column("n").to_pylist()]
    assert sorted(numbers) == list(range(10000))


def test_a_cursor_of_timestamps(db: ClickHouse) -> None:
    db.execute("CREATE TABLE own (v DateTime64(6), n Int64) ENGINE = MergeTree ORDER BY n")
    db.execute("INSERT INTO own SELECT toDateTime64('2024-01-01 00:00:00', 6) + number, number FROM numbers(10)")
    table = next(t for t in db.tables())
    chunk = Chunk(cursor="v", after="2024-01-01T00:00:05", upto="2024-01-01 00:00:07+00:00")
    assert [n for b in db.read(table, chunk) for n in b.column("n").to_pylist()] == [6, 7]


def test_batches_keep_to_their_limits(db: ClickHouse) -> None:
    db.execute("CREATE TABLE own (n Int64, v String) ENGINE = MergeTree ORDER BY n")
    db.execute("INSERT INTO own SELECT number, repeat('x', 1000) FROM numbers(120000)")
    table = next(t for t in db.tables())
    sizes = [(b.num_rows, b.nbytes) for b in db.read(table, WHOLE)]
    assert sum(rows for rows, _ in sizes) == 120_000
    assert max(rows for rows, _ in sizes) <= ROWS_PER_BATCH
    assert max(size for _, size in sizes) <= BATCH_BYTES_MAX * 1.1


def test_an_error_in_the_middle_of_a_read_is_told(db: ClickHouse) -> None:
    db.execute("CREATE VIEW failing AS SELECT throwIf(number = 900000, 'no more') AS n FROM numbers(1000000)")
    table = Table("failing", (Column("n", pa.uint8()),))
    with pytest.raises(Refused, match="no more"):
        list(db.read(table, WHOLE))


def test_an_error_in_an_insert_is_told(db: ClickHouse) -> None:
    # A column that the block's type cannot be cast to.
    landed = Table("t", (Column("v", pa.int64(), False, native="IPv4", origin="clickhouse"),))
    db.stage(RUN, [landed])
    staged = db.staged(RUN, landed)

    def many() -> Iterator[pa.RecordBatch]:
        for _ in range(200):
            yield pa.RecordBatch.from_arrays([pa.array([2**60] * ROWS_PER_BATCH)], schema=staged.arrow())

    with pytest.raises(SystemFailed):
        db.write(Ticket(RUN, staged.label, 0), staged, many())
    assert db.write(Ticket(RUN, staged.label, 0, 2), staged, []) == 0, "the failed attempt must not be in the ledger"


def test_a_missing_database_is_not_found(db: ClickHouse) -> None:
    address = db.address
    missing = (
        replace(address, database="nowhere") if address.host else replace(address, options={"database": "nowhere"})
    )
    with ClickHouse(missing) as other, pytest.raises(NotFound, match="nowhere"):
        other.check()


def test_a_wrong_password_is_told_without_it(db: ClickHouse) -> None:
    if not db.address.host:
        pytest.skip("the embedded engine has no users")
    with ClickHouse(replace(db.address, password=Redacted("sesame"))) as other:
        with pytest.raises(Unauthenticated) as caught:
            other.check()
        assert "sesame" not in str(caught.value)


def test_a_host_that_is_down_is_named() -> None:
    port = free_port()
    with (
        ClickHouse(Address("clickhouse", "127.0.0.1", port)) as db,
        pytest.raises(Unreachable, match=f"127.0.0.1:{port}"),
    ):
        db.check()


@pytest.mark.slow
def test_a_host_that_never_answers_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = Address("clickhouse", "127.0.0.1", silent.getsockname()[1])
        with ClickHouse(address) as db, pytest.raises(Unreachable, match="timed out"):
            db.check()


def test_a_connection_the_server_has_closed_is_not_used_again(db: ClickHouse) -> None:
    if not db.address.host:
        pytest.skip("nothing lies between us and the embedded engine")
    db.check()
    for connection in db._engine._idle:  # type: ignore[attr-defined]
        connection.sock.shutdown(socket.SHUT_RDWR)
    assert db.check().version


def test_one_process_has_one_folder(tmp_path: Path) -> None:
    one, other = (Address("clickhouse", database=str(tmp_path / n)) for n in ("one", "other"))
    with ClickHouse(one) as first:
        first.check()
        with ClickHouse(other) as second, pytest.raises(Conflict, match="one folder"):
            second.check()
        with ClickHouse(one) as again:
            again.execute("CREATE TABLE t (a Int8) ENGINE = MergeTree ORDER BY a")
        assert [t.name for t in first.tables()] == ["t"]
    with ClickHouse(other) as second:
        assert second.check().version


def test_a_folder_in_another_process_is_busy(tmp_path: Path) -> None:
    folder = str(tmp_path / "shared")
    script = f"import chdb, sys; c = chdb.connect({folder!r}); print('open', flush=True); sys.stdin.read()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", script], **pipes) as holder:  # type: ignore[call-overload]
        assert holder.stdout.readline() == b"open\n"
        with ClickHouse(Address("clickhouse", database=folder)) as db, pytest.raises(SystemFailed):
            db.check()
        holder.stdin.close()


def test_append_needs_a_merge_tree_and_merge_a_key(db: ClickHouse) -> None:
    db.execute("CREATE TABLE own (v Int64) ENGINE = Log")
    landed = replace(next(t for t in db.tables()), columns=(db.land(Column("v", pa.int64(), False)).column,))
    db.stage(RUN, [landed])
    for mode in (Mode.APPEND, Mode.MERGE):
        with pytest.raises(Invalid):
            db.publish(RUN, [landed], mode)
