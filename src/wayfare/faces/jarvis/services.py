"""/api/database-master of document 004: the registry of migration services.

Ours is registered from the beginning: a tenant that has never registered a service has the universal migration service
as its first, and whoever registers that takes it over, with its id. A URL is ours when it names this machine, with the
port we listen on or the one the document gives the universal service (5010): we do its work ourselves, wherever we are.
"""

from __future__ import annotations

import ipaddress
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Path, Request, Response
from pydantic import StringConstraints

from wayfare.control import services
from wayfare.control.services import Offer, Service
from wayfare.core.errors import NotFound
from wayfare.faces.http.access import access, is_loopback
from wayfare.faces.http.callers import Caller
from wayfare.faces.http.threads import OneThread
from wayfare.faces.jarvis.callers import ReadsServices, WritesServices
from wayfare.faces.jarvis.clock import printed
from wayfare.faces.jarvis.errors import REFUSALS, Failure
from wayfare.faces.jarvis.shapes import Message, Shape

UNIVERSAL_PORT = 5010
BUILTIN = Offer("Universal Migration Service", f"http://localhost:{UNIVERSAL_PORT}", True)

router = APIRouter(prefix="/api/database-master", tags=["database master"], responses=REFUSALS, route_class=OneThread)

Text = Annotated[str, StringConstraints(max_length=2048)]
Id = Annotated[int, Path(ge=0, le=2**31 - 1)]


class Registration(Shape):
    name: Text
    service_url: Text


class Change(Shape):
    name: Text | None = None
    service_url: Text | None = None


class ServiceAnswer(Shape):
    id: int
    name: str
    service_url: str
    created_at: str
    updated_at: str


class MadeAnswer(Shape):
    message: str
    database: ServiceAnswer


class OneAnswer(Shape):
    database: ServiceAnswer


class AllAnswer(Shape):
    databases: list[ServiceAnswer]


@router.get("")
def everyone(caller: ReadsServices) -> AllAnswer:
    return AllAnswer(databases=[_answer(s) for s in services.everyone(caller.store, BUILTIN)])


@router.post("", status_code=201)
def register(body: Registration, caller: WritesServices, request: Request, response: Response) -> MadeAnswer:
    """The same name and URL again answer 200 with the service that there is."""
    offer = Offer(body.name, body.service_url, ours(request, body.service_url))
    service, made = services.register(caller.store, caller.principal, offer, access(request).calls)
    response.status_code = 201 if made else 200
    return MadeAnswer(message="Database master created successfully", database=_answer(service))


@router.get("/{service_id}")
def show(service_id: Id, caller: ReadsServices) -> OneAnswer:
    return OneAnswer(database=_answer(found(caller, service_id)))


@router.put("/{service_id}")
def update(service_id: Id, body: Change, caller: WritesServices, request: Request) -> MadeAnswer:
    """What is left out stays."""
    have = found(caller, service_id)
    url = have.url if body.service_url is None else body.service_url
    offer = Offer(have.name if body.name is None else body.name, url, ours(request, url))
    changed = services.update(caller.store, caller.principal, have.number, offer, access(request).calls)
    return MadeAnswer(message="Database master updated successfully", database=_answer(changed))


@router.delete("/{service_id}")
def remove(service_id: Id, caller: WritesServices) -> Message:
    services.remove(caller.store, caller.principal, found(caller, service_id).number)
    return Message(message="Database master deleted successfully")


def found(caller: Caller, number: int) -> Service:
    """Raises Failure, in the document's words."""
    try:
        return services.get(caller.store, number, BUILTIN)
    except NotFound as error:
        raise Failure("Database master not found", 404) from error


def ours(request: Request, url: str) -> bool:
    """Does this URL lead to us?"""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or parts.path.rstrip("/") not in ("", "/migrate") or parts.username:
        return False
    server = request.scope.get("server") or ("", 0)
    if is_loopback(host) or _same(host, server[0]):
        return port in (server[1], UNIVERSAL_PORT)
    return f"{host}:{port}" == request.headers.get("host", "").lower()


def _same(host: str, listening: str) -> bool:
    try:
        return ipaddress.ip_address(host) == ipaddress.ip_address(listening)
    except ValueError:
        return False


def _answer(service: Service) -> ServiceAnswer:
    created, updated = printed(service.created_at), printed(service.updated_at)
    return ServiceAnswer(
        id=service.number, name=service.name, service_url=service.url, created_at=created, updated_at=updated
    )
