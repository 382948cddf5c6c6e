"""The adapter against real files, beyond the contract."""

from __future__ import annotations

import datetime as dt
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from systems.duckdb.conftest import Make
from wayfare.core.address import Address
from wayfare.core.errors import Busy, Full, Invalid, NotFound, Refused
from wayfare.core.ports import WHOLE, Chunk, Mode, Ticket
from wayfare.core.tables import INFINITE_DAYS, INFINITE_TICKS, Column, ForeignKey, Identity, Table, View
from wayfare.systems.databases.duckdb import instance
from wayfare.systems.databases.duckdb.database import DuckdbDatabase

RUN = "a" * 16
Open = Callable[..., DuckdbDatabase]


def rows_of(db: DuckdbDatabase, table: Table, chunks: Sequence[Chunk] = (WHOLE,)) -> list[dict[str, Any]]:
    return [r for c in chunks for b in db.read(table, c) for r in b.to_pylist()]


def values_of(db: DuckdbDatabase, column: str) -> list[Any]:
    (table,) = db.tables()
    arrays = [b.column(column) for b in db.read(table, WHOLE)]
    return [v for a in arrays for v in a]


def copied(source: DuckdbDatabase, target: DuckdbDatabase, mode: Mode = Mode.REPLACE) -> list[Table]:
    landed = [replace(t, columns=tuple(target.land(c).column for c in t.columns)) for t in source.tables()]
    target.stage(RUN, landed)
    for table in landed:
        staged = target.staged(RUN, table)
        target.write(Ticket(RUN, staged.label, 0), staged, source.read(table, WHOLE))
        target.seal(RUN, table)
    target.publish(RUN, landed, mode)
    return landed


EVERYTHING = (
    "CREATE SEQUENCE people_seq START 7",
    "CREATE TABLE people (id BIGINT PRIMARY KEY DEFAULT nextval('people_seq'), name VARCHAR NOT NULL UNIQUE, "
    "age INT DEFAULT 18 CHECK (age >= 18), boss BIGINT REFERENCES people (id), shout VARCHAR AS (upper(name)))",
    "CREATE TABLE pets (owner BIGINT NOT NULL REFERENCES people (id), name VARCHAR, PRIMARY KEY (owner, name))",
    "CREATE TABLE lonely (a INT)",
    "CREATE INDEX by_name ON pets (name, owner)",
    "CREATE UNIQUE INDEX by_length ON lonely ((a + 1))",
    "COMMENT ON TABLE people IS 'it''s people'",
    "COMMENT ON COLUMN people.name IS 'the name'",
    "INSERT INTO people (name, age) VALUES ('Ann', 30)",
    "INSERT INTO people (name, age, boss) VALUES ('Bob', 20, 7)",
    "INSERT INTO people (name, age, boss) VALUES ('Cid', 21, 8)",
    "INSERT INTO pets VALUES (7, 'Rex')",
    "INSERT INTO lonely VALUES (1)",
)


def essence(db: DuckdbDatabase) -> list[Table]:
    """Without the names that DuckDB makes up, and what it forgets."""
    found = []
    for table in db.tables():
        columns = tuple(
            replace(c, identity=replace(c.identity, sequence="")) if c.identity else c for c in table.columns
        )
        found.append(replace(table, columns=columns, rows_estimate=0, bytes_estimate=0))
    return found


def test_the_catalog_tells_everything(made: Make) -> None:
    db = made(*EVERYTHING)
    lonely, people, pets = db.tables()
    assert people.column("id").identity == Identity(next=10, sequence="people_seq")
    assert people.column("age").default == "18"
    assert people.column("shout").generated
    assert [c.expression for c in people.checks] == ["age >= 18"]
    assert people.foreign_keys == (ForeignKey("people_boss_id_fkey", ("boss",), "people", ("id",), "main"),)
    assert (people.comment, people.column("name").comment) == ("it's people", "the name")
    assert [(i.columns, i.unique, i.constraint) for i in people.indexes] == [(("name",), True, True)]
    assert [(i.columns, i.unique) for i in pets.indexes] == [(("name", "owner"), False)]
    assert lonely.indexes[0].expression == "(a + 1)"
    assert db.sequences() == []


