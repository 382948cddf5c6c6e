"""The databases at both ends of a copy, as the benchmarks need them: filled, cleared, settled, asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from benchmarks.data import Dataset


class End(Protocol):
    """One database, as a source or as a target."""

    url: str  # as Wayfare takes it
    schema: str  # where its tables are, as peers say it
    version: str
    pid: int  # of its server; 0 where there is none

    def load(self, data: Dataset) -> None:
        """Make the table and fill it, in the fastest way there is."""

    def clear(self) -> None:
        """As a target: everything any tool may have left is gone."""

    def settle(self) -> None:
        """What earlier runs left to write has been written."""

    def ask(self, table: str, expressions: Sequence[str]) -> tuple[Any, ...]:
        """The expressions' values over the whole table."""
