"""Where everything comes together: the entry point of the `wayfare` command, and `wayfare serve`."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from wayfare.faces.http.serving import Service
    from wayfare.store.store import Store


def run() -> None:
    start_lightly()
    from wayfare.cli.app import app

    app.command("serve")(serve)
    keep_named(app, sys.argv[1:])
    try:
        app(prog_name="wayfare")
    except SystemExit as end:
        leave(end.code if isinstance(end.code, int) else 1 if end.code else 0)


def start_lightly() -> None:
    """Before anything large is imported: what it makes stays, so looking for garbage in it takes 0.1 s for nothing;
    and numpy would start threads for each core, which nothing here uses.
    """
    gc.set_threshold(50_000, 20, 50)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def keep_named(app: typer.Typer, words: Sequence[str]) -> None:
    """Leave out the commands that are not asked for: Typer would inspect each one, and take 0.1 s for them all."""
    commands = [c for c in app.registered_commands if (c.name or getattr(c.callback, "__name__", "")) in words[:1]]
    groups = [g for g in app.registered_groups if g.name in words[:1]]
    if commands or groups:
        app.registered_commands, app.registered_groups = commands, groups


def leave(code: int) -> None:
    """End the process now. Everything is closed by then, and taking a large interpreter apart would cost 0.2 s."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # whoever read it has left
            stream.flush()
    os._exit(code)


def serve(
    host: Annotated[
        str, typer.Option(help="Where to listen. Others than this machine need --auth-enabled.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 is 8000, or the port the face's document names.")] = 0,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes that serve; several need PostgreSQL.")] = 1,
    auth_enabled: Annotated[bool, typer.Option("--auth-enabled", help="Everybody has to sign in.")] = False,
    jwt_secret: Annotated[
        str,
        typer.Option(metavar="SECRET", help="Signs tokens. Better in WAYFARE_JWT_SECRET: lists of processes show it."),
    ] = "",
    face: Annotated[str, typer.Option(help="Serve one document's paths alone, such as jarvis.")] = "",
) -> None:
    """Serve the HTTP interface.

    With the embedded store this process also carries out what is asked of it; with WAYFARE_STORE on PostgreSQL, start
    `wayfare worker` processes beside it.
    """
    from wayfare.cli.failures import answering

    with answering(as_json=False):
        from wayfare.cli.place import opened_store
        from wayfare.faces.http.serving import Service, serve_by_workers, serve_here

        if jwt_secret:
            os.environ["WAYFARE_JWT_SECRET"] = jwt_secret
        with opened_store() as (settings, store):
            service = Service(settings, host, port, face, auth_enabled)
            refuse_unsafe(service, store, workers)
            typer.echo(f"Serving http://{host}:{service.usual_port}, described at /docs. Ctrl-C ends it.")
            if workers == 1:
                with carrying(service, store):
                    serve_here(service, store)
                return
        serve_by_workers(service, workers)


def refuse_unsafe(service: Service, store: Store, workers: int) -> None:
    """Raises UserError or Invalid for what must not be served so, before anything is."""
    from wayfare.core.errors import UserError

    service.faces()
    service.access(store)
    if workers > 1 and service.settings.embedded:
        raise UserError(
            f"{workers} processes cannot share the embedded store.",
            where="--workers",
            remedy="Set WAYFARE_STORE to a postgresql:// URL, or use --workers 1.",
        )
    if service.auth_enabled:
        store.refuse_superuser()


def carrying(service: Service, store: Store) -> AbstractContextManager[object]:
    """While open: runs are carried out by this process, unless another process or separate workers do it."""
    from contextlib import ExitStack, nullcontext

    from wayfare.access.egress import for_work
    from wayfare.control.capabilities import register
    from wayfare.control.carrying import Policies
    from wayfare.control.reaching import opener
    from wayfare.control.scheduler import Scheduler
    from wayfare.engine.engine import Engine
    from wayfare.engine.lock import owner

    settings = service.settings
    if not settings.embedded or owner(settings) is not None:
        return nullcontext()
    register()
    access = service.access(store)
    at_work = ExitStack()
    reached = for_work(settings.egress_allow, named_loopback=access.connections.loopback)
    at_work.enter_context(Engine(settings, store, opener(reached)))
    at_work.enter_context(Scheduler(store, Policies(reached, access.calls, settings.smtp)))
    return at_work
