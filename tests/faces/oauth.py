"""OAuth2 as clients and browsers do it: the same flow as in access/test_oauth.py, over HTTP."""

from __future__ import annotations

import time
from base64 import urlsafe_b64decode
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2

from access.test_oauth import BACK, VERIFIER, Flow
from access.world import World
from faces.server import Server
from wayfare.access.oauth.refusals import OAuthRefused
from wayfare.settings import Settings
from wayfare.store.store import Store

ENDED_SECONDS = 30.0  # within which what was revoked is refused; a second is promised, on a machine that is not busy


class HttpFlow(Flow):
    """What is refused is raised as the function behind the route raises it, so that both are asked the same."""

    def __init__(self, world: World, server: Server) -> None:
        super().__init__(world)
        self.http = httpx2.Client(verify=False, base_url=server.url, timeout=60)
        self.origin = server.url
        self.signed_in = {"Authorization": f"Bearer {world.token(world.admin)}"}

    def begin(self, pairs: list[tuple[str, str]], **headers: str) -> httpx2.Response:
        """What a browser gets that a client has sent to us."""
        return self.http.get(f"/auth/authorize?{urlencode(pairs)}", headers=headers)

    def decide(self, pairs: list[tuple[str, str]], *, allow: bool = True, **headers: str) -> httpx2.Response:
        body = {"asked": urlencode(pairs), "allow": allow}
        return self.http.post("/auth/authorize", json=body, headers=headers or self.signed_in)

    def code(self, **changed: Any) -> str:
        answer = self.decide(self.query(**changed))
        assert answer.status_code == 200, answer.text
        return dict(parse_qsl(urlsplit(answer.json()["redirect"]).query))["code"]

    def token(self, authorization: str = "", **form: str) -> dict[str, Any]:
        return self.post("/auth/token", form, authorization)

    def post(self, path: str, form: Mapping[str, str], authorization: str = "") -> dict[str, Any]:
        headers = {"Authorization": authorization} if authorization else {}
        answer = self.http.post(path, data=dict(form), headers=headers)
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["pragma"] == "no-cache"
        if answer.status_code == 200:
            return dict(answer.json()) if answer.content else {}
        told = answer.json()
        assert ("basic" in answer.headers.get("www-authenticate", "").lower()) == (answer.status_code == 401)
        raise OAuthRefused(told["error"], told["error_description"], status=answer.status_code)

    def status(self, token: str) -> int:
        return self.http.get("/api/me", headers={"Authorization": f"Bearer {token}"}).status_code

    def ends(self, token: str) -> bool:
        """Others may still believe it for a second."""
        until = time.monotonic() + ENDED_SECONDS
        while time.monotonic() < until:
            if self.status(token) == 401:
                return True
            time.sleep(0.1)
        return False


def carried(location: str) -> list[tuple[str, str]]:
    """The query that the page finds behind the #."""
    text = urlsplit(location).fragment
    return parse_qsl(urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode(), keep_blank_values=True)


@contextmanager
def flowing(server: Server) -> Iterator[HttpFlow]:
    """With the server's own store, in which the clients are registered."""
    with closing(Store.open(Settings(server.home))) as store:
        flow = HttpFlow(World(store, time.time), server)  # type: ignore[arg-type]  # a clock that does not stand still
        with flow.http:
            yield flow


__all__ = ["BACK", "VERIFIER", "HttpFlow", "carried", "flowing"]
