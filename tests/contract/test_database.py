"""The one contract suite: what every database promises, and what those promise that can be a target.

A test that asks for `target` is about writing. All others are about reading: they fill their tables by `put`, which is
staging and publishing where the system has those, and the bed's own way (see SEEDING in `conftest`) where not.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from beds import seeding
from contract.zoo import HOSTILE_NAMES, KINDS
from wayfare.core.errors import NotFound, Unavailable, WayfareError
from wayfare.core.landing import Landing, Verdict
from wayfare.core.ports import (
    CARRIED,
    WHOLE,
    Chunk,
    Database,
    Deletes,
    Extends,
    Mode,
    Namespaced,
    Snapshots,
    Stages,
    Ticket,
)
from wayfare.core.tables import Column, Identity, Index, Table
from wayfare.flow.canonical import Canonical
from wayfare.systems.registry import adapter, open_database

RUN = "0123456789abcdef"
ORDERS = Table(
    "orders",
    (
        Column("id", pa.int64(), nullable=False),
        Column("note", pa.string(), length=40),
        Column("paid", pa.bool_()),
    ),
    key=("id",),
)


def landed(db: Database, table: Table) -> Table:
    """What the planner does, without its policy: every column as the system would hold it."""
    columns = tuple(db.land(c).column for c in table.columns)
    namespace = table.namespace or (db.default_namespace if isinstance(db, Namespaced) else "")
    return replace(table, columns=columns, namespace=namespace, origin=db.system)


def rows(db: Database, table: Table, start: int, end: int, note: str = "x") -> pa.RecordBatch:
    values = {"id": range(start, end), "note": [note] * (end - start), "paid": [i % 2 == 0 for i in range(start, end)]}
    arrays = [pa.array(list(values[c.name]), ORDERS.column(c.name).type).cast(c.type) for c in table.written]
    return pa.RecordBatch.from_arrays(arrays, schema=table.arrow())


def content(db: Database, table: Table, chunks: Sequence[Chunk] = (WHOLE,), view: str = "") -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    for chunk in chunks:
        for batch in db.read(table, chunk, view):
            assert batch.schema == table.arrow()
            found += [tuple(row.values()) for row in batch.to_pylist()]
    return sorted(found, key=repr)


def expected(start: int, end: int, note: str = "x") -> list[tuple[Any, ...]]:
    return [(i, note, i % 2 == 0) for i in range(start, end)]


def plain(found: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return sorted((i, n, bool(p)) for i, n, p in found)


@pytest.fixture
def table(db: Database) -> Table:
    return landed(db, ORDERS)


def load(db: Any, table: Table, batches: Sequence[pa.RecordBatch], run: str = RUN, chunk: int = 0) -> int:
    db.stage(run, [table])
    staged = db.staged(run, table)
    count: int = db.write(Ticket(run, staged.label, chunk), staged, batches)
    return count


def publish(db: Any, table: Table, mode: Mode = Mode.REPLACE, run: str = RUN) -> None:
    db.seal(run, table)
    db.publish(run, [table], mode)


def filled(db: Any, table: Table, end: int, note: str = "x") -> None:
    put(db, table, [rows(db, table, 0, end, note)])


def put(db: Database, table: Table, batches: Sequence[pa.RecordBatch]) -> None:
    """Make a table with these rows, whether the adapter can write or not."""
    if isinstance(db, Stages):
        load(db, table, batches)
        publish(db, table)
        db.finish(RUN)
        return
    found = seeding(db.system)
    assert found, f"{db.system} is read only, so its test bed needs SEEDING"
    try:
        found.put(db.address, table, batches)
    except Unavailable as reason:
        pytest.skip(str(reason))


def carries(db: Database) -> frozenset[str]:
    found = seeding(db.system)
    return db.carries if isinstance(db, Stages) else found.carries if found else CARRIED


def name_bytes_max(db: Database) -> int:
    found = seeding(db.system)
    return db.name_bytes_max if isinstance(db, Stages) else found.name_bytes_max if found else 63


def find(db: Database, label: str) -> Table:
    return next(t for t in db.tables() if label in (t.label, t.name))


def test_it_is_a_database_and_says_whether_it_can_be_a_target(db: Database) -> None:
    assert isinstance(db, Database)
    assert isinstance(db, Stages) is not adapter(db.system).source_only
    assert db.check().version
    assert list(db.tables()) == []


def test_a_missing_table_is_said_by_name(db: Database, table: Table) -> None:
    with pytest.raises((NotFound, WayfareError), match="orders"):
        content(db, table)


def test_what_is_staged_is_read_but_not_seen_until_published(target: Any, table: Table) -> None:
    assert load(target, table, [rows(target, table, 0, 60), rows(target, table, 60, 100)]) == 100
    assert plain(content(target, target.staged(RUN, table))) == expected(0, 100)
    assert [t.name for t in target.tables()] == []
    publish(target, table)
    assert plain(content(target, table)) == expected(0, 100)
    target.finish(RUN)
    found = find(target, "orders")
    assert [c.name for c in found.columns] == ["id", "note", "paid"]
    assert plain(content(target, found)) == expected(0, 100)


def test_writing_a_chunk_twice_equals_once(target: Any, table: Table) -> None:
    for attempt in (1, 2):
        target.stage(RUN, [table])
        staged = target.staged(RUN, table)
        assert target.write(Ticket(RUN, staged.label, 0, attempt), staged, [rows(target, table, 0, 50)]) == 50
        assert target.write(Ticket(RUN, staged.label, 1, attempt), staged, [rows(target, table, 50, 80)]) == 30
    assert plain(content(target, target.staged(RUN, table))) == expected(0, 80)


def test_an_empty_chunk_is_a_chunk(target: Any, table: Table) -> None:
    assert load(target, table, []) == 0
    assert load(target, table, [rows(target, table, 0, 5)]) == 0, "the ledger has this chunk: nothing may be written"


def test_a_failed_write_leaves_the_table_as_it_was(target: Any, table: Table) -> None:
    def broken() -> Iterator[pa.RecordBatch]:
        yield rows(target, table, 10, 20)
        raise ConnectionError("the source went away")

    load(target, table, [rows(target, table, 0, 10)])
    staged = target.staged(RUN, table)
    with pytest.raises(ConnectionError):
        target.write(Ticket(RUN, staged.label, 1), staged, broken())
    assert plain(content(target, staged)) == expected(0, 10)
    assert target.write(Ticket(RUN, staged.label, 1, 2), staged, [rows(target, table, 10, 20)]) == 10
    assert plain(content(target, staged)) == expected(0, 20)


def test_every_stage_may_be_repeated(target: Any, table: Table) -> None:
    load(target, table, [rows(target, table, 0, 10)])
    target.stage(RUN, [table])
    for _ in range(2):
        target.seal(RUN, table)
    for _ in range(2):
        target.publish(RUN, [table], Mode.REPLACE)
    for _ in range(2):
        target.finish(RUN)
    assert plain(content(target, table)) == expected(0, 10)


def test_replace_puts_the_copy_in_place_of_what_was_there(target: Any, table: Table) -> None:
    filled(target, table, 10, "old")
    load(target, table, [rows(target, table, 0, 5, "new")], run="f" * 16)
    assert plain(content(target, table)) == expected(0, 10, "old"), "not touched before publish"
    publish(target, table, run="f" * 16)
    target.finish("f" * 16)
    assert plain(content(target, table)) == expected(0, 5, "new")
    assert [t.name for t in target.tables()] == ["orders"]


def test_discard_before_publish_leaves_the_target_as_before(target: Any, table: Table) -> None:
    filled(target, table, 10, "old")
    load(target, table, [rows(target, table, 0, 5, "new")], run="f" * 16)
    for _ in range(2):
        target.discard("f" * 16)
    assert plain(content(target, table)) == expected(0, 10, "old")
    assert [t.name for t in target.tables()] == ["orders"]


def test_discard_after_publish_puts_the_replaced_back(target: Any, table: Table) -> None:
    filled(target, table, 10, "old")
    load(target, table, [rows(target, table, 0, 5, "new")], run="f" * 16)
    publish(target, table, run="f" * 16)
    for _ in range(2):
        target.discard("f" * 16)
    assert plain(content(target, table)) == expected(0, 10, "old")


def test_discard_of_a_new_table_removes_it(target: Any, table: Table) -> None:
    load(target, table, [rows(target, table, 0, 5)])
    publish(target, table)
    target.discard(RUN)
    assert list(target.tables()) == []


def test_append_adds_once_and_creates_what_is_missing(target: Any, table: Table) -> None:
    filled(target, table, 10)
    load(target, table, [rows(target, table, 10, 15)], run="f" * 16)
    for _ in range(2):
        publish_mode = Mode.APPEND
        target.publish("f" * 16, [table], publish_mode)
    target.finish("f" * 16)
    assert plain(content(target, table)) == expected(0, 15)


def test_merge_upserts_by_key(target: Any, table: Table) -> None:
    filled(target, table, 10)
    load(target, table, [rows(target, table, 8, 12, "y")], run="f" * 16)
    for _ in range(2):
        target.publish("f" * 16, [table], Mode.MERGE)
    target.finish("f" * 16)
    assert plain(content(target, table)) == expected(0, 8) + expected(8, 12, "y")


def test_chunks_hold_every_row_once(db: Any, table: Table) -> None:
    filled(db, table, 5_003)
    chunks = db.split(find(db, "orders"), 500)
    assert [c.index for c in chunks] == list(range(len(chunks)))
    assert plain(content(db, table, chunks)) == expected(0, 5_003)


def test_an_empty_table_has_a_chunk(db: Any, table: Table) -> None:
    put(db, table, [])
    chunks = db.split(find(db, "orders"), 500)
    assert len(chunks) >= 1
    assert content(db, table, chunks) == []


def test_a_cursor_reads_only_what_came_after(db: Any, table: Table) -> None:
    filled(db, table, 20)
    found = content(db, table, [Chunk(cursor="id", after=14, upto=18)])
    assert plain(found) == expected(15, 19)


def test_a_snapshot_shows_one_state(db: Any, table: Table) -> None:
    if not isinstance(db, Snapshots):
        pytest.skip(f"{db.system} has no shared snapshots")
    filled(db, table, 10)
    with db.snapshot() as snapshot:
        chunks = db.split(find(db, "orders"), 1000, snapshot.token)
        assert plain(content(db, table, chunks, snapshot.token)) == expected(0, 10)


def test_values_come_back_as_they_were_written(db: Any) -> None:
    """Of each kind that this system takes as it is: the landed column holds the very values."""
    kinds = [kind for kind in KINDS if _as_it_is(db.land(kind.column), kind.column)]
    table = landed(
        db, Table("zoo", (Column("id", pa.int64(), nullable=False), *(k.column for k in kinds)), key=("id",))
    )
    columns = [[v for v in kind.values if _held(db.land(kind.column).limits, v)] for kind in kinds]
    longest = max(map(len, columns))
    filled_up = [[*values, *[None] * (longest - len(values))] for values in columns]
    arrays = [pa.array(values, kind.column.type) for kind, values in zip(kinds, filled_up, strict=True)]
    batch = pa.RecordBatch.from_arrays([pa.array(range(longest), pa.int64()), *arrays], schema=table.arrow())
    canonical = Canonical(table.columns)  # a system may spell JSON its own way
    expected_rows = canonical(batch).to_pylist()
    if isinstance(db, Stages):
        load(db, table, [batch])
        assert _by_id(db, db.staged(RUN, table), canonical) == expected_rows
    put(db, table, [batch])
    assert _by_id(db, table, canonical) == expected_rows
    assert _by_id(db, replace(find(db, table.name), columns=table.columns), canonical) == expected_rows


def _as_it_is(landing: Landing, column: Column) -> bool:
    """What is not says why. What travels as another type has tests of its own."""
    if landing.verdict is not Verdict.EXACT:
        assert landing.reason
    lost = landing.verdict in (Verdict.LOSSY, Verdict.IMPOSSIBLE)
    return not lost and landing.column.type == column.type and landing.column.meaning == column.meaning


def _held(limits: Any, value: Any) -> bool:
    """Left out: what the landing itself says it cannot hold (only sizes matter for the zoo's values)."""
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime) and limits.low is not None:
        return bool(limits.low <= (value - dt.date(1970, 1, 1)).days <= (limits.high or 2**31))
    size = len(value.encode()) if isinstance(value, str) else len(value) if isinstance(value, bytes) else 0
    return limits.bytes_max is None or size <= limits.bytes_max


