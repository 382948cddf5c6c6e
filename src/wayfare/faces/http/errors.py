"""Errors that only HTTP knows, and the status that each of ours has where a face's document does not say otherwise."""

from __future__ import annotations

import math

from starlette.exceptions import HTTPException

from wayfare.core.errors import (
    Bug,
    Busy,
    Conflict,
    Invalid,
    LossRefused,
    NotAllowed,
    NotFound,
    NotSignedIn,
    RateLimited,
    SystemFailed,
    Unavailable,
    UserError,
    WayfareError,
)
from wayfare.store.database import StoreAway
from wayfare.store.versions import Stale


class HttpError(UserError):
    """What is wrong with the request as a message, whoever it is for. `status` is the same on every face."""

    status = 400


class TooLarge(HttpError):
    code = "too_large"
    status = 413


class KeyReused(HttpError):
    code = "idempotency_key_reused"
    status = 422


class WrongMethod(HttpError):
    code = "method_not_allowed"
    status = 405


class WrongMedia(HttpError):
    code = "unsupported_media_type"
    status = 415


# The first class that an error is an instance of counts.
STATUSES: tuple[tuple[type[WayfareError], int], ...] = (
    (NotSignedIn, 401),
    (NotAllowed, 403),
    (RateLimited, 429),
    (NotFound, 404),
    (Stale, 412),
    (Conflict, 409),
    (LossRefused, 422),
    (Invalid, 400),
    (UserError, 400),
    (StoreAway, 503),
    (Busy, 503),
    (SystemFailed, 502),
    (Unavailable, 501),
)
# A face's document does not choose another status for these.
FIXED = (NotSignedIn, NotAllowed, RateLimited, Stale, HttpError, StoreAway)


def status_of(error: WayfareError) -> int:
    if isinstance(error, HttpError):
        return error.status
    return next((status for kind, status in STATUSES if isinstance(error, kind)), 500)


def headers_of(error: WayfareError) -> dict[str, str]:
    if isinstance(error, NotSignedIn):
        return {"www-authenticate": 'Bearer realm="wayfare"'}
    if isinstance(error, RateLimited):
        return {"retry-after": str(max(1, math.ceil(error.retry_after_seconds)))}
    if isinstance(error, StoreAway):
        return {"retry-after": "1"}
    return {}


def classified(error: Exception, path: str) -> WayfareError:
    """Ours as it is; what the framework raises as one of ours; anything else a Bug that tells nothing of itself."""
    if isinstance(error, WayfareError):
        return error
    if isinstance(error, HTTPException):
        return _of_framework(error, path)
    return Bug("something went wrong inside Wayfare.", remedy="The log has it, under the X-Request-ID of this answer.")


def _of_framework(error: HTTPException, path: str) -> WayfareError:
    match error.status_code:
        case 404:
            return NotFound(f"there is no {path} here.", remedy="GET /docs lists what there is.")
        case 405:
            return WrongMethod("this path does not take that method.", remedy="The header Allow names those it takes.")
        case 415:
            return WrongMedia("the body's media type is not understood here.", remedy="Send application/json.")
        case status:
            found = HttpError(str(error.detail))
            found.status = status
            return found
