"""Ending a statement that the server is carrying out, because somebody has a reason to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg

from wayfare.core.changes import Policy
from wayfare.core.errors import Stopped
from wayfare.systems.beside import beside
from wayfare.systems.databases.postgresql.connect import Connection

ASK_SECONDS = 0.1
CANCEL_SECONDS_MAX = 5.0


@contextmanager
def interruptible(connection: Connection, interrupted: Callable[[], str]) -> Iterator[None]:
    """Meanwhile, `interrupted` is asked from a thread; once it gives a reason, what the connection does is cancelled.

    It is asked for again until the end: between two statements the server has nothing to cancel, and forgets it.
    """
    with beside("schema-interrupting", lambda over: _watch(connection, interrupted, over)):
        yield


def _watch(connection: Connection, interrupted: Callable[[], str], over: threading.Event) -> None:
    """By the protocol's own request, which needs no right, no free place among the connections, and passes poolers."""
    while not over.wait(ASK_SECONDS):
        if not interrupted():
            continue
        try:
            connection.cancel_safe(timeout=CANCEL_SECONDS_MAX)
        except psycopg.Error:  # it is tried again; a connection that is lost is told by the statement itself
            continue


def stop_if(policy: Policy, error: psycopg.Error | None = None) -> None:
    """Raises Stopped where there is a reason, and the error, if there is one, is what came of it."""
    if (error is None or isinstance(error, psycopg.errors.QueryCanceled)) and (why := policy.interrupted()):
        raise Stopped(why) from error
