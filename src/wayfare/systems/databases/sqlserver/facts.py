"""What `check` says: the server, and everything that a copy should know beforehand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from wayfare.core.findings import Finding, Severity
from wayfare.core.ports import Facts
from wayfare.core.tables import Table
from wayfare.systems.databases.sqlserver import queries
from wayfare.systems.databases.sqlserver.types import spelling

OLDEST = 13  # 2016, the first with DATEDIFF_BIG
_YEARS = {13: "2016", 14: "2017", 15: "2019", 16: "2022", 17: "2025"}
_NAMED_MAX = 10
_SHAPES = ("geometry", "geography")
_ONLY_TEXT = ("sql_variant", "hierarchyid", "vector")

Ask = Callable[[str], list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Server:
    version: str
    edition: str
    snapshots: bool  # does the database keep row versions for SNAPSHOT isolation?
    may_select: bool

    @property
    def major(self) -> int:
        first = self.version.partition(".")[0]
        return int(first) if first.isdigit() else 0

    @property
    def printed(self) -> str:
        year = _YEARS.get(self.major, "")
        return f"SQL Server {f'{year} ' if year else ''}({self.version}) {self.edition}".strip()


def server(ask: Ask) -> Server:
    row = ask(queries.SERVER)[0]
    return Server(
        str(row["version"] or ""), str(row["edition"] or ""), row["snapshots"] == 1, bool(row["may_select"] or 0)
    )


def told(server: Server, tables: Sequence[Table], unforced: Sequence[str]) -> Facts:
    return Facts(server.printed, (*_of_server(server), *_of_columns(tables), *_of_constraints(unforced)))


def _of_server(server: Server) -> Iterator[Finding]:
    if 0 < server.major < OLDEST:
        message = f"this server is older than SQL Server 2016 (its version is {server.version})."
        yield Finding("server_too_old", Severity.ERROR, message, advice="Restore a backup of it on a newer one.")
    if not server.may_select:
        message = "this user may not SELECT from the whole database: tables that it cannot see are not copied."
        yield Finding("not_all_visible", Severity.WARNING, message, advice="Grant SELECT and VIEW DEFINITION on it.")
    if server.snapshots:
        message = "each chunk is read in a snapshot of its own: SQL Server lets no two connections share one."
        yield Finding("no_shared_view", Severity.INFO, message, advice="Copy while nobody writes.")
    else:
        message = "the database keeps no row versions, so readers and writers wait for each other."
        advice = "ALTER DATABASE … SET ALLOW_SNAPSHOT_ISOLATION ON, or copy while nobody writes."
        yield Finding("no_shared_view", Severity.WARNING, message, advice=advice)


def _of_columns(tables: Sequence[Table]) -> Iterator[Finding]:
    if shapes := _listed(tables, _SHAPES):
        message = f"shapes are read as well-known binary, without the number of their reference system: {shapes}."
        yield Finding("shapes_as_bytes", Severity.INFO, message, advice="Keep the number in a column of its own.")
    if texts := _listed(tables, _ONLY_TEXT):
        yield Finding("read_as_text", Severity.INFO, f"these columns are read as SQL Server prints them: {texts}.")
    if offsets := _listed(tables, ("datetimeoffset",)):
        message = f"moments with an offset are kept as moments, in UTC, without the offset: {offsets}."
        yield Finding("offset_not_kept", Severity.INFO, message, advice="Read them as text with --map, if it matters.")


def _of_constraints(unforced: Sequence[str]) -> Iterator[Finding]:
    if unforced:
        message = f"these constraints are disabled, and not carried over: {_some(unforced)}."
        yield Finding("constraint_disabled", Severity.INFO, message)


def _listed(tables: Sequence[Table], bases: Sequence[str]) -> str:
    return _some([f"{t.label}.{c.name}" for t in tables for c in t.columns if spelling(c.native).base in bases])


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED_MAX} more" if len(names) > _NAMED_MAX else ""
    return ", ".join(names[:_NAMED_MAX]) + more
