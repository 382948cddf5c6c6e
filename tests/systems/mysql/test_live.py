"""What only a real server can show."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pymysql
import pytest

from wayfare.core.address import Address
from wayfare.core.errors import Forbidden, LossRefused, NotFound, Refused, Unauthenticated, Unreachable
from wayfare.core.losses import losses
from wayfare.core.ports import WHOLE, Chunk, Mode, Parcel, Relays, Snapshots, Stages, Ticket, Views
from wayfare.core.redacted import Redacted
from wayfare.core.tables import LOSS_ALLOWED, Check, Column, ForeignKey, Identity, Index, Meaning, Table, View
from wayfare.systems.databases.mysql.database import MySql
from wayfare.systems.databases.mysql.dialect import quote
from wayfare.systems.databases.mysql.native import library
from wayfare.systems.testing import Fresh

RUN = "a" * 16
LENIENT = "SET SESSION sql_mode=''"
RICH = r"""CREATE TABLE rich (
    id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, filled INT(5) UNSIGNED ZEROFILL DEFAULT 7,
    latin VARCHAR(20) CHARACTER SET latin1 DEFAULT 'it''s\\n',
    changed TIMESTAMP(6) NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),
    long_text TEXT, made VARCHAR(40) DEFAULT (LOWER('ABC')),
    kept INT GENERATED ALWAYS AS (filled + 1) STORED, computed INT AS (filled + 2) VIRTUAL,
    label ENUM('a','b''c','d\\e','n\nl') DEFAULT 'a', labels SET('x','y','z'), bits BIT(13) DEFAULT b'101',
    document JSON, big DECIMAL(65,30) DEFAULT 1.50, none VARCHAR(5) DEFAULT NULL,
    hollow VARCHAR(5) NOT NULL DEFAULT '' COMMENT 'it''s', moment DATETIME DEFAULT '2020-01-01', bytes VARBINARY(300),
    place POINT, clock TIME(6), y YEAR DEFAULT 2001, day DATE, huge BIGINT UNSIGNED, medium MEDIUMINT, f FLOAT,
    d DOUBLE, blob_ LONGBLOB, padded CHAR(7), CONSTRAINT positive CHECK (filled > 1 AND hollow <> 'q\'x'),
    FULLTEXT KEY words (latin), KEY pre (long_text(10)), KEY down (filled DESC), UNIQUE KEY once (hollow, id)
) COMMENT='rich' AUTO_INCREMENT=77"""
RICH_ROWS = r"""INSERT IGNORE INTO rich (id, changed, long_text, label, labels, bits, big, moment, bytes, place, clock,
    y, day, huge, medium, f, d, blob_, padded, latin) VALUES
    (1, '2024-01-01 00:00:00.123456', 'tab\tnl\n\\ ''q" 漢🙂', 'b''c', 'x,z', b'1010101010101',
     12345678901234567890123456789012345.123456789012345678901234567890, '1000-01-01', x'00ff0a0d5c09',
     ST_GeomFromText('POINT(1 2.5)'), '-838:59:59', 2155, '9999-12-31', 18446744073709551615, -8388608, 3.4e38,
     -1.7976931348623157e308, x'00', 'ab ', 'é'),
    (2, NULL, '', 'd\\e', '', b'0', -0.000000000000000000000000000001, '9999-12-31 23:59:59', '', NULL, '838:59:59',
     1901, '0001-01-01', 0, 8388607, 0.1, 5e-324, '', '', ''),
    (3, NULL, NULL, 'nope', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
     NULL)"""
DOCUMENT = """UPDATE rich SET document = '{"a": [1, 2.5, null]}' WHERE id = 1"""


def do(db: MySql, *statements: str) -> None:
    """On one connection, so that settings hold."""
    with db._connections.use() as connection, connection.cursor() as cursor:
        for statement in (LENIENT, *statements):
            cursor.execute(statement)
        connection._force_close()


def only(db: MySql, name: str) -> Table:
    return next(t for t in db.tables() if t.name == name)


def rows(db: MySql, table: Table, chunk: Chunk = WHOLE, view: str = "") -> list[dict[str, Any]]:
    return [row for batch in db.read(table, chunk, view) for row in batch.to_pylist()]


def landed(db: MySql, table: Table) -> Table:
    return replace(table, columns=tuple(db.land(c).column for c in table.columns), origin="mysql")


def copy(source: MySql, target: MySql, tables: Sequence[Table], run: str = RUN, mode: Mode = Mode.REPLACE) -> None:
    target.stage(run, tables)
    for table in tables:
        staged = target.staged(run, table)
        target.write(Ticket(run, staged.name, 0), staged, source.read(table, WHOLE))
        target.seal(run, table)
    target.publish(run, tables, mode)
    target.finish(run)


def test_it_offers_what_it_says(db: MySql) -> None:
    for protocol in (Stages, Snapshots, Relays, Views):
        assert isinstance(db, protocol)


def test_a_rich_table_is_the_same_in_another_database(db: MySql, other: MySql) -> None:
    do(db, RICH, RICH_ROWS, DOCUMENT)
    table = only(db, "rich")
    copy(db, other, [table])
    found = only(other, "rich")
    assert rows(other, found) == rows(db, table)
    assert len(rows(db, table)) == 3
    assert replace(found, rows_estimate=0, bytes_estimate=0) == replace(table, rows_estimate=0, bytes_estimate=0)
    identity = found.column("id").identity
    assert identity
    assert identity.next == 77


def test_values_as_python_has_them(db: MySql) -> None:
    do(db, RICH, RICH_ROWS, DOCUMENT)
    first, second, third = rows(db, only(db, "rich"))
    assert first["big"] == Decimal("12345678901234567890123456789012345.123456789012345678901234567890")
    assert first["bits"] == "1010101010101"
    assert first["long_text"] == "tab\tnl\n\\ 'q\" 漢🙂"
    assert (first["y"], first["huge"], first["latin"], first["labels"]) == (2155, 2**64 - 1, "é", "x,z")
    assert (second["d"], second["f"], second["day"]) == (5e-324, pytest.approx(0.1), date(1, 1, 1))
    assert (second["label"], third["label"], third["long_text"]) == ("d\\e", "", None)
    times = next(iter(db.read(only(db, "rich"), WHOLE))).column("clock").cast(pa.int64()).to_pylist()
    assert times == [-3_020_399_000_000, 3_020_399_000_000, None]


def test_the_fallback_reads_the_same(db: MySql, monkeypatch: pytest.MonkeyPatch) -> None:
    do(db, RICH, RICH_ROWS, DOCUMENT)
    table = only(db, "rich")
    native = list(db.read(table, WHOLE))
    monkeypatch.setattr("wayfare.systems.databases.mysql.decode.library", lambda: None)
    assert list(db.read(table, WHOLE)) == native


ZEROS = "CREATE TABLE zeros (id INT PRIMARY KEY, d DATE, m DATETIME(3), t TIMESTAMP NULL)"
ZERO_ROWS = "INSERT INTO zeros VALUES (1,'0000-00-00','0000-00-00',0),(2,'2024-00-15','2024-05-00 01:02:03.5',NULL)"


def test_zero_dates_are_refused_by_name(db: MySql) -> None:
    do(db, ZEROS, ZERO_ROWS)
    with pytest.raises(LossRefused, match=r"zeros\.d.*--allow-loss zeros\.d"):
        rows(db, only(db, "zeros"))


@pytest.mark.parametrize("native", [True, False])
def test_zero_dates_become_null_and_count_where_allowed(
    db: MySql, native: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not native:
        monkeypatch.setattr("wayfare.systems.databases.mysql.decode.library", lambda: None)
    do(db, ZEROS, ZERO_ROWS)
    allowed = replace(only(db, "zeros"), hints=((LOSS_ALLOWED, "d,m,t"),))
    assert [(r["d"], r["m"], r["t"]) for r in rows(db, allowed)] == [(None, None, None)] * 2
    assert [losses(b) for b in db.read(allowed, WHOLE)] == [{"d": 2, "m": 2, "t": 1}]


def test_zero_dates_are_text_for_who_asks_for_text(db: MySql) -> None:
    do(db, ZEROS, ZERO_ROWS)
    table = only(db, "zeros")
    text = replace(table, columns=tuple(replace(c, type=pa.string()) for c in table.columns if c.name != "t"))
    assert rows(db, text)[1] == {"id": "2", "d": "2024-00-15", "m": "2024-05-00 01:02:03.500"}


@pytest.mark.skipif(library() is None, reason="the relay needs the native part")
def test_a_relay_carries_what_arrow_cannot(db: MySql, other: MySql) -> None:
    do(db, ZEROS, ZERO_ROWS, RICH.replace("document JSON, ", ""), RICH_ROWS)
    tables = list(db.tables())
    other.stage(RUN, tables)
    digests = []
    for table in tables:
        form = db.sends(table)[0]
        assert form in other.receives(table, table)
        staged = other.staged(RUN, table)
        sent: list[Parcel] = []

        def passing(parcels: Any, kept: list[Parcel] = sent) -> Any:
            for parcel in parcels:
                kept.append(parcel)
                yield parcel

        count = other.receive(Ticket(RUN, staged.name, 0), staged, form, passing(db.send(table, WHOLE, form)))
        assert count == len(db.execute(f"SELECT 1 FROM `{table.name}`"))
        back = list(other.send(staged, WHOLE, form))
        assert [p.digest for p in back] == [p.digest for p in sent]
        digests += [p.digest for p in back]
        other.seal(RUN, table)
    other.publish(RUN, tables, Mode.REPLACE)
    other.finish(RUN)
    assert len(set(digests)) == len(tables) == 2
    everything = "SELECT CAST(d AS CHAR) d, CAST(m AS CHAR) m, CAST(t AS CHAR) t FROM zeros ORDER BY id"
    assert other.execute(everything) == db.execute(everything)
    assert rows(other, only(other, "rich")) == rows(db, only(db, "rich"))


def test_a_neutral_relay_is_loaded_exactly_or_not_at_all(db: MySql) -> None:
    columns = (
        Column("id", pa.int64(), False),
        Column("b", pa.binary()),
        Column("f", pa.float64()),
        Column("u", pa.binary(16), meaning=Meaning.UUID),
        Column("m", pa.timestamp("us")),
    )
    source = Table("t", columns, key=("id",), origin="elsewhere")
    table = landed(db, source)
    assert list(db.receives(source, table)) == ["lines(int,hex,float,uuid,datetime)"]
    db.stage(RUN, [table])
    staged = db.staged(RUN, table)
    uuid = b"00000000-0000-0000-0000-00000000000f"
    good = b"1\t00ff\t1.5e-07\t" + uuid + b"\t2024-02-29 23:59:59.999999\n2\t\\N\t\\N\t\\N\t\\N\n"
    assert db.receive(Ticket(RUN, staged.name, 0), staged, "lines", [Parcel(good, 2, (0, 0))]) == 2
    assert rows(db, staged)[0]["u"] == bytes(15) + b"\x0f"
    assert rows(db, staged)[0]["b"] == b"\0\xff"
    for bad in (
        b"3\t\\N\tNaN\t\\N\t\\N\n",
        b"3\t\\N\t\\N\t\\N\tinfinity\n",
        b"x\t\\N\t\\N\t\\N\t\\N\n",
    ):
        with pytest.raises(LossRefused):
            db.receive(Ticket(RUN, staged.name, 1), staged, "lines", [Parcel(bad, 1, (0, 0))])
    with pytest.raises(Refused, match="1 of 2 rows"):
        db.receive(Ticket(RUN, staged.name, 1), staged, "lines", [Parcel(b"3\t\\N\t\\N\t\\N\t\\N\n", 2, (0, 0))])
    assert len(rows(db, staged)) == 2


def test_a_value_that_does_not_fit_fails_the_chunk(db: MySql) -> None:
    table = landed(db, Table("t", (Column("a", pa.string(), length=3),)))
    db.stage(RUN, [table])
    staged = db.staged(RUN, table)
    batch = pa.RecordBatch.from_arrays([pa.array(["abc", "abcd"])], schema=staged.arrow())
    with pytest.raises(LossRefused, match=f"{staged.label}.a: .*column 'a'"):
        db.write(Ticket(RUN, staged.name, 0), staged, [batch])
    assert rows(db, staged) == []


def test_where_load_data_is_forbidden_rows_are_inserted(db: MySql, other: MySql) -> None:
    do(db, RICH, RICH_ROWS, DOCUMENT, "DELETE FROM rich WHERE id = 3")
    other._server = replace(other.server(), local_infile=False)
    table = only(db, "rich")
    copy(db, other, [table])
    assert rows(other, only(other, "rich")) == rows(db, table)
    assert not other.receives(table, table)


# ---- splitting


@pytest.mark.parametrize("kind", ["even", "skewed", "text", "bytes", "dates", "few", "unique"])
def test_chunks_of_every_sort_of_key_hold_every_row_once(db: MySql, kind: str) -> None:
    count = 6_000
    made: dict[str, tuple[Column, list[Any]]] = {
        "even": (Column("k", pa.int32(), False), list(range(count))),
        "skewed": (Column("k", pa.int64(), False), [i if i < count - 3 else 10**15 + i for i in range(count)]),
        "text": (Column("k", pa.string(), False, length=40), [f"Käse'{i}\\" for i in range(count)]),
        "bytes": (Column("k", pa.binary(), False, length=40), [bytes([i % 256, 0]) + b"%d" % i for i in range(count)]),
        "dates": (Column("k", pa.date32(), False), [date(1600, 1, 1) + timedelta(i) for i in range(count)]),
        "few": (Column("k", pa.int32(), False), [i % 2 for i in range(count)]),
        "unique": (Column("k", pa.int32(), False), list(range(count))),
    }
    column, keys = made[kind]
    table = landed(db, Table("t", (column, Column("n", pa.int32(), False)), key=("k", "n")))
    if kind == "unique":
        table = replace(table, key=(), indexes=(Index("u", ("k",), unique=True),))
    batch = pa.RecordBatch.from_arrays(
        [pa.array(keys, column.type), pa.array(range(count), pa.int32())], schema=table.arrow()
    )
    db.stage(RUN, [table])
    staged = db.staged(RUN, table)
    db.write(Ticket(RUN, staged.name, 0), staged, [batch])
    db.seal(RUN, table)
    db.publish(RUN, [table], Mode.REPLACE)
    db.finish(RUN)
    table = only(db, "t")
    chunks = db.split(table, 1_000)
    sizes = [len(rows(db, table, chunk)) for chunk in chunks]
    assert sum(sizes) == count
    assert sorted(r["n"] for c in chunks for r in rows(db, table, c)) == list(range(count))
    assert max(sizes) <= (3_500 if kind == "few" else 2_500)


# ---- one view for many readers


def test_a_snapshot_does_not_see_what_comes_later(db: MySql) -> None:
    do(db, "CREATE TABLE a (id INT PRIMARY KEY)", "CREATE TABLE b (id INT PRIMARY KEY)", "INSERT INTO a VALUES (1),(2)")
    a, b = only(db, "a"), only(db, "b")
    with db.snapshot() as snapshot:
        do(db, "INSERT INTO a VALUES (3)", "INSERT INTO b VALUES (1)")
        seen: list[int] = []
        readers = [
            threading.Thread(target=lambda t=t: seen.append(len(rows(db, t, view=snapshot.token)))) for t in (a, b) * 6
        ]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        assert sorted(seen) == [0] * 6 + [2] * 6
        for _ in range(12):  # leaving early gives the connection back, with its view
            batches = db.read(a, WHOLE, snapshot.token)
            next(batches)
            batches.close()
        assert len(rows(db, a, view=snapshot.token)) == 2
    assert len(rows(db, a)) == 3
    with pytest.raises(Unreachable, match="snapshot has ended"):
        rows(db, a, view=snapshot.token)


def test_leaving_a_long_answer_keeps_the_snapshot(db: MySql) -> None:
    do(db, "CREATE TABLE a (id INT PRIMARY KEY, t TEXT)", "INSERT INTO a VALUES (0, REPEAT('x', 2000))")
    do(db, *(f"INSERT INTO a SELECT id + {2**i}, t FROM a" for i in range(15)))
    table = only(db, "a")
    with db.snapshot() as snapshot:
        for _ in range(10):
            batches = db.read(table, WHOLE, snapshot.token)
            next(batches)
            batches.close()
        assert len(rows(db, table, view=snapshot.token)) == 32_768


# ---- putting in place


def family(db: MySql) -> list[Table]:
    key = Column("id", pa.int64(), False)
    parent = Table("parent", (key,), key=("id",))
    child = Table(
        "child",
        (key, Column("parent_id", pa.int64())),
        key=("id",),
        foreign_keys=(ForeignKey("to_parent", ("parent_id",), "parent", ("id",), on_delete="CASCADE"),),
    )
    return [landed(db, child), landed(db, parent)]


def load_family(db: MySql, run: str, size: int) -> list[Table]:
    child, parent = family(db)
    db.stage(run, [child, parent])
    ids = pa.array(range(size), pa.int64())
    for table, columns in ((child, [ids, ids]), (parent, [ids])):
        staged = db.staged(run, table)
        batch = pa.RecordBatch.from_arrays(columns, schema=staged.arrow())
        db.write(Ticket(run, staged.name, 0), staged, [batch])
        db.seal(run, table)
    return [child, parent]


def foreign_keys(db: MySql) -> dict[str, tuple[str, str]]:
    return {t.name: (k.name, k.parent) for t in db.tables() for k in t.foreign_keys}


def test_foreign_keys_follow_the_copy(db: MySql) -> None:
    first = load_family(db, RUN, 3)
    db.publish(RUN, first, Mode.REPLACE)
    db.finish(RUN)
    do(db, "CREATE TABLE outside (id BIGINT, CONSTRAINT from_outside FOREIGN KEY (id) REFERENCES parent (id))")
    do(db, "INSERT INTO outside VALUES (1)")
    expected = {"child": ("to_parent", "parent"), "outside": ("from_outside", "parent")}
    assert foreign_keys(db) == expected
    second = load_family(db, "b" * 16, 5)
    for _ in range(2):
        db.publish("b" * 16, second, Mode.REPLACE)
    assert foreign_keys(db)["outside"] == ("from_outside", "parent")
    for _ in range(2):
        db.finish("b" * 16)
    assert foreign_keys(db) == expected
    assert len(rows(db, only(db, "child"))) == 5
    with pytest.raises(Refused):
        do(db, "SET SESSION foreign_key_checks=1") or db.execute("INSERT INTO child VALUES (77, 77)")


def test_discard_puts_foreign_keys_back_too(db: MySql) -> None:
    first = load_family(db, RUN, 3)
    db.publish(RUN, first, Mode.REPLACE)
    db.finish(RUN)
    do(db, "CREATE TABLE outside (id BIGINT, CONSTRAINT from_outside FOREIGN KEY (id) REFERENCES parent (id))")
    second = load_family(db, "b" * 16, 5)
    db.publish("b" * 16, second, Mode.REPLACE)
    for _ in range(2):
        db.discard("b" * 16)
    assert foreign_keys(db) == {"child": ("to_parent", "parent"), "outside": ("from_outside", "parent")}
    assert len(rows(db, only(db, "child"))) == 3
    left = db.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()")
    assert left.num_rows == 3


def test_a_merge_looks_at_the_primary_key_alone(db: MySql) -> None:
    do(db, "CREATE TABLE t (id INT PRIMARY KEY, code VARCHAR(9) UNIQUE, extra INT DEFAULT 5)")
    do(db, "INSERT INTO t VALUES (1, 'a', 1), (2, 'b', 2)")
    existing = only(db, "t")
    table = replace(existing, columns=existing.columns[:2])
    db.stage(RUN, [table])
    staged = db.staged(RUN, table)
    batch = pa.RecordBatch.from_arrays([pa.array([2, 3], pa.int32()), pa.array(["c", "a"])], schema=staged.arrow())
    db.write(Ticket(RUN, staged.name, 0), staged, [batch])
    with pytest.raises(Refused, match="Duplicate"):
        db.publish(RUN, [table], Mode.MERGE)
    assert [tuple(r.values()) for r in rows(db, existing)] == [(1, "a", 1), (2, "b", 2)]
    do(db, "UPDATE t SET code = 'z' WHERE id = 1")
    for _ in range(2):
        db.publish(RUN, [table], Mode.MERGE)
    assert [tuple(r.values()) for r in rows(db, existing)] == [(1, "z", 1), (2, "c", 2), (3, "a", 5)]
    db.finish(RUN)


def test_two_attempts_at_one_chunk_write_it_once(db: MySql) -> None:
    table = landed(db, Table("t", (Column("a", pa.int64(), False),)))
    db.stage(RUN, [table])
    staged = db.staged(RUN, table)
    batch = pa.RecordBatch.from_arrays([pa.array(range(1000), pa.int64())], schema=staged.arrow())
    found: list[int] = []
    ticket = Ticket(RUN, staged.name, 0)
    writers = [threading.Thread(target=lambda: found.append(db.write(ticket, staged, [batch] * 20))) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert found == [20_000] * 4
    assert len(rows(db, staged)) == 20_000


def test_a_column_that_numbers_itself_keeps_zero_and_goes_on(db: MySql) -> None:
    columns = (Column("n", pa.int32(), False, identity=Identity(next=900)), Column("k", pa.int32(), False))
    table = landed(db, Table("t", columns, key=("k",)))
    batch = pa.RecordBatch.from_arrays(
        [pa.array([0, 5], pa.int32()), pa.array([1, 2], pa.int32())], schema=table.arrow()
    )
    db.stage(RUN, [table])
    staged = db.staged(RUN, table)
    db.write(Ticket(RUN, staged.name, 0), staged, [batch])
    db.seal(RUN, table)
    db.publish(RUN, [table], Mode.REPLACE)
    db.finish(RUN)
    do(db, "INSERT INTO t (k) VALUES (3)")
    assert sorted(r["n"] for r in rows(db, only(db, "t"))) == [0, 5, 900]


def test_views_are_told_and_made(db: MySql, other: MySql) -> None:
    for database in (db, other):
        do(database, "CREATE TABLE t (a INT)")
    do(db, "CREATE VIEW v AS SELECT a AS `as`, 'x' AS b FROM t WHERE a > 1")
    (view,) = db.views()
    assert other.create_views([view]) == []
    assert [v.definition for v in other.views()] == [view.definition]
    (finding,) = other.create_views([View("w", "SELECT nothing FROM nowhere")])
    assert "nowhere" in finding.message


# ---- connecting


def test_tls(bed: Fresh) -> None:
    address = bed()
    with MySql(replace(address, options={"ssl-mode": "required"})) as db:
        try:
            found = db.execute("SHOW STATUS LIKE 'Ssl_cipher'")
        except (Unreachable, Refused) as error:
            pytest.skip(f"this server has no TLS: {error}")
        assert found.column(1)[0].as_py()
        table = landed(db, Table("t", (Column("a", pa.string()),)))
        db.stage(RUN, [table])
        staged = db.staged(RUN, table)
        batch = pa.RecordBatch.from_arrays([pa.array(["x" * 100_000] * 300)], schema=staged.arrow())
        assert db.write(Ticket(RUN, staged.name, 0), staged, [batch]) == 300
        assert {r["a"] for r in rows(db, staged)} == {"x" * 100_000}


def test_what_goes_wrong_while_connecting(bed: Fresh) -> None:
    address = bed()
    wrong: list[tuple[Address, type[Exception]]] = [
        (replace(address, password=Redacted("wrong")), Unauthenticated),
        (replace(address, port=1), Unreachable),
        (replace(address, database="no_such_database"), NotFound),
    ]
    for bad, error in wrong:
        with pytest.raises(error) as caught, MySql(bad) as db:
            db.check()
        assert address.password.reveal() not in str(caught.value)


def test_a_missing_right_is_said(db: MySql, bed: Fresh) -> None:
    name = db.address.database
    do(db, "DROP USER IF EXISTS reader", "CREATE USER reader IDENTIFIED BY 'r'", f"GRANT SELECT ON {name}.* TO reader")
    do(db, "CREATE TABLE t (id INT PRIMARY KEY) ENGINE=InnoDB", "CREATE TABLE plain (id INT) ENGINE=MyISAM")
    with MySql(replace(db.address, user="reader", password=Redacted("r"))) as reader:
        codes = {f.code for f in reader.check().findings}
        assert codes >= {"no_shared_view", "no_transactions"}
        with reader.snapshot() as snapshot:
            assert rows(reader, only(reader, "t"), view=snapshot.token) == []
        with pytest.raises(Forbidden):
            reader.stage(RUN, [only(reader, "t")])


def test_any_statement(db: MySql) -> None:
    found = db.execute("SELECT 1 AS a, 'x' AS b, CAST('2024-01-02' AS DATE) AS c, 1.50 AS d, NULL AS e")
    assert found.to_pylist() == [{"a": 1, "b": "x", "c": date(2024, 1, 2), "d": Decimal("1.50"), "e": None}]
    assert db.execute("CREATE TABLE t (a INT)").num_rows == 0
    assert db.execute("CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 1").num_rows == 0
    with pytest.raises(Refused, match="syntax"):
        db.execute("SELECT FROM")


def test_a_chunk_is_found_without_its_key_column(db: MySql) -> None:
    """Probes look at some columns only; the bounds of bytes must still be bytes."""
    do(db, "CREATE TABLE t (k BINARY(2) PRIMARY KEY, n INT)")
    do(db, "INSERT INTO t VALUES (x'0001', 1), (x'00ff', 2), (x'ff00', 3)")
    table = only(db, "t")
    some = table.only(frozenset({"n"}))
    parts = [[r["n"] for r in rows(db, some, chunk)] for chunk in db.split(table, 1)]
    assert sorted(n for part in parts for n in part) == [1, 2, 3]
    assert len(parts) > 1


PARTICULAR = {
    "mariadb": [
        "CREATE TABLE t (id UUID PRIMARY KEY, six INET6, four INET4, g GEOMETRY NOT NULL, SPATIAL INDEX (g))",
        "INSERT INTO t VALUES ('123e4567-e89b-12d3-a456-426655440000', '::1', '1.2.3.4',"
        " ST_GeomFromText('LINESTRING(0 0,1 1)', 4326))",
    ],
    "mysql": [
        "CREATE TABLE t (id BINARY(16) PRIMARY KEY, g GEOMETRY NOT NULL SRID 4326, v VECTOR(3), SPATIAL INDEX (g),"
        " KEY computed ((UPPER(HEX(id)))))",
        "INSERT INTO t VALUES (x'00ff00ff00ff00ff00ff00ff00ff00ff', ST_GeomFromText('LINESTRING(0 0,1 1)', 4326),"
        " STRING_TO_VECTOR('[1,2,3]'))",
    ],
}
PARTITIONED = """CREATE TABLE p (id INT, y DATE, PRIMARY KEY (id, y)) PARTITION BY RANGE (YEAR(y))
    (PARTITION a VALUES LESS THAN (2000), PARTITION b VALUES LESS THAN MAXVALUE)"""


@pytest.mark.parametrize("relayed", [False, True], ids=["arrow", "relay"])
def test_what_only_one_of_the_two_has(db: MySql, other: MySql, relayed: bool) -> None:
    do(
        db,
        *PARTICULAR["mariadb" if db.server().maria else "mysql"],
        PARTITIONED,
        "INSERT INTO p VALUES (1, '1999-01-01')",
    )
    if relayed and not library():
        pytest.skip("the relay needs the native part")
    tables = list(db.tables())
    if relayed:
        other.stage(RUN, tables)
        for table in tables:
            staged = other.staged(RUN, table)
            form = db.sends(table)[0]
            other.receive(Ticket(RUN, staged.name, 0), staged, form, db.send(table, WHOLE, form))
            other.seal(RUN, table)
        other.publish(RUN, tables, Mode.REPLACE)
        other.finish(RUN)
    else:
        copy(db, other, tables)
    for table in tables:
        found = only(other, table.name)
        assert rows(other, found) == rows(db, table)
        assert len(rows(db, table)) == 1
        assert replace(found, rows_estimate=0, bytes_estimate=0) == replace(table, rows_estimate=0, bytes_estimate=0)


NAMES = ["a", "a ", "a\t", "a\u00a0", "a\U0001f600", "漢" * 21, "$-" * 32, "-" * 40, "", "x" * 64, "é/.\\"]


@pytest.mark.parametrize("name", NAMES)
def test_what_can_be_no_name_is_known_without_asking(db: MySql, name: str) -> None:
    """The server's own answer agrees, but that MySQL makes a question mark of what it does not know."""
    for is_table in (False, True):
        table, column = (name, "id") if is_table else ("t", name)
        fault = db.name_fault(name, is_table=is_table)
        if "\U0001f600" in name and not db.server().maria:
            assert fault
            continue
        try:
            do(db, f"CREATE TABLE {quote(table)} ({quote(column)} INT)", f"DROP TABLE {quote(table)}")
            refused = False
        except pymysql.MySQLError:
            refused = True
        assert bool(fault) == refused, (name, fault)


def test_names_of_indexes_and_keys_are_changed_where_they_cannot_be(db: MySql) -> None:
    columns = (Column("id", pa.int64(), False), Column("n", pa.int64()), Column("m", pa.int64()))
    parent = Table("parent", columns[:1], key=("id",))
    table = Table(
        "t",
        columns,
        key=("id",),
        indexes=(Index("i ", ("n",)), Index("i\t", ("m",)), Index("j" * 70, ("n", "m")), Index("fine", ("m", "n"))),
        foreign_keys=(ForeignKey("f\U0001f600", ("n",), "parent", ("id",)),),
        checks=(Check("c" * 65, "n > 0"),),
    )
    tables = [landed(db, t) for t in (parent, table)]
    db.stage(RUN, tables)
    for made in tables:
        db.seal(RUN, made)
    db.publish(RUN, tables, Mode.REPLACE)
    db.seal(RUN, tables[1])
    db.finish(RUN)
    found = only(db, "t")
    assert {i.columns for i in found.indexes} == {("n",), ("m",), ("n", "m"), ("m", "n")}
    assert "fine" in {i.name for i in found.indexes}
    assert [k.parent for k in found.foreign_keys] == ["parent"]
    assert len(found.checks) == 1
