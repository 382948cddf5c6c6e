"""Find adapters by folder: a folder is one when its `__init__` defines ADAPTER. Drivers load only when opened."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

from wayfare.core.address import Address
from wayfare.core.errors import Invalid, Unavailable
from wayfare.core.ports import Database


@dataclass(frozen=True, slots=True)
class Reach:
    """What opening an address touches beside the database: those who serve others look at it first."""

    hosts: Sequence[tuple[str, int]] = ()  # … and ports that are called; "" or a path is a socket of this machine
    files: Sequence[str] = ()  # options that name files, programs or sockets of this machine
    borrowed: Sequence[str] = ()  # what is left out, and would be taken from this machine's user or environment


@dataclass(frozen=True, slots=True)
class Adapter:
    name: str  # the folder's name, and the first word of a URL: "postgresql"
    title: str  # "PostgreSQL"
    open: str  # "module:callable"; the callable takes an Address
    example: str  # "postgresql://user:password@host:5432/database"
    aliases: tuple[str, ...] = ()
    drivers: tuple[str, ...] = ()  # importable modules it needs
    extra: str = ""  # the extra of pyproject.toml that brings them; "" when they come with Wayfare
    sql_dialect: str = ""  # what sqlglot calls it
    port: int = 0
    in_a_path: bool = False  # without a host, its database is a file or folder
    confined: Mapping[str, str] | None = None  # options that keep it to what it is given; None: a file's nothing keeps
    reach: str = ""  # "module:callable"; takes an Address, gives its Reach. "": host and port are all there is to it
    source_only: bool = False  # it can be copied from, not to: what it opens has no `Stages`

    @property
    def missing(self) -> tuple[str, ...]:
        return tuple(d for d in self.drivers if find_spec(d.partition(".")[0]) is None)


@lru_cache(maxsize=1)
def databases() -> Mapping[str, Adapter]:
    package = import_module("wayfare.systems.databases")
    modules = (import_module(m.name) for m in pkgutil.iter_modules(package.__path__, package.__name__ + "."))
    found = [a for m in modules if (a := getattr(m, "ADAPTER", None))]
    return MappingProxyType({a.name: a for a in sorted(found, key=lambda a: a.name)})


def adapter(system: str) -> Adapter:
    """The adapter of a name or alias. Raises Invalid, listing what there is."""
    for found in databases().values():
        if system == found.name or system in found.aliases:
            return found
    known = ", ".join(databases())
    raise Invalid(f"there is no system called {system!r}.", where="url", remedy=f"Known systems: {known}.")


def settled(address: Address) -> Address:
    """The address with a relative path made absolute: another process, in another folder, may be the one to open it."""
    path = address.database
    if not adapter(address.system).in_a_path or address.host or not path or path.startswith(":"):
        return address
    return replace(address, database=str(Path(path).absolute()))


def reach_of(address: Address) -> Reach:
    """Pure. Raises Invalid for an address that its system cannot read."""
    found = adapter(address.system)
    if not found.reach:
        return Reach(hosts=[(address.host, address.port or found.port)])
    reach: Callable[[Address], Reach] = _load(found.reach)
    return reach(address)


def preload(url: str) -> None:
    """Import a database that is a library, which may take a while. Raises Invalid and ImportError."""
    address = Address.parse(url)
    found = adapter(address.system)
    for driver in found.drivers if found.in_a_path and not address.host else ():
        import_module(driver)


def open_database(address: Address) -> Database:
    """A database that connects at first use. Raises Invalid (unknown system) or Unavailable (driver not installed)."""
    found = adapter(address.system)
    if found.missing:
        remedy = f"Install it with: uv pip install 'wayfare[{found.extra}]'" if found.extra else "Reinstall Wayfare."
        raise Unavailable(f"{found.title} needs {', '.join(found.missing)}, not installed here.", remedy=remedy)
    return cast(Database, _load(found.open)(address))


def _load(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)
