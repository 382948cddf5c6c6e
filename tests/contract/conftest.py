"""Every adapter folder with a test bed gets the whole suite, without being named here.

A system that can only be read (`source_only` in its ADAPTER) gets the tests of a source. Its `testbed.py` says in
SEEDING how a table comes to be in it; for all others the adapter itself fills the table, by staging and publishing.
Either way a test asks the fixture `put`. Tests of a target ask for `target` instead of `db`, and are skipped there.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest

from wayfare.core.errors import Unavailable
from wayfare.core.ports import Database, Stages
from wayfare.systems.registry import adapter, open_database
from wayfare.systems.testing import Bed, Fresh, Seeding


def _testbeds() -> dict[str, ModuleType]:
    """Each system's name, and its test bed."""
    package = import_module("wayfare.systems.databases")
    found: dict[str, ModuleType] = {}
    for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        try:
            found[module.name.rpartition(".")[2]] = import_module(f"{module.name}.testbed")
        except ModuleNotFoundError as error:
            if not error.name or not error.name.endswith(".testbed"):
                raise
    return found


_TESTBEDS = _testbeds()
BEDS: dict[str, Bed] = {name: bed for module in _TESTBEDS.values() for name, bed in module.BEDS.items()}
TARGETS = sorted(n for system, m in _TESTBEDS.items() if not adapter(system).source_only for n in m.BEDS)


def seeding(system: str) -> Seeding | None:
    """How to fill the databases of a system that can only be read."""
    return getattr(_TESTBEDS[system], "SEEDING", None)


@pytest.fixture(scope="session", params=sorted(BEDS))
def bed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fresh]:
    """One running server a bed, for the whole session."""
    manager = BEDS[request.param](tmp_path_factory.mktemp(request.param))
    try:
        fresh = manager.__enter__()
    except Unavailable as reason:
        pytest.skip(f"{request.param}: {reason}")
    try:
        yield fresh
    finally:
        manager.__exit__(None, None, None)


@pytest.fixture
def db(bed: Fresh) -> Iterator[Database]:
    """A new, empty database."""
    with open_database(bed()) as database:
        yield database


@pytest.fixture
def target(db: Database) -> Any:
    """A new, empty database that can be written to."""
    if not isinstance(db, Stages):
        pytest.skip(f"{db.system} can be copied from, not to")
    return db
