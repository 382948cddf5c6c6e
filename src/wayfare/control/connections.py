"""Connections: saved, named addresses. Nobody sees their secrets; `@name` stands for one where a URL could.

A change that sends `***` for a secret keeps the old one, as long as it still goes to the same place: else whoever may
change a connection could have its password sent to a server of their own.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from wayfare.access.egress import Policy
from wayfare.control.masking import MASK
from wayfare.control.reaching import check_address, milliseconds_since
from wayfare.core.address import SIGN, Address
from wayfare.core.errors import Invalid, WayfareError
from wayfare.core.findings import Finding
from wayfare.core.principal import Principal
from wayfare.core.redacted import Redacted
from wayfare.store.seal import address_from, address_text
from wayfare.store.shelf import Record, Shelf
from wayfare.store.store import Store
from wayfare.store.wanted import CONNECTIONS
from wayfare.systems.registry import adapter, open_database, settled

NAME = re.compile(r"(?!\d+$)[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Check:
    """How a connection answered when it was last tried."""

    ok: bool
    at: float  # seconds since the epoch
    latency_ms: float
    version: str = ""  # "PostgreSQL 18.6"
    message: str = ""  # what was wrong
    code: str = ""  # … as in docs/errors.md
    findings: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Connection:
    id: str
    number: int
    version: int
    name: str
    address: Address
    checked: Check | None
    created_at: float
    updated_at: float

    def to_json(self) -> dict[str, Any]:
        """For people and faces: without secrets."""
        address = self.address
        return {
            "id": self.id,
            "number": self.number,
            "version": self.version,
            "name": self.name,
            "system": adapter(address.system).name,
            "url": address.url(),
            "host": address.host,
            "port": address.port,
            "database": address.database,
            "user": address.user,
            "password": MASK if address.password else "",
            "options": dict(address.shown_options()),
            "checked": check_json(self.checked) if self.checked else None,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
        }


def check_json(check: Check) -> dict[str, Any]:
    found = {name: getattr(check, name) for name in Check.__dataclass_fields__}
    return {**found, "findings": [dict(f) for f in check.findings]}


def create(store: Store, principal: Principal, name: str, address: Address, policy: Policy) -> Connection:
    """Raises Invalid for a name, system or secret that cannot be; AddressRefused; Conflict for a name that is taken."""
    if not NAME.fullmatch(name):
        remedy = "Use up to 64 letters, digits, dots, dashes and underscores, not digits alone."
        raise Invalid(f"{name[:80]!r} cannot name a connection.", where="name", remedy=remedy)
    address = _acceptable(address, policy)
    if MASK in address.secrets():
        raise Invalid("*** stands for a secret that is already kept.", where="password", remedy="Give the secret.")
    shelf = Shelf(store, CONNECTIONS)
    with store.write() as transaction:
        values = {"name": name, "system": address.system, "checked": ""}
        made = shelf.add(transaction, values, secret=address_text(address))
        store.audit(transaction, principal, "connections.create", made["id"], details={"name": name})
        store.publish(transaction, "connection.created", made["id"], {"name": name, "system": address.system})
    return _from(shelf, made)


def get(store: Store, reference: str | int) -> Connection:
    """By name, number or id. Raises NotFound."""
    shelf = Shelf(store, CONNECTIONS)
    return _from(shelf, shelf.get(reference))


def everyone(store: Store) -> Sequence[Connection]:
    """All of the tenant, in the order they were made."""
    shelf = Shelf(store, CONNECTIONS)
    return [_from(shelf, record) for record in shelf.find()]


def update(
    store: Store,
    principal: Principal,
    reference: str | int,
    policy: Policy,
    *,
    name: str = "",
    address: Address | None = None,
    expected_version: int | None = None,
) -> Connection:
    """Change the name, the address or both. Raises Invalid, NotFound, Conflict, Stale."""
    shelf = Shelf(store, CONNECTIONS)
    record = shelf.get(reference)
    values: dict[str, Any] = {}
    if name:
        if not NAME.fullmatch(name):
            raise Invalid(f"{name[:80]!r} cannot name a connection.", where="name", remedy="Choose another.")
        values["name"] = name
    secret = None
    if address is not None:
        address = _acceptable(_unmasked(address, _from(shelf, record).address), policy)
        secret = address_text(address)
        values |= {"system": address.system, "checked": ""}
    with store.write() as transaction:
        changed = shelf.change(transaction, record, values, secret=secret, expected_version=expected_version)
        details = {"name": changed["name"], "address": address is not None}
        store.audit(transaction, principal, "connections.update", record["id"], details=details)
        store.publish(transaction, "connection.updated", record["id"], {"name": changed["name"]})
    return _from(shelf, changed)


def remove(store: Store, principal: Principal, reference: str | int) -> None:
    """Raises NotFound. Schedules that name it fail from then on, and say so."""
    shelf = Shelf(store, CONNECTIONS)
    record = shelf.get(reference)
    with store.write() as transaction:
        shelf.remove(transaction, record)
        store.audit(transaction, principal, "connections.remove", record["id"], details={"name": record["name"]})
        store.publish(transaction, "connection.removed", record["id"], {"name": record["name"]})


def test(store: Store, reference: str | int, policy: Policy) -> Check:
    """Try it now, and keep how it answered. What is wrong with the server is told, not raised."""
    shelf = Shelf(store, CONNECTIONS)
    record = shelf.get(reference)
    check = tried(_from(shelf, record).address, policy)
    with store.write() as transaction:
        shelf.change(transaction, record, {"checked": json.dumps(check_json(check))})
    return check


def tried(address: Address, policy: Policy) -> Check:
    """How that address answers now."""
    began = time.monotonic()
    try:
        with open_database(check_address(address, policy)) as database:
            facts = database.check()
    except WayfareError as error:
        return Check(False, time.time(), milliseconds_since(began), message=str(error), code=error.code)
    return Check(
        True, time.time(), milliseconds_since(began), facts.version, findings=tuple(map(_told, facts.findings))
    )


def describe(address: Address, policy: Policy) -> dict[str, Any]:
    """The server's version and its tables, with columns and estimates. Raises what the system raises."""
    with open_database(check_address(address, policy)) as database:
        version = database.check().version
        tables = database.tables()
    return {
        "version": version,
        "tables": [
            {
                "name": table.label,
                "rows_estimate": table.rows_estimate,
                "bytes_estimate": table.bytes_estimate,
                "key": list(table.key),
                "comment": table.comment,
                "columns": [
                    {"name": c.name, "type": c.native or str(c.type), "nullable": c.nullable, "comment": c.comment}
                    for c in table.columns
                ],
            }
            for table in tables
        ],
    }