def _by_id(db: Database, table: Table, canonical: Callable[..., pa.RecordBatch] = lambda b: b) -> list[dict[str, Any]]:
    return sorted((r for b in db.read(table, WHOLE) for r in canonical(b).to_pylist()), key=lambda r: r["id"])


def test_the_catalog_tells_the_types_that_were_landed(db: Any) -> None:
    """A copy can be verified later by the catalog alone: an exactly landed column is described as it was landed."""
    exact = [k.column for k in KINDS if db.land(k.column).verdict is Verdict.EXACT]
    table = landed(db, Table("wide", (Column("id", pa.int64(), nullable=False), *exact), key=("id",)))
    put(db, table, [])
    found = find(db, "wide")
    told = {c.name: db.land(c).column.native for c in found.columns}
    assert told == {c.name: c.native for c in table.columns}


def test_hostile_names(db: Any) -> None:
    """Of tables, columns and indexes. What a system cannot call so, the planner refuses."""
    numbers: dict[str, int] = {}
    for number, name in enumerate(n for n in HOSTILE_NAMES if len(n.encode()) <= name_bytes_max(db)):
        columns = (Column("id", pa.int64(), nullable=False), Column(name, pa.int32()))
        index = Index(f"{name[:20]}_{number}", (name,))
        table = landed(db, Table(name, columns, key=("id",), indexes=(index,)))
        values = [pa.array([1], pa.int64()), pa.array([number], pa.int32())]
        with suppress(pytest.skip.Exception):  # a system that is only read, and calls nothing so: without this name
            put(db, table, [pa.RecordBatch.from_arrays(values, schema=table.arrow())])
            numbers[name] = number
    assert {"select", "Order"} <= set(numbers)
    found = {table.name: table for table in db.tables()}
    assert sorted(found) == sorted(numbers)
    read = {name: content(db, found[name], db.split(found[name], 10)) for name in numbers}
    assert read == {name: [(1, number)] for name, number in numbers.items()}


