"""The seeded faults, on real files: a source and a target in SQLite, and one thing wrong."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa
import pytest

from wayfare.core.address import Address
from wayfare.core.errors import LossRefused, Stopped
from wayfare.core.landing import Landing, Limits
from wayfare.core.ports import WHOLE, Chunk, Parcel
from wayfare.core.tables import Column, Meaning, Table
from wayfare.flow import compare as comparing
from wayfare.flow.canonical import Canonical
from wayfare.flow.cast import Cast
from wayfare.flow.compare import Comparison, Watch, compare
from wayfare.flow.digest import relay_digest, table_digest
from wayfare.flow.scan import Side
from wayfare.kernel.hashing import EMPTY, rows_digest
from wayfare.systems.registry import open_database

ROWS = 3000
COLUMNS = "name TEXT, note TEXT, amount DECIMAL(10, 2), at TIMESTAMP"
FILL = """
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 2999)
INSERT INTO pay SELECT {id} 'name ' || (i % 7), CASE WHEN i % 3 THEN '' END, printf('%d.%02d', i / 100, i % 100),
                       datetime(1700000000 + i, 'unixepoch') || '.000001' FROM n
"""
KEYED = ("CREATE TABLE pay (id INTEGER PRIMARY KEY, " + COLUMNS + ")", FILL.format(id="i,"))
KEYLESS = ("CREATE TABLE pay (" + COLUMNS + ")", FILL.format(id=""))


class File:
    """One SQLite file with a table of payments."""

    def __init__(self, path: Path, script: tuple[str, ...]) -> None:
        self.path = path
        self.run(*script)
        self.database = open_database(Address.parse(f"sqlite:///{quote(str(path))}"))
        self.table = next(t for t in self.database.tables() if t.name == "pay")

    def run(self, *statements: str) -> None:
        connection = sqlite3.connect(self.path)
        for statement in statements:
            connection.execute(statement)
        connection.commit()
        connection.close()

    def side(self, cast: Cast | None = None) -> Side:
        return Side(self.database, self.table, cast)


Make = Callable[[tuple[str, str]], tuple[File, File]]


@pytest.fixture
def files(tmp_path: Path) -> Make:
    return lambda script: (File(tmp_path / "source.db", script), File(tmp_path / "target.db", script))


def look(source: File, target: File) -> Comparison:
    found = compare(source.side(), target.side(), key=source.table.key)
    digests = [table_digest(file.database, file.table) for file in (source, target)]
    assert found.equal == (digests[0] == digests[1])
    return found


@pytest.mark.parametrize("script", [KEYED, KEYLESS])
def test_equal_tables(files: Make, script: tuple[str, str]) -> None:
    source, target = files(script)
    assert look(source, target) == Comparison(ROWS, ROWS)


FAULTS = [
    ("DELETE FROM pay WHERE id = 1234", ("missing", "id=1234", "", "", "")),
    ("INSERT INTO pay SELECT 9999, name, note, amount, at FROM pay WHERE id = 5", ("extra", "id=9999", "", "", "")),
    ("UPDATE pay SET name = 'namE 3' WHERE id = 3", ("changed", "id=3", "name", "'name 3'", "'namE 3'")),
    ("UPDATE pay SET note = NULL WHERE id = 4", ("changed", "id=4", "note", "''", "NULL")),
    ("UPDATE pay SET note = '' WHERE id = 3", ("changed", "id=3", "note", "NULL", "''")),
]


@pytest.mark.parametrize(("statement", "expected"), FAULTS)
def test_one_fault_is_found_with_its_place(files: Make, statement: str, expected: tuple[str, ...]) -> None:
    source, target = files(KEYED)
    target.run(statement)
    found = look(source, target)
    assert (found.total, found.complete) == (1, True)
    first = found.differences[0]
    assert (first.kind, first.key, first.column, first.source, first.target) == expected


@pytest.mark.parametrize(
    ("column", "statement"),
    [
        ("amount", "UPDATE pay SET amount = '12.35' WHERE id = 1234"),
        ("at", "UPDATE pay SET at = replace(at, '.000001', '.000002') WHERE id = 1234"),
    ],
)
def test_the_least_unit_is_found(files: Make, column: str, statement: str) -> None:
    source, target = files(KEYED)
    target.run(statement)
    found = look(source, target)
    assert [(d.kind, d.key, d.column) for d in found.differences] == [("changed", "id=1234", column)]
    assert found.differences[0].source != found.differences[0].target


def test_a_doubled_row_of_a_table_without_a_key(files: Make) -> None:
    source, target = files(KEYLESS)
    target.run("INSERT INTO pay SELECT * FROM pay WHERE rowid = 7")
    found = look(source, target)
    assert (found.rows_source, found.rows_target, found.total) == (ROWS, ROWS + 1, 1)
    assert found.differences[0].kind == "doubled"
    assert "name='name 6'" in found.differences[0].key


def test_a_changed_row_without_a_key_is_one_missing_and_one_extra(files: Make) -> None:
    source, target = files(KEYLESS)
    target.run("UPDATE pay SET note = 'x' WHERE rowid = 7")
    found = look(source, target)
    assert sorted(d.kind for d in found.differences) == ["extra", "missing"]


def test_swapped_columns_are_found_everywhere_and_shown_a_little(files: Make) -> None:
    source, target = files(KEYED)
    target.run("UPDATE pay SET name = coalesce(note, ''), note = name")
    found = compare(source.side(), target.side(), key=("id",), shown=5)
    assert (found.total, len(found.differences)) == (ROWS, 5)
    assert {(d.kind, d.column) for d in found.differences} == {("changed", "name")}


def test_an_empty_side(files: Make) -> None:
    source, target = files(KEYED)
    target.run("DELETE FROM pay")
    assert look(source, target).total == ROWS
    assert {d.kind for d in look(target, source).differences} == {"extra"}
    source.run("DELETE FROM pay")
    assert look(source, target) == Comparison(0, 0)


def test_too_many_differences_stay_within_memory(files: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "HASHES_MAX", 500)
    source, target = files(KEYED)
    target.run("UPDATE pay SET note = 'x'")
    found = look(source, target)
    assert not found.complete
    assert 0 < found.total <= 500
    assert len(found.differences) == comparing.DIFFERENCES_SHOWN


def test_a_long_text_is_shown_where_it_differs(files: Make) -> None:
    source, target = files(KEYED)
    long = "x" * 5000
    source.run(f"UPDATE pay SET note = '{long}A tail' WHERE id = 1")
    target.run(f"UPDATE pay SET note = '{long}B tail' WHERE id = 1")
    first = look(source, target).differences[0]
    assert first.source.startswith("…")
    assert "A tail" in first.source
    assert "B tail" in first.target
    assert len(first.source) < 100


def test_the_source_is_compared_as_it_lands(files: Make) -> None:
    source, target = files(KEYED)
    columns = [replace(c, type=pa.int32()) if c.name == "id" else c for c in source.table.columns]
    cast = Cast(source.table, [Landing(c) for c in columns])
    assert compare(source.side(cast), target.side(cast), key=("id",)).equal
    assert not compare(source.side(cast), target.side(), key=("id",)).equal


def test_json_is_compared_by_value(files: Make) -> None:
    source, target = files(KEYED)
    source.run("""UPDATE pay SET note = '{"a": 1, "b": [1.0]}'""")
    target.run("""UPDATE pay SET note = '{"b":[1],"a":1}'""")
    columns = [replace(c, meaning=Meaning.JSON) if c.name == "note" else c for c in source.table.columns]
    cast = Cast(source.table, [Landing(c) for c in columns])
    digests = [table_digest(f.database, f.table, cast=cast) for f in (source, target)]
    assert digests[0] == digests[1]
    assert compare(source.side(cast), target.side(cast), key=("id",)).equal


def test_a_digest_is_the_same_in_any_chunks_and_in_flight(files: Make) -> None:
    source, _ = files(KEYED)
    whole = table_digest(source.database, source.table, threads=1)
    parts = source.database.split(source.table, 700)
    progress: list[int] = []
    in_parts = table_digest(source.database, source.table, chunks=parts, threads=3, progress=progress.append)
    assert whole == in_parts
    assert whole.rows == progress[-1] == ROWS
    canonical = Canonical(source.table.written)
    batches = source.database.read(source.table, WHOLE)
    assert sum((rows_digest(canonical(batch)) for batch in batches), EMPTY) == whole


def test_stopping_ends_every_pass(files: Make) -> None:
    source, target = files(KEYED)

    def stopping() -> None:
        raise Stopped("paused.")

    with pytest.raises(Stopped, match="paused"):
        table_digest(source.database, source.table, stopping=stopping)
    with pytest.raises(Stopped, match="paused"):
        compare(source.side(), target.side(), watch=Watch(stopping=stopping))


def test_an_error_in_one_chunk_is_the_one_raised(files: Make) -> None:
    source, _ = files(KEYED)
    only_keys = source.table.only(frozenset({"id"}))
    parts = source.database.split(only_keys, 700)
    cast = Cast(only_keys, [Landing(only_keys.columns[0], limits=Limits(high=2998))])
    with pytest.raises(LossRefused, match="2999"):
        table_digest(source.database, only_keys, cast=cast, chunks=parts)


class Sender:
    """Sends whole numbers as their own bytes."""

    def sends(self, table: Table) -> list[str]:
        return ["numbers"]

    receives = sends

    def send(self, table: Table, chunk: Chunk, form: str, view: str = ""):
        for start in range(chunk.low, chunk.high, 10):
            batch = pa.RecordBatch.from_pydict({"n": pa.array(range(start, min(start + 10, chunk.high)))})
            digest = rows_digest(batch)
            yield Parcel(b"", digest.rows, digest.sums)

    def receive(self, *parts: object) -> int:
        return 0


def test_a_relayed_table_is_digested_from_its_parcels() -> None:
    table = Table("t", (Column("n", pa.int64()),))
    parts = [Chunk(0, "n", 0, 35), Chunk(1, "n", 35, 100)]
    expected = rows_digest(pa.RecordBatch.from_pydict({"n": pa.array(range(100))}))
    assert relay_digest(Sender(), table, "numbers", chunks=parts) == expected
