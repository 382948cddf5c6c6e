"""Services: what carries migrations out. This installation is one, known from the beginning; others are called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wayfare.access.egress import Policy, check_url
from wayfare.core.errors import Conflict, Invalid, NotFound
from wayfare.core.principal import Principal
from wayfare.core.status import Status
from wayfare.store.shelf import Record, Shelf
from wayfare.store.store import Store
from wayfare.store.wanted import MIGRATIONS, SERVICES

NAME_CHARACTERS_MAX = 200


@dataclass(frozen=True, slots=True)
class Service:
    id: str
    number: int
    version: int
    name: str
    url: str
    ours: bool  # this installation does itself what it is asked
    created_at: float
    updated_at: float


@dataclass(frozen=True, slots=True)
class Offer:
    """A service as somebody registers it. `ours` is for the face to say: it knows where it listens."""

    name: str
    url: str
    ours: bool


def register(store: Store, principal: Principal, offer: Offer, policy: Policy) -> tuple[Service, bool]:
    """(service, made). The same name and URL again give the same service; the first who registers ours takes it over.

    Raises Invalid for a name or URL that cannot be, AddressRefused.
    """
    _check(offer, policy)
    shelf = Shelf(store, SERVICES)
    if same := shelf.find(name=offer.name, url=offer.url, taken=1):
        return _from(same[0]), False
    values = {"name": offer.name, "url": offer.url, "ours": int(offer.ours), "taken": 1}
    untaken = shelf.find(ours=1, taken=0) if offer.ours else ()
    with store.write() as transaction:
        made = shelf.change(transaction, untaken[0], values) if untaken else shelf.add(transaction, values)
        _tell(store, transaction, principal, "create", made)
    return _from(made), True


def everyone(store: Store, builtin: Offer) -> Sequence[Service]:
    _make_known(store, builtin)
    return [_from(record) for record in Shelf(store, SERVICES).find()]


def get(store: Store, reference: str | int, builtin: Offer | None = None) -> Service:
    """By number or id. Raises NotFound."""
    if builtin:
        _make_known(store, builtin)
    return _from(Shelf(store, SERVICES).get(reference))


def update(store: Store, principal: Principal, reference: str | int, offer: Offer, policy: Policy) -> Service:
    """Raises Invalid, NotFound, AddressRefused."""
    _check(offer, policy)
    shelf = Shelf(store, SERVICES)
    record = shelf.get(reference)
    values = {"name": offer.name, "url": offer.url, "ours": int(offer.ours), "taken": 1}
    with store.write() as transaction:
        changed = shelf.change(transaction, record, values)
        _tell(store, transaction, principal, "update", changed)
    return _from(changed)


def remove(store: Store, principal: Principal, reference: str | int) -> None:
    """Raises NotFound, and Conflict while a migration waits for it or is at work."""
    shelf = Shelf(store, SERVICES)
    record = shelf.get(reference)
    for status in (Status.QUEUED, Status.RUNNING):
        if needed := Shelf(store, MIGRATIONS).find(1, service=record["number"], status=status):
            told = f"migration {needed[0]['number']} is {status}, and needs it."
            raise Conflict(told, where="service", remedy="Delete that first, or wait for its end.")
    with store.write() as transaction:
        shelf.remove(transaction, record)
        _tell(store, transaction, principal, "remove", record)


def _make_known(store: Store, builtin: Offer) -> None:
    """The first service of a tenant that has never had one is ours."""
    shelf = Shelf(store, SERVICES)
    if shelf.ever():
        return
    try:
        with store.write() as transaction:
            made = shelf.add(transaction, {"name": builtin.name, "url": builtin.url, "ours": 1, "taken": 0})
            if made["number"] != 1:
                raise Conflict("somebody else was first.")
    except Conflict:
        return


def _check(offer: Offer, policy: Policy) -> None:
    if not offer.name.strip() or len(offer.name) > NAME_CHARACTERS_MAX:
        told = f"a service has a name of at most {NAME_CHARACTERS_MAX} characters."
        raise Invalid(told, where="name", remedy="Give it one.")
    if not offer.ours:
        check_url(offer.url, policy, where="service_url")


def _tell(store: Store, transaction: Any, principal: Principal, verb: str, record: Record) -> None:
    details = {"name": record["name"], "url": record["url"]}
    store.audit(transaction, principal, f"services.{verb}", record["id"], details=details)
    store.publish(transaction, f"service.{verb}d", record["id"], details)


def _from(record: Record) -> Service:
    same = ("id", "number", "version", "name", "url", "created_at", "updated_at")
    return Service(ours=bool(record["ours"]), **{name: record[name] for name in same})


def named(store: Store, number: int) -> str | None:
    """The name of a service, where it is still there."""
    try:
        return get(store, number).name
    except NotFound:
        return None
