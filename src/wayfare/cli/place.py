"""Where this installation keeps its records: the settings and the opened store, for the length of a command."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager

from wayfare.settings import Settings
from wayfare.store.store import Store


@contextmanager
def opened_store() -> Iterator[tuple[Settings, Store]]:
    """Raises Invalid for a wrong setting, and what opening the store raises."""
    settings = Settings.read(os.environ)
    with closing(Store.open(settings)) as store:
        yield settings, store
