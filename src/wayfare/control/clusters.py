"""Clusters: a database and its replicas, registered under one name so that their schema can be changed."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from wayfare.access.egress import Policy
from wayfare.control.reaching import check_address
from wayfare.core.address import Address
from wayfare.core.changes import Changeable, Part, Replicates
from wayfare.core.errors import Conflict, Invalid, Unreachable, WayfareError
from wayfare.core.principal import Principal
from wayfare.core.status import Status
from wayfare.core.switches import Switches
from wayfare.schema.subject import MASTER, Member
from wayfare.store.seal import address_from, address_text
from wayfare.store.shelf import Record, Shelf
from wayfare.store.store import Store
from wayfare.store.wanted import ALTERATIONS, CLUSTERS
from wayfare.systems.registry import adapter, open_database, settled

NAME = re.compile(r"(?!\d+$)[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", re.ASCII)
PRODUCTION = "production"
ENVIRONMENTS = ("development", "qa", "staging", PRODUCTION)
MEMBERS_MAX = 32


@dataclass(frozen=True, slots=True)
class Server:
    """One member as it was registered. `role` is what the registrant calls it."""

    name: str
    role: str
    address: Address


@dataclass(frozen=True, slots=True)
class Health:
    """How one member answered when it was last asked."""

    member: str
    ok: bool
    at: float  # seconds since the epoch
    part: str = ""  # `core.changes.Part`
    version: str = ""
    connections: int | None = None
    lag_seconds: float | None = None
    message: str = ""
    writes: bool = True  # may clients that ask for nothing else write there?


@dataclass(frozen=True, slots=True)
class Offer:
    """What somebody registers. The first server is the primary."""

    name: str
    environment: str
    servers: tuple[Server, ...]


@dataclass(frozen=True, slots=True)
class Cluster:
    id: str
    number: int
    version: int
    name: str
    system: str
    environment: str
    servers: tuple[Server, ...]
    health: tuple[Health, ...]
    active: str
    created_at: float
    updated_at: float

    @property
    def production(self) -> bool:
        return self.environment == PRODUCTION

    def addresses(self) -> Mapping[str, Address]:
        return {server.name: server.address for server in self.servers}


def register(store: Store, principal: Principal, offer: Offer, policy: Policy) -> Cluster:
    """Its servers need not answer now: how they do is kept beside. Raises Invalid, AddressRefused, Conflict."""
    offer = _acceptable(offer, policy)
    health = ask(offer.servers, policy)
    shelf = Shelf(store, CLUSTERS)
    with store.write() as transaction:
        made = shelf.add(
            transaction, {**_values(offer), "health": _health(health), "active": ""}, secret=_secret(offer)
        )
        _tell(store, transaction, principal, "create", made)
    return _from(shelf, made)


def get(store: Store, reference: str | int) -> Cluster:
    """By name, number or id. Raises NotFound."""
    shelf = Shelf(store, CLUSTERS)
    return _from(shelf, shelf.get(reference))


def everyone(store: Store) -> Sequence[Cluster]:
    shelf = Shelf(store, CLUSTERS)
    return [_from(shelf, record) for record in shelf.find()]


def update(store: Store, principal: Principal, reference: str | int, offer: Offer, policy: Policy) -> Cluster:
    """Raises Invalid, NotFound, AddressRefused, and Conflict while a change of it is at work."""
    shelf = Shelf(store, CLUSTERS)
    record = shelf.get(reference)
    refuse_busy(store, record["active"])
    offer = _acceptable(offer, policy)
    health = ask(offer.servers, policy)
    with store.write() as transaction:
        values = {**_values(offer), "health": _health(health)}
        changed = shelf.change(transaction, record, values, secret=_secret(offer), expected_version=record["version"])
        _tell(store, transaction, principal, "update", changed)
    return _from(shelf, changed)


def remove(store: Store, principal: Principal, reference: str | int) -> None:
    """Raises NotFound, and Conflict while a change of it is at work, or waits."""
    shelf = Shelf(store, CLUSTERS)
    record = shelf.get(reference)
    refuse_busy(store, record["active"])
    waiting = [a for a in Shelf(store, ALTERATIONS).find(cluster=record["id"]) if not a["run"]]
    if waiting:
        told = f"{len(waiting)} changes of it are not carried out yet, the first is {waiting[0]['title']}."
        raise Conflict(told, where="database", remedy="Remove those first.")
    with store.write() as transaction:
        shelf.remove(transaction, record)
        _tell(store, transaction, principal, "remove", record)


def refuse_busy(store: Store, active: str) -> None:
    """Raises Conflict while that run is at work."""
    if run := active_run(store, active):
        raise Conflict(f"run {run} changes it now.", where="database", remedy="Wait for its end, or roll it back.")


def active_run(store: Store, run: str) -> str:
    """The run's id while it is at work, waits, or is undone; else ""."""
    if not run:
        return ""
    found = [r for r in store.runs(status=_AT_WORK, limit=1000) if r.id == run]
    return run if found else ""


_AT_WORK = (Status.QUEUED, Status.RUNNING, Status.WAITING, Status.UNDOING)


def examine(store: Store, reference: str | int, policy: Policy) -> Cluster:
    """Ask its servers now, and keep how they answered."""
    shelf = Shelf(store, CLUSTERS)
    record = shelf.get(reference)
    health = ask(_from(shelf, record).servers, policy)
    with store.write() as transaction:
        changed = shelf.change(transaction, record, {"health": _health(health)})
    return _from(shelf, changed)