def test_duckdb_to_duckdb_keeps_everything(made: Make, opened: Open, tmp_path: Path) -> None:
    source, target = made(*EVERYTHING), opened(tmp_path / "copy.duckdb")
    copied(source, target)
    target.finish(RUN)
    assert essence(target) == essence(source)
    assert [rows_of(target, t) for t in target.tables()] == [rows_of(source, t) for t in source.tables()]
    target.execute("INSERT INTO people (name) VALUES ('Eve')")
    assert target.execute("SELECT max(id) AS id FROM people")["id"].to_pylist() == [10]
    with pytest.raises(Refused, match="CHECK"):
        target.execute("INSERT INTO people (name, age) VALUES ('Kid', 3)")


def test_replaced_tables_come_back(made: Make) -> None:
    """Tables with foreign keys are copied aside, others renamed: both come back with indexes, comments and numbers."""
    source = made(*EVERYTHING)
    target = made(*EVERYTHING, "UPDATE pets SET name = 'Old'", "DELETE FROM lonely", name="target.duckdb")
    before = [(t, rows_of(target, t)) for t in essence(target)]
    copied(source, target)
    assert rows_of(target, target.tables()[2])[0]["name"] == "Rex"
    assert [t.name for t in target.tables()] == ["lonely", "people", "pets"]
    for _ in range(2):
        target.discard(RUN)
    assert [(t, rows_of(target, t)) for t in essence(target)] == before


def test_replacing_twice_leaves_nothing_behind(made: Make) -> None:
    source, target = made(*EVERYTHING), made(*EVERYTHING, name="target.duckdb")
    for _ in range(2):
        copied(source, target)
        target.finish(RUN)
    assert essence(target) == essence(source)
    assert target.execute("SELECT count(*) AS n FROM duckdb_sequences()")["n"].to_pylist() == [1]
    assert target.execute("SELECT count(*) AS n FROM duckdb_tables()")["n"].to_pylist() == [3]


def test_a_table_that_others_refer_to_is_not_replaced_alone(made: Make) -> None:
    db = made(*EVERYTHING)
    people = db.tables()[1]
    db.stage(RUN, [people])
    with pytest.raises(Refused, match=r"foreign key of main\.pets refers to people"):
        db.publish(RUN, [people], Mode.REPLACE)
    assert len(rows_of(db, people)) == 3


def test_merge_moves_the_sequence_on(made: Make) -> None:
    source = made(*EVERYTHING, "SELECT nextval('people_seq') FROM range(90)")
    target = made(EVERYTHING[0], PLAIN, name="target.duckdb")
    people = source.tables()[1]
    landed = [replace(people, columns=people.written)]
    staged = target.staged(RUN, landed[0])
    target.stage(RUN, landed)
    target.write(Ticket(RUN, staged.label, 0), staged, source.read(landed[0], WHOLE))
    target.publish(RUN, landed, Mode.MERGE)
    target.finish(RUN)
    people = next(t for t in target.tables() if t.name == "people")
    assert people.column("id").identity == Identity(next=100, sequence="people_seq")


PLAIN = "CREATE TABLE people (id BIGINT PRIMARY KEY DEFAULT nextval('people_seq'), name VARCHAR, age INT, boss BIGINT)"


def tree() -> Table:
    columns = (
        Column("id", pa.int64(), nullable=False, native="BIGINT", origin="duckdb"),
        Column("up", pa.int64(), native="BIGINT", origin="duckdb"),
    )
    keys = (ForeignKey("", ("up",), "tree", ("id",)),)
    return Table("tree", columns, ("id",), namespace="main", foreign_keys=keys, origin="duckdb")


@pytest.mark.parametrize(("depth", "kept"), [(40, True), (500, False)])
def test_a_tree_goes_in_level_by_level(opened: Open, tmp_path: Path, depth: int, kept: bool) -> None:
    db, table = opened(tmp_path / "x.duckdb"), tree()
    up = [None if i % depth == 0 else i - 1 for i in range(3 * depth)]
    batch = pa.record_batch({"id": list(range(3 * depth)), "up": pa.array(up, pa.int64())})
    db.stage(RUN, [table])
    staged = db.staged(RUN, table)
    db.write(Ticket(RUN, staged.label, 0), staged, [batch.slice(depth), batch.slice(0, depth)])
    db.publish(RUN, [table], Mode.REPLACE)
    db.finish(RUN)
    (found,) = db.tables()
    assert len(rows_of(db, found)) == 3 * depth
    assert bool(found.foreign_keys) == kept


