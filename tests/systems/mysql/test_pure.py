"""Types, landings and statements, as pairs of input and output."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

from wayfare.core.address import Address
from wayfare.core.errors import Invalid
from wayfare.core.landing import Verdict
from wayfare.core.ports import Chunk
from wayfare.core.tables import Check, Column, ForeignKey, Identity, Index, Meaning, Table
from wayfare.systems.databases.mysql import definition, dialect, options, relay
from wayfare.systems.databases.mysql.landing import EXACT_TEXT, land
from wayfare.systems.databases.mysql.server import Server
from wayfare.systems.databases.mysql.types import labelled, labels, travels

MARIA = Server(maria=True, version=(10, 11, 0), collations=frozenset({"utf8mb4_nopad_bin", "utf8mb4_bin"}))
MYSQL = Server(maria=False, version=(9, 7, 0), collations=frozenset({"utf8mb4_0900_bin", "utf8mb4_0900_ai_ci"}))


@pytest.mark.parametrize(
    ("native", "kind", "meaning"),
    [
        ("tinyint(1)", pa.int8(), Meaning.PLAIN),
        ("tinyint(3) unsigned", pa.uint8(), Meaning.PLAIN),
        ("int(5) unsigned zerofill", pa.uint32(), Meaning.PLAIN),
        ("mediumint", pa.int32(), Meaning.PLAIN),
        ("bigint unsigned", pa.uint64(), Meaning.PLAIN),
        ("decimal(10,2)", pa.decimal128(10, 2), Meaning.PLAIN),
        ("decimal(65,30) unsigned", pa.decimal256(65, 30), Meaning.PLAIN),
        ("decimal", pa.decimal128(10, 0), Meaning.PLAIN),
        ("float", pa.float32(), Meaning.PLAIN),
        ("float(7,3)", pa.float32(), Meaning.PLAIN),
        ("double precision", pa.float64(), Meaning.PLAIN),
        ("year(4)", pa.int16(), Meaning.PLAIN),
        ("datetime(6)", pa.timestamp("us"), Meaning.PLAIN),
        ("timestamp", pa.timestamp("us", "UTC"), Meaning.PLAIN),
        ("time(3)", pa.time64("us"), Meaning.PLAIN),
        ("varchar(20) CHARACTER SET latin1 COLLATE latin1_swedish_ci", pa.string(), Meaning.PLAIN),
        ("varbinary(20)", pa.binary(), Meaning.PLAIN),
        ("bit(8)", pa.string(), Meaning.BITS),
        ("json", pa.string(), Meaning.JSON),
        ("uuid", pa.binary(16), Meaning.UUID),
        ("inet6", pa.string(), Meaning.OTHER),
        ("set('a','b')", pa.string(), Meaning.SET),
        ("point /*!80003 SRID 4326 */", pa.binary(), Meaning.PLAIN),
        ("something new", pa.string(), Meaning.OTHER),
    ],
)
def test_native_types(native: str, kind: pa.DataType, meaning: Meaning) -> None:
    found = travels(native)
    assert (found.type, found.meaning) == (kind, meaning)


def test_a_tinyint_of_one_is_a_boolean_only_by_choice() -> None:
    assert travels("tinyint(1)", booleans=True).type == pa.bool_()
    assert travels("tinyint(4)", booleans=True).type == pa.int8()


@pytest.mark.parametrize("names", [("a", "b"), ("it's", "a)b", "c,d", "e\\f", "g\nh", "漢", "")])
def test_labels_are_read_as_they_are_printed(names: tuple[str, ...]) -> None:
    assert labels(labelled("enum", names) + " " + EXACT_TEXT) == names


@pytest.mark.parametrize(
    ("column", "native", "verdict"),
    [
        (Column("c", pa.bool_()), "tinyint(1)", Verdict.EXACT),
        (Column("c", pa.uint64()), "bigint unsigned", Verdict.EXACT),
        (Column("c", pa.decimal128(12, 2)), "decimal(12,2)", Verdict.EXACT),
        (Column("c", pa.decimal256(60, 20)), "decimal(60,20)", Verdict.EXACT),
        (Column("c", pa.decimal256(70, 2)), "varchar(73)", Verdict.WIDENED),
        (Column("c", pa.decimal128(38, 35)), "varchar(41)", Verdict.WIDENED),
        (Column("c", pa.decimal128(5, -3)), "decimal(8,0)", Verdict.EXACT),
        (Column("c", pa.string(), length=20), "varchar(20)", Verdict.EXACT),
        (Column("c", pa.string(), length=20_000), "longtext", Verdict.EXACT),
        (Column("c", pa.string()), "longtext", Verdict.EXACT),
        (Column("c", pa.binary(), length=20), "varbinary(20)", Verdict.EXACT),
        (Column("c", pa.binary()), "longblob", Verdict.EXACT),
        (Column("c", pa.date32()), "date", Verdict.EXACT),
        (Column("c", pa.time64("us")), "time(6)", Verdict.EXACT),
        (Column("c", pa.time64("ns")), "time(6)", Verdict.LOSSY),
        (Column("c", pa.timestamp("s")), "datetime", Verdict.EXACT),
        (Column("c", pa.timestamp("ms")), "datetime(3)", Verdict.EXACT),
        (Column("c", pa.timestamp("us", "UTC")), "datetime(6)", Verdict.WIDENED),
        (Column("c", pa.timestamp("ns")), "datetime(6)", Verdict.LOSSY),
        (Column("c", pa.list_(pa.int32())), "json", Verdict.WIDENED),
        (Column("c", pa.string(), meaning=Meaning.JSON), "json", Verdict.WIDENED),
        (Column("c", pa.binary(16), meaning=Meaning.UUID), "char(36)", Verdict.WIDENED),
        (Column("c", pa.string(), meaning=Meaning.NUMBER), "longtext", Verdict.WIDENED),
        (Column("c", pa.string(), meaning=Meaning.BITS, length=64), "bit(64)", Verdict.EXACT),
        (Column("c", pa.string(), meaning=Meaning.BITS, length=65), "varchar(65)", Verdict.WIDENED),
        (
            Column("c", pa.string(), meaning=Meaning.BITS, length=8, native="bit varying(8)"),
            "varchar(8)",
            Verdict.WIDENED,
        ),
        (Column("c", pa.string(), meaning=Meaning.ENUM, labels=("a", "b ")), "longtext", Verdict.WIDENED),
        (Column("c", pa.string(), meaning=Meaning.ENUM, labels=("a", "b")), "enum('a','b')", Verdict.EXACT),
        (Column("c", pa.string(), meaning=Meaning.INTERVAL), "varchar(64)", Verdict.WIDENED),
        (Column("c", pa.string(), meaning=Meaning.OTHER, native="inet"), "longtext", Verdict.WIDENED),
        (Column("c", pa.null()), "", Verdict.IMPOSSIBLE),
    ],
)
def test_landings(column: Column, native: str, verdict: Verdict) -> None:
    found = land(column)
    assert (found.column.native.partition(" CHARACTER SET")[0], found.verdict) == (native, verdict)
    assert bool(found.reason) == (verdict is not Verdict.EXACT)
    assert found.column.origin == ("mysql" if native else "")


def test_its_own_columns_stay_as_they_are() -> None:
    column = Column("c", pa.string(), native="varchar(3) CHARACTER SET latin1 COLLATE latin1_bin", origin="mysql")
    assert land(column).column == column


def test_values_that_mysql_cannot_hold() -> None:
    assert land(Column("c", pa.float64())).limits.nan is False
    limits = land(Column("c", pa.timestamp("us"))).limits
    assert (limits.infinity, limits.high) == (False, 253_402_300_799_999_999)
    assert land(Column("c", pa.int32())).limits.any is False


def test_a_number_that_may_be_null_does_not_number_itself() -> None:
    assert land(Column("c", pa.int64(), nullable=True, identity=Identity())).column.identity is None
    assert land(Column("c", pa.int64(), nullable=False, identity=Identity())).column.identity


def landed(*columns: Column, **more: object) -> Table:
    return replace(Table("t", tuple(land(c).column for c in columns), origin="mysql"), **more)  # type: ignore[arg-type]


def test_unbounded_text_in_a_key_becomes_as_long_as_a_key_may_be() -> None:
    table = landed(Column("a", pa.string(), False), Column("b", pa.string(), False), key=("a", "b"))
    made = definition.create_table(table, "s", MARIA)
    assert made.count("varchar(383) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin") == 2
    alone = definition.create_table(replace(table, key=("a",)), "s", MARIA)
    assert "`a` varchar(767)" in alone
    assert "`b` longtext" in alone


def test_wide_rows_move_their_widest_texts_out() -> None:
    wide = [Column(f"c{i}", pa.string(), length=250) for i in range(300)]
    table = definition.fit(landed(*wide), MARIA)
    kinds = [c.native.split("(")[0].split(" ")[0] for c in table.columns]
    assert set(kinds) == {"varchar", "text"}
    assert kinds.count("varchar") * 1002 < 65_535


def test_collations_are_what_the_server_has() -> None:
    text = landed(Column("a", pa.string(), length=5))
    assert "utf8mb4_nopad_bin" in definition.create_table(text, "s", MARIA)
    assert "utf8mb4_0900_bin" in definition.create_table(text, "s", MYSQL)


def test_types_of_mariadb_have_a_form_in_mysql() -> None:
    table = Table("t", (Column("u", pa.binary(16), native="uuid", origin="mysql"),), origin="mysql")
    assert "`u` uuid" in definition.create_table(table, "s", MARIA)
    assert "`u` char(36)" in definition.create_table(table, "s", MYSQL)


@pytest.mark.parametrize(
    ("default", "native", "clause"),
    [
        ("5", "int", "DEFAULT 5"),
        ("'x'", "varchar(5)", "DEFAULT 'x'"),
        ("'x'", "longtext", "DEFAULT ('x')"),
        ("CURRENT_TIMESTAMP", "datetime(6)", "DEFAULT CURRENT_TIMESTAMP(6)"),
        ("now()", "timestamp", "DEFAULT CURRENT_TIMESTAMP"),
        ("CURRENT_DATE", "date", "DEFAULT (CURRENT_DATE)"),
        ("lower('A')", "varchar(5)", "DEFAULT (lower('A'))"),
        ("", "int", ""),
    ],
)
def test_defaults(default: str, native: str, clause: str) -> None:
    table = Table("t", (Column("c", pa.string(), default=default, native=native, origin="mysql"),))
    line = definition.create_table(table, "s", MYSQL).splitlines()[1]
    assert line.strip() == f"`c` {native} NULL {clause}".strip()


def test_structure_in_words() -> None:
    table = landed(
        Column("id", pa.int64(), False, identity=Identity(7)),
        Column("o`k", pa.string(), comment="it's"),
        key=("id",),
        indexes=(Index("i", ("o`k",), descending=(True,)), Index("u", ("id", "o`k"), unique=True)),
        foreign_keys=(ForeignKey("f", ("id",), "p", ("x",), on_delete="CASCADE", on_update="SET DEFAULT"),),
        checks=(Check("c", "id > 0"),),
        comment="a table",
    )
    create, indexes, keys = definition.statements(table, MARIA)
    assert "`id` bigint NOT NULL AUTO_INCREMENT" in create
    assert "COMMENT 'it''s'" in create
    assert "CONSTRAINT `c` CHECK (id > 0)" in create
    assert indexes == "ALTER TABLE `t` ADD INDEX `i` (`o``k` DESC), ADD UNIQUE INDEX `u` (`id`, `o``k`)"
    assert keys.endswith("FOREIGN KEY (`id`) REFERENCES `p` (`x`) ON DELETE CASCADE")


def test_a_chunk_is_a_range_of_its_index() -> None:
    table = replace(landed(Column("a", pa.string(), False, length=9), Column("n", pa.timestamp("us"))), key=("a",))
    chunk = Chunk(by="a", low="x'\\", high=None, cursor="n", after="2024-01-01T00:00:00+00:00")
    assert dialect.select(table, chunk) == (
        "SELECT `a` AS `a`, `n` AS `n` FROM `t` FORCE INDEX (`PRIMARY`) WHERE `a` >= 'x''\\\\'"
        " AND `n` IS NOT NULL AND `n` > '2024-01-01 00:00:00'"
    )


def test_what_is_selected_follows_the_arrow_type() -> None:
    def selected(native: str, kind: pa.DataType) -> str:
        return dialect.expression(Column("c", kind, native=native))

    assert selected("bit(8)", pa.string()) == "LPAD(BIN(`c` + 0), 8, '0')"
    assert selected("date", pa.string()) == "CAST(`c` AS CHAR)"
    assert selected("float", pa.string()) == "CAST(CAST(`c` AS DOUBLE) AS CHAR)"
    assert selected("char(36)", pa.binary(16)) == "UNHEX(REPLACE(`c`, '-', ''))"
    assert selected("binary(16)", pa.binary(16)) == "`c`"
    assert selected("varchar(5)", pa.int64()) == "CAST(`c` AS SIGNED)"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://h/d?color=red", "no option 'color'"),
        ("mysql://h/d?ssl-mode=maybe", "no ssl-mode"),
        ("mysql://h/d?tinyint1=perhaps", "no choice"),
    ],
)
def test_bad_options(url: str, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        options.parse(Address.parse(url))


def test_tls_is_left_out_on_this_machine_only() -> None:
    plain = options.parse(Address.parse("mysql://h/d"))
    assert plain.tls("127.0.0.1") == {"ssl_disabled": True}
    assert plain.tls("db.example") == {}
    context = options.parse(Address.parse("mysql://h/d?ssl_mode=VERIFY_IDENTITY")).tls("127.0.0.1")["ssl"]
    assert context.check_hostname


def test_relays_need_types_that_take_every_field() -> None:
    source = Table(
        "t", (Column("a", pa.int32(), origin="x"), Column("b", pa.list_(pa.int32()), origin="x")), origin="x"
    )
    target = landed(*source.columns)
    assert relay.receives(source, target) == ["lines(int,json)"]
    narrow = replace(target, columns=(replace(target.columns[0], type=pa.int16()), target.columns[1]))
    assert relay.receives(source, narrow) == []
    seconds = landed(Column("a", pa.timestamp("s")))
    assert relay.receives(Table("t", (Column("a", pa.timestamp("us")),), origin="x"), seconds) == []


def test_like_systems_relay_unless_json_is_rewritten() -> None:
    own = Table("t", (Column("a", pa.int32(), native="int", origin="mysql"),), origin="mysql")
    assert relay.receives(own, own) == ["mysql-lines(int)"]
    assert relay.receives(own, replace(own, columns=(replace(own.columns[0], native="bigint"),))) == []
    json = Column("a", pa.string(), meaning=Meaning.JSON, native="json", origin="mysql")
    assert relay.own_format(replace(own, columns=(json,))) == ""
