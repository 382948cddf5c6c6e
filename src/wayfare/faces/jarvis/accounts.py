"""/api/auth of document 004: register, login, me."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import SecretStr, StringConstraints

from wayfare.access.accounts import User
from wayfare.core.redacted import Redacted
from wayfare.faces.http.access import access
from wayfare.faces.http.threads import OneThread
from wayfare.faces.jarvis.callers import LOCAL_NUMBER, Reads, account
from wayfare.faces.jarvis.clock import printed
from wayfare.faces.jarvis.errors import REFUSALS
from wayfare.faces.jarvis.shapes import Shape

router = APIRouter(prefix="/api/auth", tags=["authentication"], responses=REFUSALS, route_class=OneThread)

Text = Annotated[str, StringConstraints(max_length=500)]


class Registration(Shape):
    username: Text
    email: Text
    password: SecretStr


class Login(Shape):
    username: Text
    password: SecretStr


class UserAnswer(Shape):
    id: int
    username: str
    email: str
    created_at: str
    updated_at: str


class RegisteredAnswer(Shape):
    message: str
    user: UserAnswer


class LoginAnswer(Shape):
    message: str
    access_token: str
    user: UserAnswer


class MeAnswer(Shape):
    user: UserAnswer


@router.post("/register", status_code=201)
def register(body: Registration, request: Request) -> RegisteredAnswer:
    """Make an account. The first one of an installation is its administrator's."""
    here = access(request)
    password = Redacted(body.password.get_secret_value())
    user = here.entrance.accounts.register(body.username, body.email, password, open_to_all=here.registration)
    return RegisteredAnswer(message="User registered successfully", user=_answer(user))


@router.post("/login")
def login(body: Login, request: Request) -> LoginAnswer:
    """The token goes into the header `Authorization: Bearer …`; it is good on every face."""
    address = request.client.host if request.client else ""
    password = Redacted(body.password.get_secret_value())
    signed_in = access(request).entrance.sign_in.with_password(body.username, password, address)
    return LoginAnswer(message="Login successful", access_token=signed_in.token, user=_answer(signed_in.user))


@router.get("/me")
def me(caller: Reads, request: Request) -> MeAnswer:
    user = account(request, caller.principal)
    if user is None:
        now = printed(0.0)
        local = UserAnswer(id=LOCAL_NUMBER, username=caller.principal.name, email="", created_at=now, updated_at=now)
        return MeAnswer(user=local)
    return MeAnswer(user=_answer(user))


def _answer(user: User) -> UserAnswer:
    created, updated = printed(user.created_at), printed(user.updated_at)
    return UserAnswer(id=user.number, username=user.name, email=user.email, created_at=created, updated_at=updated)
