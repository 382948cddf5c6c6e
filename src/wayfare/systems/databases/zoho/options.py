"""What a Zoho CRM URL means: `zoho://www.zohoapis.eu/?client_id=…&client_secret=…&refresh_token=…`.

What the URL leaves out is taken from ZOHO_REFRESH_TOKEN, ZOHO_CLIENT_ID, ZOHO_CLIENT_SECRET and ZOHO_API_DOMAIN, where
those are set. Everything goes over https, and plain http is spoken to this machine alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

from wayfare.core.address import Address
from wayfare.core.errors import Invalid
from wayfare.core.redacted import Redacted
from wayfare.systems.registry import Reach

WAIT_SECONDS = 120.0
_CREDENTIALS = ("client_id", "client_secret", "refresh_token")
_KNOWN = (*_CREDENTIALS, "api_domain", "accounts_url", "modules", "bulk", "foreign_keys", "wait_seconds")
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_ACCOUNTS = {  # the data centre's suffix → who issues its tokens; https://www.zoho.com/crm/developer/docs/api/v8/multi-dc.html
    "com": "https://accounts.zoho.com",
    "eu": "https://accounts.zoho.eu",
    "in": "https://accounts.zoho.in",
    "com.au": "https://accounts.zoho.com.au",
    "jp": "https://accounts.zoho.jp",
    "com.cn": "https://accounts.zoho.com.cn",
    "sa": "https://accounts.zoho.sa",
    "ca": "https://accounts.zohocloud.ca",
}


class Bulk(StrEnum):
    """When a table is exported as a whole, instead of being read page by page."""

    AUTO = "auto"  # when it is large
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Options:
    api_domain: str  # "https://www.zohoapis.com", without a slash at the end
    accounts_url: str  # the same for the server that issues tokens
    client_id: str
    client_secret: Redacted
    refresh_token: Redacted
    modules: tuple[str, ...] = ()  # the only ones to see; empty: all
    bulk: Bulk = Bulk.AUTO
    foreign_keys: bool = True  # are lookups told as foreign keys?
    wait_seconds: float = WAIT_SECONDS  # how long one request may wait for a server that throttles
    resolved: Callable[[str, int], Sequence[str]] | None = field(default=None, compare=False)  # looks names up

    @property
    def local(self) -> bool:
        return urlsplit(self.api_domain).hostname in _LOOPBACK


def parse(address: Address, environment: Mapping[str, str] | None = None) -> Options:
    """Raises Invalid, naming the option, for one that is unknown, missing or wrong; no secret is repeated."""
    environment = os.environ if environment is None else environment
    given = address.options
    if strangers := sorted(set(given) - set(_KNOWN)):
        raise Invalid(f"unknown option {strangers[0]!r}.", where="url", remedy=f"Known are {', '.join(_KNOWN)}.")
    found = {name: given.get(name) or environment.get(f"ZOHO_{name.upper()}", "") for name in _CREDENTIALS}
    if missing := [name for name, value in found.items() if not value]:
        variables = ", ".join(f"ZOHO_{name.upper()}" for name in missing)
        raise Invalid(
            f"the URL lacks {', '.join(missing)}.",
            where="url",
            remedy=f"Write zoho://www.zohoapis.com/?client_id=…&client_secret=…&refresh_token=…, or set {variables}.",
        )
    domain = _api_domain(address, environment)
    accounts = _origin(given["accounts_url"], "accounts_url") if given.get("accounts_url") else _accounts(domain)
    if any(not given.get(name) for name in _CREDENTIALS):
        _check_trusted(domain, accounts, environment)
    return Options(
        api_domain=domain,
        accounts_url=accounts,
        client_id=found["client_id"],
        client_secret=Redacted(found["client_secret"]),
        refresh_token=Redacted(found["refresh_token"]),
        modules=tuple(name.strip() for name in given.get("modules", "").split(",") if name.strip()),
        bulk=_bulk(given.get("bulk", "auto")),
        foreign_keys=_switch(given.get("foreign_keys", "on")),
        wait_seconds=_seconds(given.get("wait_seconds", f"{WAIT_SECONDS:g}")),
        resolved=address.resolver,
    )


def reach(address: Address) -> Reach:
    """Both servers. What the URL leaves out is borrowed from ZOHO_… variables. Raises as `parse` does, but for that."""
    given = address.options
    borrowed = [name for name in _CREDENTIALS if not given.get(name)]
    if not (address.host or given.get("api_domain")):
        borrowed.append("api_domain")
    if borrowed:
        return Reach(borrowed=borrowed)
    found = parse(address)
    servers = [urlsplit(url) for url in (found.api_domain, found.accounts_url)]
    return Reach(hosts=[(s.hostname or "", s.port or (443 if s.scheme == "https" else 80)) for s in servers])


def _api_domain(address: Address, environment: Mapping[str, str]) -> str:
    """The host of the URL, else the option, else the environment; with a scheme or without."""
    host = f"[{address.host}]" if ":" in address.host else address.host
    place = f"{host}:{address.port}" if address.port else host
    text = place or address.options.get("api_domain", "") or environment.get("ZOHO_API_DOMAIN", "")
    if not text:
        raise Invalid(
            "the URL names no API domain.",
            where="api_domain",
            remedy="Write zoho://www.zohoapis.com/?…, with the domain of your data centre.",
        )
    return _origin(text, "api_domain")


def _origin(text: str, where: str) -> str:
    """Scheme, host and port of a URL, the scheme being https where it is left out (http on this machine)."""
    parts = urlsplit(text if "://" in text else f"//{text}")
    try:
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise Invalid("its port is not a number.", where=where) from error
    if not host or parts.username or parts.path.strip("/") or parts.query:
        raise Invalid("this is not the address of a server.", where=where, remedy="Write https://www.zohoapis.com.")
    scheme = parts.scheme or ("http" if host in _LOOPBACK else "https")
    if scheme != "https" and not (scheme == "http" and host in _LOOPBACK):
        raise Invalid("tokens travel over https only.", where=where, remedy=f"Write https://{host}.")
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}:{port}" if port else f"{scheme}://{shown}"


def _data_centre(api_domain: str) -> str:
    """The suffix of one of Zoho's own API domains, sandboxes included; "" for any other host."""
    before, name, suffix = (urlsplit(api_domain).hostname or "").partition("zohoapis.")
    return suffix if name and suffix in _ACCOUNTS and (not before or before.endswith(".")) else ""


