"""The commands and their options. Each body imports what it needs, so that help and mistakes cost little."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import Annotated, Any

import typer

from wayfare.cli import options as given
from wayfare.cli.access_commands import clients_app, keys_app, tenants_app, users_app
from wayfare.cli.failures import answering
from wayfare.cli.keeping_commands import audit_app, secrets_app, store_app
from wayfare.cli.saved_commands import connections_app, schedules_app, webhooks_app
from wayfare.cli.schema_commands import schema_app

app = typer.Typer(
    help="Move databases, and prove that nothing was lost.",
    epilog="Try it on a database of its own: wayfare demo",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich help loads a Markdown parser and a highlighter: three times the start-up time
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
runs_app = typer.Typer(help="Look at runs, and pause, resume or undo them.")
app.add_typer(runs_app, name="runs")
app.add_typer(schema_app, name="schema")
app.add_typer(users_app, name="users")
app.add_typer(keys_app, name="keys")
app.add_typer(clients_app, name="clients")
app.add_typer(tenants_app, name="tenants")
app.add_typer(connections_app, name="connections")
app.add_typer(schedules_app, name="schedules")
app.add_typer(webhooks_app, name="webhooks")
app.add_typer(store_app, name="store")
app.add_typer(secrets_app, name="secrets")
app.add_typer(audit_app, name="audit")


def _version(wanted: bool) -> None:
    if wanted:
        from wayfare import __version__

        typer.echo(f"wayfare {__version__}")
        raise typer.Exit


@app.callback()
def start(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Move databases, and prove that nothing was lost."""


def load_ahead(*urls: str) -> None:
    """Import in the background what is needed soon: the engine (half a second), and databases that are libraries."""
    _beside(import_module, "wayfare.engine.durable")
    for url in urls:
        _beside(_load_library, url)


def _beside(load: Callable[[str], object], name: str) -> None:
    Thread(target=load, args=(name,), name="load ahead", daemon=True).start()


def _load_library(url: str) -> None:
    from wayfare.systems.registry import preload

    with suppress(Exception):  # whoever needs it says what is wrong
        preload(url)


@app.command()
def copy(
    source: given.Source,
    target: given.Target,
    tables: given.Tables = None,
    exclude: given.Exclude = None,
    schema_only: given.SchemaOnly = False,
    data_only: given.DataOnly = False,
    mode: given.ModeName = "replace",
    incremental: given.Incremental = False,
    cursor: given.Cursor = "",
    since: given.Since = "",
    deletes: given.Deletes = False,
    keep_replaced: given.KeepReplaced = False,
    type_file: given.TypeFile = None,
    masks: given.Masks = None,
    allow_loss: given.AllowLoss = None,
    workers: given.Workers = 0,
    rows_per_second: given.RowsPerSecond = 0,
    rows_per_chunk: given.RowsPerChunk = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the plan.")] = False,
    as_json: given.AsJson = False,
) -> None:
    """Copy tables, and prove the copy.

    What is written is built beside the target's tables, compared row by row, and only then put in place.

    Ctrl-C pauses; the same command goes on where it stood.
    """
    with answering(as_json):
        if not dry_run:
            load_ahead(source, target)
        from wayfare.cli import copying
        from wayfare.cli.request import CopyOptions

        options = CopyOptions(
            source=source,
            target=target,
            tables=tables or (),
            exclude=exclude or (),
            schema_only=schema_only,
            data_only=data_only,
            mode=mode,
            incremental=incremental,
            cursor=cursor,
            since=since,
            deletes=deletes,
            keep_replaced=keep_replaced,
            type_file=type_file,
            masks=masks or (),
            allow_loss=allow_loss or (),
            workers=workers,
            rows_per_second=rows_per_second,
            rows_per_chunk=rows_per_chunk,
        )
        command = copying.plan if dry_run else copying.copy
        raise typer.Exit(command(options, as_json=as_json))


@app.command("plan", help="Show what a copy would do, and change nothing.")
@functools.wraps(copy)
def plan(**chosen: Any) -> None:
    copy(**{**chosen, "dry_run": True})


@app.command()
def verify(
    source: given.Source,
    target: given.Target,
    tables: given.Tables = None,
    exclude: given.Exclude = None,
    rows: Annotated[bool, typer.Option("--rows", help="Also find the rows that differ.")] = False,
    type_file: given.TypeFile = None,
    masks: given.Masks = None,
    as_json: given.AsJson = False,
) -> None:
    """Compare two databases, every row.

    Exits with 1 when they differ.
    """
    with answering(as_json):
        from wayfare.cli import verifying
        from wayfare.cli.request import CopyOptions

        options = CopyOptions(source, target, tables or (), exclude or (), type_file=type_file, masks=masks or ())
        raise typer.Exit(verifying.verify(options, rows=rows, as_json=as_json))


