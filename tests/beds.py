"""The servers that tests run against: every test bed there is, found by its folder and started where it can be had."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from wayfare.core.errors import Unavailable
from wayfare.systems.databases.postgresql import testbed
from wayfare.systems.registry import adapter
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


@contextmanager
def running(bed: str | Bed, scratch: Path) -> Iterator[Fresh]:
    """A bed's server for a while. Where it cannot be had, the tests that want it are skipped, and say why."""
    start = BEDS[bed] if isinstance(bed, str) else bed
    with ExitStack() as stack:
        try:
            fresh = stack.enter_context(start(scratch))
        except Unavailable as reason:
            pytest.skip(f"{bed}: {reason}" if isinstance(bed, str) else str(reason))
        yield fresh


@contextmanager
def stores(scratch: Path) -> Iterator[Callable[[], str]]:
    """New, empty databases for our own records, on a PostgreSQL server of their own, as URLs."""
    with running(testbed.launch, scratch) as fresh:
        yield lambda: fresh().url(reveal=True)
