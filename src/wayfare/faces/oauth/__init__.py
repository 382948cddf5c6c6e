"""OAuth2 and signing in elsewhere, over HTTP: RFC 6749, 7009, 7662, 8414 and 9207, and OpenID Connect."""

from fastapi import APIRouter

from wayfare.faces.http.face import Face
from wayfare.faces.oauth import authorizing, discovery, elsewhere, tokens
from wayfare.faces.oauth.errors import SCHEMA, render

router = APIRouter()
for part in (tokens, authorizing, discovery, elsewhere):
    router.include_router(part.router)

FACE = Face(
    name="oauth",
    service="wayfare-oauth",
    port=8000,
    router=router,
    prefixes=("/auth", "/.well-known"),
    render=render,
    error_schema=SCHEMA,
)
