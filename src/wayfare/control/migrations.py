"""Migrations: what somebody wants, stored with its secrets sealed, to be carried out at a time or on request."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wayfare.control.masking import merged, shown
from wayfare.control.ordered import ends_of, plain
from wayfare.copy.request import CopyRequest
from wayfare.core.errors import Conflict
from wayfare.core.plan import Json
from wayfare.core.principal import Principal
from wayfare.core.status import Status
from wayfare.store.shelf import Record, Shelf
from wayfare.store.store import Store
from wayfare.store.wanted import MIGRATIONS


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a face has understood of a request. `copy` is None where another service is to understand it."""

    document: Json  # as it was sent, with its secrets
    variety: str  # "full", "incremental"
    copy: CopyRequest | None = None


@dataclass(frozen=True, slots=True)
class Migration:
    id: str
    number: int
    version: int
    owner: str
    owner_name: str
    service: int
    variety: str
    document: Json  # as it was sent, without secrets
    due_at: float | None  # seconds since the epoch; None: on request
    status: Status
    run: str  # the id of the run that carries it out; "" where none does
    result: Json
    error: str
    created_at: float
    updated_at: float
    started_at: float | None
    ended_at: float | None
    record: Record  # as it is kept


def create(store: Store, principal: Principal, service: int, wanted: Wanted, due_at: float | None) -> Migration:
    shelf = Shelf(store, MIGRATIONS)
    values = {
        "owner": principal.user,
        "owner_name": principal.name,
        "service": service,
        "variety": wanted.variety,
        "due_at": due_at,
        **_FRESH,
    }
    with store.write() as transaction:
        made = shelf.add(transaction, values, secret=_secret(wanted))
        store.audit(transaction, principal, "migrations.create", made["id"], details={"number": made["number"]})
        store.publish(transaction, "migration.created", made["id"], {"number": made["number"]})
    return _from(shelf, made)


def get(store: Store, reference: str | int) -> Migration:
    """By number or id. Raises NotFound."""
    shelf = Shelf(store, MIGRATIONS)
    return _from(shelf, shelf.get(reference))


def owned(store: Store, owner: str, limit: int = 1000) -> Sequence[Migration]:
    """Of one account, newest first."""
    shelf = Shelf(store, MIGRATIONS)
    return [_from(shelf, record) for record in shelf.find(limit, newest_first=True, owner=owner)]


def tally(store: Store, owner: str) -> Mapping[tuple[Status, str], int]:
    """How many of one account stand where: (status, variety) → number."""
    counted = Shelf(store, MIGRATIONS).count("status", "variety", owner=owner)
    return {(Status(status), variety): number for (status, variety), number in counted.items()}


def document_of(store: Store, migration: Migration, changes: Json) -> Json:
    """`changes` as they were sent for this migration, with the secrets that `***` stands for."""
    return merged(changes, json.loads(Shelf(store, MIGRATIONS).secret(migration.record))["document"])


def update(
    store: Store,
    principal: Principal,
    migration: Migration,
    *,
    service: int | None = None,
    wanted: Wanted | None = None,
    due_at: float | None = None,
) -> Migration:
    """A changed migration waits for its time again, also where it had ended. Raises Conflict while it is at work."""
    if migration.status is Status.RUNNING:
        raise Conflict("it is running.", where="migration", remedy="Wait for its end.")
    values: dict[str, Any] = {} if service is None else {"service": service}
    if due_at is not None:
        values["due_at"] = due_at
    if wanted:
        values["variety"] = wanted.variety
    if values or wanted:
        values |= _FRESH
    shelf = Shelf(store, MIGRATIONS)
    secret = _secret(wanted) if wanted else None
    with store.write() as transaction:
        changed = shelf.change(transaction, migration.record, values, secret=secret, expected_version=migration.version)
        store.audit(transaction, principal, "migrations.update", migration.id, details={"number": migration.number})
        store.publish(transaction, "migration.updated", migration.id, {"number": migration.number})
    return _from(shelf, changed)


def remove(store: Store, principal: Principal, migration: Migration) -> None:
    """Raises Conflict while it is at work."""
    if migration.status is Status.RUNNING:
        raise Conflict("it is running.", where="migration", remedy="Wait for its end.")
    with store.write() as transaction:
        Shelf(store, MIGRATIONS).remove(transaction, migration.record)
        store.audit(transaction, principal, "migrations.remove", migration.id, details={"number": migration.number})
        store.publish(transaction, "migration.removed", migration.id, {"number": migration.number})


_FRESH: Mapping[str, Any] = {
    "status": Status.QUEUED,
    "run": "",
    "started_by": "",
    "lease_until": 0.0,
    "attempts": 0,
    "result": "null",
    "error": "",
    "started_at": None,
    "ended_at": None,
}


def _secret(wanted: Wanted) -> str:
    copy = wanted.copy
    kept = {"copy": plain(copy), "ends": ends_of(copy)} if copy else {"copy": None, "ends": ""}
    return json.dumps({"document": wanted.document, **kept})


def _from(shelf: Shelf, record: Record) -> Migration:
    same = ("id", "number", "version", "owner", "owner_name", "service", "variety", "due_at", "run", "error")
    times = ("created_at", "updated_at", "started_at", "ended_at")
    return Migration(
        document=shown(json.loads(shelf.secret(record))["document"]),
        status=Status(record["status"]),
        result=json.loads(record["result"]),
        record=record,
        **{name: record[name] for name in (*same, *times)},
    )