def test_a_row_of_twenty_megabytes(db: Any) -> None:
    table = landed(
        db,
        Table(
            "big",
            (Column("id", pa.int64(), nullable=False), Column("t", pa.string()), Column("b", pa.binary())),
            ("id",),
        ),
    )
    text, data = "é" * 10_000_000, bytes(range(256)) * 80_000
    batch = pa.RecordBatch.from_arrays(
        [pa.array([1, 2]), pa.array([text, ""]), pa.array([data, b""])], schema=table.arrow()
    )
    put(db, table, [batch])
    found = _by_id(db, table)
    assert [len(r["t"]) for r in found] == [10_000_000, 0]
    assert found[0]["t"] == text
    assert found[0]["b"] == data


def test_three_hundred_columns(db: Any) -> None:
    columns = (Column("id", pa.int64(), nullable=False), *(Column(f"c{i}", pa.string(), length=50) for i in range(300)))
    table = landed(db, Table("wide", columns, key=("id",)))
    batch = pa.RecordBatch.from_arrays(
        [pa.array([1, 2]), *(pa.array([f"v{i}", None]) for i in range(300))], schema=table.arrow()
    )
    put(db, table, [batch])
    assert _by_id(db, table) == batch.to_pylist()


@pytest.mark.parametrize("key", [("a",), ("a", "n"), ()], ids=["text", "composite", "none"])
def test_keys_of_every_shape(db: Any, key: tuple[str, ...]) -> None:
    columns = (Column("a", pa.string(), nullable=not key, length=30), Column("n", pa.int32(), nullable=not key))
    table = landed(db, Table("keyed", columns, key=key))
    values = [("a", 1), ("A", 2), ("ä", 3), ("a ", 4), ("", 5)]
    batch = pa.RecordBatch.from_arrays(
        [pa.array([a for a, _ in values], pa.string()), pa.array([n for _, n in values], pa.int32())],
        schema=table.arrow(),
    )
    put(db, table, [batch])
    assert content(db, table, db.split(find(db, "keyed"), 2)) == sorted(values, key=repr)
    if "primary_key" in carries(db):
        assert find(db, "keyed").key == key


