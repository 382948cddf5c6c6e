"""Serving the application with uvicorn: one process, or several that share the port and a store on PostgreSQL."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import Multiprocess

from wayfare.core.errors import Invalid, UserError
from wayfare.faces.http.access import Access, is_loopback
from wayfare.faces.http.app import create_app
from wayfare.faces.http.face import Face, faces
from wayfare.faces.http.guard import GuardedProtocol
from wayfare.faces.http.logs import to_standard_error
from wayfare.faces.http.metrics import SHARED_FOLDER
from wayfare.settings import Settings
from wayfare.store.store import Store

PORT = 8000  # of all faces together
GRACE_SECONDS = 8  # for what is in flight at the end; then it is cut off, so that all is over within ten
STREAM_MESSAGE_BYTES_MAX = 16 << 10  # of what clients say over a WebSocket, which nobody reads
KEEP_ALIVE_SECONDS = 5
WORKER_START_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Service:
    """What to serve, and where, as plain data: worker processes get it and open everything themselves."""

    settings: Settings
    host: str = "127.0.0.1"
    port: int = 0  # 0: 8000, or the port that the document of the only face names
    face: str = ""  # "": all of them
    auth_enabled: bool = False

    def faces(self) -> list[Face]:
        """Raises Invalid for an unknown face, naming those there are."""
        found = [face for face in faces() if self.face in ("", face.name)]
        if not found:
            known = ", ".join(face.name for face in faces())
            raise Invalid(f"there is no face called {self.face!r}.", where="--face", remedy=f"Known faces: {known}.")
        return found

    @property
    def usual_port(self) -> int:
        return self.port or (self.faces()[0].port if self.face else PORT)

    def access(self, store: Store) -> Access:
        """Raises UserError where others can reach us, and sign-in is off or can be forged."""
        if not (self.auth_enabled or is_loopback(self.host)):
            raise UserError(
                f"{self.host} can be reached from other machines, and nobody has to sign in.",
                where="--host",
                remedy="Add --auth-enabled, or use --host 127.0.0.1.",
            )
        return Access.to(store, self.settings, enabled=self.auth_enabled, host=self.host)

    def app(self, store: Store) -> FastAPI:
        return create_app(store, self.faces(), self.access(store))

    def __call__(self) -> FastAPI:
        """The application of a worker process. Its store is closed with the process."""
        to_standard_error(self.settings.log_level)
        return self.app(Store.open(self.settings))


def serve_here(service: Service, store: Store) -> None:
    """In this process, until SIGINT or SIGTERM."""
    app = service.app(store)
    to_standard_error(service.settings.log_level)
    with _ending_well():
        uvicorn.Server(_config(service, app)).run()


def serve_by_workers(service: Service, workers: int) -> None:
    """In that many processes, until SIGINT or SIGTERM; one that dies is replaced."""
    to_standard_error(service.settings.log_level)
    config = _config(service, service, factory=True, workers=workers)
    with _shared_metrics(), _ending_well():
        Multiprocess(config, sockets=[config.bind_socket()]).run()


def _config(service: Service, app: Any, **more: Any) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=service.host,
        port=service.usual_port,
        http=GuardedProtocol,
        ws="websockets-sansio",
        ws_max_size=STREAM_MESSAGE_BYTES_MAX,
        ws_per_message_deflate=False,  # 300 KB of memory for each client, for lines of JSON
        lifespan="on",
        log_config=None,
        access_log=False,  # Traced writes a better one
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_worker_healthcheck=WORKER_START_SECONDS,
        **more,
    )


@contextmanager
def _ending_well() -> Iterator[None]:
    """uvicorn ends gracefully, and then raises the signal again, which would make the process die of it: here it
    finds a handler that does nothing, so that whoever asked us to end sees exit code 0."""

    def handled(number: int, frame: FrameType | None) -> None:
        return

    before = {number: signal.signal(number, handled) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _shared_metrics() -> Iterator[None]:
    """A folder in which the workers count together; the variable must be set before they start."""
    folder = Path(tempfile.mkdtemp(prefix="wayfare-metrics-"))
    os.environ[SHARED_FOLDER] = str(folder)
    try:
        yield
    finally:
        del os.environ[SHARED_FOLDER]
        shutil.rmtree(folder, ignore_errors=True)