def test_a_circle_of_rows_loses_only_its_foreign_key(opened: Open, tmp_path: Path) -> None:
    db, table = opened(tmp_path / "x.duckdb"), tree()
    db.stage(RUN, [table])
    staged = db.staged(RUN, table)
    db.write(Ticket(RUN, staged.label, 0), staged, [pa.record_batch({"id": [1, 2], "up": [1, 1]})])
    db.publish(RUN, [table], Mode.REPLACE)
    (found,) = db.tables()
    assert (found.key, found.foreign_keys) == (("id",), ())
    assert len(rows_of(db, found)) == 2


def test_tables_in_a_circle(opened: Open, tmp_path: Path) -> None:
    db = opened(tmp_path / "x.duckdb")
    a, b = (replace(tree(), name=n, foreign_keys=(ForeignKey("", ("up",), p, ("id",)),)) for n, p in ("ab", "ba"))
    db.stage(RUN, [a, b])
    for table in (a, b):
        staged = db.staged(RUN, table)
        db.write(Ticket(RUN, staged.label, 0), staged, [pa.record_batch({"id": [1], "up": [1]})])
    db.publish(RUN, [a, b], Mode.REPLACE)
    db.finish(RUN)
    assert [len(t.foreign_keys) for t in db.tables()] in ([0, 1], [1, 0])


@pytest.mark.parametrize(
    ("expression", "kind", "expected"),
    [
        ("'infinity'::DATE", pa.date32(), INFINITE_DAYS),
        ("'-infinity'::DATE", pa.date32(), -INFINITE_DAYS - 1),
        ("'infinity'::TIMESTAMP", pa.timestamp("us"), INFINITE_TICKS),
        ("'-infinity'::TIMESTAMP", pa.timestamp("us"), -INFINITE_TICKS - 1),
        ("'-infinity'::TIMESTAMPTZ", pa.timestamp("us", "UTC"), -INFINITE_TICKS - 1),
        ("'-infinity'::TIMESTAMP_NS", pa.timestamp("ns"), -INFINITE_TICKS - 1),
        ("TIME '24:00:00'", pa.time64("us"), 86_400_000_000),
    ],
)
def test_the_edges_of_time(made: Make, opened: Open, tmp_path: Path, expression: str, kind: Any, expected: int) -> None:
    source = made(f"CREATE TABLE t AS SELECT {expression} AS v")
    (value,) = values_of(source, "v")
    assert (value.type, value.cast(pa.int32() if kind == pa.date32() else pa.int64()).as_py()) == (kind, expected)
    target = opened(tmp_path / "copy.duckdb")
    copied(source, target)
    target.finish(RUN)
    assert values_of(target, "v") == [value]
    assert target.execute(f"SELECT v = {expression} AS same FROM t")["same"].to_pylist() == [True]


@pytest.mark.parametrize(
    ("kind", "ticks"),
    [
        (pa.time64("us"), 86_400_000_001),
        (pa.time64("us"), -1),
        (pa.timestamp("us"), -9_223_372_022_400_000_001),
        (pa.timestamp("us"), -INFINITE_TICKS),
        (pa.date32(), -INFINITE_DAYS),
    ],
)
def test_what_duckdb_would_take_unseen_is_refused(opened: Open, tmp_path: Path, kind: pa.DataType, ticks: int) -> None:
    db = opened(tmp_path / "x.duckdb")
    table = Table("t", (db.land(Column("v", kind)).column,), namespace="main")
    db.stage(RUN, [table])
    staged = db.staged(RUN, table)
    array = pa.array([ticks], pa.int32() if kind == pa.date32() else pa.int64()).view(kind)
    with pytest.raises(Refused, match=r"t\.v"):
        db.write(Ticket(RUN, staged.label, 0), staged, [pa.record_batch({"v": array})])


