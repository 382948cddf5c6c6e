"""Neutral lines: what PostgreSQL sends, MySQL and MariaDB send back byte for byte, so that digests of both compare."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beds import running
from wayfare.core.ids import new_run_id
from wayfare.core.ports import WHOLE, Parcel, Ticket
from wayfare.core.tables import Column, Meaning, Table
from wayfare.kernel.hashing import EMPTY, Digest, rows_digest
from wayfare.systems.databases.mysql import decode, read, relay
from wayfare.systems.databases.mysql.database import MySql
from wayfare.systems.databases.mysql.landing import land
from wayfare.systems.databases.postgresql.database import PostgreSQL
from wayfare.systems.testing import Fresh

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60)
SPECIAL = st.text(st.sampled_from("\\\b\t\n\v\f\r abN.\x01\x0e\x7f\u00e9\U0001f600"), max_size=40)
DAYS = st.dates(dt.date(1, 1, 1), dt.date(9999, 12, 31))
MOMENTS = st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999_999))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "boolean": st.booleans(),
    "smallint": st.integers(-(2**15), 2**15 - 1),
    "integer": st.integers(-(2**31), 2**31 - 1),
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "numeric(15,2)": st.decimals("-9999999999999", "9999999999999", places=2),
    "numeric(5,5)": st.decimals("-0.99999", "0.99999", places=5),
    "numeric(45,10)": st.integers(-(10**45) + 1, 10**45 - 1).map(lambda v: f"{v}e-10"),
    "numeric": st.decimals(-(10**9), 10**9, places=3) | st.just("NaN"),
    "text": TEXT | SPECIAL,
    "varchar(60)": TEXT | SPECIAL,
    "char(5)": st.text("ab ", max_size=5),
    "bytea": st.binary(max_size=40),
    "date": DAYS,
    "timestamp": MOMENTS,
    "timestamp(3)": MOMENTS.map(lambda m: m.replace(microsecond=m.microsecond // 1000 * 1000)),
    "timestamp(0)": MOMENTS.map(lambda m: m.replace(microsecond=0)),
    "timestamptz": st.datetimes(dt.datetime(2, 1, 1), dt.datetime(9999, 1, 1), timezones=st.just(dt.UTC)),
    "time": st.times(),
    "uuid": st.uuids(),
}
ROWS = st.lists(st.tuples(*(st.none() | values for values in VALUES.values())), min_size=1, max_size=12)


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgreSQL]:
    with running("postgresql", tmp_path_factory.mktemp("postgresql")) as fresh, PostgreSQL(fresh()) as database:
        columns = ", ".join(f"c{i} {native}" for i, native in enumerate(VALUES))
        database.execute(f"create table t (id integer primary key, {columns})")
        yield database


@pytest.fixture(scope="session")
def mysql(bed: Fresh) -> Iterator[MySql]:
    with MySql(bed()) as database:
        yield database


def landed(database: MySql, table: Table) -> Table:
    columns = tuple(database.land(column).column for column in table.columns)
    return Table(table.name, columns, key=table.key, origin="mysql")


def content(parcels: list[Parcel]) -> tuple[list[bytes], Digest]:
    data = b"".join(bytes(p.data) for p in parcels)
    return sorted(data.split(b"\n")[:-1]), sum((Digest(p.rows, p.digest) for p in parcels), EMPTY)


def digest_of(lines: list[bytes]) -> Digest:
    return rows_digest(pa.RecordBatch.from_pydict({"line": pa.array([line + b"\n" for line in lines], pa.binary())}))


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS)
def test_what_is_loaded_comes_back_byte_for_byte(postgresql: PostgreSQL, mysql: MySql, rows: list[Any]) -> None:
    insert(postgresql, rows)
    (source,) = postgresql.tables()
    table = landed(mysql, source)
    (form,) = set(postgresql.sends(source)) & set(mysql.sends(table)) & set(mysql.receives(source, table))
    run = new_run_id()
    mysql.stage(run, [table])
    staged = mysql.staged(run, table)
    try:
        sent = list(postgresql.send(source, WHOLE, form))
        assert mysql.receive(Ticket(run, staged.name, 0), staged, form, sent) == len(rows)
        back = [list(mysql.send(staged, WHOLE, form))]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(read, "library", lambda: None)
            patch.setattr(decode, "library", lambda: None)
            back.append(list(mysql.send(staged, WHOLE, form)))
    finally:
        mysql.discard(run)
    lines, digest = content(sent)
    assert digest == digest_of(lines)
    assert [content(parcels) for parcels in back] == [(lines, digest)] * 2


def insert(database: PostgreSQL, rows: list[Any]) -> None:
    """As text, so that no adapter's idea of a type has a part in it."""
    database.execute("truncate t")
    values = ", ".join(
        f"({number}, {', '.join(literal(v, native) for v, native in zip(row, VALUES, strict=True))})"
        for number, row in enumerate(rows)
    )
    database.execute(f"insert into t values {values}")


def literal(value: Any, native: str) -> str:
    if value is None:
        return "null"
    text = "\\x" + value.hex() if isinstance(value, bytes) else str(value)
    return f"'{text.replace(chr(39), chr(39) * 2)}'::{native}"


def test_what_may_come_back_otherwise_is_not_offered() -> None:
    def offered(column: Column) -> list[str]:
        return [form for form in relay.sends(Table("t", (column,), origin="mysql")) if form.startswith("lines(")]

    text = Column("c", pa.string(), native="varchar(5)", origin="mysql")
    assert offered(text) == ["lines(text)"]
    for column in (
        Column("c", pa.float64(), native="double", origin="mysql"),
        Column("c", pa.string(), meaning=Meaning.JSON, native="json", origin="mysql"),
        Column("c", pa.string(), native="char(5)", origin="mysql"),
        Column("c", pa.decimal128(5, 2), native="decimal(5,2) zerofill", origin="mysql"),
        Column("c", pa.int64(), native="decimal(19,0)", origin="mysql"),
    ):
        assert offered(column) == []
    uuid = land(Column("c", pa.binary(16), meaning=Meaning.UUID)).column
    assert offered(uuid) == ["lines(uuid)"]
