"""The bed of the memory system: a name nobody has used yet."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wayfare.core.address import Address
from wayfare.systems.testing import Beds, Fresh

_NUMBERS = itertools.count()


@contextmanager
def launch(scratch: Path) -> Iterator[Fresh]:
    yield lambda: Address("memory", host=f"bed{next(_NUMBERS)}")


BEDS: Beds = {"memory": launch}
