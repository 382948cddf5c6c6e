"""What Zoho answers when it does not give what was asked, sorted into our errors. Nothing here does I/O.

Codes: https://www.zoho.com/crm/developer/docs/api/v8/status-codes.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wayfare.core.errors import (
    Busy,
    Forbidden,
    Invalid,
    NotFound,
    Refused,
    Unauthenticated,
    Unreachable,
    WayfareError,
)

SCOPES = "ZohoCRM.modules.READ, ZohoCRM.settings.READ, ZohoCRM.users.READ, ZohoCRM.bulk.READ"
BY_EXPORT = "Have it exported: add the option bulk=always to the URL."
_TEXT_MAX = 300

_KINDS: dict[str, type[WayfareError]] = {
    "INVALID_TOKEN": Unauthenticated,
    "AUTHENTICATION_FAILURE": Unauthenticated,
    "OAUTH_SCOPE_MISMATCH": Forbidden,
    "NO_PERMISSION": Forbidden,
    "PERMISSION_DENIED": Forbidden,
    "AUTHORIZATION_FAILED": Forbidden,
    "CRM_ACCESS_DENIED": Forbidden,
    "INVALID_MODULE": NotFound,
    "MODULE_NOT_AVAILABLE": NotFound,
    "INVALID_HOST": Invalid,
    "TOO_MANY_REQUESTS": Busy,
    "INTERNAL_ERROR": Busy,
    "INTERNAL_SERVER_ERROR": Busy,
}
_REMEDIES: dict[str, str] = {
    "OAUTH_SCOPE_MISMATCH": f"Make a refresh token with the scopes {SCOPES}.",
    "INVALID_HOST": "Give the API domain of the account's data centre, such as www.zohoapis.eu.",
    "LIMIT_REACHED": BY_EXPORT,
    "DISCRETE_PAGINATION_LIMIT_EXCEEDED": BY_EXPORT,
    "PAGINATION_LIMIT_EXCEEDED": BY_EXPORT,
}
_BY_STATUS: dict[int, type[WayfareError]] = {
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    429: Busy,
}
_SIGN_IN = (
    "Check client_id, client_secret and refresh_token, and that all three belong to the data centre of the API domain."
)


def code_in(body: Any) -> str:
    """The `code` of an answer that tells an error, or "". Bulk answers have it one level deeper."""
    if isinstance(body, Mapping):
        if isinstance(body.get("code"), str):
            return str(body["code"])
        data = body.get("data")
        if isinstance(data, list) and data:
            return code_in(data[0])
    return ""


def classify(status: int, body: Any, where: str) -> WayfareError:
    """An error for an answer that is neither a success nor worth another try."""
    code = code_in(body)
    kind = _KINDS.get(code) or _BY_STATUS.get(status) or (Unreachable if status >= 500 else Refused)
    said = _said(body) or f"it answered with status {status}."
    message = f"{said} ({code})" if code else said
    return kind(message, remedy=_REMEDIES.get(code) or _remedy(kind), where=where)


def _said(body: Any) -> str:
    if not isinstance(body, Mapping):
        return ""
    data = body.get("data")
    if isinstance(data, list) and data and "message" not in body:
        return _said(data[0])
    text = str(body.get("message", ""))[:_TEXT_MAX].strip()
    return text if not text or text.endswith(".") else f"{text}."


def _remedy(kind: type[WayfareError]) -> str:
    if kind is Busy:
        return "Too much is asked of it at once, or the day's API credits are used up: resume the run later."
    if kind is Unauthenticated:
        return _SIGN_IN
    if kind is Forbidden:
        return f"Grant the user of this token the right to read it; its scopes should be {SCOPES}."
    return ""


def token_refused(status: int, body: Any, where: str) -> WayfareError:
    """The accounts server gave no token. It tells most errors with status 200 and a field `error`."""
    error = str(body.get("error", "")) if isinstance(body, Mapping) else ""
    told = f"no access token is given for this refresh token ({error or f'status {status}'})."
    if error == "Access Denied" or status == 429:
        remedy = "Zoho makes ten tokens in ten minutes: wait that long, then resume."
        return Busy("too many access tokens were asked for.", remedy=remedy, where=where)
    if status >= 500:
        return Unreachable(f"the accounts server answered with status {status}.", where=where)
    return Unauthenticated(told, remedy=_SIGN_IN, where=where)


def broken(error: BaseException, where: str) -> Unreachable:
    """A connection that could not be made, or broke."""
    return Unreachable(
        f"no connection: {error or type(error).__name__}.",
        remedy="Check the API domain, and that it can be reached from here.",
        where=where,
    )
