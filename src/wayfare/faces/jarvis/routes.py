"""POST /migrate and POST /test-connection of document 004."""

from __future__ import annotations

from typing import cast

from fastapi import APIRouter, Depends, Request

from wayfare.control.copies import CopyRequest, start_copy
from wayfare.control.migrated import outcome
from wayfare.control.runs import wait
from wayfare.core.address import Address
from wayfare.core.errors import Invalid, WayfareError
from wayfare.faces.http.callers import Needs
from wayfare.faces.jarvis.shapes import (
    Connection,
    EndAnswer,
    Failed,
    MigrateAnswer,
    Migrated,
    MigrateRequest,
    TestConnectionAnswer,
    TestConnectionRequest,
)
from wayfare.store.store import Store
from wayfare.systems.registry import adapter, open_database

router = APIRouter(tags=["universal migration service"])

# The document gives an incremental migration a time and no column: the usual names, most telling first.
SYNC_COLUMNS = "updated_at,modified_at,last_modified,last_update,modified_time,changed_at,created_at,created_time"


@router.post("/migrate", dependencies=[Depends(Needs("runs.start"))])
def migrate(body: MigrateRequest, request: Request) -> MigrateAnswer:
    """Copy all tables and answer when that has ended. 200 also when it failed: `success` tells."""
    source, target = _ends(body)
    incremental = body.operation_type == "incremental"
    if body.last_sync_time and not incremental:
        raise Invalid("belongs to an incremental migration.", where="last_sync_time", remedy="Leave it out.")
    wanted = CopyRequest(
        source,
        target,
        incremental=incremental,
        cursor=SYNC_COLUMNS if incremental else "",
        since=(body.last_sync_time or "") if incremental else "",
    )
    store = cast(Store, request.app.state.store)
    run, _ = start_copy(store, wanted)
    ended = outcome(store, wait(store, run.id))
    return MigrateAnswer(
        success=ended.succeeded,
        tables_migrated=[Migrated(table=t, records=n) for t, n in ended.migrated],
        tables_failed=[Failed(table=t, error=e) for t, e in ended.failed],
        total_tables=ended.total,
        errors=list(ended.errors),
        run_id=run.id,
    )


def _ends(body: MigrateRequest) -> tuple[Address, Address]:
    """Both addresses. Raises Invalid for unknown systems, and for the pairs that the document blocks: like to like."""
    source, target = adapter(body.source_type.lower()), adapter(body.dest_type.lower())
    if source.name == target.name:
        raise Invalid(
            f"{source.title} → {target.title} is blocked on this service.",
            where="dest_type",
            remedy="Use the command line, which moves any pair: `wayfare copy SOURCE TARGET`.",
        )
    return body.source.address(source.name), body.destination.address(target.name)


@router.post("/test-connection", dependencies=[Depends(Needs("connections.test"))])
def test_connection(body: TestConnectionRequest) -> TestConnectionAnswer:
    """Try either end, or both. 200 also when one cannot be reached: `success` tells."""
    source = _tried(body.source_type, body.source, "source")
    destination = _tried(body.dest_type, body.destination, "destination")
    tried = [end for end in (source, destination) if end]
    if not tried:
        raise Invalid(
            "names no connection.", where="body", remedy="Give source_type and source, or dest_type and destination."
        )
    success = all(end.success for end in tried)
    message = "Connection successful" if success else "; ".join(end.message for end in tried if not end.success)
    return TestConnectionAnswer(success=success, message=message, source=source, destination=destination)


def _tried(system: str | None, connection: Connection | None, role: str) -> EndAnswer | None:
    if system is None and connection is None:
        return None
    if system is None or connection is None:
        field = f"{'dest' if role == 'destination' else role}_type"
        raise Invalid(f"{field} and {role} belong together.", where=role, remedy="Give both.")
    found = adapter(system.lower())
    try:
        with open_database(connection.address(found.name)) as database:
            return EndAnswer(success=True, message="Connection successful", version=database.check().version)
    except WayfareError as error:
        return EndAnswer(success=False, message=f"{role.capitalize()} connection failed: {error}")
