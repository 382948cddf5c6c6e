"""`wayfare schema`: an application's own revisions, from the first file to the way back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wayfare.cli import options as given
from wayfare.cli.failures import answering

schema_app = typer.Typer(help="Change a database's schema by a folder of SQL files, in order and once.")

FOLDER = Path("migrations")
Database = Annotated[
    str,
    typer.Argument(metavar="DATABASE", envvar="WAYFARE_SCHEMA_DATABASE", help="A URL, or @name of a connection."),
]
Folder = Annotated[
    Path, typer.Option("--folder", "-f", envvar="WAYFARE_REVISIONS", help="Where 0001_….sql and its like are.")
]
Environment = Annotated[
    str,
    typer.Option(
        "--environment",
        "-e",
        envvar="WAYFARE_ENVIRONMENT",
        metavar="NAME",
        help="Such as production: each has a database of its own.",
    ),
]
Wait = Annotated[float, typer.Option("--wait", min=0, metavar="SECONDS", help="For another runner that is at work.")]
ClientWait = Annotated[
    float,
    typer.Option(
        "--client-wait",
        min=0,
        metavar="SECONDS",
        help="Behind a statement at work, which is ended then; 0: as long as it takes.",
    ),
]
OutOfOrder = Annotated[bool, typer.Option("--out-of-order", help="Also apply what comes before what is applied.")]


@schema_app.command("new")
def schema_new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it does, such as add_email.")],
    folder: Folder = FOLDER,
    as_json: given.AsJson = False,
) -> None:
    """Make the next revision's files: the way there, and the way back."""
    with answering(as_json):
        from wayfare.cli import altering

        raise typer.Exit(altering.new(name, folder, as_json=as_json))


@schema_app.command("status")
def schema_status(
    database: Database,
    folder: Folder = FOLDER,
    environment: Environment = "",
    as_json: given.AsJson = False,
) -> None:
    """Say what is applied, what is pending, and who is at work.

    Exits with 6 where folder and history do not fit together.
    """
    with answering(as_json):
        from wayfare.cli import altering

        raise typer.Exit(altering.status(database, folder, environment, as_json=as_json))


@schema_app.command("lint")
def schema_lint(
    database: Annotated[
        str, typer.Argument(metavar="[DATABASE]", help="Whose dialect it is; asked for nothing.", show_default=False)
    ] = "",
    folder: Folder = FOLDER,
    dialect: Annotated[
        str, typer.Option("--dialect", metavar="postgres|mysql|sqlite|tsql", help="Instead of a database.")
    ] = "",
    everything: Annotated[bool, typer.Option("--all", help="All files; else those that DATABASE has not.")] = False,
    as_json: given.AsJson = False,
) -> None:
    """Find what could hurt in the files, with the safer way of each. Exits with 1 for errors."""
    with answering(as_json):
        from wayfare.cli import altering

        raise typer.Exit(altering.lint_files(database, folder, dialect, everything=everything, as_json=as_json))


@schema_app.command("plan")
def schema_plan(
    database: Database,
    folder: Folder = FOLDER,
    environment: Environment = "",
    out_of_order: OutOfOrder = False,
    as_json: given.AsJson = False,
) -> None:
    """Rehearse what is pending on a clone without rows, and change nothing.

    Shows each statement with its locks, rewrites and time, and whether the way back leads back.
    """
    with answering(as_json):
        from wayfare.cli import altering

        options = altering.ApplyOptions(database, folder, environment, out_of_order=out_of_order)
        raise typer.Exit(altering.plan(options, as_json=as_json))


@schema_app.command("apply")
def schema_apply(
    database: Database,
    folder: Folder = FOLDER,
    to: Annotated[str, typer.Option("--to", metavar="VERSION", help="Stop after this one.")] = "",
    environment: Environment = "",
    out_of_order: OutOfOrder = False,
    wait: Wait = 60.0,
    lock_wait: Annotated[
        float, typer.Option("--lock-wait", min=0.1, metavar="SECONDS", help="For locks that others hold.")
    ] = 60.0,
    client_wait: ClientWait = 5.0,
    as_json: given.AsJson = False,
) -> None:
    """Apply what is pending.

    However many start at once, one is at work, and the others find nothing left to do. What was interrupted goes on
    where it stood.
    """
    with answering(as_json):
        from wayfare.cli import altering

        options = altering.ApplyOptions(database, folder, environment, to, out_of_order, wait, lock_wait, client_wait)
        raise typer.Exit(altering.apply(options, as_json=as_json))


