"""Tenants: who shares an installation without seeing each other's records."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from wayfare.access.tables import TENANTS
from wayfare.core.errors import Conflict, Invalid, NotFound
from wayfare.core.principal import DEFAULT_TENANT, Principal, tenant_id
from wayfare.store.store import Store

NAME_CHARACTERS_MAX = 200


@dataclass(frozen=True, slots=True)
class Tenant:
    id: str
    name: str
    created_at: float  # seconds since the epoch


class Tenants:
    def __init__(self, store: Store) -> None:
        self._all = store.everywhere
        self._home = store.of(DEFAULT_TENANT)

    def all(self) -> Sequence[Tenant]:
        with self._all.read() as connection:
            rows = connection.execute(sa.select(TENANTS).order_by(TENANTS.c.created_at, TENANTS.c.id)).all()
        return [Tenant(row.id, row.name, row.created_at) for row in rows]

    def get(self, id_: str) -> Tenant:
        """Raises NotFound."""
        found = next((tenant for tenant in self.all() if tenant.id == id_), None)
        if found is None:
            raise NotFound(
                f"there is no tenant {id_[:80]!r}.", where="tenant", remedy="List them: wayfare tenants list"
            )
        return found

    def add(self, by: Principal, id_: str, name: str = "") -> Tenant:
        """Raises Invalid, Conflict."""
        tenant = Tenant(tenant_id(id_), name.strip() or id_, time.time())
        if len(tenant.name) > NAME_CHARACTERS_MAX or not tenant.name.isprintable():
            raise Invalid(f"a name has up to {NAME_CHARACTERS_MAX} printable characters.", where="name")
        with self._all.write() as connection:
            connection.execute(sa.select(TENANTS.c.id).where(TENANTS.c.id == DEFAULT_TENANT).with_for_update()).one()
            same = sa.select(TENANTS.c.id).where(sa.func.lower(TENANTS.c.id) == tenant.id.lower())
            if connection.execute(same).first():
                raise Conflict(
                    f"there is a tenant {tenant.id!r} already.", where="tenant", remedy="Choose another name."
                )
            row = {"id": tenant.id, "name": tenant.name, "created_at": tenant.created_at}
            connection.execute(sa.insert(TENANTS), row)
            self._home.audit(connection, by, "tenants.add", tenant.id, details={"name": tenant.name})
        return tenant
