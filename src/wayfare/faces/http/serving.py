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
from uvicorn.supervisors import Multiprocess

from wayfare.faces.http.app import OPEN, Access, create_app
from wayfare.faces.http.face import Face, faces
from wayfare.faces.http.guard import GuardedProtocol
from wayfare.faces.http.logs import to_standard_error
from wayfare.faces.http.metrics import SHARED_FOLDER
from wayfare.settings import Settings
from wayfare.store.store import Store

GRACE_SECONDS = 8  # for what is in flight at the end; then it is cut off, so that all is over within ten
STREAM_MESSAGE_BYTES_MAX = 16 << 10  # of what clients say over a WebSocket, which nobody reads
KEEP_ALIVE_SECONDS = 5
WORKER_START_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Service:
    """What to serve, as plain data: worker processes get it and open everything themselves."""

    settings: Settings
    face: str = ""  # "": all of them
    auth_enabled: bool = False

    def faces(self) -> list[Face]:
        return [face for face in faces() if self.face in ("", face.name)]

    def __call__(self) -> Any:
        """The application of a worker process. Its store is closed with the process."""
        to_standard_error(self.settings.log_level)
        return self.app(Store.open(self.settings))

    def app(self, store: Store) -> Any:
        return create_app(store, self.faces(), access_of(store, enabled=self.auth_enabled))


def access_of(store: Store, *, enabled: bool) -> Access:
    return Access(OPEN.authenticate, enabled)


def serve_here(service: Service, store: Store, host: str, port: int) -> None:
    """In this process, until SIGINT or SIGTERM."""
    to_standard_error(service.settings.log_level)
    with _ending_well():
        uvicorn.Server(_config(service.app(store), host, port)).run()


def serve_by_workers(service: Service, host: str, port: int, workers: int) -> None:
    """In that many processes, until SIGINT or SIGTERM; one that dies is replaced."""
    to_standard_error(service.settings.log_level)
    config = _config(service, host, port, factory=True, workers=workers)
    with _shared_metrics(), _ending_well():
        Multiprocess(config, sockets=[config.bind_socket()]).run()


def _config(app: Any, host: str, port: int, **more: Any) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=host,
        port=port,
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
