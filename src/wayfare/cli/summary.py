"""What is said at the end: the proof in a sentence, where the report is, and what to do next."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.panel import Panel
from rich.table import Table as Grid
from rich.text import Text

from wayfare.cli.live import told_finding
from wayfare.control.plain import clean
from wayfare.copy.report import Difference, Report, TableProof
from wayfare.core.amounts import count, duration, plural, rate
from wayfare.core.findings import Finding, Severity

Advice = Sequence[tuple[str, str]]  # a word, and what to do

STYLES = {"equal": "green", "different": "red", "unproven": "yellow", "failed": "red"}
FINDINGS_SHOWN = 10
DIFFERENCES_SHOWN = 20
VALUE_LENGTH_MAX = 60


def proof(report: Report) -> str:
    """`17 tables, 200,000 rows: equal on both sides`."""
    amounts = f"{count(len(report.tables), 'table')}, {count(report.rows, 'row')}"
    different = [t.source for t in report.tables if not t.equal]
    match report.outcome:
        case "equal":
            return f"{amounts}: equal on both sides"
        case "different":
            if not different:
                return f"{amounts}: the rows are equal, what surrounds them is not"
            return f"{len(different)} of {count(len(report.tables), 'table')} differ: {', '.join(different)}"
        case "unproven":
            return f"{amounts}: copied, not compared"
        case _:
            return "not finished; nothing unproven was put in place"


def pace(report: Report) -> str:
    seconds = report.ended_at - report.started_at
    loading = sum(p.seconds for p in report.phases if p.name == "load")
    speed = rate(report.rows, loading)
    return f"{duration(seconds)} in all" + (f", {speed} while loading" if speed else "")


def print_summary(console: Console, report: Report, page: Path | None, advice: Advice) -> None:
    """The proof, in a panel on a terminal; below it paths and commands, unbroken so that they can be copied."""
    style = STYLES[report.outcome]
    facts = [("proof", Text(clean(proof(report)), style=f"bold {style}")), ("time", Text(pace(report)))]
    if report.findings:
        facts.append(("findings", Text(told_findings(report.findings))))
    leads = [("report", str(page))] if page else []
    leads += advice
    width = max(len(word) for word, _ in [*facts, *leads])
    if console.is_terminal:
        console.print(_panel(facts, report.outcome, width))
    else:
        leads = [*((word, text.plain) for word, text in facts), *leads]
    for word, text in leads:
        console.print(Text.assemble((f"  {word:{width}}  ", "dim"), text), soft_wrap=True)


def _panel(facts: Sequence[tuple[str, Text]], outcome: str, width: int) -> Panel:
    grid = Grid.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True, min_width=width)
    grid.add_column(overflow="fold")
    for word, text in facts:
        grid.add_row(word, text)
    title = Text(f" {outcome} ", style=f"bold {STYLES[outcome]}")
    return Panel(grid, title=title, border_style=STYLES[outcome], title_align="left")


def told_findings(findings: tuple[Finding, ...]) -> str:
    totals = [(s, sum(f.severity is s for f in findings)) for s in reversed(Severity)]
    return ", ".join(f"{n} {s if n == 1 or s is Severity.INFO else plural(s)}" for s, n in totals if n)


def print_findings(console: Console, findings: tuple[Finding, ...], *, all_of_them: bool = False) -> None:
    """Each with its advice, the gravest first."""
    ordered = sorted(findings, key=lambda f: list(Severity).index(f.severity), reverse=True)
    shown = len(ordered) if all_of_them else FINDINGS_SHOWN
    for finding in ordered[:shown]:
        console.print(told_finding(finding), soft_wrap=not console.is_terminal)
    if len(ordered) > shown:
        console.print(Text(f"  … and {count(len(ordered) - shown)} more, in the report", style="dim"))


def print_differences(console: Console, tables: tuple[TableProof, ...]) -> None:
    for table in tables:
        if table.differences:
            console.print(
                Text(f"{clean(table.source)}: {count(table.differences_total, 'row')} differ", style="bold red")
            )
            for found in table.differences[:DIFFERENCES_SHOWN]:
                console.print(Text(f"  {clean(told_difference(found))}"), soft_wrap=True)


def told_difference(found: Difference) -> str:
    """`changed id=12: total is 19.98, should be 19.99`."""
    if found.kind != "changed":
        return f"{found.kind} {found.key}"
    return f"changed {found.key}: {found.column} is {_short(found.target)}, should be {_short(found.source)}"


def _short(text: str) -> str:
    shown = text or "empty"
    return shown if len(shown) <= VALUE_LENGTH_MAX else shown[: VALUE_LENGTH_MAX - 1] + "…"


def to_json(report: Report, page: Path | None, **more: Any) -> dict[str, Any]:
    """The whole report, and what the command knows besides."""
    from wayfare.core.codec import encode

    return {**encode(report), "rows": report.rows, "report": str(page) if page else None, **more}


def command(*words: str) -> str:
    """A command line that can be pasted into a shell."""
    return " ".join(["wayfare", *(shlex.quote(w) for w in words)])
