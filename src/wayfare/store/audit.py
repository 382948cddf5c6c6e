"""Who did what: a chain of entries in each tenant, each with the hash of the one before.

An entry that is edited, deleted or moved breaks the chain. How long it is and how it ends is sealed with the
installation's key, so that nobody who can write the tables, but has no key, can cut its end off or make a new chain.
What this cannot show: that everything, tables and seal, was put back to an earlier state, as restoring a backup does.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from wayfare.core.errors import Invalid
from wayfare.core.plan import Json
from wayfare.store.records import dumps
from wayfare.store.schema import AUDIT, AUDIT_HEADS
from wayfare.store.seal import Place, Sealer

NOTHING = "0" * 64  # what the first entry has before it
AT_ONCE = 5000
_ENCODE = json.JSONEncoder(separators=(",", ":")).encode  # made once: json.dumps would make one for each entry
_FIELDS = ("tenant", "sequence", "at", "principal", "action", "subject", "outcome", "details", "previous")
_COLUMNS = [AUDIT.c[name] for name in (*_FIELDS, "hash")]


@dataclass(frozen=True, slots=True)
class Entry:
    tenant: str
    principal: str  # the account's id
    action: str  # "connection.create"
    subject: str  # the id of what it was done to
    outcome: str  # "done", "refused", "failed"
    details: Mapping[str, Json]
    sequence: int = 0  # 1, 2, 3 … in each tenant
    at: float = 0.0  # seconds since the epoch


@dataclass(frozen=True, slots=True)
class Break:
    """Where a chain does not hold."""

    tenant: str
    sequence: int
    what: str


def append(connection: sa.Connection, sealer: Sealer, entry: Entry) -> None:
    """Raises Invalid where the end of the chain cannot be unsealed: nothing may be recorded beside the chain."""
    count, last = _head(connection, sealer, entry.tenant)
    row: dict[str, object] = {"tenant": entry.tenant, "sequence": count + 1, "at": entry.at or time.time()}
    row |= {"principal": entry.principal, "action": entry.action, "subject": entry.subject, "outcome": entry.outcome}
    row |= {"details": dumps(dict(entry.details)), "previous": last}
    hash_ = _hash([row[name] for name in _FIELDS])
    connection.execute(sa.insert(AUDIT), {**row, "hash": hash_})
    sealed = sealer.seal(f"{count + 1} {hash_}", _place(entry.tenant))
    connection.execute(sa.update(AUDIT_HEADS).where(AUDIT_HEADS.c.tenant == entry.tenant).values(sealed=sealed))


def entries(connection: sa.Connection, *, limit: int = 50, before: int | None = None) -> Sequence[Entry]:
    """Newest first."""
    query = sa.select(AUDIT).order_by(AUDIT.c.sequence.desc()).limit(limit)
    if before is not None:
        query = query.where(AUDIT.c.sequence < before)
    rows = connection.execute(query).all()
    return [
        Entry(r.tenant, r.principal, r.action, r.subject, r.outcome, json.loads(r.details), r.sequence, r.at)
        for r in rows
    ]


def tenants(connection: sa.Connection) -> Sequence[str]:
    """All that have entries, or had some."""
    query = sa.union(sa.select(AUDIT.c.tenant), sa.select(AUDIT_HEADS.c.tenant))
    return sorted(connection.execute(query).scalars())


def verify(connection: sa.Connection, sealer: Sealer, tenant: str) -> tuple[int, Break | None]:
    """(entries, the first break) of the tenant's chain. Call it in a `snapshot`: nothing may be added meanwhile."""
    query = sa.select(*_COLUMNS).where(AUDIT.c.tenant == tenant).order_by(AUDIT.c.sequence)
    count, last = 0, NOTHING
    with connection.execute(query.execution_options(yield_per=AT_ONCE)) as rows:
        for row in rows:
            if row[1] != count + 1:
                return count, Break(tenant, count + 1, "is missing")
            if row[8] != last:
                return count, Break(tenant, count + 1, "does not follow from the entry before it")
            count, last = count + 1, row[9]
            if _hash(list(row[:9])) != last:
                return count, Break(tenant, count, "was changed")
    return count, _end(connection, sealer, tenant, count, last)


def _end(connection: sa.Connection, sealer: Sealer, tenant: str, count: int, last: str) -> Break | None:
    query = sa.select(AUDIT_HEADS.c.sealed).where(AUDIT_HEADS.c.tenant == tenant)
    sealed = connection.execute(query).scalar_one_or_none()
    if sealed is None:
        return Break(tenant, count, "is the last, but its seal is missing") if count else None
    try:
        meant = _opened(sealer, sealed, tenant)
    except Invalid:
        return Break(tenant, count, "is the last, but its seal does not open with this key")
    if meant[0] > count:
        return Break(tenant, count + 1, f"is missing, and all after it to {meant[0]}")
    if meant != (count, last):
        return Break(tenant, count, "is not the last that was sealed")
    return None


def _head(connection: sa.Connection, sealer: Sealer, tenant: str) -> tuple[int, str]:
    """(number of entries, hash of the last), held until the transaction ends."""
    query = sa.select(AUDIT_HEADS.c.sealed).where(AUDIT_HEADS.c.tenant == tenant).with_for_update()
    sealed = connection.execute(query).scalar_one_or_none()
    if sealed is None:
        _begin(connection, sealer, tenant)
        sealed = connection.execute(query).scalar_one()
    return _opened(sealer, sealed, tenant)


def _begin(connection: sa.Connection, sealer: Sealer, tenant: str) -> None:
    """Two transactions may begin the chain at once: both dialects know ON CONFLICT, each under its own name."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert
    else:
        from sqlalchemy.dialects.sqlite import insert  # type: ignore[assignment]
    row = {"tenant": tenant, "sealed": sealer.seal(f"0 {NOTHING}", _place(tenant))}
    connection.execute(insert(AUDIT_HEADS).on_conflict_do_nothing(), row)


def _opened(sealer: Sealer, sealed: str, tenant: str) -> tuple[int, str]:
    count, _, last = sealer.unseal(sealed, _place(tenant)).partition(" ")
    return int(count), last


def _place(tenant: str) -> Place:
    return Place(tenant, AUDIT_HEADS.name, "sealed", "")


def _hash(values: Sequence[object]) -> str:
    """Over the values as JSON, which says where each begins and ends. Times keep every bit of theirs."""
    return hashlib.sha256(_ENCODE(values).encode()).hexdigest()
