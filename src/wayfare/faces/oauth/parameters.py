"""What a request gives: its parameters in the protocol's two forms, and the name by which it has reached us."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request

from wayfare.access.oauth.refusals import OAuthRefused

FORM, JSON = "application/x-www-form-urlencoded", "application/json"
PARAMETERS_MAX = 50

Given = Sequence[tuple[str, str]]


def origin(request: Request) -> str:
    """Without a slash at its end. A proxy passes the Host on that people see, and sets X-Forwarded-Proto."""
    return f"{request.base_url.scheme}://{request.base_url.netloc}"


async def given(request: Request) -> Given:
    """The parameters of the body, twice where they are there twice. Raises OAuthRefused."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await request.body()
    if media == JSON:
        return _of_json(body)
    if media == FORM or not body:
        return of_text(body)
    raise OAuthRefused("invalid_request", f"the body is neither {FORM} nor {JSON}.")


def of_text(text: bytes) -> Given:
    """As forms and queries have them. Raises OAuthRefused."""
    try:
        return parse_qsl(text.decode(), keep_blank_values=True, errors="strict", max_num_fields=PARAMETERS_MAX)
    except ValueError as error:
        raise OAuthRefused("invalid_request", "the parameters cannot be read.") from error


def _of_json(body: bytes) -> Given:
    try:
        found = json.loads(body, object_pairs_hook=_Pairs)
        told = "".join(f"{name}{value}" for name, value in found) if isinstance(found, _Pairs) else ""
        told.encode()  # half a surrogate is no text
    except (ValueError, RecursionError) as error:
        raise OAuthRefused("invalid_request", "the body is not JSON.") from error
    if not isinstance(found, _Pairs) or not all(isinstance(value, str) for _, value in found):
        raise OAuthRefused("invalid_request", "the body is not a JSON object of texts.")
    return found


class _Pairs(list[tuple[str, Any]]):
    """An object of JSON, with the names that stand in it twice."""
