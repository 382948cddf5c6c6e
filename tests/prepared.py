"""`wayfare` in processes that have everything imported already: forked from one that waits.

Importing is most of what a short command does, and tests start hundreds of them. What is forked runs
`wayfare.main.run` with its own arguments, folder, environment, pid and signals, and is killed like any other. Only what
a process takes from its environment at its start (`AT_START`) cannot be given later: such commands start from nothing.
"""

from __future__ import annotations

import functools
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

COMMAND = [sys.executable, "-m", "wayfare"]
AT_START = ("PYTHON", "LC_", "LANG", "LD_", "OPENBLAS_", "MALLOC_", "WAYFARE_NATIVE")
PIPE, DEVNULL = subprocess.PIPE, subprocess.DEVNULL
_MESSAGE_BYTES_MAX = 1 << 18


class Process:
    """As much of `subprocess.Popen` as tests ask for. Its pipes are text."""

    def __init__(
        self, pid: int, ended: IO[bytes], stdin: IO[str] | None, stdout: IO[str] | None, stderr: IO[str] | None
    ) -> None:
        self.pid = pid
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
        self.returncode: int | None = None
        self._ended = ended  # says how, once

    def poll(self) -> int | None:
        if self.returncode is None and select.select([self._ended], [], [], 0)[0]:
            self._read()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            if not select.select([self._ended], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("wayfare", timeout or 0)
            self._read()
        assert self.returncode is not None
        return self.returncode

    def _read(self) -> None:
        with self._ended:
            self.returncode = os.waitstatus_to_exitcode(int(self._ended.readline()))

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """What is left of its words, as of one whose input has ended."""
        if self.stdin:
            self.stdin.close()
        said = {"stdout": "", "stderr": ""}

        def read(name: str, stream: IO[str]) -> None:
            with stream:
                said[name] = stream.read()

        streams = {name: stream for name in said if (stream := getattr(self, name))}
        readers = [threading.Thread(target=read, args=item, daemon=True) for item in streams.items()]
        for reader in readers:
            reader.start()
        self.wait(timeout)  # its children may have its pipes for longer
        for reader in readers:
            reader.join(timeout)
        return said["stdout"], said["stderr"]

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def start(
    *arguments: str,
    environ: Mapping[str, str] = os.environ,
    folder: Path | None = None,
    stdin: Any = DEVNULL,
    stdout: Any = DEVNULL,
    stderr: Any = DEVNULL,
    script: Path | None = None,
    from_nothing: bool = False,
) -> Process | subprocess.Popen[str]:
    """`wayfare`, or a script of Python, running. The streams are as `Popen` wants them: PIPE, DEVNULL, or a file.

    `from_nothing`: as a person starts it, with an interpreter of its own.
    """
    if from_nothing or _at_start(environ) != _at_start(os.environ):
        command = [sys.executable, str(script)] if script else COMMAND
        streams = {"stdin": stdin, "stdout": stdout, "stderr": stderr}
        return subprocess.Popen([*command, *arguments], cwd=folder, env=dict(environ), text=True, **streams)
    asked = {"arguments": arguments, "environ": dict(environ), "folder": str(folder or Path.cwd())}
    return _forker().start({**asked, "script": str(script or "")}, stdin, stdout, stderr)


def _at_start(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name.startswith(AT_START)}


@functools.cache
def _forker() -> _Forker:
    return _Forker()


class _Forker:
    """The prepared process, seen from a test. It leaves when the tests' process has."""

    def __init__(self) -> None:
        self._door, inside = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._turn = threading.Lock()
        command = [sys.executable, __file__, str(inside.fileno())]
        self._process = subprocess.Popen(command, pass_fds=[inside.fileno()], stdin=DEVNULL)
        inside.close()

    def start(self, asked: Mapping[str, Any], stdin: Any, stdout: Any, stderr: Any) -> Process:
        read, write = os.pipe()
        theirs, ours = zip(_end(stdin, "w"), _end(stdout, "r"), _end(stderr, "r"), strict=True)
        with self._turn:
            socket.send_fds(self._door, [json.dumps(asked).encode()], [write, *theirs])
            pid = int(self._door.recv(64) or b"0")
        for descriptor in (write, *theirs):
            os.close(descriptor)
        assert pid, "the prepared process has ended"
        return Process(pid, os.fdopen(read, "rb", buffering=0), *ours)


def _end(wanted: Any, ours: str) -> tuple[int, IO[str] | None]:
    """The descriptor to hand over, and our end of a pipe, which is "r"ead or "w"ritten."""
    if wanted == PIPE:
        read, write = os.pipe()
        return (write, os.fdopen(read)) if ours == "r" else (read, os.fdopen(write, "w"))
    if wanted == DEVNULL:
        return os.open(os.devnull, os.O_RDWR), None
    return os.dup(wanted.fileno()), None


# ---- the prepared process

NOT_WANTED = {"__main__", "scripts", "testbed", "testcluster", "testing", "testserver"}  # Alembic runs the scripts


def prepare() -> None:
    """Import all that a command may want, and nothing that starts a thread, which a fork would not have."""
    import wayfare
    from wayfare.main import start_lightly

    start_lightly()
    for module in pkgutil.walk_packages(wayfare.__path__, "wayfare."):
        if not NOT_WANTED & set(module.name.split(".")):
            with suppress(ImportError):  # a driver that is not here
                importlib.import_module(module.name)
    gc.freeze()


def serve(door: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Fork one for each that is asked for, and say how it ended. Returns in the forks alone."""
    seen, wake = os.pipe()
    for descriptor in (seen, wake):
        os.set_blocking(descriptor, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    running: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([door, seen], [], [])
        if seen in ready:
            os.read(seen, 1024)
            _tell_ended(running)
        if door not in ready:
            continue
        asked, descriptors, _, _ = socket.recv_fds(door, _MESSAGE_BYTES_MAX, 4)
        if not asked:
            os._exit(0)
        pid = os.fork()
        if not pid:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for descriptor in (door.detach(), seen, wake, *running.values(), descriptors[0]):
                os.close(descriptor)
            return json.loads(asked), descriptors[1:]
        running[pid] = descriptors[0]
        for descriptor in descriptors[1:]:
            os.close(descriptor)
        door.send(str(pid).encode())


def _tell_ended(running: dict[int, int]) -> None:
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        ended = running.pop(pid)
        with suppress(BrokenPipeError):  # nobody wants to know any more
            os.write(ended, f"{status}\n".encode())
        os.close(ended)


def become(arguments: Sequence[str], environ: Mapping[str, str], folder: str, streams: Sequence[int]) -> None:
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    time.tzset()
    sys.argv[1:] = arguments


def main(door: int) -> None:
    prepare()
    asked, streams = serve(socket.socket(fileno=door))
    script = asked.pop("script")
    become(**asked, streams=streams)
    if script:
        runpy.run_path(script, run_name="__main__")
        return
    from wayfare.main import run

    run()


if __name__ == "__main__":
    main(int(sys.argv[1]))
