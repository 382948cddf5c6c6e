"""What of the machine it runs on a service lends to those it serves: files, sockets, the environment.

Without accounts, whoever can call is a user of this machine, and may name any file but the service's own. With
accounts, nothing is lent: databases that live in files are found below one folder for each tenant, and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from wayfare.access.refused import AddressRefused
from wayfare.core.principal import tenant_id
from wayfare.settings import Settings

FILES = "files"  # the folder in WAYFARE_HOME that has one for each tenant


@dataclass(frozen=True, slots=True)
class Machine:
    own: tuple[Path, ...] = ()  # the service's files and folders
    files: Path | None = None  # … except this one
    folder: Path | None = None  # the only place where databases may be; None: anywhere, as everything is lent

    @classmethod
    def of(cls, settings: Settings, *, lends: bool) -> Self:
        files = settings.home / FILES
        store = settings.store_url.partition("?")[0].partition(":///")[2] if settings.embedded else ""
        own = (settings.home, *([Path(store)] if store else []))
        return cls(tuple(path.resolve() for path in own), files.resolve(), None if lends else files.resolve())

    @property
    def lends(self) -> bool:
        return self.folder is None

    def for_tenant(self, tenant: str) -> Self:
        if self.folder is None or self.files is None:
            return self
        return replace(self, folder=self.files / tenant_id(tenant))

    def path(self, text: str, where: str) -> str:
        """Where a database of that name is, absolutely. Raises AddressRefused. The tenant's folder is made."""
        try:
            if self.folder is not None:
                self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            path = (self.folder or Path.cwd()) / text
            real = path.resolve()
        except (OSError, ValueError, RuntimeError) as error:  # a zero byte, too long, links in a circle
            raise AddressRefused("this is not a path.", where=where, remedy="Correct it.") from error
        if self.folder is not None and (real == self.folder or not real.is_relative_to(self.folder)):
            raise AddressRefused(
                "files of the machine that Wayfare runs on are reached only by its own users.",
                where=where,
                remedy="Write a path below your own folder there, such as shop.db, without .. and without links.",
            )
        if self.folder is None and self._is_own(real):
            raise AddressRefused(
                "this file, or folder, is Wayfare's own.", where=where, remedy="Name one outside of WAYFARE_HOME."
            )
        return str(real if self.folder is not None else path)

    def _is_own(self, path: Path) -> bool:
        """Also for the files that SQLite keeps beside another, and for a file under another of its names."""
        if self.files is not None and path.is_relative_to(self.files):
            return False
        return any(
            path.is_relative_to(own)
            or own.is_relative_to(path)
            or (path.parent == own.parent and path.name.startswith(f"{own.name}-"))
            or (own.is_file() and path.is_file() and own.samefile(path))
            for own in self.own
        )
