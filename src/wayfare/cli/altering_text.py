"""How `wayfare schema` tells what it found and did."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from wayfare.cli.screen import console
from wayfare.core.amounts import count, duration
from wayfare.core.changes import Blocks, Entry, Holder, Measured, Standing
from wayfare.core.findings import Finding, Severity
from wayfare.core.statements import Statement
from wayfare.schema.carry import Progress
from wayfare.schema.revisions.history import Compared
from wayfare.schema.revisions.runner import Done

if TYPE_CHECKING:
    from wayfare.schema.revisions.preview import Preview, Previewed

STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}
SIGNS = {Severity.ERROR: "✗", Severity.WARNING: "!", Severity.INFO: "·"}
STANDINGS = {
    Standing.APPLIED: ("✓ applied", "green"),
    Standing.APPLYING: ("… applying", "yellow"),
    Standing.FAILED: ("✗ failed", "red"),
    Standing.UNDOING: ("… taking back", "yellow"),
    Standing.UNDONE: ("↩ taken back", "dim"),
}
PENDING_SHOWN = 20


def say(told: str) -> None:
    console().print(Text(told), soft_wrap=True)


def made(up: Path, down: Path) -> None:
    say(f"Made {up}\n     {down}")
    say("Write what changes, and the way back; then: wayfare schema plan DATABASE")


def status(compared: Compared, last: Sequence[Entry], holder: Holder | None, now: float) -> None:
    current = compared.current or "nothing"
    title = next((f"_{e.name}" for e in compared.applied if e.version == compared.current), "")
    console().print(Text.assemble("At ", (f"{current}{title}", "bold"), f", {len(compared.applied)} applied."))
    if holder:
        alive = "at work" if holder.alive else "gone; its lock is free"
        console().print(Text(f"Lock: {holder.by}, {alive}, for {duration(now - holder.since)}.", "yellow"))
    if last:
        _history(last)
    if compared.pending:
        console().print(Text(f"{len(compared.pending)} pending:", "bold"))
        for revision in compared.pending[:PENDING_SHOWN]:
            way_back = "" if revision.down is not None else "  (no way back)"
            console().print(Text(f"  {revision.title}{way_back}"))
        if len(compared.pending) > PENDING_SHOWN:
            console().print(Text(f"  … and {len(compared.pending) - PENDING_SHOWN} more"))
    else:
        console().print(Text("Nothing is pending.", "green"))
    findings(compared.findings)


def _history(last: Sequence[Entry]) -> None:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("revision", "", "when", "took", "by"):
        table.add_column(name)
    for entry in reversed(last):
        word, style = STANDINGS[entry.standing]
        when = datetime.fromtimestamp(entry.started_at, UTC).strftime("%Y-%m-%d %H:%M:%S")
        took = duration(entry.ended_at - entry.started_at) if entry.ended_at else ""
        table.add_row(f"{entry.version}_{entry.name}", Text(word, style), when, took, Text(entry.by))
    console().print(table)


def findings(found: Sequence[Finding]) -> None:
    for finding in found:
        line = Text.assemble((f"{SIGNS[finding.severity]} ", STYLES[finding.severity]))
        if finding.where:
            line.append(f"{finding.where}: ", "bold")
        line.append(finding.message)
        line.append(f"  [{finding.code}]", "dim")
        if finding.advice:
            line.append(f"\n    {finding.advice}", "cyan")
        console().print(line, soft_wrap=True)


def linted(files: int, found: Sequence[Finding]) -> None:
    findings(found)
    counts = ", ".join(f"{sum(f.severity is s for f in found)} {s.value}s" for s in (Severity.ERROR, Severity.WARNING))
    style = "green" if not found else ""
    console().print(Text(f"{files} files: {counts}." if found else f"{files} files: nothing to say.", style))


def planned(preview: Preview) -> None:
    if not preview.revisions:
        console().print(Text("Nothing is pending.", "green"))
    for previewed in preview.revisions:
        _revision(previewed)
    findings(preview.findings)
    if preview.revisions and not preview.refused:
        unknown = any(f.code == "not_rehearsed" for p in preview.revisions for f in p.study.findings)
        long = "How long it takes is not known" if unknown else f"About {duration(preview.estimate_seconds)} in all"
        told = f"{long}. Nothing was changed."
        console().print(Text(told, "bold"))


def _revision(previewed: Previewed) -> None:
    study = previewed.study
    back = {"author": "way back written", "inverse": "way back found", "": "no way back"}[study.down_by]
    proved = ", proved" if study.down_proved else ""
    console().print(Text.assemble((previewed.revision.title, "bold"), (f"  {back}{proved}", "dim")))
    for position, statement in enumerate(study.up):
        measured = study.measured[position] if position < len(study.measured) else None
        console().print(_statement(statement, measured), soft_wrap=True)
    findings(study.findings)


def _statement(statement: Statement, measured: Measured | None) -> Text:
    line = Text(f"  {' '.join(statement.text.split())[:160]}\n")
    if measured is None:
        return line.append("    not rehearsed", "dim")
    facts = [
        f"{table} takes {blocks.told}" for table, blocks in measured.blocks.items() if blocks is not Blocks.NOTHING
    ]
    facts += [f"rewrites {table}" for table in measured.rewrites]
    facts += [f"reads all of {table}" for table in measured.scans if table not in measured.rewrites]
    facts += [measured.clause] if measured.clause else []
    facts.append(f"about {duration(measured.estimate_seconds)}")
    grave = any(b in (Blocks.EVERYTHING, Blocks.WRITES) for b in measured.blocks.values())
    return line.append("    " + "; ".join(facts), "yellow" if grave else "dim")


@contextmanager
def progress(*, quiet: bool) -> Iterator[Callable[[Progress], None]]:
    """A line that tells which revision is at work; none in a pipe, or with --json."""
    if quiet or not console().is_terminal:
        yield lambda progress: None
        return
    with console().status("…") as line:

        def tell(progress: Progress) -> None:
            share = f", {progress.share:.0%}" if progress.share else ""
            line.update(f"{progress.version}: {progress.done} of {progress.total} statements{share}")

        yield tell


def done(done: Done, verb: str, seconds: float) -> None:
    if done.waited_for:
        say(f"Waited for {done.waited_for}.")
    for entry in done.entries[-PENDING_SHOWN:]:
        took = duration((entry.ended_at or 0) - entry.started_at)
        console().print(Text.assemble(("✓ ", "green"), f"{entry.version}_{entry.name}  ", (took, "dim")))
    if not done.entries:
        console().print(Text("Nothing was left to do.", "green"))
    else:
        told = f"{count(len(done.entries), 'revision')} {verb} in {duration(seconds)}."
        console().print(Text(told, "bold"))


def adopted(tool: str, fresh: Sequence[Entry]) -> None:
    say(f"{len(fresh)} changes of {tool} count as applied." if fresh else f"Everything of {tool} is known already.")
    for entry in fresh[-PENDING_SHOWN:]:
        say(f"  {entry.version}  {entry.name}")
