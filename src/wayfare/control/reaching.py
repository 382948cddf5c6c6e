"""The one place where addresses are looked at before they are opened for somebody: hosts, files, what is left out.

Who checks an address gets it back with a resolver, so that its driver connects to where a name has led when it was
checked, each time it connects.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from wayfare.access.egress import Policy, check_host
from wayfare.access.refused import AddressRefused
from wayfare.copy.request import CopyRequest
from wayfare.core.address import Address
from wayfare.core.ports import Database
from wayfare.systems.registry import Adapter, adapter, open_database, reach_of

LENT = "files and sockets of the machine that Wayfare runs on are used only by its own users."


def check_address(address: Address, policy: Policy, where: str = "host") -> Address:
    """The same, to be opened. Raises AddressRefused for a place that we do not connect to, Unreachable for a name that
    does not exist, Invalid for an address that its system cannot read.
    """
    found = adapter(address.system)
    if found.in_a_path and not address.host:
        return _check_file(found, address, policy, where)
    reach = reach_of(address)
    if not policy.machine.lends:
        address = replace(address, options={**address.options, **(found.confined or {})})
        _refuse_lent(reach.files, reach.borrowed, where)
        if not found.drivers:  # tables in this process, which has no tenants
            raise AddressRefused(f"{found.title} is not for those with accounts.", where=where, remedy="Name a server.")
    for host, port in reach.hosts:
        check_host(host, port, policy, where=where)

    def resolver(host: str, port: int) -> Sequence[str]:
        return check_host(host, port, policy, where=where) or (host,)

    return replace(address, resolver=resolver)


def _check_file(found: Adapter, address: Address, policy: Policy, where: str) -> Address:
    """For a tenant, the options that confine its system are set, whatever was given."""
    machine = policy.machine
    options = address.options
    if machine.lends:
        check_host("", 0, policy, where=where)  # as a socket of this machine
    elif found.confined is None:
        told = f"{found.title} in a folder cannot be kept from the other files of the machine that Wayfare runs on."
        raise AddressRefused(told, where=where, remedy="Name a server.")
    else:
        options = {**options, **found.confined}
    path = machine.path(address.database, where) if address.database else ""
    return replace(address, database=path, options=options)


def check_ends(request: CopyRequest, policy: Policy) -> CopyRequest:
    """As `check_address`, for both ends of a copy."""
    source, target = (check_address(getattr(request, end), policy, end) for end in ("source", "target"))
    return replace(request, source=source, target=target)


def opener(policy: Policy) -> Callable[[Address], Database]:
    """`open_database`, where the policy lets it: for what was let in some time ago."""
    return lambda address: open_database(check_address(address, policy))


def _refuse_lent(files: Sequence[str], borrowed: Sequence[str], where: str) -> None:
    if files:
        raise AddressRefused(f"{files[0]}: {LENT}", where=where, remedy=f"Leave {files[0]} out.")
    if borrowed:
        told = f"the address lacks {', '.join(borrowed)}, and nothing of the machine that Wayfare runs on is lent."
        raise AddressRefused(told, where=where, remedy="Give it in the address.")


def milliseconds_since(began: float) -> float:
    """How long an answer took, to a tenth; `began` is of the monotonic clock."""
    return round((time.monotonic() - began) * 1000, 1)
