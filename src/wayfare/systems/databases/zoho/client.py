"""Zoho's REST interface: one request at a time to its end, whatever comes between.

An access token that ended is renewed once. Throttling (429) is waited out as the server says, within `wait_seconds`.
Broken connections and answers of status 500 and above are tried again a few times. What is then still wrong is raised.
Redirects are not followed: no token goes anywhere but to the two servers of the URL.
"""

from __future__ import annotations

import datetime as dt
import json
import random
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any, BinaryIO, TypeVar

import httpx2

from wayfare.core.errors import Busy, Full, Refused, WayfareError
from wayfare.core.redacted import Redacted
from wayfare.systems.databases.zoho import tokens
from wayfare.systems.databases.zoho.errors import broken, classify, code_in, token_refused
from wayfare.systems.databases.zoho.options import Options

VERSION = "v8"
CONNECT_SECONDS_MAX = 10.0
ANSWER_SECONDS_MAX = 120.0
ANSWER_BYTES_MAX = 256 << 20  # a page of 200 records, each with all of its long texts
DOWNLOAD_BYTES_MAX = 32 << 30
TRIES_MAX = 5
WAIT_FIRST_SECONDS = 0.2
WAIT_SECONDS_MAX = 30.0
CONNECTIONS_MAX = 10  # Zoho allows 5 to 25 calls at once, by edition

Parameters = Mapping[str, str | int]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer:
    """A success. `body` is {} where there is none (204: nothing found, 304: nothing changed)."""

    status: int
    body: Any
    size: int  # bytes
    now: dt.datetime | None = None  # by the server's clock


@dataclass(slots=True)
class _Course:
    """How one request has fared so far."""

    left_seconds: float  # of waiting for a server that throttles
    failures: int = 0
    renewed: bool = False

    def pause(self) -> float:
        """Seconds before the next try: doubling, and not for all alike."""
        seconds = min(WAIT_FIRST_SECONDS * 2.0 ** (self.failures - 1), WAIT_SECONDS_MAX)
        return seconds * (1 - random.random() / 2)  # noqa: S311


