"""What a ClickHouse URL means: `clickhouse://user:password@host:8123/db` or, without a host, `clickhouse:///folder`."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from wayfare.core.address import Address
from wayfare.core.errors import Invalid
from wayfare.core.redacted import Redacted
from wayfare.systems.registry import Reach

PLAIN_PORT = 8123
SECURE_PORT = 8443
_SWITCH = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
_REMOTE = frozenset({"secure", "verify", "ca_cert", "client_cert", "client_key"})
_EMBEDDED = frozenset({"database"})


@dataclass(frozen=True, slots=True)
class Remote:
    """A server's HTTP interface."""

    host: str
    port: int
    database: str
    user: str
    password: Redacted
    secure: bool
    verify: bool = True  # check the server's certificate
    ca_cert: str = ""  # a PEM file, in place of the system's authorities
    client_cert: str = ""
    client_key: str = ""
    resolved: Callable[[str, int], Sequence[str]] = field(default=lambda host, port: (host,), compare=False)

    def tls(self) -> ssl.SSLContext:
        """Raises Invalid when a certificate file cannot be read."""
        try:
            context = ssl.create_default_context(cafile=self.ca_cert or None)
            if self.client_cert:
                context.load_cert_chain(self.client_cert, self.client_key or None)
        except (OSError, ssl.SSLError) as error:
            raise Invalid(f"a certificate file cannot be read: {error}", where="ca_cert, client_cert") from error
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


@dataclass(frozen=True, slots=True)
class Embedded:
    """The engine in this process, on a folder of its own."""

    folder: str
    database: str


def options(address: Address) -> Remote | Embedded:
    """Raises Invalid for an option we do not know, naming it."""
    return _remote(address) if address.host else _embedded(address)


def _remote(address: Address) -> Remote:
    given = address.options
    _refuse_unknown(given, _REMOTE)
    secure = _switch(given, "secure", default=address.port == SECURE_PORT)
    return Remote(
        host=address.host,
        port=address.port or (SECURE_PORT if secure else PLAIN_PORT),
        database=address.database or "default",
        user=address.user or "default",
        password=address.password,
        secure=secure,
        verify=_switch(given, "verify", default=True),
        ca_cert=given.get("ca_cert", ""),
        client_cert=given.get("client_cert", ""),
        client_key=given.get("client_key", ""),
        resolved=address.resolved,
    )


def reach(address: Address) -> Reach:
    """Of a server. Raises as `options` does."""
    found = _remote(address)
    files = [name for name in ("ca_cert", "client_cert", "client_key") if getattr(found, name)]
    return Reach(hosts=[(found.host, found.port)], files=files)


def _embedded(address: Address) -> Embedded:
    _refuse_unknown(address.options, _EMBEDDED)
    if not address.database:
        raise Invalid("the embedded engine needs a folder.", where="url", remedy="Write clickhouse:///folder.")
    return Embedded(address.database, address.options.get("database", "") or "default")


def _refuse_unknown(given: Mapping[str, str], known: frozenset[str]) -> None:
    if unknown := sorted(set(given) - known):
        raise Invalid(
            f"ClickHouse URLs have no option {', '.join(unknown)}.",
            where="url",
            remedy=f"Known options here: {', '.join(sorted(known))}.",
        )


def _switch(given: Mapping[str, str], name: str, *, default: bool) -> bool:
    if name not in given:
        return default
    if given[name].lower() not in _SWITCH:
        raise Invalid(f"the option {name} is a switch.", where="url", remedy=f"Write {name}=1 or {name}=0.")
    return _SWITCH[given[name].lower()]
