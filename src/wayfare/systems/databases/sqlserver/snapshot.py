"""Reading without locks, and each statement in one state: what SQL Server's row versions give.

A transaction of another connection cannot be joined, so every reader has a view of its own, and says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

VIEW = "snapshot"
READ_COMMITTED = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED"
SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL SNAPSHOT"


@dataclass(slots=True)
class OwnViews:
    """A `Snapshot`. Its token is empty where the database keeps no row versions: then readers wait for writers."""

    token: str
    shared: bool = False
    everywhere: bool = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None: ...
