"""What went wrong, as a page for whoever was sent here: without scripts, and with nothing from elsewhere."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Mapping
from functools import lru_cache
from html import escape
from importlib.resources import files
from string import Template

from starlette.responses import HTMLResponse

from wayfare.access.oauth.refusals import OAuthRefused
from wayfare.core.errors import NotAllowed, NotSignedIn, SystemFailed, WayfareError

AGAIN = ("/ui/sign-in", "To the sign-in page")
_TITLES: tuple[tuple[type[WayfareError], str, tuple[str, str]], ...] = (  # … and where to go from there
    (OAuthRefused, "The program that sent you here asks wrongly", ("/ui", "To Wayfare")),
    (NotSignedIn, "You are not signed in", AGAIN),
    (NotAllowed, "You cannot sign in here", AGAIN),
    (SystemFailed, "The identity provider does not do its part", AGAIN),
    (WayfareError, "This cannot be done", AGAIN),
)
ASK = "Go back to it, and tell whoever runs it."


def page_of(error: WayfareError, status: int, headers: Mapping[str, str]) -> HTMLResponse:
    title, (href, link) = next((title, way) for kind, title, way in _TITLES if isinstance(error, kind))
    remedy = ASK if isinstance(error, OAuthRefused) else error.remedy
    told = {"title": title, "message": _sentence(error.message), "remedy": _sentence(remedy)}
    told |= {"href": href, "link": link}
    text = Template(_asset("page.html")).substitute(
        style=_asset("page.css"), **{name: escape(value) for name, value in told.items()}
    )
    return HTMLResponse(text, status, {**headers, "content-security-policy": policy()})


@lru_cache(maxsize=1)
def policy() -> str:
    """No script, and of styles this one."""
    style = b64encode(hashlib.sha256(_asset("page.css").encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{style}'; img-src data:;"
        " frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )


@lru_cache(maxsize=2)
def _asset(name: str) -> str:
    return files("wayfare.faces.oauth").joinpath("assets", name).read_text(encoding="utf-8")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