def ask(servers: Sequence[Server], policy: Policy) -> tuple[Health, ...]:
    """All at once: one that does not answer holds up nobody else."""
    with ThreadPoolExecutor(max_workers=len(servers)) as pool:
        return tuple(pool.map(lambda server: _asked(server, policy), servers))


def _asked(server: Server, policy: Policy) -> Health:
    now = time.time()
    try:
        with open_database(check_address(server.address, policy)) as database:
            version = database.check().version
            schema = database.schema() if isinstance(database, Changeable) else None
            if not isinstance(schema, Replicates):
                return Health(server.name, True, now, Part.ALONE, version)
            lag = round(schema.lag_seconds(), 3)
            writes = not isinstance(database, Switches) or database.takes_writes()
            return Health(server.name, True, now, schema.part(), version, schema.connections(), lag, writes=writes)
    except WayfareError as error:
        return Health(server.name, False, now, message=str(error))


def members(cluster: Cluster, policy: Policy) -> tuple[Member, ...]:
    """What each server is among the others, asked now. Raises Unreachable for one that does not answer, Invalid where
    the one registered as the primary is none.
    """
    found = ask(cluster.servers, policy)
    for health in found:
        if not health.ok:
            raise Unreachable(health.message, where=health.member, remedy="Start it, or leave it out of the phases.")
    refuse_copy(found[0].part, takes_writes=found[0].writes)
    return tuple(Member(h.member, h.part) for h in found)


def refuse_copy(part: str, *, takes_writes: bool = True) -> None:
    """Raises Invalid for a primary that is none, or that another has taken the place of."""
    if part in (Part.STANDBY, Part.REPLICA):
        told = f"the server registered as the primary is a {part}."
        raise Invalid(told, where=MASTER, remedy="Register the server that takes writes as the primary.")
    if not takes_writes:
        told = "the server registered as the primary takes no writes: its database is read-only by default."
        remedy = "Register the one that does: PUT /api/v1/databases/{databaseId} with its masterConnectionString."
        raise Invalid(told, where=MASTER, remedy=remedy)


def environment_named(text: str, where: str = "environment") -> str:
    """Raises Invalid. Usual short names are understood: prod, dev, test."""
    word = text.strip().lower()
    word = {"prod": PRODUCTION, "dev": "development", "test": "qa", "stage": "staging"}.get(word, word)
    if word not in ENVIRONMENTS:
        known = ", ".join(name.upper() if name == "qa" else name.title() for name in ENVIRONMENTS)
        raise Invalid(f"there is no environment {text[:40]!r}.", where=where, remedy=f"Choose one of: {known}.")
    return word


def _acceptable(offer: Offer, policy: Policy) -> Offer:
    """Raises Invalid, AddressRefused. A host that no name leads to is for `ask` to tell."""
    if not NAME.fullmatch(offer.name):
        remedy = "Use up to 100 letters, digits, dots, dashes and underscores, not digits alone."
        raise Invalid(f"{offer.name[:80]!r} cannot name a database.", where="name", remedy=remedy)
    if len(offer.servers) > MEMBERS_MAX:
        raise Invalid(f"a database has at most {MEMBERS_MAX - 1} replicas.", where="replicas", remedy="Leave some out.")
    names = [server.name for server in offer.servers]
    systems = {adapter(server.address.system).name for server in offer.servers}
    for position, name in enumerate(names[1:]):
        where = f"replicas[{position}].replicaId"
        if not NAME.fullmatch(name) or name == MASTER:
            raise Invalid(
                f"{name[:80]!r} cannot name a replica.", where=where, remedy="Use letters, digits and dashes."
            )
        if name in names[: position + 1]:
            raise Invalid(f"there are two replicas {name}.", where=where, remedy="Give each a name of its own.")
    if len(systems) > 1:
        told = f"its servers are of different systems: {', '.join(sorted(systems))}."
        raise Invalid(told, where="replicas", remedy="Register each database by itself.")
    return Offer(offer.name, offer.environment, tuple(_checked(server, policy) for server in offer.servers))


def _checked(server: Server, policy: Policy) -> Server:
    where = "masterConnectionString" if server.name == MASTER else f"replicas.{server.name}"
    address = settled(server.address)
    with suppress(Unreachable):  # a name that leads nowhere is kept as it is: its health says so
        check_address(address, policy, where)
    return Server(server.name, server.role, address)


def _values(offer: Offer) -> dict[str, Any]:
    members_ = [{"name": server.name, "role": server.role} for server in offer.servers]
    system = adapter(offer.servers[0].address.system).name
    return {
        "name": offer.name,
        "system": system,
        "environment": offer.environment,
        "members": json.dumps(members_),
    }


def _secret(offer: Offer) -> str:
    return json.dumps({server.name: address_text(server.address) for server in offer.servers})


def _health(health: Sequence[Health]) -> str:
    return json.dumps([asdict(h) for h in health])


def _from(shelf: Shelf, record: Record) -> Cluster:
    addresses = json.loads(shelf.secret(record))
    servers = (Server(m["name"], m["role"], address_from(addresses[m["name"]])) for m in json.loads(record["members"]))
    health = (Health(**h) for h in json.loads(record["health"] or "[]"))
    same = ("id", "number", "version", "name", "system", "environment", "active", "created_at", "updated_at")
    return Cluster(servers=tuple(servers), health=tuple(health), **{name: record[name] for name in same})


def _tell(store: Store, transaction: Any, principal: Principal, verb: str, record: Record) -> None:
    details = {"name": record["name"], "environment": record["environment"]}
    store.audit(transaction, principal, f"clusters.{verb}", record["id"], details=details)
    store.publish(transaction, f"cluster.{verb}d", record["id"], details)
