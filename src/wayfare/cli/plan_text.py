"""A plan for people: tables, statements, findings, and what would be done with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from wayfare.cli.summary import print_findings
from wayfare.core.amounts import compact, count, size
from wayfare.core.plan import Plan


def print_plan(console: Console, plan: Plan) -> None:
    subject: Mapping[str, Any] = plan.subject
    tables = subject.get("tables", [])
    console.print(Text(str(subject.get("title", plan.kind)), style="bold"), soft_wrap=True)
    console.print(_tables(tables))
    for table in tables:
        _print_statements(console, table)
    for view in subject.get("views", []):
        console.print(Text(f"-- view {view['name']}", style="dim"), soft_wrap=True)
        console.print(Text(f"{view['definition']}"), soft_wrap=True)
    print_findings(console, plan.findings, all_of_them=True)
    phases = " → ".join(f"{p.name} ({len(p.steps)})" if len(p.steps) > 1 else p.name for p in plan.phases)
    console.print(Text.assemble("\n", ("phases  ", "dim"), phases), soft_wrap=True)
    console.print(Text.assemble(("digest  ", "dim"), plan.digest()))
    if plan.blocked:
        console.print(Text("This copy would be refused: see the errors above.", style="bold red"))
    else:
        console.print(Text("Nothing was changed. The same options with `wayfare copy` do it.", style="green"))


def _tables(tables: list[Mapping[str, Any]]) -> Grid:
    grid = Grid(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("table", "becomes"):
        grid.add_column(name, overflow="fold")
    for name in ("rows, about", "size, about", "chunks"):
        grid.add_column(name, justify="right")
    grid.add_column("path")
    for t in tables:
        amounts = (compact(t.get("rows_estimate", 0)), size(t.get("bytes_estimate", 0)), count(t.get("chunks", 0)))
        grid.add_row(Text(t["source"]), Text(t["target"]), *amounts, t.get("path", "arrow"))
    rows, stored, chunks = (sum(t.get(k, 0) for t in tables) for k in ("rows_estimate", "bytes_estimate", "chunks"))
    grid.add_section()
    grid.add_row(count(len(tables), "table"), "", compact(rows), size(stored), count(chunks), "", style="bold")
    return grid


def _print_statements(console: Console, table: Mapping[str, Any]) -> None:
    """Each ends with a semicolon, so that the text can be given to a database as it is."""
    statements = table.get("statements", ())
    if not statements:
        return
    console.print(Text(f"-- {table['target']}", style="dim"), soft_wrap=True)
    for statement in statements:
        console.print(Text(statement.rstrip().removesuffix(";") + ";"), soft_wrap=True)
    console.print()
