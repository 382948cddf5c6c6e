"""Streams passed on raw, and as neutral lines."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

from wayfare.core.errors import Refused
from wayfare.core.ports import WHOLE, Chunk, Parcel
from wayfare.core.tables import Table
from wayfare.kernel.hashing import rows_digest
from wayfare.systems.databases.postgresql.database import PostgreSQL


def sent(db: PostgreSQL, table: Table, form: str, chunk: Chunk = WHOLE) -> tuple[bytes, int, tuple[int, int]]:
    parcels = list(db.send(table, chunk, form))
    sums = [sum(p.digest[i] for p in parcels) % 2**64 for i in (0, 1)]
    return b"".join(bytes(p.data) for p in parcels), sum(p.rows for p in parcels), (sums[0], sums[1])


def test_lines(db: PostgreSQL, way: str) -> None:
    db.execute(
        "create table t (b bool, i int, f float8, n numeric, t text, c char(3), x bytea, d date, at timestamp,"
        " z timestamptz, s time, j jsonb, u uuid, a text[], e interval)"
    )
    db.execute(
        r"""insert into t values (true, -5, 1.5e-7, 12.50, E'tab\t nl\n cr\r ff\f vt\x0b bs\b back\\slash f \\f', 'y',
        '\x00ff', '2024-02-29', '2024-02-29 23:59:59.5', '2024-02-29 12:00+02', '01:02:03', '{"a": 1}',
        '00000000-0000-0000-0000-0000000000ff', array['q"', null], '1 day')"""
    )
    db.execute("insert into t (b) values (null)")
    table = db.tables()[0]
    form = db.sends(table)[1]
    assert form == "lines(bool01,int,float,decimal,text,text,hex,date,datetime,datetimez,time,json,uuid,json,text)"
    data, rows, digest = sent(db, table, form)
    fields = [
        *(
            b"1",
            b"-5",
            b"1.5e-07",
            b"12.50",
            b"tab\\t nl\\n cr\\r ff\f vt\v bs\\b back\\\\slash f \\\\f",
            b"y",
            b"00ff",
        ),
        *(b"2024-02-29", b"2024-02-29 23:59:59.5", b"2024-02-29 10:00:00", b"01:02:03", b'{"a": 1}'),
        *(b"00000000-0000-0000-0000-0000000000ff", b'["q\\\\"",null]', b"P1D"),
    ]
    assert data == b"\t".join(fields) + b"\n" + b"\t".join([b"\\N"] * 15) + b"\n"
    lines = pa.RecordBatch.from_pydict(
        {"line": pa.array([line + b"\n" for line in data.split(b"\n")[:-1]], pa.binary())}
    )
    assert (rows, digest) == (2, rows_digest(lines).sums)


@pytest.mark.parametrize("form", ["pgcopy-binary", "pgcopy-text"])
def test_a_digest_is_of_the_rows_alone(db: PostgreSQL, way: str, form: str) -> None:
    """Not of their order, their chunks, or where they lie; but of every value."""
    db.execute("create table t as select i, 'v' || i as v, i / 3.0 as n from generate_series(1, 5000) i")
    db.execute("create table u as select * from t order by random()")
    t, u = db.tables()
    name = db.sends(t)[0].replace("pgcopy-binary", form)
    whole = sent(db, t, name)[1:]
    assert whole[0] == 5_000
    chunks = [sent(db, u, name, chunk)[1:] for chunk in db.split(u, 900)]
    assert len(chunks) > 3
    assert sum(rows for rows, _ in chunks) == 5_000
    assert tuple(sum(d[i] for _, d in chunks) % 2**64 for i in (0, 1)) == whole[1]
    db.execute("update u set v = v || ' ' where i = 77")
    assert sent(db, u, name)[2] != whole[1]


def test_an_empty_table_and_a_wide_value(db: PostgreSQL, way: str) -> None:
    db.execute("create table t (i int, v text)")
    form = db.sends(db.tables()[0])[0]
    assert sent(db, db.tables()[0], form)[1:] == (0, (0, 0))
    db.execute("insert into t select i, repeat('x', 5000000) from generate_series(1, 3) i")
    data, rows, _ = sent(db, db.tables()[0], form)
    assert (len(data), rows) == (19 + 2 + 3 * (2 + 8 + 4 + 5_000_000), 3)


def test_parcels_may_wait(db: PostgreSQL) -> None:
    db.execute("create table t as select i, repeat(i::text, 20) from generate_series(1, 60000) i")
    table = db.tables()[0]
    form = db.sends(table)[0]
    kept: list[Parcel] = []
    at_once: list[bytes] = []
    for parcel in db.send(table, WHOLE, form):
        kept.append(parcel)
        at_once.append(bytes(parcel.data))
    assert len(kept) > 3
    assert [bytes(p.data) for p in kept] == at_once


def test_a_format_of_others_is_refused(db: PostgreSQL) -> None:
    table = Table("t", ())
    with pytest.raises(Refused, match="does not know the format"):
        list(db.send(table, WHOLE, "csv(int)"))
    assert db.receives(table, replace(table)) == ["pgcopy-binary()"]
