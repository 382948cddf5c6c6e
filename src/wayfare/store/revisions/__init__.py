"""The store's history: each module `r0001_….py` holds one revision, applied in order and in one transaction.

Named and recorded as Alembic does it (`revision`, `down_revision`, the table `alembic_version`). The statements are
understood by SQLite and PostgreSQL alike.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType


def in_order() -> list[ModuleType]:
    names = sorted(m.name for m in iter_modules(__path__) if m.name.startswith("r"))
    return [import_module(f"{__name__}.{name}") for name in names]


LATEST = "0001"  # a test holds it against the folder, which need not be listed to open a store
