"""The native part and its fallback agree, on the server's own bytes, for random columns and values."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wayfare.core.ports import WHOLE, Ticket
from wayfare.core.tables import INFINITE_DAYS, INFINITE_TICKS, Table
from wayfare.systems.databases.postgresql.database import PostgreSQL
from wayfare.systems.testing import Fresh

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
DIGITS = st.from_regex(r"\A-?[0-9]{1,60}(\.[0-9]{1,50})?\Z")


def integers(bits: int) -> st.SearchStrategy[int]:
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def decimals(precision: int, scale: int) -> st.SearchStrategy[Decimal]:
    def exactly(n: int) -> Decimal:  # scaleb() would round to the context's precision
        return Decimal((int(n < 0), tuple(map(int, str(abs(n)))), -scale))

    return st.integers(-(10**precision) + 1, 10**precision - 1).map(exactly)


# native type → Arrow values (raw numbers where Python's own types are too narrow)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "boolean": st.booleans(),
    "smallint": integers(16),
    "integer": integers(32),
    "bigint": integers(64),
    "real": st.floats(width=32, allow_nan=False),
    "double precision": st.floats(allow_nan=False),
    "numeric(9,4)": decimals(9, 4),
    "numeric(18,0)": decimals(18, 0),
    "numeric(18,18)": decimals(18, 18),
    "numeric(38,10)": decimals(38, 10),
    "numeric(3,5)": decimals(3, 5),
    "numeric(70,35)": decimals(70, 35),
    "numeric": st.one_of(DIGITS, st.sampled_from(["NaN", "Infinity", "-Infinity", "1e-5", "12E3", "0", "-0.00"])),
    "text": TEXT,
    "character varying(40)": TEXT,
    "character(31)": TEXT.map(lambda t: t.rstrip(" ")),
    "bytea": st.binary(max_size=40),
    "uuid": st.uuids().map(lambda u: u.bytes),
    "date": st.one_of(st.integers(-2_440_588, 2_145_031_948), st.sampled_from([INFINITE_DAYS, -INFINITE_DAYS - 1])),
    "time without time zone": st.integers(0, 86_400_000_000),
    "timestamp without time zone": st.one_of(
        st.integers(-210_866_803_200_000_000, 2**63 - 2), st.sampled_from([INFINITE_TICKS, -INFINITE_TICKS - 1])
    ),
    "timestamp with time zone": st.integers(-210_866_803_200_000_000, 2**62),
    "json": st.recursive(st.none() | TEXT, lambda x: st.lists(x, max_size=3)).map(json.dumps),
    "jsonb": st.sampled_from(['{"a": 1}', "[]", "null", '"é漢"']),
    "bit varying": st.text("01", max_size=40),
    "inet": st.sampled_from(["10.0.0.1/32", "10.0.0.0/8", "::1/128"]),
    "interval": st.sampled_from(["P1Y2M", "PT0S", "P-3DT4H5M6.789S"]),
    "integer[]": st.lists(st.none() | integers(32), max_size=5),
    "text[]": st.lists(st.none() | TEXT, max_size=4),
    "numeric(9,4)[]": st.lists(st.none() | decimals(9, 4), max_size=3),
    "boolean[]": st.lists(st.none() | st.booleans(), max_size=9),
    "uuid[]": st.lists(st.none() | st.uuids().map(lambda u: u.bytes), max_size=3),
    "bytea[]": st.lists(st.none() | st.binary(max_size=5), max_size=3),
    "date[]": st.lists(st.none() | st.dates(), max_size=3),
    "timestamp without time zone[]": st.lists(st.none() | st.datetimes(min_value=dt.datetime(1, 1, 2)), max_size=3),
    "double precision[]": st.lists(st.none() | st.floats(allow_nan=False), max_size=3),
}
RAW = {"date": pa.int32(), "time without time zone": pa.int64(), "timestamp without time zone": pa.int64()}


@pytest.fixture(scope="module")
def db(fresh: Fresh) -> Iterator[PostgreSQL]:
    with PostgreSQL(fresh()) as database:
        yield database


def array(native: str, values: list[Any], kind: pa.DataType) -> pa.Array:
    if native.startswith("timestamp with "):
        return pa.array(values, pa.int64()).cast(kind)
    return pa.array(values, RAW[native]).cast(kind) if native in RAW else pa.array(values, kind)


def batches(db: PostgreSQL, table: Table) -> pa.Table:
    return pa.Table.from_batches(list(db.read(table, WHOLE)), table.arrow()).sort_by("n")


@given(data=st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_native_and_fallback_write_and_read_the_same(db: PostgreSQL, data: st.DataObject) -> None:
    natives = data.draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=5))
    rows = data.draw(st.integers(0, 12))
    definitions = "".join(f", c{i} {n}" for i, n in enumerate(natives))
    db.execute(f"drop table if exists t, u; create table t (n int{definitions}); create table u (like t)")
    table, again = (next(t for t in db.tables() if t.name == name) for name in ("t", "u"))
    columns = [data.draw(st.lists(st.none() | VALUES[n], min_size=rows, max_size=rows)) for n in natives]
    kinds = [c.type for c in table.columns[1:]]
    arrays = [array(n, v, k) for n, v, k in zip(natives, columns, kinds, strict=True)]
    whole = pa.RecordBatch.from_arrays([pa.array(range(rows), pa.int32()), *arrays], schema=table.arrow())
    cut = data.draw(st.integers(0, rows))
    parts = [whole.slice(0, cut), whole.slice(cut)]  # slices have offsets, down into the lists

    with pytest.MonkeyPatch.context() as patch:
        write(db, table, parts)
        native = batches(db, table)
        patch.setenv("WAYFARE_NATIVE", "0")
        fallback = batches(db, table)
        assert fallback == native
        fallback.validate(full=True)
        write(db, again, parts)
        assert batches(db, again) == native
        digests = [digest(db, t) for t in (table, again)]
    native.validate(full=True)
    assert [digest(db, t) for t in (table, again)] == digests
    assert digests[0] == digests[1]
    for i, name in enumerate(natives):
        if name not in ("numeric", "jsonb"):  # which PostgreSQL spells in its own way
            assert native.column(i + 1).combine_chunks() == pa.concat_arrays([whole.column(i + 1)])


def write(db: PostgreSQL, table: Table, parts: list[pa.RecordBatch]) -> None:
    """Straight into the table, with a ledger of its own each time."""
    run = uuid.uuid4().hex[:16]
    db.stage(run, [])
    db.write(Ticket(run, table.label, 0), table, parts)
    db.finish(run)


def digest(db: PostgreSQL, table: Table) -> list[tuple[str, int, tuple[int, int]]]:
    """Of the streams in both raw forms; text is one of them where the test pretends that binary is not offered."""
    found = []
    for form in (db.sends(table)[0], db.sends(table)[0].replace("binary", "text")):
        parcels = list(db.send(table, WHOLE, form))
        sums = [sum(p.digest[i] for p in parcels) % 2**64 for i in (0, 1)]
        found.append((form, sum(p.rows for p in parcels), (sums[0], sums[1])))
    return found
