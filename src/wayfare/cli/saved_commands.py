"""`wayfare connections`, `wayfare schedules` and `wayfare webhooks`: their words and options."""

from __future__ import annotations

from typing import Annotated

import typer

from wayfare.cli import options as given
from wayfare.cli.failures import answering

connections_app = typer.Typer(help="Save databases by name, to be used as @name wherever a URL could stand.")
schedules_app = typer.Typer(help="Let copies start by themselves, at a time or again and again.")
webhooks_app = typer.Typer(help="Tell other programs what happens, signed and in order.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Its name, or its number.")]
Number = Annotated[str, typer.Argument(metavar="NUMBER", help="As `wayfare webhooks list` shows it.")]


@connections_app.command("add")
def connections_add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Letters, digits, dots, dashes and underscores.")],
    url: Annotated[str, typer.Argument(metavar="URL", help="Such as mysql://user@host/shop.")],
    as_json: given.AsJson = False,
) -> None:
    """Save a database; its password is sealed, and never shown again."""
    with answering(as_json):
        from wayfare.cli import saved

        raise typer.Exit(saved.add_connection(name, url, as_json=as_json))


@connections_app.command("list")
def connections_list(as_json: given.AsJson = False) -> None:
    """List what is saved, and how each answered last."""
    with answering(as_json):
        from wayfare.cli import saved

        raise typer.Exit(saved.list_connections(as_json=as_json))


@connections_app.command("test")
def connections_test(name: Name, as_json: given.AsJson = False) -> None:
    """Try it now. Exits with the code of what is wrong."""
    with answering(as_json):
        from wayfare.cli import saved

        raise typer.Exit(saved.test_connection(name, as_json=as_json))


@connections_app.command("show")
def connections_show(
    name: Name,
    tables: Annotated[bool, typer.Option("--tables", help="Also ask for its tables and their sizes.")] = False,
    as_json: given.AsJson = False,
) -> None:
    """Show where it leads, without its password."""
    with answering(as_json):
        from wayfare.cli import saved

        raise typer.Exit(saved.show_connection(name, tables=tables, as_json=as_json))


@connections_app.command("remove")
def connections_remove(name: Name, as_json: given.AsJson = False) -> None:
    """Forget it; the database stays as it is."""
    with answering(as_json):
        from wayfare.cli import saved

        raise typer.Exit(saved.remove_connection(name, as_json=as_json))


@schedules_app.command("add")
def schedules_add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Letters, digits, dots, dashes and underscores.")],
    source: given.Source,
    target: given.Target,
    cron: Annotated[str, typer.Option("--cron", metavar="'M H D M W'", help="Such as '30 2 * * 1-5', or @daily.")] = "",
    at: Annotated[str, typer.Option("--at", metavar="TIME", help="Once, such as 2027-01-31T02:30.")] = "",
    zone: Annotated[str, typer.Option("--zone", metavar="ZONE", help="Such as Europe/Berlin.")] = "UTC",
    missed: Annotated[
        str,
        typer.Option("--missed", metavar="run_once|skip|run_all", help="What becomes of times that were missed."),
    ] = "run_once",
    tables: given.Tables = None,
    exclude: given.Exclude = None,
    mode: given.ModeName = "replace",
    incremental: given.Incremental = False,
    cursor: given.Cursor = "",
    deletes: given.Deletes = False,
    keep_replaced: given.KeepReplaced = False,
    type_file: given.TypeFile = None,
    masks: given.Masks = None,
    allow_loss: given.AllowLoss = None,
    as_json: given.AsJson = False,
) -> None:
    """Start a copy by itself, when it is due. A `wayfare serve` or `wayfare worker` must run then."""
    with answering(as_json):
        from wayfare.cli import scheduling
        from wayfare.cli.request import CopyOptions

        options = CopyOptions(
            source,
            target,
            tables or (),
            exclude or (),
            mode=mode,
            incremental=incremental,
            cursor=cursor,
            deletes=deletes,
            keep_replaced=keep_replaced,
            type_file=type_file,
            masks=masks or (),
            allow_loss=allow_loss or (),
        )
        when = scheduling.When(cron, at, zone, missed)
        raise typer.Exit(scheduling.add(name, options, when, as_json=as_json))


@schedules_app.command("list")
def schedules_list(as_json: given.AsJson = False) -> None:
    """List them, and when each is due."""
    with answering(as_json):
        from wayfare.cli import scheduling

        raise typer.Exit(scheduling.list_all(as_json=as_json))


@schedules_app.command("show")
def schedules_show(name: Name, as_json: given.AsJson = False) -> None:
    """Show what it does, its next times, and what became of the last ones."""
    with answering(as_json):
        from wayfare.cli import scheduling

        raise typer.Exit(scheduling.show(name, as_json=as_json))


@schedules_app.command("pause")
def schedules_pause(name: Name, as_json: given.AsJson = False) -> None:
    """Start nothing until it is resumed."""
    _change(name, "pause", as_json)


@schedules_app.command("resume")
def schedules_resume(name: Name, as_json: given.AsJson = False) -> None:
    """Go on with its next time; those that passed meanwhile are not made up for."""
    _change(name, "resume", as_json)


@schedules_app.command("remove")
def schedules_remove(name: Name, as_json: given.AsJson = False) -> None:
    """Forget it; runs that it has started stay."""
    _change(name, "remove", as_json)


def _change(name: str, what: str, as_json: bool) -> None:
    with answering(as_json):
        from wayfare.cli import scheduling

        raise typer.Exit(scheduling.change(name, what, as_json=as_json))


@webhooks_app.command("add")
def webhooks_add(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where to post what happens.")],
    topics: Annotated[
        list[str] | None,
        typer.Option("--topic", metavar="TOPIC", help="Only these (repeat), such as run.* or schedule.failed."),
    ] = None,
    as_json: given.AsJson = False,
) -> None:
    """Tell this URL; the key that signs is shown once."""
    with answering(as_json):
        from wayfare.cli import hooking

        raise typer.Exit(hooking.add(url, topics or (), as_json=as_json))


@webhooks_app.command("list")
def webhooks_list(as_json: given.AsJson = False) -> None:
    """List them, and what each was told last."""
    with answering(as_json):
        from wayfare.cli import hooking

        raise typer.Exit(hooking.list_all(as_json=as_json))


@webhooks_app.command("test")
def webhooks_test(number: Number, as_json: given.AsJson = False) -> None:
    """Tell it `webhook.test`, now and once. Exits with 5 when that does not arrive."""
    with answering(as_json):
        from wayfare.cli import hooking

        raise typer.Exit(hooking.test(number, as_json=as_json))


@webhooks_app.command("replay")
def webhooks_replay(number: Number, as_json: given.AsJson = False) -> None:
    """Try once more what was given up."""
    with answering(as_json):
        from wayfare.cli import hooking

        raise typer.Exit(hooking.replay(number, as_json=as_json))


@webhooks_app.command("remove")
def webhooks_remove(number: Number, as_json: given.AsJson = False) -> None:
    """Tell it nothing more, also not what still waits."""
    with answering(as_json):
        from wayfare.cli import hooking

        raise typer.Exit(hooking.remove(number, as_json=as_json))
