"""What was measured, as data; kept as JSON in the cache, so that each part can be measured again by itself."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path as File
from typing import Any

from benchmarks import paths


@dataclass(frozen=True, slots=True)
class Run:
    """One copy by one tool. Seconds and bytes."""

    wall: float
    verify: float  # of the wall time; 0 for tools that verify nothing
    client_cpu: float
    server_cpu: float
    rss_peak: int
    load_before: float

    @property
    def copy(self) -> float:
        return self.wall - self.verify


@dataclass(frozen=True, slots=True)
class Entry:
    """A tool's runs over one path. `void` says why they do not count; it is "" when they do."""

    tool: str
    runs: tuple[Run, ...] = ()
    void: str = ""

    @property
    def counts(self) -> bool:
        return bool(self.runs) and not self.void

    def median(self, what: str) -> float:
        return float(statistics.median(getattr(run, what) for run in self.runs))


@dataclass(frozen=True, slots=True)
class Verdict:
    """`ratio` is ours/theirs, and None where one of them did not finish."""

    words: str
    ratio: float | None
    most: float

    @property
    def met(self) -> bool:
        return self.ratio is not None and self.ratio <= self.most


@dataclass(frozen=True, slots=True)
class Race:
    """All tools over one path and table."""

    path: str
    table: str
    rows: int
    entries: tuple[Entry, ...]

    def entry(self, tool: str) -> Entry | None:
        return next((e for e in self.entries if e.tool == tool and e.counts), None)

    def verdicts(self) -> list[Verdict]:
        """What is required holds for lineitem; other tables are measured to look at them."""
        if self.table != paths.TABLE:
            return []
        path = next(p for p in paths.PATHS if p.name == self.path)
        required = [self._verdict(r) for r in path.required]
        ours = self.entry(paths.OURS)
        share = ours.median("verify") / ours.median("copy") if ours else None
        words = f"verification ≤ {paths.VERIFICATION_SHARE_MAX:.0%} of the copy's time"
        return [*required, Verdict(words, share, paths.VERIFICATION_SHARE_MAX)]

    def _verdict(self, required: paths.Requirement) -> Verdict:
        ours, theirs = self.entry(required.tool), self.entry(required.theirs)
        if not ours or not theirs:
            return Verdict(required.words, None, required.times)
        ratio = ours.median("wall" if required.verified else "copy") / theirs.median("wall")
        return Verdict(required.words, ratio, required.times)


@dataclass(frozen=True, slots=True)
class Figure:
    """A single number with its limit, such as the memory of a copy of 20 million rows."""

    what: str
    value: float
    most: float | None  # None: told, not required
    unit: str

    @property
    def met(self) -> bool:
        return self.most is None or self.value <= self.most


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the benchmarks with the circumstances in which it was measured."""

    at: str  # the day, ISO
    command: str
    machine: str
    versions: Mapping[str, str]
    races: tuple[Race, ...] = ()
    figures: tuple[Figure, ...] = ()
    notes: tuple[str, ...] = ()


def save(file: File, part: Part) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(asdict(part), indent=1, ensure_ascii=False))


def read(file: File) -> Part:
    raw = json.loads(file.read_text())
    races = tuple(Race(**{**r, "entries": tuple(map(_entry, r["entries"]))}) for r in raw["races"])
    figures = tuple(Figure(**f) for f in raw["figures"])
    return Part(**{**raw, "races": races, "figures": figures, "notes": tuple(raw["notes"])})


def _entry(raw: Mapping[str, Any]) -> Entry:
    runs: Sequence[Mapping[str, Any]] = raw["runs"]
    return Entry(raw["tool"], tuple(Run(**r) for r in runs), raw["void"])
