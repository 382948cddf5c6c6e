"""What is measured, and what must come out: the paths, who runs on each, and the ratios required."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

TABLE = "li"
OURS, BARE = "wayfare", "wayfare, no kernel"  # BARE: with WAYFARE_NATIVE=0

VERIFICATION_SHARE_MAX = 0.5  # of the copy's time
BARE_TIMES_INGESTR_MAX = 1.3


@dataclass(frozen=True, slots=True)
class Requirement:
    """`ours` ≤ `times` × `theirs`, both in seconds of wall time."""

    words: str
    theirs: str  # a tool; its whole wall time counts
    times: float
    tool: str = OURS
    verified: bool = False  # count our verification too


@dataclass(frozen=True, slots=True)
class Path:
    name: str
    source: str
    target: str
    peers: tuple[str, ...]  # that a requirement names
    others: tuple[str, ...] = ()  # that run only when asked for
    required: tuple[Requirement, ...] = ()

    @property
    def title(self) -> str:
        return f"{TITLES[self.source]} → {TITLES[self.target]}"

    def tools(self, *, everybody: bool) -> Sequence[str]:
        return (OURS, *self.peers, BARE, *(self.others if everybody else ()))


TITLES = {
    "postgresql": "PostgreSQL",
    "mariadb": "MariaDB",
    "sqlite": "SQLite",
    "clickhouse": "ClickHouse (embedded)",
}


def within(times: float, theirs: str) -> Requirement:
    words = f"≤ {theirs}" if times == 1 else f"≤ {times:g} × {theirs}"
    return Requirement(words, theirs, times)


def faster(times: float, theirs: str) -> Requirement:
    return Requirement(f"{times:g} × faster than {theirs}", theirs, 1 / times)


WITH_PROOF = Requirement("copy and verification ≤ ingestr", "ingestr", 1.0, verified=True)
BARELY = Requirement(
    f"without the kernel ≤ {BARE_TIMES_INGESTR_MAX:g} × ingestr", "ingestr", BARE_TIMES_INGESTR_MAX, tool=BARE
)

PATHS = (
    Path(
        "pg-pg",
        "postgresql",
        "postgresql",
        peers=("psql", "ingestr"),
        others=("pgcopydb", "dlt", "sling"),
        required=(within(1.15, "psql"), faster(1.6, "ingestr"), WITH_PROOF, BARELY),
    ),
    Path(
        "maria-pg",
        "mariadb",
        "postgresql",
        peers=("ingestr", "pgloader"),
        others=("dlt", "sling"),
        required=(faster(1.5, "ingestr"), faster(4, "pgloader"), BARELY),
    ),
    Path(
        "pg-maria",
        "postgresql",
        "mariadb",
        peers=("ingestr",),
        others=("dlt", "sling"),
        required=(faster(2, "ingestr"), BARELY),
    ),
    # Nothing but ClickHouse itself writes to the embedded engine, so there is no ingestr to hold BARELY against.
    Path("pg-clickhouse", "postgresql", "clickhouse", peers=("clickhouse",), required=(within(1, "clickhouse"),)),
    Path("maria-clickhouse", "mariadb", "clickhouse", peers=("clickhouse",), required=(within(1, "clickhouse"),)),
    Path(
        "sqlite-pg",
        "sqlite",
        "postgresql",
        peers=("ingestr",),
        others=("pgloader", "dlt", "sling"),
        required=(faster(2.5, "ingestr"), BARELY),
    ),
    Path(
        "maria-maria",
        "mariadb",
        "mariadb",
        peers=("mydumper", "ingestr"),
        others=("dlt", "sling"),
        required=(within(1, "mydumper"), BARELY),
    ),
)
NAMES = tuple(path.name for path in PATHS)
