"""Running one program and saying what it cost."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import cpu_seconds, resident_bytes

SAMPLE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run of a program took."""

    wall: float  # seconds
    client_cpu: float  # seconds, of the program and all it started
    server_cpu: float  # seconds, of the servers at both ends meanwhile
    rss_peak: int  # bytes, of the whole process tree
    exit_code: int
    load_before: float  # the machine's load average over a minute, before the start
    tail: str  # the end of what it printed


def measure(
    command: Sequence[str],
    log: Path,
    environment: Mapping[str, str],
    *,
    servers: Collection[int] = (),
    timeout: float = 900.0,
    folder: Path | None = None,
) -> Cost:
    """Run `command` to its end, or kill its process group after `timeout` seconds (exit code -9).

    `servers` are the process ids of the servers that work for it.
    """
    load, before = os.getloadavg()[0], _cpu(servers)
    with log.open("wb") as out:
        began = time.monotonic()
        program = subprocess.Popen(
            list(command), stdout=out, stderr=out, env=environment, cwd=folder, start_new_session=True
        )
        with _Watch(program.pid, timeout) as watch:
            # wait4 alone tells the CPU of just this program and its children.
            _, status, usage = os.wait4(program.pid, 0)
        wall = time.monotonic() - began
    program.returncode = os.waitstatus_to_exitcode(status)
    return Cost(
        wall=wall,
        client_cpu=usage.ru_utime + usage.ru_stime,
        server_cpu=_cpu(servers) - before,
        rss_peak=max(watch.rss_peak, usage.ru_maxrss * 1024),
        exit_code=program.returncode,
        load_before=load,
        tail=log.read_text(errors="replace")[-2000:],
    )


def _cpu(servers: Collection[int]) -> float:
    return sum(map(cpu_seconds, servers))


class _Watch:
    """A thread that samples memory, and kills the process group when its time is up."""

    def __init__(self, pid: int, timeout: float) -> None:
        self.rss_peak = 0
        self._pid = pid
        self._deadline = time.monotonic() + timeout
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> _Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(SAMPLE_SECONDS):
            self.rss_peak = max(self.rss_peak, resident_bytes(self._pid))
            if time.monotonic() > self._deadline:
                os.killpg(self._pid, signal.SIGKILL)
                return
