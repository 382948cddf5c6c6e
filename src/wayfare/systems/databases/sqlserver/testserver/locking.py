"""Locks as SQL Server has them, of whole objects: held to the transaction's end, waited for as LOCK_TIMEOUT says.

DuckDB has none: it refuses where two transactions meet. Rows are locked with their whole table, as a server that
escalates would. Who only reads takes Sch-S alone, as in a database with READ_COMMITTED_SNAPSHOT.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from wayfare.systems.databases.sqlserver.testserver.wire import SqlError

Resource = tuple[str, str, str]  # the database; the schema, or "" for an application's lock; the name
LOOK_SECONDS = 0.2

# The lock compatibility of "Transaction locking and row versioning guide".
_TOGETHER: dict[str, frozenset[str]] = {
    "Sch-S": frozenset({"Sch-S", "IS", "S", "U", "IX", "X"}),
    "IS": frozenset({"Sch-S", "IS", "S", "U", "IX"}),
    "S": frozenset({"Sch-S", "IS", "S", "U"}),
    "U": frozenset({"Sch-S", "IS", "S"}),
    "IX": frozenset({"Sch-S", "IS", "IX"}),
    "X": frozenset({"Sch-S"}),
    "Sch-M": frozenset(),
}
READS = ("Sch-S",)  # given back at the statement's end


@dataclass(slots=True)
class Owner:
    """A connection, as far as locks are concerned."""

    number: int
    host: str = ""
    program: str = ""
    end: Callable[[], None] = lambda: None  # its connection, from outside
    killed: bool = False
    held: dict[Resource, set[str]] = field(default_factory=lambda: defaultdict(set))
    applications: dict[Resource, int] = field(default_factory=dict)  # of the session: how often it was asked for


class Locks:
    """Thread-safe; one for a server."""

    def __init__(self) -> None:
        self._free = threading.Condition()
        self._owners: dict[int, Owner] = {}
        self._next = 51

    def join(self) -> Owner:
        with self._free:
            owner = Owner(self._next)
            self._next += 1
            self._owners[owner.number] = owner
            return owner

    def leave(self, owner: Owner) -> None:
        with self._free:
            self._owners.pop(owner.number, None)
            self._free.notify_all()

    def owners(self) -> list[Owner]:
        with self._free:
            return list(self._owners.values())

    def take(self, owner: Owner, resource: Resource, mode: str, timeout_ms: int) -> None:
        """Raises SqlError 1222 when it is not free in time; -1 waits for ever."""
        deadline = time.monotonic() + timeout_ms / 1000 if timeout_ms >= 0 else None
        with self._free:
            while not self._can(owner, resource, mode):
                left = LOOK_SECONDS if deadline is None else deadline - time.monotonic()
                if owner.killed:
                    raise SqlError(596, "Cannot continue the execution because the session is in the kill state.", 21)
                if left <= 0:
                    raise SqlError(1222, "Lock request time out period exceeded.")
                self._free.wait(min(left, LOOK_SECONDS))
            owner.held[resource].add(mode)

    def _can(self, owner: Owner, resource: Resource, mode: str) -> bool:
        others = (o for o in self._owners.values() if o is not owner)
        return all(m in _TOGETHER[mode] for other in others for m in other.held.get(resource, ()))

    def end_statement(self, owner: Owner, *, within: bool) -> None:
        """`within` a transaction only what was read is given back."""
        with self._free:
            for resource, modes in list(owner.held.items()):
                modes.difference_update(READS if within else set(modes))
                if not modes:
                    del owner.held[resource]
            self._free.notify_all()

    # ---- sp_getapplock, whose owner is the session

    def take_application(self, owner: Owner, resource: Resource) -> bool:
        """Without waiting."""
        with self._free:
            if not self._is_free(owner, resource):
                return False
            owner.applications[resource] = owner.applications.get(resource, 0) + 1
            return True

    def application_free(self, owner: Owner, resource: Resource) -> bool:
        with self._free:
            return self._is_free(owner, resource)

    def _is_free(self, owner: Owner, resource: Resource) -> bool:
        return not any(resource in o.applications for o in self._owners.values() if o is not owner)

    def release_application(self, owner: Owner, resource: Resource) -> bool:
        with self._free:
            if resource not in owner.applications:
                return False
            owner.applications[resource] -= 1
            if not owner.applications[resource]:
                del owner.applications[resource]
            return True

    def listed(self) -> Iterator[tuple[int, Resource, str]]:
        """Session, resource and mode of every lock; applications' are Exclusive."""
        with self._free:
            for owner in self._owners.values():
                yield from [(owner.number, r, m) for r, modes in owner.held.items() for m in sorted(modes)]
                yield from [(owner.number, r, "X") for r in owner.applications]