def _accounts(api_domain: str) -> str:
    host, suffix = urlsplit(api_domain).hostname, _data_centre(api_domain)
    if not suffix:
        raise Invalid(
            f"{host} is none of Zoho's API domains, so it does not tell who issues its tokens.",
            where="accounts_url",
            remedy="Correct the domain (www.zohoapis.com, .eu, .in, .com.au, .jp, .com.cn, .sa, .ca), or give the "
            "option accounts_url.",
        )
    return _ACCOUNTS[suffix]


def _check_trusted(api_domain: str, accounts: str, environment: Mapping[str, str]) -> None:
    """What the environment keeps secret goes to Zoho, to this machine, and to the server that the environment names:
    whoever writes the URL could otherwise have it sent to a server of his own.
    """
    named = environment.get("ZOHO_API_DOMAIN", "")
    api = _data_centre(api_domain) or (named and _origin(named, "ZOHO_API_DOMAIN") == api_domain)
    for trusted, place in ((api, api_domain), (accounts in _ACCOUNTS.values(), accounts)):
        if not trusted and urlsplit(place).hostname not in _LOOPBACK:
            raise Invalid(
                f"credentials of the environment are not sent to {place}.",
                where="url",
                remedy="Give client_id, client_secret and refresh_token in the URL.",
            )


def _bulk(text: str) -> Bulk:
    if text not in set(Bulk):
        raise Invalid(f"{text!r} is none of auto, always, never.", where="bulk")
    return Bulk(text)


def _switch(text: str) -> bool:
    if text not in {"on", "off"}:
        raise Invalid(f"{text!r} is neither on nor off.", where="foreign_keys")
    return text == "on"


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError as error:
        raise Invalid(f"{text!r} is not a number of seconds.", where="wait_seconds") from error
    if not 0 <= seconds <= 3600:
        raise Invalid("it must lie between 0 and 3600 seconds.", where="wait_seconds")
    return seconds
