"""Asking other services that speak `/migrate`: another Wayfare, or any server like it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import httpx2

from wayfare.access.calls import ANSWER_BYTES_MAX, client
from wayfare.access.egress import Policy
from wayfare.core.errors import Refused, Unreachable
from wayfare.core.plan import Json

MIGRATE_SECONDS_MAX = 600.0  # document 004: "Increased timeout for large migrations (10 minutes)"
TEST_SECONDS_MAX = 60.0
CONNECT_SECONDS = 10.0
UNKNOWN_THERE = frozenset({400, 404, 405, 415, 422, 501})  # the service has no such path, or tests in another shape


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: dict[str, Any]

    @property
    def success(self) -> bool:
        """Both must say so: the document's services answer 200 to a migration that failed."""
        return 200 <= self.status < 300 and self.body.get("success") is True

    @property
    def problem(self) -> str:
        """What went wrong, in the service's own words."""
        told = self.body.get("error") or self.body.get("message") or self.body.get("errors")
        if isinstance(told, list):
            told = "; ".join(map(str, told))
        return str(told or f"the service answers with status {self.status}")[:2000]


def migrate(policy: Policy, url: str, document: Json) -> Answer:
    """Raises Unreachable, Refused, AddressRefused."""
    return _post(policy, f"{_base(url)}/migrate", document, MIGRATE_SECONDS_MAX)


def failed_end(policy: Policy, url: str, document: Json) -> tuple[str, str] | None:
    """("source" or "target", what is wrong); None when both answer, or the service tests no connections."""
    ends = {"source_type": "source", "dest_type": "destination"}
    asked = {key: document[key] for pair in ends.items() for key in pair if key in document}
    answer = _post(policy, f"{_base(url)}/test-connection", asked, TEST_SECONDS_MAX)
    if answer.status in UNKNOWN_THERE or answer.success or "success" not in answer.body:
        return None
    for end in ("source", "destination"):
        told = answer.body.get(end)
        if isinstance(told, dict) and told.get("success") is False:
            return ("source" if end == "source" else "target"), str(told.get("message", ""))[:2000]
    return "source", answer.problem


def _base(url: str) -> str:
    return url.rstrip("/").removesuffix("/migrate")


def _post(policy: Policy, url: str, body: Json, seconds: float) -> Answer:
    try:
        with (
            client(policy) as http,
            http.stream("POST", url, json=body, timeout=httpx2.Timeout(seconds, connect=CONNECT_SECONDS)) as response,
        ):
            read = b""
            for part in response.iter_bytes():
                read += part
                if len(read) > ANSWER_BYTES_MAX:
                    raise Refused(f"{url} answers with more than {ANSWER_BYTES_MAX} bytes.", where="service_url")
    except httpx2.TimeoutException as error:
        raise Unreachable(f"{url} has not answered for {seconds:.0f} seconds.", where="service_url") from error
    except httpx2.HTTPError as error:
        raise Unreachable(f"{url} does not answer: {type(error).__name__}.", where="service_url") from error
    return Answer(response.status_code, _object(read, url, response.status_code))


def _object(read: bytes, url: str, status: int) -> dict[str, Any]:
    try:
        value = json.loads(read)
    except ValueError as error:
        if status >= 400:
            return {}
        raise Refused(f"{url} does not answer with JSON.", where="service_url") from error
    return value if isinstance(value, dict) else {"answer": value}
