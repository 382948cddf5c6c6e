"""Who asks, in document 004's words."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from wayfare.access.accounts import User
from wayfare.core.principal import Principal
from wayfare.faces.http.access import access
from wayfare.faces.http.callers import Caller, Needs

Reads = Annotated[Caller, Depends(Needs("migrations.read"))]
Writes = Annotated[Caller, Depends(Needs("migrations.write"))]
Starts = Annotated[Caller, Depends(Needs("runs.start"))]
ReadsServices = Annotated[Caller, Depends(Needs("services.read"))]
WritesServices = Annotated[Caller, Depends(Needs("services.write"))]

LOCAL_NUMBER = 0  # of the local administrator, who has no account


def account(request: Request, principal: Principal) -> User | None:
    """None for callers without an account: the local administrator, and clients that act for themselves."""
    return access(request).entrance.accounts.get(principal.user)


def number_of(request: Request, principal: Principal) -> int:
    found = account(request, principal)
    return found.number if found else LOCAL_NUMBER
