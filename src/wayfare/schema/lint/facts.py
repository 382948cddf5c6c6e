"""What rules know beside the statement, and how they say what they found."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from wayfare.core.changes import Blocks, Measured, Size
from wayfare.core.findings import Finding, Severity
from wayfare.core.statements import Action, Kind, Statement

EVERY = ("postgres", "mysql", "sqlite", "tsql")
LARGE_ROWS = 1_000_000  # from here on a statement that reads or writes all rows takes seconds


@dataclass(frozen=True, slots=True)
class Facts:
    """`sizes` as `Schema.sizes` gives them; `measured` by the statement's number in the script, from 0.

    `lint` fills in the last three for each statement: what was measured of it, which tables the script has made
    before, and the actions of the whole script.
    """

    dialect: str
    environment: str = ""
    sizes: Mapping[str, Size] = field(default_factory=dict)
    measured: Mapping[int, Measured] | None = None
    here: Measured | None = None
    new: frozenset[str] = frozenset()
    script: tuple[Action, ...] = ()

    def actions(self, statement: Statement, *kinds: Kind) -> Iterator[Action]:
        """Those of these kinds that are about tables which were there before the change."""
        for action in statement.actions:
            if action.kind in kinds and not named(action.table, self.new):
                yield action

    def rewrites(self, table: str) -> bool:
        """Is the table written anew? Where nothing was measured: perhaps."""
        return self.here is None or named(table, self.here.rewrites)

    def scans(self, table: str) -> bool:
        """… or read whole?"""
        return self.here is None or named(table, [*self.here.scans, *self.here.rewrites])

    def blocks(self, table: str) -> bool:
        """… or closed for reads or writes?"""
        if self.here is None:
            return True
        closed = [t for t, b in self.here.blocks.items() if b in (Blocks.WRITES, Blocks.EVERYTHING)]
        return named(table, closed)

    def rows(self, table: str) -> int | None:
        """How many, as far as it is known."""
        found = next((s for t, s in self.sizes.items() if _same(t, table)), None)
        return found.rows if found else None


def named(table: str, tables: Collection[str]) -> bool:
    return any(_same(table, other) for other in tables)


def _same(one: str, other: str) -> bool:
    """ "t" and "shop.t" are the same as far as anybody can tell from a script."""
    if not one or not other:
        return False
    return one == other or one.endswith(f".{other}") or other.endswith(f".{one}")


def notice(
    code: str, statement: Statement, message: str, advice: str = "", severity: Severity = Severity.WARNING
) -> Finding:
    return Finding(code, severity, message, f"line {statement.line}", advice)
