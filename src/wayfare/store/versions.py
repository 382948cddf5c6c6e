"""Optimistic concurrency: a change names the version it was made from, and is refused where that is not the last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from wayfare.core.errors import Conflict, NotFound


class Stale(Conflict):
    """Somebody else has changed it since it was read. Faces answer 412 where the caller named a version."""

    code = "stale"


def update_versioned(
    connection: sa.Connection, table: sa.Table, id_: str, expected_version: int | None, values: Mapping[str, Any]
) -> int:
    """Change the row, and give its new version. The table has the columns `id` and `version` (an integer, from 1).

    None expects nothing: the last writer wins. Raises Stale; NotFound where this tenant has no such row.
    """
    where = [table.c.id == id_]
    if expected_version is not None:
        where.append(table.c.version == expected_version)
    change = sa.update(table).where(*where).values(**values, version=table.c.version + 1)
    version = connection.execute(change.returning(table.c.version)).scalar_one_or_none()
    if version is not None:
        return int(version)
    have = connection.execute(sa.select(table.c.version).where(table.c.id == id_)).scalar_one_or_none()
    if have is None:
        raise NotFound(f"{id_} does not exist.", where=table.name)
    raise Stale(
        f"{id_} was changed by somebody else: it has version {have}, not {expected_version}.",
        where="version",
        remedy="Read it again, and make the change from there.",
    )