def address_of(store: Store, text: str, where: str = "url") -> Address:
    """What `@name`, or a URL, stands for. Raises Invalid, naming `where`; NotFound for an unknown name."""
    if text.startswith(SIGN):
        return get(store, text.removeprefix(SIGN)).address
    address = Address.parse(text, where=where)
    adapter(address.system)
    return address


def _acceptable(address: Address, policy: Policy) -> Address:
    found = adapter(address.system)
    return settled(replace(check_address(address, policy), system=found.name))


def _unmasked(new: Address, old: Address) -> Address:
    """`new` with the secrets of `old` where it has `***`."""
    options = {k: old.options.get(k, v) if v == MASK else v for k, v in new.options.items()}
    keeps = new.password.reveal() == MASK or options != dict(new.options)
    if not keeps:
        return new
    if _place(new) != _place(old):
        raise Invalid(
            "a secret is not sent to another place than it was given for.",
            where="password",
            remedy="Give the password again, as the address has changed.",
        )
    password = old.password if new.password.reveal() == MASK else new.password
    return replace(new, password=Redacted(password.reveal()), options=options)


def _place(address: Address) -> tuple[object, ...]:
    """Where secrets go: the server, and every option that is none, as some of them are addresses too."""
    return adapter(address.system).name, address.host, address.port, sorted(address.shown_options().items())


def _from(shelf: Shelf, record: Record) -> Connection:
    kept = json.loads(record["checked"]) if record["checked"] else None
    check = Check(**{**kept, "findings": tuple(kept["findings"])}) if kept else None
    plain = {name: record[name] for name in ("id", "number", "version", "name", "created_at", "updated_at")}
    return Connection(address=address_from(shelf.secret(record)), checked=check, **plain)


def _told(finding: Finding) -> Mapping[str, str]:
    return {name: str(getattr(finding, name)) for name in ("code", "severity", "message", "where", "advice")}
