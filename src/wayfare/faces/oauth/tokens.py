"""What clients call: for tokens, to revoke them, and to ask about them. The body is a form or JSON."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse

from wayfare.access.oauth.clients import GRANT_TYPES
from wayfare.access.oauth.refusals import OAuthRefused
from wayfare.faces.http.access import access
from wayfare.faces.oauth.errors import ClientRoute
from wayfare.faces.oauth.parameters import FORM, JSON, Given, given

KEPT_BY_NOBODY = {"pragma": "no-cache"}  # beside Cache-Control: no-store, which every answer has
TEXT = {"type": "string", "maxLength": 8192}
PROOF = {"client_id": TEXT, "client_secret": TEXT}


class TokenAnswer(BaseModel):
    """RFC 6749, section 5.1."""

    access_token: str = Field(description="For the header `Authorization: Bearer …`, on every face.")
    token_type: str
    expires_in: int
    scope: str
    refresh_token: str | None = None


class AboutAnswer(BaseModel):
    """RFC 7662, section 2.2. More fields, where the token holds."""

    model_config = ConfigDict(extra="allow")

    active: bool


def body_of(*needed: str, **more: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": {**PROOF, **more}, "required": list(needed)}
    return {"requestBody": {"required": True, "content": {media: {"schema": schema} for media in (FORM, JSON)}}}


router = APIRouter(prefix="/auth", tags=["oauth2"], route_class=ClientRoute)

Parameters = Annotated[Given, Depends(given)]


@router.post(
    "/token",
    response_model=TokenAnswer,
    openapi_extra=body_of(
        "grant_type",
        grant_type={"type": "string", "enum": list(GRANT_TYPES)},
        **dict.fromkeys(("code", "redirect_uri", "code_verifier", "refresh_token", "scope"), TEXT),
    ),
)
async def token(found: Parameters, request: Request) -> JSONResponse:
    """A code, a refresh token or a client's own credentials become tokens.

    A client proves itself with HTTP Basic, or with client_id and client_secret in the body; a public one names itself.
    """
    _refuse_password(found)
    endpoint = access(request).entrance.endpoint
    answer = await run_in_threadpool(endpoint.token, found, request.headers.get("authorization", ""))
    return JSONResponse(answer, headers=KEPT_BY_NOBODY)


@router.post("/revoke", response_class=Response, openapi_extra=body_of("token", token=TEXT, token_type_hint=TEXT))
async def revoke(found: Parameters, request: Request) -> Response:
    """End the grant that a token is of, with all its tokens. What is no token of this client is passed over."""
    endpoint = access(request).entrance.endpoint
    await run_in_threadpool(endpoint.revoke, found, request.headers.get("authorization", ""))
    return Response(headers=KEPT_BY_NOBODY)


@router.post(
    "/introspect", response_model=AboutAnswer, openapi_extra=body_of("token", token=TEXT, token_type_hint=TEXT)
)
async def introspect(found: Parameters, request: Request) -> JSONResponse:
    """Whether an access token holds, and what it is for. For clients with a secret."""
    endpoint = access(request).entrance.endpoint
    answer = await run_in_threadpool(endpoint.introspect, found, request.headers.get("authorization", ""))
    return JSONResponse(answer, headers=KEPT_BY_NOBODY)


def _refuse_password(found: Given) -> None:
    """Said before the client is asked for: who sends a password here has none to prove."""
    names = {name for name, _ in found}
    if "grant_type" not in names and {"username", "password"} <= names:
        raise OAuthRefused(
            "unsupported_grant_type", "passwords are not taken here: POST /api/sign-in takes username and password."
        )
