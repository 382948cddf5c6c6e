"""Ending a statement that the server is carrying out, because somebody has a reason to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from wayfare.core.errors import Stopped, SystemFailed
from wayfare.systems.beside import beside
from wayfare.systems.databases.mysql import connection as link
from wayfare.systems.databases.mysql.connection import Connection, Connections
from wayfare.systems.databases.mysql.errors import number

ASK_SECONDS = 0.1
_KILLED = 1317  # ER_QUERY_INTERRUPTED


@contextmanager
def interruptible(connections: Connections, connection: Connection, interrupted: Callable[[], str]) -> Iterator[None]:
    """Meanwhile, `interrupted` is asked from a thread; once it gives a reason, what the connection does is killed.

    Raises Stopped with the reason in place of the server's error.
    """
    process = int(connection.thread_id())
    try:
        with beside("schema-interrupting", lambda over: _watch(connections, process, interrupted, over)):
            yield
    except SystemFailed as error:
        if number(error.__cause__ or error) == _KILLED and (why := interrupted()):
            raise Stopped(why) from error
        raise


def _watch(connections: Connections, process: int, interrupted: Callable[[], str], over: threading.Event) -> None:
    while not over.wait(ASK_SECONDS):
        if not interrupted():
            continue
        try:
            with connections.use() as eye:
                link.run(eye, f"KILL QUERY {process:d}")
        except SystemFailed:  # it is tried again; a connection that is lost is told by the statement itself
            continue
