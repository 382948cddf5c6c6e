"""Saved connections: list, add, change, remove, try, and see what is in them; and the systems that there are."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field

from wayfare.control import connections as control
from wayfare.core.address import Address
from wayfare.faces.http.access import access
from wayfare.faces.http.callers import Caller, Needs
from wayfare.faces.http.threads import OneThread
from wayfare.faces.http.versions import etag, expected
from wayfare.faces.wayfare.shapes import Shape, Text
from wayfare.systems.registry import Adapter, databases

Reads = Annotated[Caller, Depends(Needs("connections.read"))]
Describes = Annotated[Caller, Depends(Needs("connections.describe"))]
Tests = Annotated[Caller, Depends(Needs("connections.test"))]
Writes = Annotated[Caller, Depends(Needs("connections.write"))]

router = APIRouter(tags=["connections"], route_class=OneThread)


class AddressBody(Shape):
    url: Annotated[Text, Field(min_length=1, description="A database URL, with its secrets.")]


class ConnectionBody(AddressBody):
    name: Annotated[Text, Field(min_length=1, description="`@name` then stands for it wherever a URL could.")]


class CheckAnswer(Shape):
    ok: bool
    at: float
    latency_ms: float
    version: str
    message: str = Field(description="What was wrong.")
    code: str
    findings: list[dict[str, str]]


class ConnectionAnswer(Shape):
    id: str
    number: int
    version: int
    name: str
    system: str
    url: str = Field(description="With *** for secrets.")
    host: str
    port: int
    database: str
    user: str
    password: str
    options: dict[str, str]
    checked: CheckAnswer | None = Field(description="How it answered when it was last tried.")
    created_at: float
    updated_at: float


class ConnectionsAnswer(Shape):
    connections: list[ConnectionAnswer]


class DescriptionAnswer(Shape):
    version: str
    tables: list[dict[str, Any]] = Field(description="With their columns, and estimates of rows and bytes.")


class SystemAnswer(Shape):
    name: str
    title: str
    example: str = Field(description="How its URLs look; what they have is what a form would ask for.")
    port: int = Field(description="The usual one; 0: it has none.")
    in_a_path: bool = Field(description="Without a host, its database is a file or folder of the server's machine.")
    source_only: bool
    missing: list[str] = Field(description="Drivers that are not installed here.")


class SystemsAnswer(Shape):
    systems: list[SystemAnswer]


@router.get("/api/systems")
def list_systems(caller: Reads) -> SystemsAnswer:
    """What databases can be copied from and to."""
    return SystemsAnswer(systems=[_system(adapter) for adapter in databases().values()])


@router.get("/api/connections")
def list_connections(caller: Reads) -> ConnectionsAnswer:
    """In the order they were made."""
    return ConnectionsAnswer(connections=[_answer(found) for found in control.everyone(caller.store)])


@router.post("/api/connections", status_code=201)
def add_connection(body: ConnectionBody, caller: Writes, request: Request, response: Response) -> ConnectionAnswer:
    """Keep an address under a name; its secrets are sealed, and never shown."""
    address = Address.parse(body.url)
    made = control.create(caller.store, caller.principal, body.name, address, access(request).connections)
    response.headers["location"] = f"/api/connections/{made.name}"
    return _answer(made, response)


@router.post("/api/connections/-/test")
def test_address(body: AddressBody, caller: Tests, request: Request) -> CheckAnswer:
    """Try an address that is not kept. 200 also when it does not answer: `ok` tells."""
    return _check(control.tried(Address.parse(body.url), access(request).connections))


@router.get("/api/connections/{connection}")
def show_connection(connection: str, caller: Reads, response: Response) -> ConnectionAnswer:
    """By name, number or id."""
    return _answer(control.get(caller.store, connection), response)


@router.put("/api/connections/{connection}")
def change_connection(
    connection: str, body: ConnectionBody, caller: Writes, request: Request, response: Response
) -> ConnectionAnswer:
    """A secret given as *** is kept as it is, as long as it goes to the same place."""
    changed = control.update(
        caller.store,
        caller.principal,
        connection,
        access(request).connections,
        name=body.name,
        address=Address.parse(body.url),
        expected_version=expected(request),
    )
    return _answer(changed, response)


@router.delete("/api/connections/{connection}", status_code=204)
def remove_connection(connection: str, caller: Writes) -> None:
    """Schedules that name it fail from then on, and say so."""
    control.remove(caller.store, caller.principal, connection)


@router.post("/api/connections/{connection}/test")
def test_connection(connection: str, caller: Tests, request: Request) -> CheckAnswer:
    """Try it now, and keep how it answered. 200 also when it does not: `ok` tells."""
    return _check(control.test(caller.store, connection, access(request).connections))


@router.get("/api/connections/{connection}/tables")
def list_tables(connection: str, caller: Describes, request: Request) -> DescriptionAnswer:
    """What is in it."""
    address = control.get(caller.store, connection).address
    return DescriptionAnswer.model_validate(control.describe(address, access(request).connections))


def _system(adapter: Adapter) -> SystemAnswer:
    plain = ("name", "title", "example", "port", "in_a_path", "source_only")
    return SystemAnswer(**{name: getattr(adapter, name) for name in plain}, missing=list(adapter.missing))


def _answer(found: control.Connection, response: Response | None = None) -> ConnectionAnswer:
    if response is not None:
        response.headers["etag"] = etag(found.version)
    return ConnectionAnswer.model_validate(found.to_json())


def _check(check: control.Check) -> CheckAnswer:
    return CheckAnswer.model_validate(control.check_json(check))
