"""A store as one tenant sees it: its transactions, and what is written into them beside a change."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from typing import Self

import sqlalchemy as sa

from wayfare.core.errors import Bug
from wayfare.core.plan import Json
from wayfare.core.principal import DEFAULT_TENANT, Principal
from wayfare.settings import Settings
from wayfare.store import audit, outbox, roles
from wayfare.store.database import Connections
from wayfare.store.revisions import EVERYTHING
from wayfare.store.seal import Sealer


class Bound:
    """`of(tenant)` gives other views on the same connections; closing one closes them all."""

    def __init__(self, connections: Connections, sealer: Sealer, tenant: str = DEFAULT_TENANT) -> None:
        self._connections = connections
        self.sealer = sealer
        self._db = connections.everywhere if tenant == EVERYTHING else connections.of(tenant)

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """The default tenant's. Creates the store, or brings it up to date. Many processes may have it open."""
        connections = Connections(settings)
        try:
            connections.upgrade()
        except BaseException:
            connections.close()
            raise
        return cls(connections, Sealer(settings.key, settings.home, settings.old_key))

    def close(self) -> None:
        self._connections.close()

    def of(self, tenant: str) -> Self:
        """The store of that tenant; cheap. Raises Invalid for what cannot name a tenant, also for `everywhere`'s."""
        self._connections.of(tenant)
        return type(self)(self._connections, self.sealer, tenant)

    @cached_property
    def everywhere(self) -> Self:
        """Not fenced: the rows of all tenants. For the engine and for what serves the whole installation, only."""
        return type(self)(self._connections, self.sealer, EVERYTHING)

    @property
    def one_tenant(self) -> str:
        """Raises Bug where the store is bound to none."""
        if self._db.tenant == EVERYTHING:
            raise Bug("a tenant is needed here: take store.of(tenant).")
        return self._db.tenant

    def write(self) -> AbstractContextManager[sa.Connection]:
        """A transaction, bound to the tenant; it commits when left without an error."""
        return self._db.write()

    def read(self) -> AbstractContextManager[sa.Connection]:
        """Bound to the tenant. No transaction: each statement sees what is committed by then."""
        return self._db.read()

    def alone(self) -> AbstractContextManager[sa.Connection]:
        """For a write of one statement, which commits by itself: a third of what a transaction takes."""
        return self._db.alone()

    def snapshot(self) -> AbstractContextManager[sa.Connection]:
        """A transaction for reading alone: all of it sees one state."""
        return self._db.snapshot()

    def publish(self, connection: sa.Connection, topic: str, subject: str, data: Json) -> None:
        """Tell others of a change, in its transaction; last in it, as others who publish wait. Without secrets."""
        outbox.publish(connection, self.one_tenant, topic, subject, data)

    def published(
        self, since: int = 0, *, limit: int = 1000, topics: Collection[str] = ()
    ) -> Sequence[outbox.Publication]:
        """What was told after the sequence `since`, in order; of all tenants from `everywhere`."""
        with self.read() as connection:
            return outbox.published(connection, since, limit=limit, topics=topics)

    def audit(
        self,
        connection: sa.Connection,
        principal: Principal,
        action: str,
        subject: str,
        outcome: str = "done",
        details: Mapping[str, Json] | None = None,
    ) -> None:
        """Record who did what, in the transaction of the change. `details` must hold no secrets."""
        entry = audit.Entry(self.one_tenant, principal.user, action, subject, outcome, dict(details or {}))
        audit.append(connection, self.sealer, entry)

    def refuse_superuser(self) -> None:
        """Raises Invalid where PostgreSQL would not fence our role. Who serves several tenants asks at the start."""
        with self.read() as connection:
            roles.refuse_superuser(connection)
