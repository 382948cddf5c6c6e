"""The live picture on a terminal: phases, a bar per table, findings. Draws a `Picture`, and reads nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table as Grid
from rich.text import Text

from wayfare.control.picture import PhaseView, Picture, TableView
from wayfare.control.plain import clean
from wayfare.core.amounts import clock, compact, count, duration
from wayfare.core.findings import Finding, Severity

SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
FINDINGS_SHOWN = 4
LINES_PER_FINDING = 8  # of the screen's height
LOADED_SHOWN = 5
WAITING_SHOWN = 3
LINES_BESIDE_TABLES = 7  # title, the three lines that sum up, two empty ones, and the cursor's
BAR_WIDTH_MAX = 36
LABEL_WIDTH_MAX = 32
BESIDE_BAR = 64  # columns for the names and amounts
NARROW = 72  # below this many columns the amounts give way to the bar
SEVERITY_STYLE = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.INFO: "dim"}
SEVERITY_MARK = {Severity.ERROR: "✗", Severity.WARNING: "!", Severity.INFO: "·"}


def draw(
    picture: Picture, now: float, width: int, height: int, notice: str = "", *, with_findings: bool = True
) -> RenderableType:
    """The whole picture in at most `height` lines of `width` columns."""
    findings = [f for f in picture.findings if with_findings and f.severity is not Severity.INFO]
    shown = min(FINDINGS_SHOWN, height // LINES_PER_FINDING)
    phases = _phases(picture.phases, now, width)
    room = height - LINES_BESIDE_TABLES - len(phases) - min(len(findings), shown + 1) - bool(notice)
    parts: list[RenderableType] = [Text(clean(picture.title), style="bold", overflow="ellipsis", no_wrap=True)]
    parts += [*phases, Text()]
    if picture.tables:
        parts += [_tables(picture, width, max(room, 1)), Text()]
    parts += [_finding_line(f) for f in findings[:shown]]
    if len(findings) > shown:
        parts.append(Text(f"  … and {count(len(findings) - shown, 'finding')} more", style="dim"))
    if notice:
        parts.append(Text(notice, style="bold cyan"))
    return Group(*parts)


def _phases(phases: Sequence[PhaseView], now: float, width: int) -> list[Text]:
    """What is done with its time, what runs with its steps, what is to come: lines that break between phases only."""
    lines = [Text()]
    for phase in phases:
        told = _phase(phase, now)
        if lines[-1].cell_len + told.cell_len > width and lines[-1]:
            lines.append(Text())
        lines[-1].append(told).append("  ")
    return lines


def _phase(phase: PhaseView, now: float) -> Text:
    took = duration(phase.seconds(now))
    if phase.ended_at:
        return Text.assemble(("✓ ", "green"), phase.name, (f" {took}", "dim"))
    if phase.running:
        spinner = SPINNER[int(now * 10) % len(SPINNER)]
        steps = f" {phase.steps_done}/{phase.steps}" if phase.steps > 1 else ""
        return Text.assemble((f"{spinner} ", "cyan"), (phase.name, "bold"), f"{steps} {took}")
    return Text(f"· {phase.name}", "dim")


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of the list: a table, or what sums up several."""

    label: Text
    rows: int
    expected: int
    rate: float = 0.0
    left: float | None = None
    done: bool = False
    verified: bool = False

    @property
    def share(self) -> float:
        return 1.0 if self.done else min(self.rows / self.expected, 0.999) if self.expected else 0.0

    def cells(self, *, full: bool) -> list[RenderableType]:
        bar = ProgressBar(total=1.0, completed=self.share, complete_style="cyan", finished_style="green")
        begun = bool(self.rows or self.done)
        style = "dim" if self.done or not begun else ""
        percent = f"{self.share * 100:.0f} %" if begun else ""
        amounts = count(self.rows) if self.done else f"{count(self.rows)} of {compact(self.expected)}"
        speed = f"{compact(self.rate)}/s" if self.rate and not self.done else ""
        left = "equal" if self.verified else clock(self.left) if self.left is not None else ""
        texts = (percent, amounts if begun else compact(self.expected), speed, left) if full else (percent, left)
        return [self.label, bar if begun else "", *(Text(text, style=style) for text in texts)]


def _tables(picture: Picture, width: int, room: int) -> RenderableType:
    full = width >= NARROW
    grid = Grid.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, overflow="ellipsis", max_width=LABEL_WIDTH_MAX)
    grid.add_column(width=min(BAR_WIDTH_MAX, max(width - BESIDE_BAR, 8)))
    for _ in range(4 if full else 2):
        grid.add_column(justify="right", no_wrap=True)
    for line in _lines(picture, room):
        grid.add_row(*line.cells(full=full))
    return grid


def _lines(picture: Picture, room: int) -> list[_Line]:
    """The active tables, some that were loaded last and some that come next; the others in one line each."""
    active = [t for t in picture.tables if t.running]
    loaded = sorted((t for t in picture.tables if t.loaded), key=lambda t: (t.verified, -t.ended_at))
    waiting = [t for t in picture.tables if not t.started_at]
    active = active[:room]
    some = LOADED_SHOWN if active or waiting else room
    recent = loaded[: min(some, room - len(active))]
    coming = waiting[: min(WAITING_SHOWN, room - len(active) - len(recent))]
    older, later = loaded[len(recent) :], waiting[len(coming) :]
    lines = []
    if older:
        label = Text(f"  {count(len(older), 'table')} loaded", style="green")
        lines.append(_Line(label, sum(t.rows for t in older), 0, done=True, verified=all(t.verified for t in older)))
    lines += [_line(t) for t in [*reversed(recent), *active, *coming]]
    if later:
        lines.append(_Line(Text(f"  {count(len(later), 'table')} waiting", "dim"), 0, sum(t.expected for t in later)))
    return [*lines, _total(picture)]


def _line(table: TableView) -> _Line:
    label = Text("  " + clean(table.label), style="" if table.started_at else "dim")
    rate = table.pace.per_second
    return _Line(label, table.rows, table.expected, rate, table.seconds_left, table.loaded, table.verified)


def _total(picture: Picture) -> _Line:
    rate, done = picture.pace.per_second, all(t.loaded for t in picture.tables)
    left = (picture.expected - picture.rows) / rate if rate and not done else None
    return _Line(Text("  all tables", style="bold"), picture.rows, picture.expected, rate, left, done)


def _finding_line(finding: Finding) -> Text:
    line = told_finding(finding)
    line.no_wrap, line.overflow = True, "ellipsis"
    return line


def told_finding(finding: Finding) -> Text:
    """A mark, where, what, and what to do: one paragraph."""
    where = f"{clean(finding.where)}: " if finding.where else ""
    mark = (f"  {SEVERITY_MARK[finding.severity]} ", SEVERITY_STYLE[finding.severity])
    return Text.assemble(mark, (where, "bold"), clean(finding.message), (f" {clean(finding.advice)}", "cyan"))
