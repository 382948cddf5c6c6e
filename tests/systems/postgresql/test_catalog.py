"""What the catalog tells of an awkward schema, and that the schema survives a copy into another database."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

from wayfare.core.ports import WHOLE, Mode, Ticket
from wayfare.core.tables import Meaning, Table
from wayfare.systems.databases.postgresql.database import PostgreSQL

RUN = "0123456789abcdef"

SCHEMA = """
create schema "Sales & more";
create type mood as enum ('sad', 'it''s ok', 'happy');
create domain year as int check (value >= 1901 and value <= 2155);
create domain short as varchar(5) not null;
create function next_day(date) returns date language sql immutable as 'select $1 + 1';
create sequence free_numbers increment 5 start 100;
create table parent (
    id serial primary key,
    name text collate "C" not null default 'x',
    made year,
    code short,
    feeling mood default 'happy',
    feelings mood[],
    tags text[],
    matrix int[][],
    amount numeric(12,3),
    anything numeric,
    words tsvector,
    during int4range,
    host inet,
    price money,
    doc jsonb,
    raw json,
    note char(4),
    flags bit(4),
    more bit varying(9),
    span interval,
    at time with time zone,
    twice numeric generated always as (amount * 2) stored,
    constraint amount_ok check (amount > -1000),
    constraint no_overlap exclude using gist (during with &&)
);
comment on table parent is 'it''s the parent';
comment on column parent.name is 'its name';
create unique index parent_name on parent (lower(name) desc, id) where id > 0;
create index parent_words on parent using gin (words);
comment on index parent_words is 'searched';
alter table parent add constraint parent_code unique (code) deferrable initially deferred;
create table "Sales & more"."Order" (
    id bigint generated always as identity (start 10 increment 10) primary key,
    parent_id int constraint to_parent references parent (id) on delete cascade on update set null,
    unique (parent_id, id)
);
create table measured (at date not null, value int) partition by range (at);
create table measured_1 partition of measured for values from ('2024-01-01') to ('2025-01-01');
create table measured_2 partition of measured for values from ('2025-01-01') to ('2026-01-01');
create table child (extra int) inherits (parent);
create view cheap as select id, name from parent where amount < 10;
create view cheaper as select * from cheap where id > 1;
create materialized view counted as select count(*) as n from parent;
insert into parent (name, made, code, feeling, feelings, tags, matrix, amount, anything, words, during, host, price,
    doc, raw, note, flags, more, span, at)
select 'n' || i, 1990 + i, 'c' || i, 'sad', array['sad', null, 'happy']::mood[], array['a,b', null, '', '"{}"'],
    array[[1, 2], [3, i]], i / 7.0, ('0.' || repeat('1', 40 + i))::numeric, to_tsvector('the quick fox ' || i),
    int4range(i * 10, i * 10 + 5), '10.0.0.1/8', 12.5, '{"a": [1, null], "b": "x"}', '{"b" :  1}', 'ab', b'1010',
    b'101', interval '1 year -2 days 3.25 seconds', '12:30:00-08'
