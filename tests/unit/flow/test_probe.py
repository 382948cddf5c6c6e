"""What a dry run says about values: by column, by kind, counted, with one example; and it reads nothing else."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pyarrow as pa

from wayfare.core.address import Address
from wayfare.core.findings import Severity
from wayfare.core.landing import Landing, Limits
from wayfare.core.ports import Chunk
from wayfare.core.tables import Column, Meaning, Table
from wayfare.flow.probe import at_risk, probe
from wayfare.systems.databases.memory.database import MemoryDatabase, Stored

NAMES = (f"probe{i}" for i in itertools.count())
TABLE = Table(
    "t",
    (
        Column("id", pa.int64()),
        Column("score", pa.float64()),
        Column("name", pa.string()),
        Column("size", pa.string(), meaning=Meaning.NUMBER),
        Column("free", pa.string()),
    ),
    key=("id",),
    namespace="shop",
)
LANDED = [
    Landing(TABLE.column("id")),
    Landing(TABLE.column("score"), limits=Limits(nan=False, infinity=False)),
    Landing(TABLE.column("name"), limits=Limits(characters_max=5, nul=False)),
    Landing(Column("size", pa.decimal128(5, 2))),
    Landing(TABLE.column("free")),
]


class Watched(MemoryDatabase):
    """The reference database, remembering which columns were read."""

    read_columns: tuple[str, ...] = ()

    def read(self, table: Table, chunk: Chunk, view: str = "") -> Iterator[pa.RecordBatch]:
        self.read_columns = tuple(c.name for c in table.columns)
        return super().read(table, chunk, view)


def database(rows: list[dict[str, object]]) -> Watched:
    found = Watched(Address("memory", host=next(NAMES)))
    found._shelf.tables[TABLE.label] = Stored(TABLE, rows)
    return found


def row(number: int, **values: object) -> dict[str, object]:
    return {"id": number, "score": 1.5, "name": "ann", "size": "1.50", "free": "x" * 50, **values}


def test_columns_at_risk_are_told_without_reading() -> None:
    assert [c.source.name for c in at_risk(TABLE, LANDED)] == ["score", "name", "size"]


def test_a_clean_table_has_no_findings_and_only_risky_columns_are_read() -> None:
    source = database([row(n) for n in range(10)])
    assert probe(source, TABLE, LANDED) == ()
    assert source.read_columns == ("score", "name", "size")


def test_nothing_is_read_when_nothing_is_at_risk() -> None:
    source = database([row(1)])
    assert probe(source, TABLE, [Landing(c) for c in TABLE.columns]) == ()
    assert source.read_columns == ()


def test_findings_by_column_and_kind() -> None:
    faults = [
        {"score": float("nan")},
        {"score": float("inf")},
        {"score": float("-inf")},
        {"name": "a\0"},
        {"name": "longer than five"},
        {"size": "1.555"},
        {"size": "NaN"},
    ]
    rows = [row(n) for n in range(2000)] + [row(2000 + n, **fault) for n, fault in enumerate(faults)]
    source = database(rows)
    found = probe(source, TABLE, LANDED, chunks=source.split(TABLE, 300), threads=3)
    assert [(f.code, f.where, f.message.split()[0]) for f in found] == [
        ("value_infinite", "shop.t.score", "2"),
        ("value_nan", "shop.t.score", "1"),
        ("value_nul", "shop.t.name", "1"),
        ("value_too_long", "shop.t.name", "1"),
        ("value_inexact", "shop.t.size", "2"),
    ]
    assert {f.severity for f in found} == {Severity.ERROR}
    assert "'longer than five'" in found[3].message
    assert "--allow-loss shop.t.size" in found[4].advice


def test_an_allowed_loss_is_a_warning() -> None:
    source = database([row(1, score=float("nan")), row(2, name="a\0")])
    found = probe(source, TABLE, LANDED, allow_loss=frozenset({"score"}))
    assert [(f.code, f.severity) for f in found] == [("value_nan", Severity.WARNING), ("value_nul", Severity.ERROR)]