def test_structure_is_carried(db: Any) -> None:
    """What the system says it carries is there afterwards: keys, indexes, comments, the identity's next value."""
    columns = (
        Column("id", pa.int64(), nullable=False, identity=Identity(next=501)),
        Column("code", pa.string(), nullable=False, length=20, comment="the code's comment"),
        Column("rank", pa.int32()),
    )
    indexes = (Index("thing_code", ("code",), unique=True, constraint=True), Index("thing_rank", ("rank",)))
    table = landed(db, Table("thing", columns, key=("id",), indexes=indexes, comment="it's a thing"))
    batch = pa.RecordBatch.from_arrays(
        [pa.array([1, 2]), pa.array(["a", "b"]), pa.array([1, None], pa.int32())], schema=table.arrow()
    )
    put(db, table, [batch])
    found = find(db, "thing")
    carried = carries(db)
    assert not ("primary_key" in carried and found.key != ("id",))
    if "unique" in carried:
        assert [i.columns for i in found.indexes if i.unique] == [("code",)]
    if "index" in carried:
        assert ("rank",) in [i.columns for i in found.indexes if not i.unique]
    if "comment" in carried:
        assert found.comment == "it's a thing"
        assert found.column("code").comment == "the code's comment"
    if "identity" in carried:
        identity = found.column("id").identity
        assert identity
        assert identity.next == 501
    assert not found.column("code").nullable