@app.command()
def demo(
    folder: Annotated[Path, typer.Option("--folder", help="Where to put the shop and its copy.")] = Path(
        "wayfare-demo"
    ),
    rows: Annotated[int, typer.Option("--rows", min=1000, help="How many rows the shop has.")] = 200_000,
    as_json: given.AsJson = False,
) -> None:
    """Make a shop database, and copy it.

    Shows the proof, and tells where to look next.
    """
    with answering(as_json):
        load_ahead()
        from wayfare.cli import demonstrating

        raise typer.Exit(demonstrating.demo(folder, rows, as_json=as_json))


@app.command()
def worker(as_json: given.AsJson = False) -> None:
    """Carry out queued runs until stopped.

    With WAYFARE_STORE on PostgreSQL, start as many as you like.
    """
    with answering(as_json):
        from wayfare.cli import running

        raise typer.Exit(running.work(as_json=as_json))


@app.command()
def doctor(
    urls: Annotated[
        list[str] | None, typer.Argument(metavar="[URL]…", help="Databases to try.", show_default=False)
    ] = None,
    as_json: given.AsJson = False,
) -> None:
    """Say what is installed and reachable."""
    with answering(as_json):
        from wayfare.cli import looking

        raise typer.Exit(looking.doctor(urls or (), as_json=as_json))


@app.command()
def systems(as_json: given.AsJson = False) -> None:
    """List the systems, with example URLs."""
    with answering(as_json):
        from wayfare.cli import looking

        raise typer.Exit(looking.systems(as_json=as_json))


@runs_app.callback(invoke_without_command=True)
def runs(context: typer.Context) -> None:
    """Look at runs, and pause, resume or undo them. Without a command: list them."""
    if context.invoked_subcommand is None:
        runs_list()


@runs_app.command("list")
def runs_list(
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many, newest first.")] = 20,
    status: Annotated[list[str] | None, typer.Option("--status", help="Only these (repeat), such as failed.")] = None,
    as_json: given.AsJson = False,
) -> None:
    """List runs, newest first."""
    with answering(as_json):
        from wayfare.cli import running

        raise typer.Exit(running.list_runs(limit, status or (), as_json=as_json))


@runs_app.command("show")
def runs_show(
    run: given.RunReference = "last",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Stay until it ends.")] = False,
    as_json: given.AsJson = False,
) -> None:
    """Show how a run stands: phases, tables, findings, and where its report is."""
    with answering(as_json):
        from wayfare.cli import running

        raise typer.Exit(running.show(run, follow=follow, as_json=as_json))


@runs_app.command("logs")
def runs_logs(
    run: given.RunReference = "last",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Stay until it ends.")] = False,
    as_json: given.AsJson = False,
) -> None:
    """Print a run's journal."""
    with answering(as_json):
        from wayfare.cli import running

        raise typer.Exit(running.logs(run, follow=follow, as_json=as_json))


@runs_app.command("pause")
def runs_pause(run: given.RunReference = "last", as_json: given.AsJson = False) -> None:
    """Let a run stop where it is; `resume` goes on from there."""
    _ask(run, "pause", as_json)


@runs_app.command("resume")
def runs_resume(run: given.RunReference = "last", as_json: given.AsJson = False) -> None:
    """Go on with a run that is paused, failed or cancelled; only what was in flight is repeated."""
    _ask(run, "resume", as_json)


@runs_app.command("cancel")
def runs_cancel(
    run: given.RunReference = "last",
    undo: Annotated[bool, typer.Option("--undo", help="Also take back what it has done.")] = False,
    as_json: given.AsJson = False,
) -> None:
    """Stop a run for good."""
    _ask(run, "rollback" if undo else "cancel", as_json)


@runs_app.command("rollback")
def runs_rollback(run: given.RunReference = "last", as_json: given.AsJson = False) -> None:
    """Take back what a run did: the target is as it was before, where replaced tables are still kept."""
    _ask(run, "rollback", as_json)


def _ask(run: str, what: str, as_json: bool) -> None:
    with answering(as_json):
        from wayfare.cli import running

        raise typer.Exit(running.ask(run, what, as_json=as_json))