@dataclass
class Client:
    options: Options
    _http: httpx2.Client | None = None
    _reached: bool = False  # has a connection been made? Until then there is no use in trying again
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, path: str, parameters: Parameters | None = None, headers: Mapping[str, str] | None = None) -> Answer:
        """`path` begins after /crm. Raises any SystemFailed, NotFound or Invalid."""
        request = {"params": dict(parameters or {}), "headers": dict(headers or {})}
        return self._whole("GET", self._url(path), request)

    def post(self, path: str, body: Any) -> Answer:
        return self._whole("POST", self._url(path), {"json": body})

    def download(self, path: str, into: BinaryIO) -> None:
        """Write the whole answer into the (truncated) file."""

        def write(response: httpx2.Response) -> None:
            into.seek(0)
            into.truncate()
            size = 0
            for piece in response.iter_bytes():
                size += len(piece)
                if size > DOWNLOAD_BYTES_MAX:
                    raise Refused("an export is larger than 32 GiB.", where=self.options.api_domain)
                into.write(piece)

        try:
            self._exchange("GET", self._url(path), {}, write)
        except OSError as error:
            where, remedy = tempfile.gettempdir(), "Make room there, or set TMPDIR to another folder."
            raise Full(f"an export cannot be kept while it is read: {error}.", where=where, remedy=remedy) from error

    def close(self) -> None:
        with self._lock:
            http, self._http = self._http, None
        if http:
            http.close()

    def _url(self, path: str) -> str:
        return f"{self.options.api_domain}/crm{path}"

    def _whole(self, method: str, url: str, request: dict[str, Any]) -> Answer:
        def read(response: httpx2.Response) -> Answer:
            data = _limited(response)
            return Answer(response.status_code, _parsed(data, url) if data else {}, len(data), _now(response))

        return self._exchange(method, url, request, read)

    def _exchange(self, method: str, url: str, request: dict[str, Any], use: Callable[[httpx2.Response], T]) -> T:
        """What `use` makes of a successful answer; it is called again where the connection broke while it read."""
        course = _Course(self.options.wait_seconds)
        while True:
            token = self._tokens.current(self.options, self._token_from_accounts)
            headers = {**request.get("headers", {}), "Authorization": f"Zoho-oauthtoken {token.reveal()}"}
            try:
                with self._opened().stream(method, url, **{**request, "headers": headers}) as response:
                    self._reached = True
                    if response.is_success or response.status_code == httpx2.codes.NOT_MODIFIED:
                        return use(response)
                    self._refused(response, token, course)
            except (httpx2.TransportError, httpx2.DecodingError) as error:
                course.failures += 1
                if course.failures >= TRIES_MAX or not self._reached:
                    raise broken(error, self.options.api_domain) from error
                time.sleep(course.pause())

    def _refused(self, response: httpx2.Response, token: Redacted, course: _Course) -> None:
        """Make ready for another try. Raises when none is worth it."""
        body = _loosely(_limited(response))
        status, code = response.status_code, code_in(body)
        failure = classify(status, body, self.options.api_domain)
        if status == 401 and code == "INVALID_TOKEN" and not course.renewed:
            course.renewed = True
            self._tokens.renewed(token, self.options, self._token_from_accounts)
        elif status == 429:
            course.failures += 1
            self._wait(_retry_after(response, course), course, failure)
        elif status >= 500:
            course.failures += 1
            if course.failures >= TRIES_MAX:
                raise failure
            time.sleep(course.pause())
        else:
            raise failure

    @staticmethod
    def _wait(seconds: float, course: _Course, failure: WayfareError) -> None:
        if seconds > course.left_seconds:
            raise failure
        course.left_seconds -= seconds
        time.sleep(seconds)

    @property
    def _tokens(self) -> tokens.AccessTokens:
        return tokens.kept(self.options)

    def _token_from_accounts(self, form: dict[str, str]) -> Any:
        where = self.options.accounts_url
        try:
            with self._opened().stream("POST", f"{where}/oauth/v2/token", data=form) as response:
                body = _loosely(_limited(response))
        except (httpx2.TransportError, httpx2.DecodingError) as error:
            raise broken(error, where) from error
        if not response.is_success or not isinstance(body, dict) or not body.get("access_token"):
            raise token_refused(response.status_code, body, where)
        return body

    def _opened(self) -> httpx2.Client:
        with self._lock:
            if self._http is None:
                timeout = httpx2.Timeout(ANSWER_SECONDS_MAX, connect=CONNECT_SECONDS_MAX)
                limits = httpx2.Limits(max_connections=CONNECTIONS_MAX)
                # A proxy of the environment is for the internet, not for this machine, and looks names up by itself.
                proxied = not self.options.local and self.options.resolved is None
                hooks = {"request": [self._to_resolved]} if self.options.resolved else {}
                self._http = httpx2.Client(timeout=timeout, limits=limits, trust_env=proxied, event_hooks=hooks)
            return self._http

    def _to_resolved(self, request: httpx2.Request) -> None:
        """Send it to where the name has led; its header and TLS still ask for the name."""
        host, port = request.url.host, request.url.port or (443 if request.url.scheme == "https" else 80)
        assert self.options.resolved is not None
        request.extensions = {**request.extensions, "sni_hostname": host}
        request.url = request.url.copy_with(host=self.options.resolved(host, port)[0])


def _retry_after(response: httpx2.Response, course: _Course) -> float:
    """Seconds, as the server says or as we think."""
    told = response.headers.get("Retry-After", "")
    try:
        return max(float(told), 0.05)
    except ValueError:
        return max(course.pause(), 1.0)


def _now(response: httpx2.Response) -> dt.datetime | None:
    try:
        return parsedate_to_datetime(response.headers.get("Date", ""))
    except ValueError:
        return None


def _limited(response: httpx2.Response) -> bytes:
    data = bytearray()
    for piece in response.iter_bytes():
        data += piece
        if len(data) > ANSWER_BYTES_MAX:
            raise Refused("an answer is larger than 256 MiB.", where=response.url.host)
    return bytes(data)


def _parsed(data: bytes, url: str) -> dict[str, Any]:
    """JSON with its numbers as they are written: amounts do not pass through floating point."""
    try:
        found = json.loads(data, parse_float=Decimal)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Busy("an answer is no JSON object: it was cut off, or a proxy has answered.", where=url)
    return found


def _loosely(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return {}
