"""The databases that this process has open for a run: one for each role, shared by its steps, closed after the last."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from wayfare.core.address import Address
from wayfare.core.errors import Invalid
from wayfare.core.plan import Plan
from wayfare.core.ports import Database
from wayfare.store.store import Store

OpenDatabase = Callable[[Address], Database]


@dataclass
class OpenRun:
    """What the steps of one run share in this process."""

    run: str
    plan: Plan
    addresses: Mapping[str, Address]
    open_database: OpenDatabase
    users: int = 0
    _databases: dict[str, Database] = field(default_factory=dict)
    _stack: ExitStack = field(default_factory=ExitStack)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def database(self, role: str) -> Database:
        if role not in self.addresses:
            raise Invalid(f"run {self.run} has no {role}.", where=role)
        with self._lock:
            if role not in self._databases:
                self._databases[role] = self._stack.enter_context(self.open_database(self.addresses[role]))
            return self._databases[role]

    def hide(self, text: str) -> str:
        """The text without the run's secrets: drivers like to repeat them in their errors."""
        for address in self.addresses.values():
            for secret in address.secrets():
                text = text.replace(secret, "***")
        return text

    def close(self) -> None:
        self._stack.close()


class OpenRuns:
    def __init__(self, store: Store, open_database: OpenDatabase) -> None:
        self._store = store
        self._open_database = open_database
        self._runs: dict[str, OpenRun] = {}
        self._lock = threading.Lock()

    def __contains__(self, run: str) -> bool:
        return run in self._runs

    @contextmanager
    def using(self, run: str) -> Iterator[OpenRun]:
        """The run's shared things, made by the first user and closed by the last one to leave."""
        with self._lock:
            found = self._runs.get(run)
            if found is None:
                found = OpenRun(run, self._store.plan(run), self._store.addresses(run), self._open_database)
                self._runs[run] = found
            found.users += 1
        try:
            yield found
        finally:
            with self._lock:
                found.users -= 1
                if found.users == 0:
                    try:
                        found.close()
                    finally:
                        del self._runs[run]
