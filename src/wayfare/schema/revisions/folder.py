"""A folder that is asked often: its files are read again only where they have changed."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field
from pathlib import Path

from wayfare.schema.revisions.files import Revision, read_folder

Signature = tuple[tuple[str, int, int], ...]


@dataclass
class Folder:
    """Thread-safe."""

    path: Path
    _seen: Signature | None = None
    _revisions: tuple[Revision, ...] = ()
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def revisions(self) -> tuple[Revision, ...]:
        """In order. Raises as `read_folder` does."""
        with self._lock:
            signature = self._signature()
            if signature is None or signature != self._seen:
                self._revisions = read_folder(self.path)
                self._seen = signature
            return self._revisions

    def _signature(self) -> Signature | None:
        """Names, sizes and times of the files; None where there is no folder."""
        try:
            with os.scandir(self.path) as entries:
                stats = ((e.name, e.stat()) for e in entries if e.name.endswith(".sql"))
                return tuple(sorted((name, found.st_mtime_ns, found.st_size) for name, found in stats))
        except FileNotFoundError:
            return None
