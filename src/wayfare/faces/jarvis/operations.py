"""/api/operations of document 004: what is to be migrated when, and how that ended. Each belongs to who made it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import ValidationError

from wayfare.control import migrations, services
from wayfare.control.migrations import Migration, Wanted
from wayfare.control.services import Service
from wayfare.core.errors import Conflict, Invalid, NotAllowed, NotFound
from wayfare.faces.http.access import Access, access
from wayfare.faces.http.callers import Caller
from wayfare.faces.http.threads import OneThread
from wayfare.faces.jarvis import services as registry
from wayfare.faces.jarvis.callers import Reads, Writes, number_of
from wayfare.faces.jarvis.clock import instant
from wayfare.faces.jarvis.errors import REFUSALS, Failure
from wayfare.faces.jarvis.operation_shapes import (
    AllAnswer,
    MadeAnswer,
    NewOperation,
    OneAnswer,
    OperationAnswer,
    OperationChange,
    StatusAnswer,
    SummaryAnswer,
    operation_answer,
    status_answer,
    summary_answer,
)
from wayfare.faces.jarvis.shapes import Message, MigrateRequest

RECENT = 10

router = APIRouter(prefix="/api/operations", tags=["operations"], responses=REFUSALS, route_class=OneThread)
Id = Annotated[int, Path(ge=0, le=2**31 - 1)]


@router.get("")
def everyone(caller: Reads, request: Request) -> AllAnswer:
    """The caller's own, newest first."""
    found = list(migrations.owned(caller.store, caller.principal.user))
    names, user = _names(caller, found), number_of(request, caller.principal)
    return AllAnswer(operations=[operation_answer(m, names[m.service], user) for m in found])


@router.get("/summary")
def summary(caller: Reads) -> SummaryAnswer:
    recent = list(migrations.owned(caller.store, caller.principal.user, RECENT))
    tally = migrations.tally(caller.store, caller.principal.user)
    return summary_answer(tally, recent, _names(caller, recent))


@router.post("", status_code=201)
def create(body: NewOperation, caller: Writes, request: Request) -> MadeAnswer:
    """A schedule that has passed means soon."""
    service = _service(caller, body.source_id)
    wanted = understood(service, body.config_data, body.operation_type, access(request))
    made = migrations.create(caller.store, caller.principal, service.number, wanted, instant(body.schedule))
    return MadeAnswer(message="Operation created successfully", operation=answer(made, caller, request))


@router.get("/{operation_id}")
def show(operation_id: Id, caller: Reads, request: Request) -> OneAnswer:
    return OneAnswer(operation=answer(own(caller, operation_id), caller, request))


@router.get("/{operation_id}/status")
def status(operation_id: Id, caller: Reads) -> StatusAnswer:
    """How it stands, and how it ended."""
    found = own(caller, operation_id)
    return status_answer(found, services.named(caller.store, found.service))


@router.put("/{operation_id}")
def update(operation_id: Id, body: OperationChange, caller: Writes, request: Request) -> MadeAnswer:
    """It waits for its time again, also where it had ended."""
    have = own(caller, operation_id)
    service = _service(caller, have.service if body.source_id is None else body.source_id)
    wanted = None
    if body.model_fields_set & {"source_id", "operation_type", "config_data"}:
        wanted = understood(service, *_changed(caller, have, body), access(request))
    try:
        changed = migrations.update(
            caller.store,
            caller.principal,
            have,
            service=body.source_id,
            wanted=wanted,
            due_at=None if body.schedule is None else instant(body.schedule),
        )
    except Conflict as error:
        raise Failure("Cannot update a running operation") from error
    return MadeAnswer(message="Operation updated successfully", operation=answer(changed, caller, request))


@router.delete("/{operation_id}")
def remove(operation_id: Id, caller: Writes) -> Message:
    try:
        migrations.remove(caller.store, caller.principal, own(caller, operation_id))
    except Conflict as error:
        raise Failure("Cannot delete a running operation") from error
    return Message(message="Operation deleted successfully")


def own(caller: Caller, number: int) -> Migration:
    """Raises Failure (404), and NotAllowed (403) for somebody else's; those of another tenant are not there."""
    try:
        found = migrations.get(caller.store, number)
    except NotFound as error:
        raise Failure("Operation not found", 404) from error
    if found.owner != caller.principal.user:
        raise NotAllowed("Not authorized")
    return found


def answer(migration: Migration, caller: Caller, request: Request) -> OperationAnswer:
    name = services.named(caller.store, migration.service)
    return operation_answer(migration, name, number_of(request, caller.principal))


def understood(service: Service, config: dict[str, Any], variety: str | None, here: Access) -> Wanted:
    """What the service is to do. Ours is checked to the last field; another's is its own affair. Raises Invalid."""
    said = config.get("operation_type", variety or "full")
    if variety is not None and said != variety:
        told = f"config_data says {str(said)[:20]!r}, and operation_type {variety!r}."
        raise Invalid(told, where="operation_type", remedy="Let both say the same.")
    if not service.ours:
        if said not in ("full", "incremental"):
            raise Invalid("is neither full nor incremental.", where="config_data.operation_type", remedy="Correct it.")
        return Wanted({**config, "operation_type": said}, said)
    try:
        request = MigrateRequest.model_validate({**config, "operation_type": said})
    except ValidationError as error:
        raise _first_problem(error) from error
    return Wanted({**config, "operation_type": said}, said, request.copy_request(here))


def _changed(caller: Caller, have: Migration, body: OperationChange) -> tuple[dict[str, Any], str | None]:
    """The whole new config_data, and the type where it was sent. A type that is sent alone is also the config's."""
    sent = have.document if body.config_data is None else body.config_data
    config = migrations.document_of(caller.store, have, sent)
    if body.operation_type is not None and (body.config_data is None or "operation_type" not in body.config_data):
        config = {**config, "operation_type": body.operation_type}
    return config, body.operation_type


def _first_problem(error: ValidationError) -> Invalid:
    """Never repeats a value, which may be a secret."""
    problem = error.errors()[0]
    where = ".".join(["config_data", *map(str, problem["loc"])])
    if problem["type"] == "extra_forbidden":
        return Invalid("there is no such field.", where=where, remedy="Remove it, or correct its name.")
    return Invalid(f"{problem['msg']}.", where=where, remedy="Correct the field and send it again.")


def _service(caller: Caller, number: int) -> Service:
    try:
        return registry.found(caller, number)
    except Failure as error:
        told = f"there is no database master {number}."
        raise Invalid(told, where="source_id", remedy="List them: GET /api/database-master.") from error


def _names(caller: Caller, found: list[Migration]) -> dict[int, str | None]:
    return {number: services.named(caller.store, number) for number in {m.service for m in found}}
