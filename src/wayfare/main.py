"""Where everything comes together: the entry point of the `wayfare` command, and `wayfare serve`."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from wayfare.faces.http.serving import Service
    from wayfare.settings import Settings
    from wayfare.store.store import Store

JWT_SECRET_BYTES = 32  # the length of what HS256 signs with (RFC 7518, 3.2)
PORT = 8000  # of all faces together; a face alone has the port its document names


def run() -> None:
    from wayfare.cli.app import app

    app.command("serve")(serve)
    try:
        app(prog_name="wayfare")
    except SystemExit as end:
        leave(end.code if isinstance(end.code, int) else 1 if end.code else 0)


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
            refuse_unsafe(host, settings, auth_enabled=auth_enabled)
            service = Service(settings, face, auth_enabled)
            chosen = chosen_port(service, port)
            if workers == 1:
                with carrying(settings, store):
                    serve_here(service, store, host, chosen)
                return
            refuse_embedded(settings, workers)
        serve_by_workers(service, host, chosen, workers)


def refuse_unsafe(host: str, settings: Settings, *, auth_enabled: bool) -> None:
    """Raises UserError where others could reach us, and sign-in is off or its secret can be guessed."""
    from wayfare.core.errors import UserError
    from wayfare.faces.http.callers import is_loopback

    if is_loopback(host):
        return
    if not auth_enabled:
        raise UserError(
            f"{host} can be reached from other machines, and nobody has to sign in.",
            where="--host",
            remedy="Add --auth-enabled, or use --host 127.0.0.1.",
        )
    secret = settings.jwt_secret.reveal().encode()
    if secret and len(secret) < JWT_SECRET_BYTES:
        raise UserError(
            f"the secret that signs tokens has {len(secret)} bytes; {JWT_SECRET_BYTES} are needed.",
            where="--jwt-secret",
            remedy="Make one with: openssl rand -base64 48",
        )


def refuse_embedded(settings: Settings, workers: int) -> None:
    """Raises UserError: one process at a time owns an embedded store."""
    from wayfare.core.errors import UserError

    if settings.embedded:
        raise UserError(
            f"{workers} processes cannot share the embedded store.",
            where="--workers",
            remedy="Set WAYFARE_STORE to a postgresql:// URL, or use --workers 1.",
        )


def chosen_port(service: Service, port: int) -> int:
    """Raises Invalid for an unknown face, naming those there are."""
    from wayfare.core.errors import Invalid
    from wayfare.faces.http.face import faces

    if not service.faces():
        known = ", ".join(face.name for face in faces())
        raise Invalid(f"there is no face called {service.face!r}.", where="--face", remedy=f"Known faces: {known}.")
    return port or (service.faces()[0].port if service.face else PORT)


def carrying(settings: Settings, store: Store) -> AbstractContextManager[object]:
    """While open: runs are carried out by this process, unless another process or separate workers do it."""
    from contextlib import nullcontext
    from importlib import import_module

    from wayfare.engine.engine import Engine
    from wayfare.engine.lock import owner
    from wayfare.systems.registry import open_database

    if not settings.embedded or owner(settings) is not None:
        return nullcontext()
    import_module("wayfare.copy.steps")  # the capability registers its effects with the engine
    return Engine(settings, store, open_database)
