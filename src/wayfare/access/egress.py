"""Where Wayfare may connect to: every outgoing address is checked after its name was resolved, and then connected to.

Checking a name and letting somebody else resolve it again leaves a gap (DNS rebinding). So `resolve` gives the
addresses it has checked, all of them or none, and callers connect to these. Cloud metadata services and link-local
addresses are never reached, whatever is allowed: they hand out the machine's own credentials.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from wayfare.access.machine import Machine
from wayfare.access.refused import AddressRefused as AddressRefused
from wayfare.core.errors import Invalid, Unreachable
from wayfare.settings import Network

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver = Callable[[str, int], Sequence[str]]

URL_CHARACTERS_MAX = 2048


def _networks(text: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(word) for word in text.split())


# Link-local of both kinds; AWS, GCP and Alibaba over their other addresses; Azure's wire server; Oracle's.
NEVER = _networks(
    "169.254.0.0/16 fe80::/10 fd00:ec2::/32 fd20:ce::254/128 100.100.100.200/32 168.63.129.16/32 192.0.0.192/32"
)
# RFC 1918, RFC 6598 (carriers, and many overlay networks), RFC 4193.
PRIVATE = _networks("10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 100.64.0.0/10 fc00::/7")
LOOPBACK = _networks("127.0.0.0/8 ::1/128")
# Of no use to anybody, and not refused by `is_global` in every Python 3.11.
NOWHERE = _networks("0.0.0.0/8 192.0.0.0/24 192.0.2.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 240.0.0.0/4")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Policy:
    """What may be reached beside public addresses."""

    private: bool = False  # for databases: they live in private networks
    loopback: bool = False  # only where the service itself serves nobody but this machine
    allowed: tuple[Network, ...] = field(default=())  # what the operator has named; never the NEVER ones
    machine: Machine = field(default=Machine())  # what of this machine addresses may use
    named_loopback: bool = True  # may names lead to this machine, or must its address be written out?

    def admits(self, address: IPAddress) -> bool:
        if within(address, NEVER):
            return False
        if within(address, self.allowed):
            return True
        if within(address, LOOPBACK):
            return self.loopback
        if within(address, PRIVATE):
            return self.private
        if within(address, NOWHERE) or address.is_multicast or address.is_reserved or address.is_unspecified:
            return False
        return address.is_global


PUBLIC = Policy()


def for_connections(*, on_loopback: bool, allowed: Iterable[Network] = (), machine: Machine | None = None) -> Policy:
    """For the hosts of databases. `on_loopback`: does the service itself serve nobody but this machine's users?"""
    return Policy(private=True, loopback=on_loopback, allowed=tuple(allowed), machine=machine or Machine())


def for_work(allowed: Iterable[Network] = (), *, named_loopback: bool = False) -> Policy:
    """For what was let in before, by a service or by a command here, when its databases are opened.

    Whether this machine's own address may be written there was asked then; that no name comes to lead to it is seen to.
    """
    return Policy(private=True, loopback=True, allowed=tuple(allowed), named_loopback=named_loopback)


def for_calls(*, on_loopback: bool, allowed: Iterable[Network] = ()) -> Policy:
    """For webhooks, service URLs and identity providers."""
    return Policy(loopback=on_loopback, allowed=tuple(allowed))


def within(address: IPAddress, networks: Iterable[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


def unwrapped(address: IPAddress) -> IPAddress:
    """The IPv4 address that is reached through an IPv6 one: mapped, 6to4, Teredo and NAT64 ones."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else address)


def system_resolver(host: str, port: int) -> Sequence[str]:
    return [str(answer[4][0]) for answer in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def resolve(
    host: str, port: int, policy: Policy, *, where: str = "host", resolver: Resolver = system_resolver
) -> Sequence[str]:
    """The addresses of a host, checked: connect to one of these, not to the name.

    One bad answer among good ones refuses the host: an attacker's name server may shuffle them. Raises AddressRefused,
    or Unreachable for a name that does not exist.
    """
    try:
        answers = list(dict.fromkeys(resolver(host, port)))
    except (OSError, UnicodeError) as error:
        raise Unreachable(f"the host {host!r} cannot be found: {error}.", where=where) from error
    if not answers:
        raise Unreachable(f"the host {host!r} has no address.", where=where)
    for answer in answers:
        _check(host, answer, policy, where)
    return answers


def _check(host: str, answer: str, policy: Policy, where: str) -> None:
    """Raises AddressRefused. It names the host only: what an internal name leads to is nobody's to learn."""
    address = ipaddress.ip_address(answer.partition("%")[0])
    astray = not policy.named_loopback and host not in (answer, "localhost") and _is_ours(unwrapped(address), policy)
    if within(address, NEVER) or astray or not policy.admits(unwrapped(address)):
        raise AddressRefused(
            f"{host} is not, or does not lead to, an address that Wayfare connects to.",
            where=where,
            remedy="Use a public address, or let the operator allow the network in WAYFARE_EGRESS_ALLOW.",
        )


def _is_ours(address: IPAddress, policy: Policy) -> bool:
    return within(address, LOOPBACK) and not within(address, policy.allowed)


def check_host(host: str, port: int, policy: Policy, *, where: str = "host") -> Sequence[str]:
    """As `resolve`, for the host of a database: none, or a path, is a socket of this machine. Empty for those."""
    if not host or host.startswith(("/", "@")):
        if not policy.loopback:
            raise AddressRefused(
                "databases of the machine that Wayfare runs on are reached only by its own users.",
                where=where,
                remedy="Name a host.",
            )
        return []
    return resolve(host, port, policy, where=where)


def check_url(url: str, policy: Policy, *, where: str = "url", schemes: Collection[str] = ("https", "http")) -> None:
    """Refuses at once what would be refused later. Raises Invalid, AddressRefused, Unreachable."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise Invalid("this is not a URL.", where=where, remedy="Write one like https://example.com/hook.") from error
    if parts.scheme not in schemes or not host or len(url) > URL_CHARACTERS_MAX or any(c <= " " for c in url):
        known = " or ".join(f"{scheme}://" for scheme in schemes)
        raise Invalid(f"this is not a {known} URL.", where=where, remedy="Write one like https://example.com/hook.")
    if parts.username is not None or parts.password is not None:
        raise Invalid("a URL holds no user and no password here.", where=where, remedy="Use a header or a secret.")
    resolve(host, port or (443 if parts.scheme == "https" else 80), policy, where=where)
