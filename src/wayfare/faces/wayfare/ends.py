"""Where a request wants to read and write: saved connections and URLs, as far as this server may connect to them."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import Request

from wayfare.control.connections import address_of
from wayfare.control.reaching import check_address
from wayfare.copy.request import CopyRequest
from wayfare.core.address import SIGN, Address
from wayfare.faces.http.access import access
from wayfare.faces.http.callers import Caller
from wayfare.faces.wayfare.shapes import CopyWish
from wayfare.systems.registry import settled


def copy_request(body: CopyWish, caller: Caller, request: Request) -> CopyRequest:
    """Raises Invalid, NotFound for an unknown connection, AddressRefused."""
    source, target = (_end(text, where, caller, request) for where, text in _texts(body).items())
    return body.request(source, target)


def named(body: CopyWish) -> Mapping[str, str]:
    """The ends that are saved connections, by their names."""
    return {where: text for where, text in _texts(body).items() if text.startswith(SIGN)}


def _texts(body: CopyWish) -> Mapping[str, str]:
    return {"source": body.source, "target": body.target}


def _end(text: str, where: str, caller: Caller, request: Request) -> Address:
    address = address_of(caller.store, text, where)
    return settled(check_address(address, access(request).connections, where))
