"""`wayfare store …`: revisions up and down with Alembic, and what is there compared with what is meant.

Stores are also brought up to date when they are opened, by the same statements without Alembic: see `database`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext

from wayfare.core.errors import Invalid
from wayfare.settings import Settings
from wayfare.store import revisions
from wayfare.store.database import Connections
from wayfare.store.schema import METADATA

FOLDER = Path(__file__).parent
NOTHING = "base"  # Alembic's word for a store without tables


@dataclass(frozen=True, slots=True)
class Standing:
    """Which revision a store has: "" where nothing is there yet."""

    revision: str
    latest: str
    pending: Sequence[str]  # names of revisions that are yet to be applied


def standing(settings: Settings) -> Standing:
    with _opened(settings) as connections:
        have = connections.revision()
    pending = [name for name in revisions.names() if name[1:5] > have]
    return Standing(have, revisions.LATEST, pending)


def upgrade(settings: Settings) -> Standing:
    """Apply all that is pending. Raises Conflict where the store is newer than this Wayfare."""
    with _opened(settings) as connections, connections.changing() as connection:
        command.upgrade(_config(connection), "head")
    return standing(settings)


def downgrade(settings: Settings, to: str) -> Standing:
    """Back to a revision such as "0002", or to "base". What later revisions keep is lost. Raises Invalid, Conflict."""
    known = [NOTHING, *(name[1:5] for name in revisions.names())]
    if to not in known:
        raise Invalid(f"there is no revision {to!r}.", where="REVISION", remedy=f"Known: {', '.join(known)}.")
    with _opened(settings) as connections:
        if (have := connections.revision()) < to.replace(NOTHING, ""):
            raise Invalid(f"the store has revision {have or NOTHING}, which is before {to}.", where="REVISION")
        with connections.changing() as connection:
            command.downgrade(_config(connection), to)
    return standing(settings)


def differences(settings: Settings) -> Sequence[str]:
    """What the store has otherwise than this Wayfare means it, in Alembic's words; nothing in a healthy store."""
    revisions.declare()
    with _opened(settings) as connections, connections.everywhere.write() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": _types_differ})
        found = compare_metadata(context, METADATA)
    return [_told(difference) for difference in found]


@contextmanager
def _opened(settings: Settings) -> Iterator[Connections]:
    """Without bringing it up to date."""
    with closing(Connections(settings)) as connections:
        yield connections


def _config(connection: sa.Connection) -> Config:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(FOLDER / "scripts").replace("%", "%%"))
    config.set_main_option("version_locations", str(FOLDER / "revisions").replace("%", "%%"))
    config.set_main_option("path_separator", "newline")  # paths may hold every other sign
    return config


def _types_differ(context: MigrationContext, _: Any, __: Any, have: Any, meant: Any) -> bool | None:
    """SQLite knows no types beyond the affinity: DOUBLE PRECISION is read back as REAL. None: as Alembic finds."""
    return have._type_affinity is not meant._type_affinity if context.dialect.name == "sqlite" else None


def _told(difference: Any) -> str:
    """A difference is a tuple, or a list of them for one column."""
    if isinstance(difference, list):
        return "; ".join(map(_told, difference))
    return " ".join(str(part) for part in difference if part is not None)
