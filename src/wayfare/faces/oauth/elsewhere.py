"""Signing in with the identity provider that WAYFARE_OIDC names, from the sign-in page and back to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

import anyio
import anyio.to_thread
from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints
from starlette.responses import JSONResponse, Response

from wayfare.access.handover import Handover
from wayfare.access.oauth.refusals import once
from wayfare.access.oidc import STATE_SECONDS, Oidc
from wayfare.access.rates import Limit
from wayfare.core.errors import NotFound
from wayfare.core.redacted import Redacted
from wayfare.faces.http.access import access
from wayfare.faces.http.allowances import Allowed
from wayfare.faces.http.threads import quickly
from wayfare.faces.oauth.errors import PAGES, PageRoute
from wayfare.faces.oauth.parameters import of_text, origin

T = TypeVar("T")

COOKIE = "wayfare-sign-in"
PATH = "/auth/oidc"  # the cookie goes nowhere else
PAGE = "/ui/sign-in"
PER_MINUTE = 60  # of one address: every call makes one to the provider
THREADS = 8  # a provider that does not answer holds these, and nobody else's

_waiting = anyio.CapacityLimiter(THREADS)

router = APIRouter(prefix=PATH, tags=["signing in elsewhere"])
pages = APIRouter(route_class=PageRoute, dependencies=[Depends(Allowed("oidc", Limit(PER_MINUTE)))])


class ProviderAnswer(BaseModel):
    name: str = Field(description='The provider\'s host; "" where there is none.')


class HandoverBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    code: Annotated[SecretStr, StringConstraints(max_length=200)] = Field(description="That stands behind the #.")


class HandoverAnswer(BaseModel):
    token: str = Field(description="For the header `Authorization: Bearer …`, on every face.")
    expires_at: int
    name: str


@router.get("")
def provider(request: Request) -> ProviderAnswer:
    """Whether one can sign in elsewhere, and where."""
    found = access(request).provider
    return ProviderAnswer(name=(urlsplit(found.issuer).hostname or "") if found else "")


@pages.get(
    "/start",
    status_code=303,
    response_class=Response,
    responses={303: {"description": "On to the provider."}, **PAGES},
)
async def start(request: Request) -> Response:
    """For browsers: begins to sign in with the provider. The answer will count in this browser only."""
    found = _oidc(request)
    begun = await _patiently(lambda: found.begin(f"{origin(request)}{PATH}/callback"))
    answer = Response(status_code=303, headers={"location": begun.url})
    answer.set_cookie(COOKIE, begun.cookie.reveal(), max_age=int(STATE_SECONDS), **_kept(request))
    return answer


@pages.get(
    "/callback",
    status_code=303,
    response_class=Response,
    responses={303: {"description": "Signed in: on to the page, which is handed the token."}, **PAGES},
)
async def callback(
    request: Request,
    state: str = "",
    code: str = "",
    iss: str = "",
    error: Annotated[str, Query(description="What the provider says went wrong.")] = "",
) -> Response:
    """For browsers: where the provider sends them back to."""
    found, cookie = _oidc(request), _cookie(request)
    query = once(of_text(request.scope["query_string"]))
    user = await _patiently(lambda: found.finish(query, cookie))
    given = await quickly(_handover(request).give, user, cookie)
    # Behind the #: what stands there is sent to nobody and logged by nobody, and the page removes it.
    return Response(status_code=303, headers={"location": f"{PAGE}#code={given.reveal()}"})


@router.post("/token", response_model=HandoverAnswer)
def token(body: HandoverBody, request: Request) -> JSONResponse:
    """For the page: the code that it finds behind the # becomes a sign-in, once, in the browser that signed in."""
    user = _handover(request).take(Redacted(body.code.get_secret_value()), _cookie(request))
    found = access(request).entrance.sign_in.of(user)
    told = HandoverAnswer(token=found.token, expires_at=found.expires_at, name=user.name)
    answer = JSONResponse(told.model_dump())
    answer.delete_cookie(COOKIE, **_kept(request))
    return answer


async def _patiently(act: Callable[[], T]) -> T:
    return await anyio.to_thread.run_sync(act, limiter=_waiting)


def _oidc(request: Request) -> Oidc:
    found = access(request).oidc
    if found is None:
        raise NotFound("there is no identity provider here.", where="WAYFARE_OIDC", remedy="Sign in with a password.")
    return found


def _handover(request: Request) -> Handover:
    return Handover(request.app.state.store, access(request).entrance.accounts)


def _cookie(request: Request) -> Redacted:
    return Redacted(request.cookies.get(COOKIE, ""))


def _kept(request: Request) -> dict[str, Any]:
    """No script reads it, and it comes along when the provider sends the browser back, but not with foreign forms."""
    return {"path": PATH, "httponly": True, "samesite": "lax", "secure": request.base_url.scheme == "https"}


router.include_router(pages)
