"""Who asks, in document 001's words."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from wayfare.access.egress import Policy
from wayfare.control import alterations, clusters
from wayfare.control.alterations import Alteration
from wayfare.control.clusters import Cluster
from wayfare.core.errors import NotFound
from wayfare.faces.http.access import access
from wayfare.faces.http.callers import Caller, Needs
from wayfare.faces.orchestrator.words import reference

Reads = Annotated[Caller, Depends(Needs("migrations.read"))]
Writes = Annotated[Caller, Depends(Needs("migrations.write"))]
Plans = Annotated[Caller, Depends(Needs("migrations.plan"))]
Submits = Annotated[Caller, Depends(Needs("migrations.submit"))]
Approves = Annotated[Caller, Depends(Needs("migrations.approve"))]
Starts = Annotated[Caller, Depends(Needs("runs.start"))]
Asks = Annotated[Caller, Depends(Needs("runs.ask"))]
Audits = Annotated[Caller, Depends(Needs("audit.read"))]
ReadsDatabases = Annotated[Caller, Depends(Needs("connections.read"))]
WritesDatabases = Annotated[Caller, Depends(Needs("connections.write"))]


def policy(request: Request) -> Policy:
    """Where this caller's databases may be."""
    return access(request).connections


def alteration_of(caller: Caller, migration_id: str) -> Alteration:
    """Raises NotFound."""
    try:
        return alterations.get(caller.store, reference(migration_id, "mig-", "migration"))
    except NotFound as error:
        raise NotFound(f"there is no migration {migration_id[:80]!r}.", where="migrationId") from error


def cluster_of(caller: Caller, database_id: str, where: str = "databaseId") -> Cluster:
    """By id (`db-…`) or by name. Raises NotFound."""
    try:
        return clusters.get(caller.store, database_id.removeprefix("db-") or "?")
    except NotFound:
        try:
            return clusters.get(caller.store, database_id)
        except NotFound as error:
            told = f"there is no database {database_id[:80]!r}."
            raise NotFound(told, where=where, remedy="Register it first: POST /api/v1/databases.") from error
