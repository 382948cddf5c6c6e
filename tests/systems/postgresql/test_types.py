"""Types and SQL text: `input; expected` pairs."""

from __future__ import annotations

import pyarrow as pa
import pytest

from wayfare.core.landing import Verdict
from wayfare.core.lines import lines_format
from wayfare.core.tables import Check, Column, Identity, Index, Meaning, Table
from wayfare.systems.databases.postgresql import dialect, relay, types
from wayfare.systems.databases.postgresql.catalog import _of_column

PLAIN = Meaning.PLAIN


@pytest.mark.parametrize(
    ("native", "kind", "meaning"),
    [
        ("bigint", pa.int64(), PLAIN),
        ("numeric(10,2)", pa.decimal128(10, 2), PLAIN),
        ("numeric(60,20)", pa.decimal256(60, 20), PLAIN),
        ("numeric(90,20)", pa.string(), Meaning.NUMBER),
        ("numeric", pa.string(), Meaning.NUMBER),
        ("numeric(2,-3)", pa.decimal128(5, 0), PLAIN),
        ("numeric(3,5)", pa.decimal128(5, 5), PLAIN),
        ("character varying(20)", pa.string(), PLAIN),
        ('character varying(20) COLLATE pg_catalog."C"', pa.string(), PLAIN),
        ("timestamp(3) with time zone", pa.timestamp("us", "UTC"), PLAIN),
        ("timestamp without time zone", pa.timestamp("us"), PLAIN),
        ("time(0) with time zone", pa.string(), Meaning.TIME_ZONED),
        ("interval day to second(3)", pa.string(), Meaning.INTERVAL),
        ("bit(8)", pa.string(), Meaning.BITS),
        ("integer[]", pa.list_(pa.int32()), PLAIN),
        ("numeric[]", pa.list_(pa.string()), Meaning.NUMBER),
        ("numeric(8,3)[]", pa.list_(pa.decimal128(8, 3)), PLAIN),
        ("inet", pa.string(), Meaning.OTHER),
        ("int4range", pa.string(), Meaning.OTHER),
    ],
)
def test_how_a_stored_type_travels(native, kind, meaning):
    assert types.arrow_of(native) == (kind, meaning)


@pytest.mark.parametrize(
    ("kind", "native", "verdict"),
    [
        (pa.bool_(), "boolean", Verdict.EXACT),
        (pa.int8(), "smallint", Verdict.WIDENED),
        (pa.uint64(), "numeric(20,0)", Verdict.WIDENED),
        (pa.decimal256(60, 20), "numeric(60,20)", Verdict.EXACT),
        (pa.time64("ns"), "time without time zone", Verdict.LOSSY),
        (pa.timestamp("ns", "UTC"), "timestamp with time zone", Verdict.LOSSY),
        (pa.timestamp("s"), "timestamp without time zone", Verdict.WIDENED),
        (pa.list_(pa.int64()), "bigint[]", Verdict.EXACT),
        (pa.list_(pa.list_(pa.int64())), "", Verdict.IMPOSSIBLE),
        (pa.duration("us"), "", Verdict.IMPOSSIBLE),
    ],
)
def test_how_a_strangers_column_lands(kind, native, verdict):
    landing = types.land(Column("c", kind))
    assert landing.verdict is verdict
    assert landing.verdict is Verdict.IMPOSSIBLE or landing.column.native == native
    assert bool(landing.reason) == (verdict is not Verdict.EXACT)


@pytest.mark.parametrize("native", ["jsonb", "character(3)", "money", "bit(8)", "oid", "public.hstore", "tsvector"])
def test_own_types_land_as_they_are(native):
    kind, meaning = types.arrow_of(native)
    column = Column("c", kind, meaning=meaning, native=native, origin="postgresql")
    assert types.land(column).column == column
    assert types.land(column).verdict is Verdict.EXACT


def test_a_domain_lands_as_its_base_type():
    landing = types.land(Column("c", pa.int32(), native="public.year", origin="postgresql"))
    assert (landing.verdict, landing.column.native) == (Verdict.WIDENED, "integer")
    assert "public.year" in landing.reason


