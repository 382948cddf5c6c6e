"""/api/v1/authentication of document 001."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import SecretStr, StringConstraints

from wayfare.core.redacted import Redacted
from wayfare.faces.http.access import access
from wayfare.faces.http.threads import OneThread
from wayfare.faces.orchestrator.errors import printed
from wayfare.faces.orchestrator.shapes import Shape

router = APIRouter(prefix="/api/v1/authentication", tags=["authentication"], route_class=OneThread)

Text = Annotated[str, StringConstraints(max_length=500)]


class Login(Shape):
    username: Text
    password: SecretStr


class UserAnswer(Shape):
    username: str
    role: str


class LoginAnswer(Shape):
    token: str
    expires_at: str
    user: UserAnswer


@router.post("/login")
def sign_in(body: Login, request: Request) -> LoginAnswer:
    """The token goes into the header `Authorization: Bearer …`; it is good on every face."""
    address = request.client.host if request.client else ""
    password = Redacted(body.password.get_secret_value())
    found = access(request).entrance.sign_in.with_password(body.username, password, address)
    role = next(iter(found.user.roles.values()), "")
    return LoginAnswer(
        token=found.token,
        expires_at=printed(found.expires_at),
        user=UserAnswer(username=found.user.name, role=str(role)),
    )
