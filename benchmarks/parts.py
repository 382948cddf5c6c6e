"""The parts that can be measured, each by itself; every part stores its results as soon as it has them."""

from __future__ import annotations

import datetime
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from benchmarks import data, machine, memory, paths, peers, resume, service, startup, tools
from benchmarks.document import render
from benchmarks.fleet import Fleet
from benchmarks.places import DOCUMENT, cache
from benchmarks.race import Say, race
from benchmarks.results import Figure, Part, Race, read, save
from benchmarks.schema import page
from wayfare import __version__
from wayfare.core.errors import Unavailable


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line asked for."""

    parts: tuple[str, ...]
    paths: tuple[str, ...]
    table: str
    scale: float
    rounds: int
    memory_rows: tuple[int, ...]
    everybody: bool
    quick: bool  # results are kept apart, and the documentation is left alone

    @property
    def stored(self) -> Path:
        return cache() / ("results-quick" if self.quick else "results")

    def command(self, part: str, races: Sequence[Race]) -> str:
        """What measures just this part again."""
        words = ["uv run python -m benchmarks", "paths" if races else part]
        words += [f"--paths {race.path} --table {race.table} --rounds {self.rounds}" for race in races]
        words += ["--quick"] * self.quick + ["--everybody"] * (self.everybody and bool(races))
        return " ".join([*words, f"--scale {self.scale:g}"])

    @property
    def document(self) -> Path:
        return cache() / "quick.md" if self.quick else DOCUMENT


class Bench:
    """Measures the parts, one after the other, over one fleet of servers."""

    def __init__(self, wish: Wish, fleet: Fleet, say: Say) -> None:
        self._wish = wish
        self._fleet = fleet
        self._say = say
        self._peers: dict[str, peers.Peer] = {}

    def run(self) -> bool:
        """All parts wished for. Gives whether everything required was met."""
        machine.compile_bytecode()
        met = [PARTS[name](self) for name in self._wish.parts]
        return all(met)

    def have_peers(self) -> bool:
        for name in (*peers.ENVIRONMENTS, *peers.DEBIAN):
            peer = self._peer(name)
            self._say(f"  {name:10} {peer.version or 'cannot be had: ' + peer.missing}")
        return True

    def have_data(self) -> bool:
        for name in data.TABLES:
            made = data.dataset(name, self._wish.scale)
            self._say(f"  {name}: {made.rows:,} rows in {made.parquet}")
        return True

    def races(self) -> bool:
        met = [self._race(path) for path in paths.PATHS if path.name in self._wish.paths]
        return all(met)

    def _race(self, path: paths.Path) -> bool:
        self._say(f"{path.title}, {self._wish.table}")
        contestants = {tool: self._missing(tool) for tool in path.tools(everybody=self._wish.everybody)}
        rows = data.dataset(self._wish.table, self._wish.scale)
        try:
            ends = (self._fleet.source(path.source, rows), self._fleet.target(path.target))
        except Unavailable as error:
            self._say(f"  not measured: {error}")
            return False
        programs = {name: peer.program for name, peer in self._peers.items() if peer.program}
        run = race(path.name, ends, rows, contestants, programs, rounds=self._wish.rounds, say=self._say)
        self._keep(f"path-{path.name}-{rows.name}", races=(run,))
        return self._told(run)

    def _missing(self, tool: str) -> str:
        return "; ".join(peer.missing for peer in map(self._peer, tools.needs(tool)) if peer.missing)

    def _peer(self, name: str) -> peers.Peer:
        if name not in self._peers:
            self._peers[name] = peers.have(name)
        return self._peers[name]

    def _told(self, run: Race) -> bool:
        verdicts = run.verdicts()
        for verdict in verdicts:
            ratio = "not measured" if verdict.ratio is None else f"{verdict.ratio:.2f}"
            self._say(f"  {'met ' if verdict.met else 'MISSED'} {verdict.words}: {ratio} (at most {verdict.most:.2f})")
        return all(verdict.met for verdict in verdicts)

    def memory(self) -> bool:
        return self._figures("memory", memory.figures(self._fleet, self._wish.memory_rows, self._say))

    def startup(self) -> bool:
        return self._figures("startup", startup.figures(self._say))

    def resume(self) -> bool:
        rows = data.dataset("li", self._wish.scale)
        source, target = self._fleet.source("postgresql", rows), self._fleet.target("postgresql")
        return self._figures("resume", resume.figures(source, target, rows, self._say))

    def service(self) -> bool:
        return self._figures("service", service.figures(self._say))

    def _figures(self, name: str, figures: Sequence[Figure]) -> bool:
        self._keep(name, figures=tuple(figures))
        return all(figure.met for figure in figures)

    def _keep(self, name: str, races: tuple[Race, ...] = (), figures: tuple[Figure, ...] = ()) -> None:
        """Store the part, and write the page anew."""
        part = Part(
            at=datetime.date.today().isoformat(),
            command=self._wish.command(name, races),
            machine=machine.facts(),
            versions=self._versions(),
            races=races,
            figures=figures,
        )
        save(self._wish.stored / f"{name}.json", part)
        write_document(self._wish)

    def _versions(self) -> Mapping[str, str]:
        ours = {"Wayfare": f"{__version__} ({machine.revision()})", "Python": platform.python_version()}
        libraries = {name: metadata.version(name) for name in ("chdb", "pyarrow", "psycopg")}
        named = {name: peer.version for name, peer in self._peers.items() if peer.program and name != peers.DUCK}
        return {**ours, **libraries, **self._fleet.versions(), **named}


def write_document(wish: Wish) -> None:
    """From all stored results, old and new; the section of schema changes is kept, which another command writes."""
    stored = [(file.stem, read(file)) for file in sorted(wish.stored.glob("*.json"))]
    wish.document.parent.mkdir(parents=True, exist_ok=True)
    kept = page.of_page(wish.document.read_text()) if wish.document.exists() else ""
    wish.document.write_text("\n".join([render(stored), kept]).rstrip() + "\n")


PARTS = {
    "peers": Bench.have_peers,
    "data": Bench.have_data,
    "startup": Bench.startup,
    "paths": Bench.races,
    "memory": Bench.memory,
    "resume": Bench.resume,
    "service": Bench.service,
}