VALUES = [
    ("170141183460469231731687303715884105727::HUGEINT", Decimal("170141183460469231731687303715884105727")),
    ("340282366920938463463374607431768211455::UHUGEINT", Decimal("340282366920938463463374607431768211455")),
    ("123456789012345678901234567890123456789012345::BIGNUM", "123456789012345678901234567890123456789012345"),
    ("INTERVAL '14 months -2 days -61.5 seconds'", "P1Y2M-2DT-1M-1.5S"),
    ("INTERVAL '0 days'", "PT0S"),
    ("INTERVAL '100 hours 0.000001 seconds'", "PT100H0.000001S"),
    ('\'{"b": 1,  "a": [1.0, null]}\'::JSON', '{"b": 1,  "a": [1.0, null]}'),
    ("{'a': 1, 'b': ['x', NULL]}", '{"a":1,"b":["x",null]}'),
    ("MAP {'k': 1}", '{"k":1}'),
    ("union_value(n := 2)", '{"n":2}'),
    ("'b'::ENUM('a', 'b')", "b"),
    ("'0101'::BIT", "0101"),
    ("[[1, NULL], NULL, []]", [[1, None], None, []]),
    ("[1, 2]::INTEGER[2]", [1, 2]),
    ("[DATE '2024-01-01', NULL]", [dt.date(2024, 1, 1), None]),
    ("[INTERVAL '1 day']", ["P1D"]),
    ("['00000000-0000-0000-0000-0000000000ff'::UUID]", [bytes(15) + b"\xff"]),
    ("[12345678901234567890.12::DECIMAL(38,2)]", [Decimal("12345678901234567890.12")]),
    ("TIMETZ '12:00:00.5+05:30'", "12:00:00.5+05:30"),
    ("'a' || chr(0) || 'b'", "a\0b"),
    ("'POINT (1 2)'::GEOMETRY", "POINT (1 2)"),
]


@pytest.mark.parametrize(("expression", "expected"), VALUES)
def test_a_value_is_read_and_written_back(
    made: Make, opened: Open, tmp_path: Path, expression: str, expected: Any
) -> None:
    source = made(f"CREATE TABLE t AS SELECT {expression} AS v UNION ALL SELECT NULL")
    assert sorted(map(str, (v.as_py() for v in values_of(source, "v")))) == sorted(map(str, (expected, None)))
    target = opened(tmp_path / "copy.duckdb")
    copied(source, target)
    target.finish(RUN)
    assert values_of(target, "v") == values_of(source, "v")
    assert target.tables()[0].columns == source.tables()[0].columns


def test_a_native_column_of_another_type_than_asked_is_refused(made: Make) -> None:
    db = made("CREATE TABLE t AS SELECT 1.5::DOUBLE AS v")
    wrong = replace(db.tables()[0], columns=(Column("v", pa.int64(), native="DOUBLE"),))
    with pytest.raises(Refused, match=r"t\.v"):
        rows_of(db, wrong)


def test_reading_never_makes_a_file(opened: Open, tmp_path: Path) -> None:
    db = opened(tmp_path / "missing.duckdb")
    for call in (db.check, db.tables, db.snapshot, lambda: rows_of(db, Table("t", ()))):
        with pytest.raises(NotFound, match=r"missing\.duckdb"):
            call()
    assert not (tmp_path / "missing.duckdb").exists()
    assert db.vacant()
    with pytest.raises(NotFound, match="folder"):
        opened(tmp_path / "no" / "x.duckdb").vacant()


def test_what_is_no_database_is_said(opened: Open, tmp_path: Path) -> None:
    (tmp_path / "x.duckdb").write_bytes(b"not a database at all, but long enough to be looked at" * 200)
    with pytest.raises(Refused, match=r"x\.duckdb"):
        opened(tmp_path / "x.duckdb").check()


