"""Every adapter folder with a test bed gets the whole suite, without being named here.

A system that can only be read (`source_only` in its ADAPTER) gets the tests of a source. Its `testbed.py` says in
SEEDING how a table comes to be in it; for all others the adapter itself fills the table, by staging and publishing.
Either way a test asks the fixture `put`. Tests of a target ask for `target` instead of `db`, and are skipped there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from beds import BEDS, running
from wayfare.core.ports import Database, Stages
from wayfare.systems.registry import open_database
from wayfare.systems.testing import Fresh


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every bed, or those that a module says are `wanted` there: no server is started for the others."""
    if "bed" in metafunc.fixturenames:
        wanted = getattr(metafunc.module, "wanted", lambda bed: True)
        metafunc.parametrize("bed", [b for b in sorted(BEDS) if wanted(b)], indirect=True, scope="session")


@pytest.fixture(scope="session")
def bed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fresh]:
    """One running server a bed, for the whole session."""
    with running(request.param, tmp_path_factory.mktemp(request.param)) as fresh:
        yield fresh


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