from generate_series(1, 20) i;
insert into child (name, code, extra) values ('inherited', 'child', 1);
insert into "Sales & more"."Order" (parent_id) select i from generate_series(1, 5) i;
insert into measured select date '2024-06-01' + i * 30, i from generate_series(0, 15) i;
select nextval('free_numbers');
"""


def landed(db: PostgreSQL, table: Table) -> Table:
    return replace(table, columns=tuple(db.land(c).column for c in table.columns))


def find(db: PostgreSQL, label: str) -> Table:
    return next(t for t in db.tables() if t.label == label)


def rows(db: PostgreSQL, table: Table) -> list[str]:
    return sorted(str(row) for batch in db.read(table, WHOLE) for row in batch.to_pylist())


@pytest.fixture
def awkward(db: PostgreSQL) -> PostgreSQL:
    db.execute(SCHEMA)
    return db


def test_tables_are_told_once_with_their_rows(awkward: PostgreSQL) -> None:
    labels = [t.label for t in awkward.tables()]
    assert labels == ["Sales & more.Order", "public.child", "public.measured", "public.parent"]
    assert len(rows(awkward, find(awkward, "public.measured"))) == 16
    assert len(rows(awkward, find(awkward, "public.parent"))) == 20, "the child's rows are the child's"
    assert len(rows(awkward, find(awkward, "public.child"))) == 1


def test_columns(awkward: PostgreSQL) -> None:
    parent = find(awkward, "public.parent")
    told = {c.name: (str(c.type), c.meaning, c.native) for c in parent.columns}
    assert told["made"] == ("int32", Meaning.PLAIN, "public.year")
    assert told["code"] == ("string", Meaning.PLAIN, "public.short")
    assert parent.column("code").length == 5
    assert told["feeling"] == ("string", Meaning.ENUM, "public.mood")
    assert parent.column("feeling").labels == ("sad", "it's ok", "happy")
    assert told["feelings"][1:] == (Meaning.ENUM, "public.mood[]")
    assert told["matrix"] == ("string", Meaning.OTHER, "integer[][]")
    assert told["amount"] == ("decimal128(12, 3)", Meaning.PLAIN, "numeric(12,3)")
    assert told["anything"] == ("string", Meaning.NUMBER, "numeric")
    assert told["words"] == ("string", Meaning.OTHER, "tsvector")
    assert told["name"][2] == 'text COLLATE pg_catalog."C"'
    identity = parent.column("id").identity
    assert identity
    assert (identity.next, identity.always, identity.sequence) == (22, False, "parent_id_seq")
    assert parent.column("id").default == ""
    assert parent.column("twice").generated == "(amount * (2)::numeric)"
    assert parent.column("name").default == "'x'::text"
    assert (parent.comment, parent.column("name").comment) == ("it's the parent", "its name")
    order = find(awkward, "Sales & more.Order").column("id").identity
    assert order
    assert (order.next, order.increment, order.always) == (60, 10, True)


def test_constraints_and_indexes(awkward: PostgreSQL) -> None:
    parent, order = find(awkward, "public.parent"), find(awkward, "Sales & more.Order")
    checks = {c.name: c.expression for c in parent.checks}
    assert checks["amount_ok"] == "(amount > ('-1000'::integer)::numeric)"
    assert '(("made" >= 1901) AND ("made" <= 2155))' in checks.values()
    indexes = {i.name: i for i in parent.indexes}
    assert indexes["parent_name"].expression == "lower(name), id"
    assert indexes["parent_name"].where == "(id > 0)"
    assert indexes["parent_words"].method == "gin"
    assert indexes["parent_words"].comment == "searched"
    assert indexes["parent_code"].definition == "UNIQUE (code) DEFERRABLE INITIALLY DEFERRED"
    assert indexes["no_overlap"].definition == "EXCLUDE USING gist (during WITH &&)"
    key = order.foreign_keys[0]
    assert (key.parent_namespace, key.parent, key.on_delete, key.on_update) == (
        "public",
        "parent",
        "CASCADE",
        "SET NULL",
    )


def test_views_and_sequences(awkward: PostgreSQL) -> None:
    assert [(v.name, v.materialized) for v in awkward.views()] == [
        ("cheap", False),
        ("cheaper", False),
        ("counted", True),
    ]
    assert [(s.name, s.next, s.increment) for s in awkward.sequences()] == [("free_numbers", 105, 5)]


def test_values(awkward: PostgreSQL, way: str) -> None:
    row = next(iter(awkward.read(find(awkward, "public.parent"), WHOLE))).to_pylist()[0]
    assert row["matrix"] == "{{1,2},{3,1}}"
    assert row["feelings"] == ["sad", None, "happy"]
    assert row["tags"] == ["a,b", None, "", '"{}"']
    assert row["span"] == "P1Y-2DT3.25S"
    assert row["at"] == "12:30:00-08:00"
    assert row["note"] == "ab"
    assert row["raw"] == '{"b" :  1}'
    assert "twice" not in row


@pytest.mark.parametrize("relayed", [True, False], ids=["relayed", "through arrow"])
def test_the_whole_schema_survives_a_copy(awkward: PostgreSQL, other: PostgreSQL, way: str, relayed: bool) -> None:
    awkward.execute("create function keep() returns int language sql as 'select 1'")
    other.execute("create function next_day(date) returns date language sql immutable as 'select $1 + 1'")
    sources = awkward.tables()
    tables = [landed(other, t) for t in sources]
    other.stage(RUN, tables)
    with awkward.snapshot() as snapshot:
        for source, table in zip(sources, tables, strict=True):
            staged = other.staged(RUN, table)
            for chunk in awkward.split(source, 5, snapshot.token):
                ticket = Ticket(RUN, staged.label, chunk.index)
                form = awkward.sends(source)[0]
                if relayed and form in other.receives(source, table):
                    other.receive(ticket, staged, form, awkward.send(source, chunk, form, snapshot.token))
                else:
                    other.write(ticket, staged, awkward.read(source, chunk, snapshot.token))
    for table in tables:
        other.seal(RUN, table)
    other.publish(RUN, tables, Mode.REPLACE)
    other.create_sequences(awkward.sequences())
    assert list(other.create_views(list(reversed(awkward.views())))) == []
    other.finish(RUN)

    for source in sources:
        copy = find(other, source.label)
        assert rows(other, replace(copy, columns=source.columns)) == rows(awkward, source)
        assert copy.key == source.key
        assert [replace(i, name="") for i in copy.indexes] == [replace(i, name="") for i in source.indexes]
        assert copy.foreign_keys == source.foreign_keys
        assert {c.expression.replace('"', "") for c in copy.checks} == {
            c.expression.replace('"', "") for c in source.checks
        }
        assert copy.comment == source.comment
        for had, has in zip(source.columns, copy.columns, strict=True):
            assert (has.name, has.type, has.meaning) == (had.name, had.type, had.meaning)
            assert (has.nullable, has.default, has.generated) == (had.nullable, had.default, had.generated)
            assert (has.identity, has.comment) == (had.identity, had.comment)
    assert {v.name: v.definition for v in other.views()} == {v.name: v.definition for v in awkward.views()}
    assert other.sequences() == awkward.sequences()


def test_chunks_of_a_partitioned_table_hold_every_row_once(db: PostgreSQL, way: str) -> None:
    db.execute("create table p (i int, t text) partition by hash (i)")
    db.execute(
        "; ".join(f"create table p{n} partition of p for values with (modulus 3, remainder {n})" for n in range(3))
    )
    db.execute("insert into p select i, repeat('x', 100) from generate_series(1, 20000) i")
    table = find(db, "public.p")
    chunks = db.split(table, 3_000)
    assert len(chunks) > 3
    found = [n for c in chunks for b in db.read(table, c) for n in b.column(0).to_pylist()]
    assert sorted(found) == list(range(1, 20_001))


def test_a_table_that_was_never_analysed_is_cut_by_its_size(db: PostgreSQL) -> None:
    db.execute(
        "create table t with (autovacuum_enabled = off) as select i, repeat('x', 50) from generate_series(1, 50000) i"
    )
    chunks = db.split(find(db, "public.t"), 10_000)
    assert 4 <= len(chunks) <= 6
    assert chunks[0].low is None
    assert chunks[-1].high is None


def test_text_may_be_asked_as_bytes(db: PostgreSQL, way: str) -> None:
    db.execute("create table t (a text, b char(3), c bytea, d int); insert into t values ('é', 'x', '\\x41', 7)")
    table = find(db, "public.t")
    kinds = (pa.binary(), pa.binary(), pa.string(), pa.int8())
    asked = replace(table, columns=tuple(replace(c, type=k) for c, k in zip(table.columns, kinds, strict=True)))
    assert next(iter(db.read(asked, WHOLE))).to_pylist() == [{"a": "é".encode(), "b": b"x", "c": "A", "d": 7}]
