"""The results as a page: docs/benchmarks.md. No figure is typed by hand: all come from the stored results."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks import paths
from benchmarks.results import Entry, Figure, Part, Race, Verdict

INTRODUCTION = """\
# Benchmarks

How fast Wayfare copies beside other tools, measured by one command, all tools in the same run:

    uv run python -m benchmarks

`benchmarks/README.md` says what it needs and how long it takes.

## How it is measured

- Wayfare is timed as a user runs it: `wayfare copy SOURCE TARGET --tables … --json` in a fresh process with a fresh
  data directory. It makes the target's tables, keeps its journal and ledger, and verifies every row. Verification is a
  line of its own, taken from the run's report (phases *verify* and *prove*); the copy's time is all the rest, starting
  Python included.
- Peers are timed from start to exit as well, and verify nothing. `psql` is `COPY (FORMAT binary)` piped from one
  `psql` into another, the table made before and the primary key after. `clickhouse` is its own `postgresql()` or
  `mysql()` table function in the same embedded engine. `mydumper` is followed by `myloader`, two threads each.
- Tools take turns, in another order each round; figures are medians. Before each turn the target is dropped, servers
  write what they have (CHECKPOINT), and the disk is synced.
- After each turn row count, sums, extremes and lengths are compared with the source. A tool whose rows differ, or that
  fails, is shown with the reason instead of figures.
- CPU is that of the tool's processes, and that of the servers at both ends meanwhile. RSS is the greatest resident
  memory of the tool's process tree.
- Data: TPC-H `lineitem` with a key (`li`, 17 columns).
- PostgreSQL runs with shared_buffers 256 MB, max_wal_size 4 GB, fsync and autovacuum off; MariaDB with a buffer pool of
  1 GB and no flush at commit; the same for every tool. Clients and servers share the machine.
"""
FIGURES = {"memory": "Memory", "startup": "Start", "resume": "Resuming after kill -9", "service": "Serving"}
FINE_MS = 10  # below this, milliseconds are told with two digits more
NOT_MEASURED = "not measured"


def render(parts: Sequence[tuple[str, Part]]) -> str:
    """`parts` are (name, part), as stored; paths appear in the order of `paths.PATHS`."""
    races = sorted(
        ((part, race) for _, part in parts for race in part.races), key=lambda pair: paths.NAMES.index(pair[1].path)
    )
    sections = [INTRODUCTION, _circumstances([part for _, part in parts])]
    if races:
        sections += ["## Speed\n", _verdicts([race for _, race in races])]
        sections += [_race(part, race) for part, race in races]
    for name, title in FIGURES.items():
        sections += [_figures(title, part) for stored, part in parts if stored == name]
    return "\n".join(sections)


def _circumstances(parts: Sequence[Part]) -> str:
    versions: dict[str, str] = {}
    for part in parts:
        versions |= part.versions
    machines = dict.fromkeys(part.machine for part in parts)
    lines = [f"- Machine: {machine}." for machine in machines]
    lines.append(f"- Versions: {', '.join(f'{name} {version}' for name, version in sorted(versions.items()))}.")
    return "\n".join(["## Where\n", *lines, ""])


def _verdicts(races: Sequence[Race]) -> str:
    rows = [
        (_title(race), verdict.words, _ratio(verdict), f"{verdict.most:.2f}", "yes" if verdict.met else "**no**")
        for race in races
        for verdict in race.verdicts()
    ]
    note = "Ratios are of seconds, ours divided by theirs: smaller is better."
    return table(("path", "must be", "ratio", "at most", "met"), rows) + f"\n{note}\n"


def _ratio(verdict: Verdict) -> str:
    return NOT_MEASURED if verdict.ratio is None else f"{verdict.ratio:.2f}"


def _race(part: Part, race: Race) -> str:
    head = ("tool", "seconds", "verification", "thousand rows/s", "CPU client", "CPU servers", "RSS MB", "runs")
    lines = [f"### {_title(race)}, {race.rows:,} rows\n", table(head, [_entry(race, e) for e in race.entries])]
    lines += [f"- {e.tool}: {e.void}" for e in race.entries if e.void]
    return "\n".join([*lines, _measured(part)])


def _title(race: Race) -> str:
    title = next(p.title for p in paths.PATHS if p.name == race.path)
    return title if race.table == paths.TABLE else f"{title} ({race.table})"


def _entry(race: Race, entry: Entry) -> tuple[str, ...]:
    if not entry.counts:
        return (entry.tool, "–", "", "", "", "", "", "void")
    verify = entry.median("verify")
    return (
        entry.tool,
        f"{entry.median('copy'):.2f}",
        f"+ {verify:.2f}" if verify else "none",
        f"{race.rows / entry.median('copy') / 1000:,.0f}",
        f"{entry.median('client_cpu'):.1f}",
        f"{entry.median('server_cpu'):.1f}",
        f"{entry.median('rss_peak') / 1e6:.0f}",
        str(len(entry.runs)),
    )


def _figures(title: str, part: Part) -> str:
    rows = [(f.what, amount(f), *limit(f)) for f in part.figures]
    return "\n".join(
        [f"## {title}\n", table(("what", "measured", "at most", "met"), rows), *part.notes, _measured(part)]
    )


def amount(figure: Figure) -> str:
    fine = figure.unit in ("s", "×") or (figure.unit == "ms" and figure.value < FINE_MS)
    return f"{figure.value:{'.2f' if fine else '.0f'}} {figure.unit}".rstrip()


def limit(figure: Figure) -> tuple[str, str]:
    if figure.most is None:
        return "", ""
    return f"{figure.most:g} {figure.unit}".rstrip(), "yes" if figure.met else "**no**"


def _measured(part: Part) -> str:
    loads = [run.load_before for race in part.races for entry in race.entries for run in entry.runs]
    busy = f" The machine's load before the turns was {min(loads):.1f} to {max(loads):.1f}." if loads else ""
    return f"\nMeasured on {part.at} with `{part.command}`.{busy}\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; bars within cells are escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"
