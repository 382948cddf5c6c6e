"""Chinook, from each system it is published for, into every system: equal on both sides, with keys and indexes.

Each source and each target once by default, every pair with `-m thorough`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from beds import TARGETS, running
from moving import data, file_address, move, run_script
from wayfare.control.copies import CopyRequest, verify
from wayfare.core.address import Address
from wayfare.core.findings import Severity
from wayfare.core.status import Status
from wayfare.systems.testing import Fresh

SCRIPTS = {
    "postgresql": "chinook/Chinook_PostgreSql.sql",
    "mariadb": "chinook/Chinook_MySql.sql",
    "sqlserver": "chinook/Chinook_SqlServer.sql",
}
SOURCES = ("sqlite", *SCRIPTS)
ROWS = 15_607


@pytest.fixture(scope="module")
def beds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Fresh]]:
    """Every bed, started when first asked for."""
    with ExitStack() as stack:

        class Lazy(dict[str, Fresh]):
            def __missing__(self, name: str) -> Fresh:
                self[name] = stack.enter_context(running(name, tmp_path_factory.mktemp(name)))
                return self[name]

        yield Lazy()


@pytest.fixture(scope="module")
def sources(beds: dict[str, Fresh], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Address]:
    class Lazy(dict[str, Address]):
        def __missing__(self, name: str) -> Address:
            if name == "sqlite":
                path = tmp_path_factory.mktemp("chinook") / "chinook.sqlite"
                path.write_bytes(data("chinook/Chinook_Sqlite.sqlite"))
                self[name] = file_address("sqlite", path)
            else:
                self[name] = beds[name]()
                run_script(self[name], data(SCRIPTS[name]).decode("utf-8-sig"))
            return self[name]

    return Lazy()


PAIRS = [(source, target) for target in TARGETS for source in SOURCES]
ONCE_EACH = {(SOURCES[number % len(SOURCES)], target) for number, target in enumerate(TARGETS)}


@pytest.mark.parametrize(
    ("source", "target"), [p if p in ONCE_EACH else pytest.param(*p, marks=pytest.mark.thorough) for p in PAIRS]
)
def test_chinook(source: str, target: str, sources: dict[str, Address], beds: dict[str, Fresh], tmp_path: Path) -> None:
    request = CopyRequest(sources[source], beds[target]())
    run, report = move(tmp_path, request)
    assert run.status is Status.SUCCEEDED, run.reason
    assert report.outcome == "equal"
    assert len(report.tables) == 11
    assert report.rows == ROWS
    assert [f for f in report.findings if f.severity is Severity.ERROR] == []
    again = verify(request, rows=True)
    assert again.outcome == "equal", [f for f in again.findings if f.severity is Severity.ERROR]
