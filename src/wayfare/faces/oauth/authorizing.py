"""A client asks a person to let it act for them; they are asked on the page, and their answer is carried back.

Who has signed in is known to the page alone, which keeps their token; no cookie says it. So a browser that was sent
here is sent on to the page, and only what carries the token can answer: no other site can, and no frame shows the page.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from wayfare.access.oauth.consent import Asked, Consent
from wayfare.access.oauth.refusals import OAuthRefused
from wayfare.access.scopes import narrowed
from wayfare.core.errors import NotAllowed
from wayfare.core.principal import Principal
from wayfare.faces.http.access import access
from wayfare.faces.http.callers import Caller, Needs
from wayfare.faces.oauth.errors import PAGES, ClientRoute, PageRoute
from wayfare.faces.oauth.parameters import of_text, origin
from wayfare.faces.oauth.words import ALLOWS

QUERY_CHARACTERS_MAX = 8192
PAGE = "/ui/consent"

Anybody = Annotated[Caller, Depends(Needs("keys.own"))]  # nobody gives more than they have

router = APIRouter(prefix="/auth", tags=["oauth2"], route_class=ClientRoute)
pages = APIRouter(route_class=PageRoute)


class AllowedAnswer(BaseModel):
    scope: str
    allows: str = Field(description="In words for people.")


class AskedAnswer(BaseModel):
    client: str = Field(description="What the client calls itself.")
    registered_by: str
    returns_to: str = Field(description="Where the answer is sent.")
    person: str
    tenant: str
    scopes: list[AllowedAnswer] = Field(description="What it would get.")
    withheld: list[AllowedAnswer] = Field(description="What it asks for beside that, and this person does not have.")


class Decision(BaseModel):
    model_config = ConfigDict(extra="forbid")

    asked: str = Field(max_length=QUERY_CHARACTERS_MAX, description="The query of GET /auth/authorize, as it was sent.")
    allow: bool


class DecidedAnswer(BaseModel):
    redirect: str = Field(description="Where to go now: the client's address, with a code or a no.")


@pages.get(
    "/authorize",
    status_code=303,
    response_class=Response,
    responses={303: {"description": "On to the page, or back to the client with what is wrong."}, **PAGES},
)
def authorize(
    request: Request,
    client_id: Annotated[str, Query()] = "",
    redirect_uri: Annotated[str, Query(description="To the letter as it was registered.")] = "",
    response_type: Annotated[str, Query(description="code")] = "",
    code_challenge: str = "",
    code_challenge_method: Annotated[str, Query(description="S256")] = "",
    scope: str = "",
    state: str = "",
) -> Response:
    """For browsers: begins to ask the person. Nobody is sent to an address that the client has not registered."""
    query = request.scope["query_string"]
    try:
        _consent(request).asked(of_text(query))
    except OAuthRefused as refused:
        if refused.redirect:
            return _sent_to(refused.redirect)
        raise
    # Behind the #, where it reaches no log, and nothing that reads queries on its way to the page changes it.
    return _sent_to(f"{PAGE}#{urlsafe_b64encode(query).decode().rstrip('=')}")


@router.get("/consent")
def consent(
    caller: Anybody,
    request: Request,
    asked: Annotated[str, Query(max_length=QUERY_CHARACTERS_MAX, description="The query of GET /auth/authorize.")] = "",
) -> AskedAnswer:
    """What a client asks of whoever calls. For a person who has signed in, not for keys and programs."""
    found = _consent(request).asked(of_text(asked.encode("utf-8", "replace")))
    person = _person(request, found)
    accounts = access(request).entrance.accounts
    owner, granted = accounts.get(found.client.owner), narrowed(person.scopes, found.scopes)
    return AskedAnswer(
        client=found.client.name,
        registered_by=owner.name if owner else "",
        returns_to=_shown(found.redirect_uri),
        person=person.name,
        tenant=found.client.tenant,
        scopes=_in_words(granted),
        withheld=_in_words(found.scopes - granted),
    )


@router.post("/authorize")
def decide(body: Decision, caller: Anybody, request: Request) -> DecidedAnswer:
    """A person's yes or no. They give of what they have, in the client's tenant."""
    server = _consent(request)
    found = server.asked(of_text(body.asked.encode("utf-8", "replace")))
    person = _person(request, found)
    return DecidedAnswer(redirect=server.approve(found, person) if body.allow else server.deny(found))


def _consent(request: Request) -> Consent:
    """It tells the client the issuer that our metadata tell it."""
    return access(request).entrance.consent.told_as(origin(request))


def _person(request: Request, asked: Asked) -> Principal:
    """In the tenant that the header names, else in the client's. Raises NotSignedIn, NotAllowed."""
    entrance = access(request).entrance
    authorization, named = request.headers.get("authorization", ""), request.headers.get("x-tenant-id", "")
    person = entrance.callers.person(authorization, named)
    user = entrance.accounts.get(person.user)
    if not named and user is not None and asked.client.tenant in user.roles:
        person = entrance.callers.person(authorization, asked.client.tenant)
    if person.tenant != asked.client.tenant:
        raise NotAllowed(f"{asked.client.name} belongs to another tenant.", where="client_id")
    return person


def _in_words(scopes: frozenset[str]) -> list[AllowedAnswer]:
    return [AllowedAnswer(scope=scope, allows=ALLOWS[scope]) for scope in ALLOWS if scope in scopes]


def _shown(uri: str) -> str:
    """Without what follows the name: that is long, and the client's own."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else f"{parts.scheme}:"


def _sent_to(url: str) -> Response:
    """To the letter: RedirectResponse would quote it again."""
    return Response(status_code=303, headers={"location": url})


router.include_router(pages)
