"""Sakila from PostgreSQL: views, enums, arrays, inherited tables, tsvector and a domain, into every system."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from beds import TARGETS, running
from moving import data, move, run_script
from wayfare.control.copies import CopyRequest, verify
from wayfare.core.address import Address
from wayfare.core.findings import Severity
from wayfare.core.ports import Views
from wayfare.core.status import Status
from wayfare.systems.registry import open_database
from wayfare.systems.testing import Fresh

ROWS = {"film": 1000, "customer": 599, "rental": 16044, "actor": 200, "film_actor": 5462, "staff": 2}


@pytest.fixture(scope="module")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fresh]:
    with running("postgresql", tmp_path_factory.mktemp("postgresql")) as fresh:
        yield fresh


@pytest.fixture(scope="module")
def sakila(postgresql: Fresh) -> Address:
    address = postgresql()
    for part in ("schema", "data-copy"):
        run_script(address, data(f"sakila/postgres-sakila-{part}.sql").decode())
    return address


@pytest.mark.parametrize("target", TARGETS)
def test_sakila(target: str, sakila: Address, postgresql: Fresh, tmp_path: Path) -> None:
    if target == "postgresql":
        _moved(CopyRequest(sakila, postgresql()), tmp_path)
        return
    with running(target, tmp_path) as fresh:
        _moved(CopyRequest(sakila, fresh()), tmp_path)


def _moved(request: CopyRequest, home: Path) -> None:
    run, report = move(home, request)
    assert run.status is Status.SUCCEEDED, (run.reason, [f for f in report.findings if f.severity is Severity.ERROR])
    assert report.outcome == "equal"
    rows = {t.source.removeprefix("public."): t.rows_target for t in report.tables}
    assert rows | ROWS == rows
    assert sum(n for t, n in rows.items() if t.startswith("payment")) == 16049
    assert [f for f in report.findings if f.severity is Severity.ERROR] == []
    assert verify(request).outcome == "equal"
    _views(request, {f.where for f in report.findings if f.code in ("view_not_carried", "view_failed")})


def _views(request: CopyRequest, reported: set[str]) -> None:
    """Each of the seven views is there, or its absence is a finding with its text."""
    with open_database(request.source) as source, open_database(request.target) as target:
        assert isinstance(source, Views)
        wanted = {v.name for v in source.views()}
        there = {v.name for v in target.views()} if isinstance(target, Views) else set()
    assert len(wanted) == 7
    assert wanted - there == {label.rpartition(".")[2] for label in reported}