@pytest.mark.parametrize("options", [{"color": "red"}, {"memory_limit": "much"}, {"threads": "-1"}])
def test_options_are_checked(opened: Open, tmp_path: Path, options: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        opened(tmp_path / "x.duckdb", **options)


def test_options_are_set(opened: Open, tmp_path: Path) -> None:
    db = opened(tmp_path / "x.duckdb", threads="1", memory_limit="200MiB")
    found = db.execute("SELECT current_setting('threads') AS t, current_setting('memory_limit') AS m").to_pylist()
    assert found == [{"t": 1, "m": "200.0 MiB"}]


HOLD = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "read")
print("held", flush=True)
sys.stdin.readline()
"""


@pytest.mark.parametrize("mode", ["read", "write"])
def test_a_file_of_another_process(made: Make, mode: str) -> None:
    """Readers share it; a writer owns it, and is named."""
    path = made("CREATE TABLE t AS SELECT 1 AS a").address.database
    command = [sys.executable, "-c", HOLD, path, mode]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout
        assert other.stdout.readline() == "held\n"
        with DuckdbDatabase(Address("duckdb", database=path)) as db:
            if mode == "read":
                assert len(rows_of(db, db.tables()[0])) == 1
            with pytest.raises(Busy, match=str(other.pid)):
                db.stage(RUN, []) if mode == "read" else db.check()
        other.communicate("done\n")


def test_a_snapshot_keeps_writers_of_this_process_out(made: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instance, "WAIT_SECONDS_MAX", 0.05)
    db = made("CREATE TABLE t AS SELECT 1 AS a")
    with db.snapshot():
        assert len(rows_of(db, db.tables()[0])) == 1
        with pytest.raises(Busy, match="snapshot"):
            db.execute("INSERT INTO t VALUES (2)")
    db.execute("INSERT INTO t VALUES (2)")
    assert len(rows_of(db, db.tables()[0])) == 2


def test_many_threads_write_and_read(opened: Open, tmp_path: Path) -> None:
    db = opened(tmp_path / "x.duckdb")
    table = Table("t", (db.land(Column("a", pa.int64())).column,), namespace="main")
    db.stage(RUN, [table])
    staged = db.staged(RUN, table)
    errors: list[BaseException] = []

    def work(chunk: int) -> None:
        try:
            batches = [pa.record_batch({"a": list(range(chunk * 10_000, chunk * 10_000 + 10_000))})]
            for _ in range(2):
                assert db.write(Ticket(RUN, staged.label, chunk), staged, batches) == 10_000
            rows_of(db, staged)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sorted(r["a"] for r in rows_of(db, staged)) == list(range(80_000))


def test_two_attempts_at_one_chunk_write_it_once(opened: Open, tmp_path: Path) -> None:
    db = opened(tmp_path / "x.duckdb")
    table = Table("t", (db.land(Column("a", pa.int64())).column,), namespace="main")
    db.stage(RUN, [table])
    staged = db.staged(RUN, table)
    inside = threading.Barrier(2)

    def batches() -> Iterator[pa.RecordBatch]:
        inside.wait(20)
        yield pa.record_batch({"a": [1, 2, 3]})

    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(db.write(Ticket(RUN, staged.label, 0), staged, batches())))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [3, 3]
    assert len(rows_of(db, staged)) == 3


def test_views_stand_or_fall_alone(made: Make) -> None:
    db = made("CREATE TABLE t AS SELECT 1 AS a")
    good = View("good", "SELECT a FROM main.t", namespace="main", columns=("b",))
    findings = db.create_views([View("bad", "SELECT missing FROM t", namespace="main"), good])
    assert [(f.code, f.where) for f in findings] == [("view_failed", "main.bad")]
    assert [v.name for v in db.views()] == ["good"]
    assert db.execute("SELECT b FROM good")["b"].to_pylist() == [1]


CRASH = """
import os, signal, sys
import pyarrow as pa
from wayfare.core.address import Address
from wayfare.core.ports import Mode, Ticket
from wayfare.core.tables import Column, Table
from wayfare.systems.databases.duckdb import instance
from wayfare.systems.databases.duckdb.database import DuckdbDatabase

db = DuckdbDatabase(Address("duckdb", database=sys.argv[1]))
table = Table("t", (db.land(Column("a", pa.int64())).column,), namespace="main")
staged = db.staged("a" * 16, table)

def batches():
    yield pa.record_batch({"a": [1, 2, 3]})
    if sys.argv[2] == "write":
        os.kill(os.getpid(), signal.SIGKILL)

