"""HTTP calls to other services, which end where `egress` allows, and nowhere else.

The check sits where the socket is opened, below redirects and connection reuse, so that none of these can pass it by.
TLS still asks for the name in the URL. Proxies of the environment are not used: they would resolve names for us.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from typing import Any

import anyio.to_thread
import httpcore2
import httpx2

from wayfare.access.egress import AddressRefused, Policy, Resolver, resolve, system_resolver
from wayfare.core.errors import Refused, Unreachable

TIMEOUT_SECONDS = 10.0
ANSWER_BYTES_MAX = 1 << 20
ADDRESSES_TRIED_MAX = 4
HEADERS = {"accept-encoding": "identity"}  # a small answer must not unpack into a large one

Options = Iterable[httpcore2.SOCKET_OPTION] | None


class CheckedBackend(httpcore2.SyncBackend):
    """Opens sockets to checked addresses only."""

    def __init__(self, policy: Policy, resolver: Resolver) -> None:
        self._policy = policy
        self._resolver = resolver

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Options = None,
    ) -> httpcore2.NetworkStream:
        last: Exception | None = None
        for address in resolve(host, port, self._policy, where="url", resolver=self._resolver)[:ADDRESSES_TRIED_MAX]:
            try:
                return super().connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                last = error
        assert last is not None, "resolve gives at least one address"
        raise last

    def connect_unix_socket(self, path: str, timeout: float | None = None, socket_options: Options = None) -> Any:
        raise AddressRefused("sockets of this machine are not called.", where="url")


class AsyncCheckedBackend(httpcore2.AnyIOBackend):
    """The same for asynchronous code; names are resolved in a thread."""

    def __init__(self, policy: Policy, resolver: Resolver) -> None:
        self._policy = policy
        self._resolver = resolver

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Options = None,
    ) -> httpcore2.AsyncNetworkStream:
        try:
            with anyio.fail_after(timeout):
                addresses = await anyio.to_thread.run_sync(
                    lambda: resolve(host, port, self._policy, where="url", resolver=self._resolver),
                    abandon_on_cancel=True,
                )
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout(f"{host} was not found in time") from error
        last: Exception | None = None
        for address in addresses[:ADDRESSES_TRIED_MAX]:
            try:
                return await super().connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                last = error
        assert last is not None, "resolve gives at least one address"
        raise last

    async def connect_unix_socket(self, path: str, timeout: float | None = None, socket_options: Options = None) -> Any:
        raise AddressRefused("sockets of this machine are not called.", where="url")


def client(
    policy: Policy, *, resolver: Resolver = system_resolver, verify: ssl.SSLContext | bool = True
) -> httpx2.Client:
    """Follows no redirects of its own accord. Calls raise AddressRefused, Unreachable or httpx2.HTTPError."""
    transport = httpx2.HTTPTransport(verify=verify, trust_env=False)
    _open_sockets_by(transport, CheckedBackend(policy, resolver))
    return httpx2.Client(transport=transport, trust_env=False, timeout=TIMEOUT_SECONDS, headers=HEADERS)


def async_client(
    policy: Policy, *, resolver: Resolver = system_resolver, verify: ssl.SSLContext | bool = True
) -> httpx2.AsyncClient:
    """As `client`."""
    transport = httpx2.AsyncHTTPTransport(verify=verify, trust_env=False)
    _open_sockets_by(transport, AsyncCheckedBackend(policy, resolver))
    return httpx2.AsyncClient(transport=transport, trust_env=False, timeout=TIMEOUT_SECONDS, headers=HEADERS)


def _open_sockets_by(transport: httpx2.HTTPTransport | httpx2.AsyncHTTPTransport, backend: Any) -> None:
    """httpx2 does not hand a backend down to its pool. Where a release moves it, this fails, and does not fail open."""
    pool = transport._pool
    if not isinstance(pool, httpcore2.ConnectionPool | httpcore2.AsyncConnectionPool) or not hasattr(
        pool, "_network_backend"
    ):
        raise RuntimeError("this release of httpx2 keeps its sockets elsewhere")
    pool._network_backend = backend


def json_from(http: httpx2.Client, method: str, url: str, **request: Any) -> dict[str, Any]:
    """Call, and read a JSON object of bounded size. Raises Unreachable, Refused, AddressRefused."""
    try:
        with http.stream(method, url, **request) as response:
            body = b""
            for part in response.iter_bytes():
                body += part
                if len(body) > ANSWER_BYTES_MAX:
                    raise Refused(f"{url} answers with more than {ANSWER_BYTES_MAX} bytes.", where="url")
            if not response.is_success:
                raise Refused(f"{url} answers with status {response.status_code}.", where="url")
            value = httpx2.Response(200, content=body).json()
    except httpx2.HTTPError as error:
        raise Unreachable(f"{url} does not answer: {type(error).__name__}.", where="url") from error
    except ValueError as error:
        raise Refused(f"{url} does not answer with JSON.", where="url") from error
    if not isinstance(value, dict):
        raise Refused(f"{url} does not answer with a JSON object.", where="url")
    return value
