"""Who calls, signing in, and who did what."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field, SecretStr

from wayfare import __version__
from wayfare.core.principal import LOCAL
from wayfare.core.redacted import Redacted
from wayfare.faces.http.access import access
from wayfare.faces.http.callers import Caller, Needs
from wayfare.faces.http.threads import OneThread
from wayfare.faces.wayfare.shapes import Shape, Text
from wayfare.store import audit

ENTRIES_MAX = 200

Anybody = Annotated[Caller, Depends(Needs("keys.own"))]
Audits = Annotated[Caller, Depends(Needs("audit.read"))]

router = APIRouter(tags=["people"], route_class=OneThread)


class SignInBody(Shape):
    username: Annotated[Text, Field(description="Or the account's e-mail address.")]
    password: SecretStr


class SignInAnswer(Shape):
    token: str = Field(description="For the header `Authorization: Bearer …`, on every face.")
    expires_at: int
    name: str


class MeAnswer(Shape):
    name: str
    tenant: str
    scopes: list[str]
    local: bool = Field(description="Nobody has to sign in here: a missing credential acts as the administrator.")
    version: str = Field(description="Of Wayfare.")


class AuditEntry(Shape):
    sequence: int
    at: float
    who: str = Field(description="The account's name, or its id where the account is gone.")
    action: str
    subject: str
    outcome: str
    details: dict[str, Any]


class AuditAnswer(Shape):
    entries: list[AuditEntry]


class ChainAnswer(Shape):
    entries: int = Field(description="Those before the first that does not hold, or all.")
    broken: str = Field(description='"" where nothing was changed, deleted or moved; else where, and what.')


@router.post("/api/sign-in")
def sign_in(body: SignInBody, request: Request) -> SignInAnswer:
    """By user name and password. 429 after ten that were wrong."""
    address = request.client.host if request.client else ""
    password = Redacted(body.password.get_secret_value())
    found = access(request).entrance.sign_in.with_password(body.username, password, address)
    return SignInAnswer(token=found.token, expires_at=found.expires_at, name=found.user.name)


@router.get("/api/me")
def me(caller: Anybody) -> MeAnswer:
    """Who calls, and what they may do."""
    who = caller.principal
    return MeAnswer(
        name=who.name, tenant=who.tenant, scopes=sorted(who.scopes), local=who == LOCAL, version=__version__
    )


@router.get("/api/audit")
def list_audit(
    caller: Audits,
    request: Request,
    limit: Annotated[int, Query(ge=1, le=ENTRIES_MAX)] = 50,
    before: Annotated[int | None, Query(ge=1, le=2**62, description="Only entries with a smaller sequence.")] = None,
) -> AuditAnswer:
    """Newest first."""
    with caller.store.read() as connection:
        found = audit.entries(connection, limit=limit, before=before)
    names = _names({entry.principal for entry in found}, request)
    return AuditAnswer(entries=[_entry(entry, names) for entry in found])


@router.get("/api/audit/chain")
def verify_audit(caller: Audits) -> ChainAnswer:
    """Read the whole chain of this tenant, and say whether it holds."""
    store = caller.store
    with store.snapshot() as connection:
        count, broken = audit.verify(connection, store.sealer, store.one_tenant)
    return ChainAnswer(entries=count, broken=f"Entry {broken.sequence} {broken.what}." if broken else "")


def _names(users: set[str], request: Request) -> dict[str, str]:
    accounts = access(request).entrance.accounts
    return {user: found.name for user in users if (found := accounts.get(user))}


def _entry(entry: audit.Entry, names: dict[str, str]) -> AuditEntry:
    kept = asdict(entry)
    kept.pop("tenant")
    principal = kept.pop("principal")
    return AuditEntry(**kept, who=names.get(principal, principal))