db.stage("a" * 16, [table])
db.write(Ticket("a" * 16, staged.label, 0), staged, batches())
db.publish("a" * 16, [table], Mode.REPLACE)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("moment", ["write", "publish"])
def test_killed_and_gone_on(opened: Open, tmp_path: Path, moment: str) -> None:
    path = tmp_path / "x.duckdb"
    killed = subprocess.run([sys.executable, "-c", CRASH, str(path), moment], check=False)
    assert killed.returncode == -signal.SIGKILL
    db = opened(path)
    table = Table("t", (db.land(Column("a", pa.int64())).column,), namespace="main")
    staged = db.staged(RUN, table)
    if moment == "write":
        assert rows_of(db, staged) == []
        assert db.write(Ticket(RUN, staged.label, 0, 2), staged, [pa.record_batch({"a": [1, 2, 3]})]) == 3
    db.publish(RUN, [table], Mode.REPLACE)
    db.finish(RUN)
    assert len(rows_of(db, db.tables()[0])) == 3


def test_sizes_are_estimated_from_the_statistics(made: Make) -> None:
    db = made("CREATE TABLE t AS SELECT range AS i, repeat('x', 1000) AS s FROM range(1000)", "CREATE TABLE e (i INT)")
    empty, full = db.tables()
    assert (empty.rows_estimate, empty.bytes_estimate) == (0, 0)
    assert full.rows_estimate == 1000
    assert 1_000_000 < full.bytes_estimate < 1_100_000


def test_wide_rows_make_small_batches(made: Make) -> None:
    db = made("CREATE TABLE t AS SELECT range AS i, repeat('x', 5000000) AS s FROM range(30)")
    sizes = [b.nbytes for b in db.read(db.tables()[0], WHOLE)]
    assert len(sizes) >= 4
    assert max(sizes) < 40_000_000


def test_little_memory_is_enough_or_more_is_taken(
    opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An index that does not fit under the usual limit is made under a higher one; a limit from the URL is kept."""
    monkeypatch.setattr(instance, "MEMORY_LIMIT", "24MiB")
    ids = pa.record_batch({"a": pa.array(range(400_000), pa.int64()), "b": [f"number {i}" for i in range(400_000)]})
    for name, options in (("free.duckdb", {}), ("fixed.duckdb", {"memory_limit": "24MiB"})):
        db = opened(tmp_path / name, **options)
        columns = tuple(db.land(Column(n, t)).column for n, t in (("a", pa.int64()), ("b", pa.string())))
        table = Table("t", columns, ("b",), namespace="main")
        db.stage(RUN, [table])
        staged = db.staged(RUN, table)
        db.write(Ticket(RUN, staged.label, 0), staged, [ids.slice(i, 20_000) for i in range(0, 400_000, 20_000)])
        if options:
            with pytest.raises(Full, match="memory"):
                db.publish(RUN, [table], Mode.REPLACE)
        else:
            db.publish(RUN, [table], Mode.REPLACE)
            assert db.tables()[0].rows_estimate == 400_000


def test_merge_changes_rows_that_others_refer_to(made: Make) -> None:
    """DuckDB deletes and adds a row to change an indexed column: untouched ones must stay untouched."""
    db = made()
    db.execute("CREATE TABLE band (id INTEGER PRIMARY KEY)")
    db.execute("INSERT INTO band VALUES (1)")
    db.execute("CREATE TABLE album (id INTEGER PRIMARY KEY, band INTEGER REFERENCES band (id), title VARCHAR)")
    db.execute("INSERT INTO album VALUES (1, 1, 'old')")
    db.execute("CREATE TABLE track (id INTEGER PRIMARY KEY, album INTEGER REFERENCES album (id))")
    db.execute("INSERT INTO track VALUES (1, 1)")
    album = next(t for t in db.tables() if t.name == "album")
    db.stage(RUN, [album])
    rows = pa.table({"id": [1, 2], "band": [1, 1], "title": ["new", "added"]}, schema=album.arrow())
    staged = db.staged(RUN, album)
    db.write(Ticket(RUN, staged.label, 0), staged, rows.to_batches())
    db.publish(RUN, [album], Mode.MERGE)
    assert db.execute("SELECT id, title FROM album ORDER BY id").to_pylist() == [
        {"id": 1, "title": "new"},
        {"id": 2, "title": "added"},
    ]
