"""Whole copies out of SQL Server: what arrives beyond the rows, what is said about the rest, and that it is equal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from contract.conftest import BEDS
from moving import file_address, move
from systems.sqlserver.test_live import ROW, STRUCTURE, TYPES
from wayfare.control.copies import CopyRequest, plan_copy, verify
from wayfare.core.address import Address
from wayfare.core.errors import Unavailable
from wayfare.core.findings import Severity
from wayfare.core.ports import CreatesSequences, Views
from wayfare.core.status import Status
from wayfare.systems.databases.sqlserver.testbed import run
from wayfare.systems.registry import open_database


@contextmanager
def bed(name: str, folder: Path) -> Iterator[Address]:
    folder.mkdir()
    with ExitStack() as stack:
        try:
            fresh = stack.enter_context(BEDS[name](folder))
        except Unavailable as reason:
            pytest.skip(f"{name}: {reason}")
        yield fresh()


@pytest.fixture(params=["postgresql", "mariadb", "clickhouse-http", "duckdb"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Address]:
    with bed(request.param, tmp_path / "bed") as address:
        yield address


@pytest.fixture
def postgresql(tmp_path: Path) -> Iterator[Address]:
    with bed("postgresql", tmp_path / "bed") as address:
        yield address


def test_structure_is_carried_over(address: Address, postgresql: Address, tmp_path: Path) -> None:
    run(address, *STRUCTURE)
    target = postgresql
    copied, report = move(tmp_path / "home", CopyRequest(address, target))
    assert copied.status is Status.SUCCEEDED, copied.reason
    assert report.outcome == "equal"
    with open_database(target) as database:
        found = {t.label: t for t in database.tables()}
        assert set(found) == {"public.region", "sales.order"}, "dbo is where tables without a schema go"
        order = found["sales.order"]
        assert order.key == ("id",)
        assert order.comment == "it's an order"
        assert [c.name for c in order.columns] == ["id", "region", "parent", "amount", "doubled", "note", "made"]
        assert order.column("amount").default.strip("'") == "0"
        assert isinstance(database, Views)
        assert [v.name for v in database.views()] == ["big"]
        rows = database.execute("SELECT id, amount FROM sales.big").to_pylist()  # type: ignore[attr-defined]
        assert [r["id"] for r in rows] == [15]
        assert isinstance(database, CreatesSequences)
        assert [s.next for s in database.sequences() if s.name == "numbers"] == [7]
        assert order.column("id").identity
        assert order.column("id").identity.next == 20
        assert len(order.foreign_keys) == 2
        assert len(order.checks) == 1
        assert sorted(i.columns for i in order.indexes) == [("note",), ("region", "amount")]
    again = verify(CopyRequest(address, target), rows=True)
    assert again.outcome == "equal", [f for f in again.findings if f.severity is Severity.ERROR]


def test_all_types_arrive_equal(address: Address, target: Address, tmp_path: Path) -> None:
    run(address, TYPES, ROW, "INSERT INTO kinds (id) VALUES (2)")
    request = CopyRequest(address, target)
    planned = plan_copy(request, probe=True)  # what this target cannot keep: nanoseconds, and years far away
    refused = {f.where: f for f in planned.findings if f.severity is Severity.ERROR}
    assert set(refused) <= {f"dbo.kinds.{n}" for n in ("a_time7", "a_dto", "a_date", "a_dt0", "a_datetime", "a_small")}
    copied, report = move(tmp_path / "home", replace(request, allow_loss=tuple(refused)))
    assert copied.status is Status.SUCCEEDED, (copied.reason, refused)
    assert report.outcome == "equal"


def test_only_what_is_new_is_copied(address: Address, tmp_path: Path) -> None:
    run(
        address,
        "CREATE TABLE t (id int NOT NULL PRIMARY KEY, made datetime2(3) NOT NULL)",
        "INSERT INTO t VALUES (1, '2024-01-01'), (2, '2024-01-02')",
    )
    target = file_address("duckdb", tmp_path / "copy.duckdb")
    request = CopyRequest(address, target, incremental=True, cursor="made")
    assert move(tmp_path / "home", request)[1].rows == 2
    run(address, "INSERT INTO t VALUES (3, '2024-01-03')")
    copied, report = move(tmp_path / "home", request)
    assert copied.status is Status.SUCCEEDED, copied.reason
    assert report.rows == 1
    with open_database(target) as database:
        found = database.execute("SELECT count(*) AS n FROM t").to_pylist()  # type: ignore[attr-defined]
    assert found == [{"n": 3}]