def test_rows_can_be_removed_by_key(db: Any, table: Table) -> None:
    if not isinstance(db, Deletes):
        pytest.skip(f"{db.system} does not delete by key")
    filled(db, table, 10)
    keys = pa.RecordBatch.from_arrays([pa.array([3, 4, 99], table.column("id").type)], names=["id"])
    assert db.delete(find(db, "orders"), keys) in (2, 3)
    assert [r[0] for r in plain(content(db, table))] == [0, 1, 2, 5, 6, 7, 8, 9]


def test_columns_can_be_added(db: Any, table: Table) -> None:
    if not isinstance(db, Extends):
        pytest.skip(f"{db.system} does not add columns")
    filled(db, table, 3)
    more = db.land(Column("extra", pa.int32())).column
    for _ in range(2):
        db.add_columns(find(db, "orders"), [more])
    assert [r["extra"] for b in db.read(find(db, "orders"), WHOLE) for r in b.to_pylist()] == [None] * 3


def test_closing_a_read_early_frees_the_connection(db: Any, table: Table) -> None:
    filled(db, table, 5_000)
    for _ in range(30):
        batches = db.read(table, WHOLE)
        next(batches)
        batches.close()
    assert len(content(db, table)) == 5_000


def test_another_opening_sees_the_same(db: Any, table: Table) -> None:
    filled(db, table, 3)
    with open_database(db.address) as again:
        assert plain(content(again, table)) == expected(0, 3)
