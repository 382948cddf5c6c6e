"""Where this installation keeps its records: the settings and the opened store, for the length of a command."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from wayfare.core.errors import Invalid
from wayfare.settings import Settings
from wayfare.store.store import Store


@contextmanager
def opened_store() -> Iterator[tuple[Settings, Store]]:
    """Raises Invalid for a wrong setting or a data directory that cannot be used, and what opening the store raises."""
    settings = Settings.read(os.environ)
    make_home(settings.home)
    with closing(Store.open(settings)) as store:
        yield settings, store


def make_home(home: Path) -> None:
    """Raises Invalid where nothing can be written there."""
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=home):
            return
    except OSError as error:
        told = f"{home} cannot be written: {(error.strerror or str(error)).lower()}."
        raise Invalid(told, where="WAYFARE_HOME", remedy="Set WAYFARE_HOME to a folder of yours.") from error
