"""Every adapter folder with a test bed gets the whole suite, without being named here."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module

import pytest

from wayfare.core.errors import Unavailable
from wayfare.core.ports import Database
from wayfare.systems.registry import open_database
from wayfare.systems.testing import Bed, Fresh


def _beds() -> dict[str, Bed]:
    package = import_module("wayfare.systems.databases")
    found: dict[str, Bed] = {}
    for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        try:
            found.update(import_module(f"{module.name}.testbed").BEDS)
        except ModuleNotFoundError as error:
            if not error.name or not error.name.endswith(".testbed"):
                raise
    return found


BEDS = _beds()


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
