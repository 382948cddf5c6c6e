"""Waiting for the bytes of a server: the window that C and Python share, and how long nothing may come.

A network can fall silent: no bytes, no error, for ever. Two different watches see to that, because two different things
can be silent:

- A machine, or a line, that is gone answers no packet. TCP's own keepalive notices in about a minute, from the first
  moment on, and asks nothing of the server's programs.
- A line whose ends still answer, but on which nothing passes (a proxy, a tunnel, a server that hangs). The stall limit
  notices that rows had begun to come, and that none have come since. Before the first bytes it does not count: a server
  that sorts a large table is silent for as long as that takes, and is at work.

A server that finds few rows in a long scan may be silent in the middle too: for such, `stall_seconds` in the URL is
raised, or 0 to wait for ever.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import select
import socket
from collections.abc import Mapping, Sequence

from wayfare.core.errors import Invalid

STALL_SECONDS = 120  # a server that writes a checkpoint on a slow disk may pause for half a minute
STALL_SECONDS_MAX = 86_400
KEEPALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 60_000}  # s, s, times, ms
FOR_EVER_MS = -1


class Window(ctypes.Structure):
    """`wf_window` of stream.h: what is received and not yet used lies from `start` to `end`."""

    _fields_ = (
        ("buffer", ctypes.c_void_p),
        ("size", ctypes.c_int64),
        ("start", ctypes.c_int64),
        ("end", ctypes.c_int64),
        ("received", ctypes.c_int64),
        ("fd", ctypes.c_int32),
        ("error", ctypes.c_int32),
        ("stall_ms", ctypes.c_int32),
    )


def window(fd: int, stall_seconds: int) -> Window:
    """With `fd` the native part reads on from that socket by itself; -1 where it cannot. 0 seconds: for ever."""
    return Window(fd=fd, stall_ms=stall_seconds * 1000 or FOR_EVER_MS)


def await_more(shared: Window) -> None:
    """Before a read in Python: wait until there is something to read.

    Raises OSError for what the native part met, as a socket tells it only once; TimeoutError where nothing comes.
    """
    if shared.error not in (0, errno.ETIMEDOUT):
        raise OSError(shared.error, os.strerror(shared.error))
    if shared.error or not _readable(shared):
        raise TimeoutError(f"nothing came for {shared.stall_ms / 1000:g} seconds in the middle of rows")


def _readable(shared: Window) -> bool:
    if shared.fd < 0:
        return True
    waiting = select.poll()
    waiting.register(shared.fd, select.POLLIN)
    return bool(waiting.poll(shared.stall_ms if shared.received else FOR_EVER_MS))


def keep_alive(wire: socket.socket) -> None:
    """A peer that is gone is noticed in about a minute, not in the kernel's two hours."""
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEEPALIVE.items():
        if hasattr(socket, name):
            wire.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def connected(addresses: Sequence[str], port: int, seconds: float) -> socket.socket:
    """A connection to the first of these that takes one. Raises OSError: the last one's."""
    for address in addresses[:-1]:
        with contextlib.suppress(OSError):
            return socket.create_connection((address, port), seconds)
    return socket.create_connection((addresses[-1], port), seconds)


def stall_seconds(options: Mapping[str, str]) -> int:
    """The option of that name in a URL, in either spelling. Raises Invalid."""
    text = options.get("stall_seconds", options.get("stall-seconds", str(STALL_SECONDS)))
    if not text.isdecimal() or int(text) > STALL_SECONDS_MAX:
        raise Invalid(
            f"{text!r} is no number of seconds.",
            where="stall_seconds",
            remedy=f"Give 1 to {STALL_SECONDS_MAX}, or 0 to wait for ever.",
        )
    return int(text)
