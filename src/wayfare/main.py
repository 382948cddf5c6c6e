"""Where everything comes together: the entry point of the `wayfare` command, and `wayfare serve`."""

from __future__ import annotations

import ipaddress
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from wayfare.faces.http.face import Face
    from wayfare.settings import Settings
    from wayfare.store.store import Store

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
    host: Annotated[str, typer.Option(help="Where to listen: on this machine only.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 is 8000, or the port the face's document names.")] = 0,
    face: Annotated[str, typer.Option(help="Serve one document's paths alone, such as jarvis.")] = "",
) -> None:
    """Serve the HTTP interface.

    With the embedded store this process also carries out what is asked of it; with WAYFARE_STORE on PostgreSQL, start
    `wayfare worker` processes beside it.
    """
    from wayfare.cli.failures import answering

    with answering(as_json=False):
        import uvicorn

        from wayfare.cli.place import opened_store
        from wayfare.faces.http.app import create_app

        refuse_open_bind(host)
        chosen = chosen_faces(face)
        with opened_store() as (settings, store), carrying(settings, store):
            uvicorn.run(
                create_app(store, chosen),
                host=host,
                port=port or (chosen[0].port if face else PORT),
                log_level=settings.log_level.lower(),
                timeout_graceful_shutdown=10,
                server_header=False,
            )


def refuse_open_bind(host: str) -> None:
    """Raises UserError: without sign-in, whoever reaches the port can move databases."""
    from wayfare.core.errors import UserError

    try:
        local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = host == "localhost"
    if not local:
        raise UserError(
            f"{host} can be reached from other machines, and nobody has to sign in.",
            where="--host",
            remedy="Use --host 127.0.0.1, and a proxy with sign-in in front of it where others must reach it.",
        )


def chosen_faces(name: str) -> list[Face]:
    """All faces, or the one named. Raises Invalid, naming those there are."""
    from wayfare.core.errors import Invalid
    from wayfare.faces.http.face import faces

    found = [face for face in faces() if name in ("", face.name)]
    if not found:
        known = ", ".join(face.name for face in faces())
        raise Invalid(f"there is no face called {name!r}.", where="--face", remedy=f"Known faces: {known}.")
    return found


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
