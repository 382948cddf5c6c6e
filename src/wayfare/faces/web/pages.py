"""The page and its files. All pages are one: its script reads the address and asks the API for what is shown.

Files are found by their key in sealed.json, which the build writes, so that no path is ever joined. Their names
change with what they hold, so a browser may keep them for good; the page that names them is never kept.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from fastapi import APIRouter, Request
from starlette.responses import Response

from wayfare.core.errors import NotFound

PAGES = frozenset(
    {
        "connections",
        "copy",
        "runs",
        "changes",
        "new-change",
        "edit-change",
        "databases",
        "schedules",
        "audit",
        "sign-in",
        "consent",
    }
)
WITH_ITEMS = frozenset({"connections", "runs", "changes", "edit-change"})  # /ui/runs/3f…
POLICY = (  # no script and no style but files of ours; 'self' is also for WebSockets
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " frame-ancestors 'none'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"
)
FOR_GOOD = "public, max-age=31536000, immutable"

router = APIRouter(prefix="/ui", include_in_schema=False)


@dataclass(frozen=True, slots=True)
class File:
    media: str
    plain: bytes
    packed: bytes  # gzip

    def answer(self, request: Request, headers: Mapping[str, str]) -> Response:
        packs = "gzip" in request.headers.get("accept-encoding", "")
        encoding = {"content-encoding": "gzip"} if packs else {}
        body = self.packed if packs else self.plain
        return Response(body, media_type=self.media, headers={**headers, **encoding, "vary": "accept-encoding"})


@router.get("")
def home(request: Request) -> Response:
    return _page(request)


@router.get("/{page}")
def page(page: str, request: Request) -> Response:
    return _page(request, page, PAGES)


@router.get("/assets/{name}")
def asset(name: str, request: Request) -> Response:
    if name not in sealed()["files"]:
        raise NotFound("there is no such file of the page.", where="name")
    return _file(f"files/{name}", sealed()["files"][name]).answer(request, {"cache-control": FOR_GOOD})


@router.get("/{page}/{item}")
def page_of_item(page: str, item: str, request: Request) -> Response:
    return _page(request, page, WITH_ITEMS)


def _page(request: Request, name: str = "", known: frozenset[str] = frozenset({""})) -> Response:
    if name not in known:
        raise NotFound("there is no such page.", where="page", remedy="Begin at /ui.")
    headers = {"cache-control": "no-store", "content-security-policy": POLICY}
    return _file("index.html", "text/html").answer(request, headers)


@lru_cache(maxsize=1)
def sealed() -> Mapping[str, Mapping[str, str]]:
    """`{"files": {name: media type}, "sources": {path below ui/: SHA-256}}`, as the build has written it."""
    found: Mapping[str, Mapping[str, str]] = json.loads(_assets("sealed.json"))
    return found


@lru_cache(maxsize=32)
def _file(path: str, media: str) -> File:
    plain = _assets(path)
    return File(media, plain, gzip.compress(plain, mtime=0))


def _assets(path: str) -> bytes:
    return files("wayfare.faces.web").joinpath("assets", path).read_bytes()