@pytest.mark.parametrize(
    ("definition", "tail"),
    [
        ("CREATE INDEX i ON public.t USING btree (a)", "USING btree (a)"),
        ('CREATE INDEX " USING " ON ONLY s."x USING y" USING gin (b) WHERE (a > 1)', "USING gin (b) WHERE (a > 1)"),
    ],
)
def test_what_follows_the_name_in_an_index_definition(definition, tail):
    assert dialect.after_on(definition) == tail


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("((VALUE >= 1901) AND (VALUE <= 2155))", '(("y" >= 1901) AND ("y" <= 2155))'),
        ("((VALUE)::text ~ 'VALUE'::text)", "((\"y\")::text ~ 'VALUE'::text)"),
        ('(my_VALUE(VALUE) > "VALUE")', '(my_VALUE("y") > "VALUE")'),
    ],
)
def test_a_domains_check_said_of_a_column(expression, expected):
    assert _of_column(expression, "y") == expected


def test_long_names_are_cut_and_stay_apart():
    one, two = dialect.shortened("é" * 40 + "1"), dialect.shortened("é" * 40 + "2")
    assert one != two
    assert max(len(one.encode()), len(two.encode())) <= 63
    assert dialect.shortened("n" * 63) == "n" * 63


def test_a_table_is_created_with_what_the_rows_need():
    table = Table(
        'the "table"',
        (
            Column("id", pa.int64(), False, native="bigint", identity=Identity(next=5, increment=2, always=True)),
            Column("size", pa.string(), native="text", meaning=Meaning.ENUM, labels=("s", "it's")),
            Column("twice", pa.int64(), native="bigint", generated='"id" * 2'),
            Column("n", pa.int32(), native="integer", default="7"),
        ),
        checks=(Check("positive", "n > 0"),),
    )
    assert dialect.create_table(table) == (
        'create table if not exists "public"."the ""table""" ('
        '"id" bigint generated always as identity (increment by 2) not null, "size" text, '
        '"twice" bigint generated always as ("id" * 2) stored, "n" integer default 7, '
        "check (\"size\" in ('s', 'it''s')))"
    )


def test_indexes_of_every_kind():
    table = Table("t", (), namespace="s")
    pairs = [
        (Index("i", ("a", "b"), descending=(False, True)), 'create index "i" on "s"."t" ("a", "b" desc)'),
        (Index("i", ("a",), unique=True, where="a > 1"), 'create unique index "i" on "s"."t" ("a") where a > 1'),
        (Index("i", (), expression="lower(a)", method="hash"), 'create index "i" on "s"."t" using hash (lower(a))'),
        (Index("i", ("a",), unique=True, constraint=True), 'alter table "s"."t" add constraint "i" unique ("a")'),
    ]
    for index, expected in pairs:
        assert dialect.create_index(table, index, "i") == expected


def test_formats_are_spelt_from_what_lands():
    year = Column("y", pa.int32(), native="public.year", origin="postgresql")
    mood = Column("m", pa.string(), meaning=Meaning.ENUM, native="public.mood", origin="postgresql", labels=("a",))
    store = Column("h", pa.string(), meaning=Meaning.OTHER, native="public.hstore", origin="postgresql")
    kind = Column("k", pa.string(), meaning=Meaning.OTHER, native="regclass", origin="postgresql")
    assert relay.sends(Table("t", (year, mood))) == ["pgcopy-binary(integer,enum)", "lines(int,text)"]
    assert relay.sends(Table("t", (year, store)))[0] == "pgcopy-text(integer,public.hstore)"
    assert relay.sends(Table("t", (kind,)))[0] == "pgcopy-text(regclass)"
    landed = Table("t", tuple(types.land(c).column for c in (year, mood)))
    assert relay.receives(landed) == ["pgcopy-binary(integer,enum)"]


def test_lines_have_a_form_for_each_column():
    columns = [
        Column("a", pa.bool_()),
        Column("b", pa.binary()),
        Column("c", pa.timestamp("us", "UTC")),
        Column("d", pa.list_(pa.int32())),
        Column("e", pa.binary(16), meaning=Meaning.UUID),
        Column("f", pa.string(), meaning=Meaning.NUMBER),
    ]
    assert lines_format(columns) == "lines(bool01,hex,datetimez,json,uuid,decimal)"
    assert lines_format([Column("t", pa.timestamp("ns"))]) is None
