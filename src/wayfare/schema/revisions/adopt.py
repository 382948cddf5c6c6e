"""Histories of other tools, read once and continued: what they applied counts as applied here.

Alembic keeps only its current revision, Django a list, Flyway and Liquibase every change with a checksum of their own.
Their tables are only read. An adopted entry needs no file in the folder.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wayfare.core.changes import Entry, Schema, Standing
from wayfare.core.errors import Conflict, Invalid, NotFound
from wayfare.core.ports import Executes
from wayfare.schema.locked import locked
from wayfare.schema.revisions.files import Revision
from wayfare.schema.revisions.history import ADOPTED, HISTORY
from wayfare.schema.revisions.runner import Options

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Foreign:
    """One applied change of another tool. `checksum` is that tool's own."""

    version: str
    name: str
    checksum: str = ""
    ok: bool = True


@dataclass(frozen=True, slots=True)
class Tool:
    name: str
    table: str
    query: str
    read: Callable[[Row], Foreign | None]  # None for rows that are no change


def _alembic(row: Row) -> Foreign:
    return Foreign(str(row["version_num"]), "alembic")


def _django(row: Row) -> Foreign:
    return Foreign(f"{row['app']}.{row['name']}", "django")


def _flyway(row: Row) -> Foreign | None:
    """Repeatable migrations have no version."""
    if row["version"] is None:
        return None
    name = str(row["description"]).replace(" ", "_")
    checksum = "" if row["checksum"] is None else str(row["checksum"])
    return Foreign(str(row["version"]), name, checksum, bool(row["success"]))


def _liquibase(row: Row) -> Foreign:
    return Foreign(str(row["id"]), f"{row['author']}@{row['filename']}", str(row["md5sum"] or ""))


TOOLS = (
    Tool("alembic", "alembic_version", "select version_num from alembic_version", _alembic),
    Tool("django", "django_migrations", "select app, name from django_migrations order by id", _django),
    Tool(
        "flyway",
        "flyway_schema_history",
        "select version, description, checksum, success from flyway_schema_history order by installed_rank",
        _flyway,
    ),
    Tool(
        "liquibase",
        "databasechangelog",
        "select id, author, filename, md5sum from databasechangelog order by orderexecuted",
        _liquibase,
    ),
)


def found(schema: Schema) -> Sequence[Tool]:
    """The tools whose tables are here."""
    names = {label.rpartition(".")[2].lower() for label in schema.sizes()}
    return [tool for tool in TOOLS if tool.table in names]


def adopt(
    schema: Schema, database: Executes, files: Sequence[Revision], options: Options, tool: str = ""
) -> tuple[str, Sequence[Entry]]:
    """(the tool, what is new here). May be repeated: what is known stays as it is.

    Raises NotFound without such a history, Invalid when there are several and none is named, Conflict for a failed
    change or an edited file of Flyway's.
    """
    chosen = _chosen(found(schema), tool)
    foreign = [f for row in database.execute(chosen.query).to_pylist() if (f := chosen.read(_lowered(row)))]
    _refuse(chosen, foreign, files)
    with locked(schema, options.by, options.wait_seconds, options.policy.stopping) as (held, _):
        known = {e.version for e in schema.entries(HISTORY)}
        fresh = [_entry(f, chosen, files, options) for f in foreign if f.version not in known]
        for entry in fresh:
            held.keep(entry)
    return chosen.name, fresh


def _lowered(row: Row) -> Row:
    """Liquibase's columns are in capitals on some systems."""
    return {name.lower(): value for name, value in row.items()}


def _chosen(tools: Sequence[Tool], name: str) -> Tool:
    if name and name not in {t.name for t in TOOLS}:
        known = ", ".join(t.name for t in TOOLS)
        raise Invalid(f"{name!r} is no tool whose history can be adopted.", where="--from", remedy=f"Known: {known}.")
    fitting = [t for t in tools if name in ("", t.name)]
    if not fitting:
        tables = ", ".join(t.table for t in TOOLS if name in ("", t.name))
        raise NotFound(f"there is no table {tables} here.", where="--from", remedy="Check the address.")
    if len(fitting) > 1:
        names = " and ".join(t.name for t in fitting)
        raise Invalid(f"{names} both have a history here.", where="--from", remedy="Say which one goes on.")
    return fitting[0]


def _refuse(tool: Tool, foreign: Sequence[Foreign], files: Sequence[Revision]) -> None:
    known = {f.version: f for f in files}
    for change in foreign:
        if not change.ok:
            told = f"{tool.name} says that {change.version} failed."
            raise Conflict(told, where=change.version, remedy=f"Mend that with {tool.name} first.")
        revision = known.get(change.version)
        if tool.name == "flyway" and revision and change.checksum not in ("", str(flyway_checksum(revision.text))):
            told = f"{revision.path.name} is not what {tool.name} has applied."
            raise Conflict(told, where=change.version, remedy="Put it back as it was.")


def flyway_checksum(text: str) -> int:
    """CRC-32 over the lines without their ends, as a signed 32-bit number (Flyway's ChecksumCalculator)."""
    value = 0
    for line in text.removeprefix("\ufeff").splitlines():
        value = zlib.crc32(line.encode(), value)
    return value - (1 << 32) if value >= 1 << 31 else value


def _entry(change: Foreign, tool: Tool, files: Sequence[Revision], options: Options) -> Entry:
    revision = next((f for f in files if f.version == change.version), None)
    now = time.time()
    return Entry(
        HISTORY,
        change.version,
        revision.name if revision else change.name,
        revision.checksum if revision else "",
        Standing.APPLIED,
        0,
        0,
        environment=options.environment,
        by=ADOPTED + tool.name,
        started_at=now,
        ended_at=now,
    )