@schema_app.command("rollback")
def schema_rollback(
    database: Database,
    folder: Folder = FOLDER,
    to: Annotated[
        str, typer.Option("--to", metavar="VERSION", help="Take back what came after it; 0: everything.")
    ] = "",
    environment: Environment = "",
    wait: Wait = 60.0,
    client_wait: ClientWait = 5.0,
    as_json: given.AsJson = False,
) -> None:
    """Take back the last revision, by its .down.sql."""
    with answering(as_json):
        from wayfare.cli import altering

        options = altering.ApplyOptions(database, folder, environment, to, wait=wait, client_wait=client_wait)
        raise typer.Exit(altering.roll_back(options, as_json=as_json))


@schema_app.command("adopt")
def schema_adopt(
    database: Database,
    folder: Folder = FOLDER,
    tool: Annotated[
        str, typer.Option("--from", metavar="alembic|django|flyway|liquibase", help="Where there are several.")
    ] = "",
    environment: Environment = "",
    as_json: given.AsJson = False,
) -> None:
    """Go on where Alembic, Django, Flyway or Liquibase stands: what they applied counts as applied."""
    with answering(as_json):
        from wayfare.cli import altering

        options = altering.ApplyOptions(database, folder, environment)
        raise typer.Exit(altering.adopt_history(options, tool, as_json=as_json))


@schema_app.command("repair")
def schema_repair(
    database: Database,
    folder: Folder = FOLDER,
    accept: Annotated[str, typer.Option("--accept", metavar="VERSION", help="Take the edited file for it.")] = "",
    forget: Annotated[str, typer.Option("--forget", metavar="VERSION", help="Remove it from the history.")] = "",
    mark: Annotated[str, typer.Option("--mark", metavar="VERSION", help="Count it as applied; run nothing.")] = "",
    as_json: given.AsJson = False,
) -> None:
    """Correct the history, where somebody knows better. The schema itself is not touched."""
    with answering(as_json):
        from wayfare.cli import altering

        chosen = {"accept": accept, "forget": forget, "mark": mark}
        raise typer.Exit(altering.repair_history(database, folder, chosen, as_json=as_json))


@schema_app.command("recipe")
def schema_recipe(
    statement: Annotated[str, typer.Argument(metavar="SQL", help="One statement, such as ALTER TABLE …")],
    dialect: Annotated[
        str, typer.Option("--dialect", metavar="postgres|mysql|sqlite|tsql", help="How to read it; PostgreSQL's.")
    ] = "",
    as_json: given.AsJson = False,
) -> None:
    """Show a safer way to do what a statement does, in phases. Exits with 1 where none is known."""
    with answering(as_json):
        from wayfare.cli import authoring

        raise typer.Exit(authoring.recipe(statement, dialect, as_json=as_json))


@schema_app.command("backfill")
def schema_backfill(
    database: Database,
    table: Annotated[str, typer.Option("--table", metavar="TABLE", help="As SQL names it.")],
    assign: Annotated[str, typer.Option("--set", metavar="SQL", help="Such as: email_lower = lower(email)")],
    key: Annotated[str, typer.Option("--key", metavar="COLUMN", help="Its primary key, which the parts follow.")],
    where: Annotated[str, typer.Option("--where", metavar="SQL", help="Rows that are still to be done.")] = "",
    replicas: Annotated[
        list[str] | None, typer.Option("--replica", metavar="URL", help="Yield to it (repeat).")
    ] = None,
    lag: Annotated[float, typer.Option("--lag", min=0.1, metavar="SECONDS", help="A replica may be behind.")] = 5.0,
    as_json: given.AsJson = False,
) -> None:
    """Change many rows in short parts, yielding to replicas. Ctrl-C stops; the same command goes on."""
    with answering(as_json):
        from wayfare.cli import authoring

        wish = authoring.BackfillOptions(database, table, assign, key, where, replicas or (), lag)
        raise typer.Exit(authoring.fill(wish, as_json=as_json))
