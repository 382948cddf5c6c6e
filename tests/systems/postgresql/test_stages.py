"""Publishing over tables that others depend on, and taking it back."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

from wayfare.core.errors import Refused, WayfareError
from wayfare.core.ports import WHOLE, Mode, Ticket
from wayfare.core.tables import Column, ForeignKey, Identity, Index, Meaning, Table
from wayfare.systems.databases.postgresql.database import PostgreSQL

RUN, AGAIN = "0123456789abcdef", "f" * 16


def table(db: PostgreSQL, name: str, *more: Column, **facts: object) -> Table:
    columns = tuple(db.land(c).column for c in (Column("id", pa.int64(), False), *more))
    return Table(name, columns, key=("id",), namespace="public", origin=db.system, **facts)  # type: ignore[arg-type]


def load(db: PostgreSQL, run: str, tables: list[Table], values: list[int], mode: Mode = Mode.REPLACE) -> None:
    db.stage(run, tables)
    for t in tables:
        staged = db.staged(run, t)
        arrays = [pa.array(values, pa.int64()).cast(c.type) for c in t.written]
        db.write(Ticket(run, staged.label, 0), staged, [pa.RecordBatch.from_arrays(arrays, schema=t.arrow())])
        db.seal(run, t)
    db.publish(run, tables, mode)


def value(db: PostgreSQL, statement: str) -> object:
    return db.execute(statement).column(0)[0].as_py()


def test_views_see_the_new_table_and_after_discard_the_old_one(db: PostgreSQL) -> None:
    t = table(db, "t")
    load(db, RUN, [t], [1, 2])
    db.finish(RUN)
    db.execute("create view v as select id from t; create view w as select count(*) as n from v")
    load(db, AGAIN, [t], [1, 2, 3])
    assert value(db, "select n from w") == 3
    db.discard(AGAIN)
    assert value(db, "select n from w") == 2
    load(db, AGAIN, [t], [7])
    db.finish(AGAIN)
    assert value(db, "select id from v") == 7
    assert value(db, "select count(*) from pg_namespace where nspname like 'wayfare%'") == 0


def test_what_cannot_be_repointed_is_refused_before_anything_moves(db: PostgreSQL) -> None:
    t = table(db, "t")
    load(db, RUN, [t], [1, 2])
    db.finish(RUN)
    db.execute("create table child (t_id bigint references t)")
    with pytest.raises(Refused, match=r"child.*refers to this table"):
        load(db, AGAIN, [t], [5])
    db.execute("drop table child; create materialized view m as select * from t")
    with pytest.raises(Refused, match=r"materialized view public\.m"):
        db.publish(AGAIN, [t], Mode.REPLACE)
    db.execute("drop materialized view m; create view v as select id + 1 as more from t")
    narrow = replace(t, columns=(replace(t.columns[0], name="other"),), key=())
    db.discard(AGAIN)
    with pytest.raises(Refused, match="does not fit the new tables"):
        load(db, AGAIN, [narrow], [5])
    assert value(db, "select count(*) from t") == 2


def test_tables_that_refer_to_each_other_are_replaced_together(db: PostgreSQL) -> None:
    parent = table(db, "parent")
    key = ForeignKey("to_parent", ("id",), "parent", ("id",), "public", on_delete="CASCADE")
    child = table(db, "child", foreign_keys=(key,))
    for run in (RUN, AGAIN):
        load(db, run, [child, parent], [1, 2])
        db.finish(run)
    assert next(t for t in db.tables() if t.name == "child").foreign_keys == (key,)
    load(db, RUN, [child, parent], [3])
    db.discard(RUN)
    assert value(db, "select count(*) from child join parent using (id)") == 2


def test_rights_and_owner_stay(db: PostgreSQL) -> None:
    t = table(db, "t")
    load(db, RUN, [t], [1])
    db.finish(RUN)
    db.execute('create role "Reader of t"; grant select on t to "Reader of t"; grant select on t to public')
    load(db, AGAIN, [t], [1])
    db.finish(AGAIN)
    assert value(db, "select relacl::text from pg_class where relname = 't'") == value(
        db, """select '{postgres=arwdDxtm/postgres,"\\"Reader of t\\"=r/postgres",=r/postgres}'"""
    )
    db.execute('drop owned by "Reader of t"; drop role "Reader of t"')


def test_a_broken_foreign_key_stops_publishing_as_a_whole(db: PostgreSQL) -> None:
    parent = table(db, "parent")
    child = table(db, "child", foreign_keys=(ForeignKey("to_parent", ("id",), "parent", ("id",), "public"),))
    load(db, RUN, [parent], [1])
    db.finish(RUN)
    with pytest.raises(Refused, match="to_parent"):
        load(db, AGAIN, [child], [1, 2])
    assert [t.name for t in db.tables()] == ["parent"]
    db.discard(AGAIN)
    assert value(db, "select count(*) from pg_namespace where nspname like 'wayfare%'") == 0


def test_tables_of_one_name_in_two_schemas_keep_apart(db: PostgreSQL) -> None:
    one, two = table(db, "ledger"), replace(table(db, "ledger"), namespace="other")
    load(db, RUN, [one, two], [1, 2])
    db.finish(RUN)
    assert [t.label for t in db.tables()] == ["other.ledger", "public.ledger"]


def test_index_names_of_other_systems_may_repeat(db: PostgreSQL) -> None:
    index = (Index("by_id", ("id",)),)
    tables = [table(db, "a", indexes=index), table(db, "b", indexes=index)]
    load(db, RUN, tables, [1])
    db.seal(RUN, tables[0])
    db.finish(RUN)
    assert [[i.name for i in t.indexes] for t in db.tables()] == [["by_id"], ["b_by_id"]]


def test_enumerations(db: PostgreSQL) -> None:
    own = Column("m", pa.string(), meaning=Meaning.ENUM, native="public.mood", origin="postgresql", labels=("0", "1"))
    t = table(db, "t", own)
    load(db, RUN, [t], [1])
    db.discard(RUN)
    assert value(db, "select to_regtype('mood') is null") is True, "what the run created goes with it"
    load(db, RUN, [t], [1])
    db.finish(RUN)
    assert value(db, "select m::text from t") == "1"
    other = table(db, "u", replace(own, labels=("1", "0")))
    with pytest.raises(Refused, match=r"public\.mood with other labels"):
        db.stage(AGAIN, [other])


def test_a_strangers_enumeration_is_text_with_a_check(db: PostgreSQL) -> None:
    t = table(db, "t", Column("size", pa.string(), meaning=Meaning.ENUM, labels=("1", "2"), origin="mysql"))
    with pytest.raises(Refused, match="violates check constraint"):
        load(db, RUN, [t], [3])
    load(db, RUN, [t], [2])


def test_a_type_that_is_missing_is_said(db: PostgreSQL) -> None:
    store = Column("h", pa.string(), meaning=Meaning.OTHER, native="public.hstore", origin="postgresql")
    with pytest.raises(Refused, match=r'public\.hstore" does not exist.*CREATE EXTENSION'):
        db.stage(RUN, [table(db, "t", store)])


def test_identities_of_any_number_type_go_on(db: PostgreSQL) -> None:
    wide = Column("n", pa.uint64(), False, identity=Identity(next=2**40))
    t = replace(table(db, "t"), columns=(db.land(wide).column,), key=("n",))
    load(db, RUN, [t], [1])
    db.finish(RUN)
    found = db.tables()[0].columns[0]
    assert (found.native, found.identity and found.identity.next) == ("numeric(20,0)", 2**40)
    db.execute("insert into t default values")
    assert value(db, "select max(n)::int8 from t") == 2**40


def test_merging_never_moves_an_identity_backwards(db: PostgreSQL) -> None:
    t = table(db, "t")
    numbered = replace(t, columns=(replace(t.columns[0], identity=Identity(next=3, always=True)),))
    load(db, RUN, [numbered], [1, 2])
    db.finish(RUN)
    db.execute("select nextval('t_id_seq') from generate_series(1, 10)")
    load(db, AGAIN, [numbered], [2, 3], Mode.MERGE)
    db.finish(AGAIN)
    found = db.tables()[0].columns[0].identity
    assert found
    assert (found.next, found.always) == (13, True)
    with pytest.raises(WayfareError, match="primary key"):
        load(db, RUN, [replace(numbered, key=())], [9], Mode.MERGE)


def test_two_attempts_at_one_chunk(db: PostgreSQL) -> None:
    """The slower one finds the ledger row at its end, and its own rows are gone."""
    t = table(db, "t")
    db.stage(RUN, [t])
    staged = db.staged(RUN, t)
    ticket = Ticket(RUN, staged.label, 0)
    batch = pa.RecordBatch.from_arrays([pa.array([1, 2, 3], pa.int64())], schema=t.arrow())

    def slow() -> object:
        yield batch.slice(0, 1)
        assert db.write(ticket, staged, [batch]) == 3
        yield batch.slice(1, 1)

    assert db.write(ticket, staged, slow()) == 3  # type: ignore[arg-type]
    assert sum(b.num_rows for b in db.read(staged, WHOLE)) == 3


def test_a_value_that_cannot_be_stored_names_its_column(db: PostgreSQL, way: str) -> None:
    t = table(db, "t", Column("name", pa.string()))
    db.stage(RUN, [t])
    staged = db.staged(RUN, t)
    batch = pa.RecordBatch.from_arrays([pa.array([1], pa.int64()), pa.array(["a\0b"])], schema=t.arrow())
    with pytest.raises(Refused, match=r"0x00.*COPY t"):
        db.write(Ticket(RUN, staged.label, 0), staged, [batch])
    assert sum(b.num_rows for b in db.read(staged, WHOLE)) == 0
