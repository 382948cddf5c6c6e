"""A service as its users start it, in a process of its own, with one account that has signed in."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.places import WAYFARE, environment
from benchmarks.processes import cpu_seconds, resident_bytes
from benchmarks.race import gist
from wayfare.systems.testing import free_port

START_SECONDS_MAX = 60.0
END_SECONDS_MAX = 20.0
ASK_AGAIN_SECONDS = 0.01
ACCOUNT = ("bench", "a long password for nothing")
PLENTY = "1000000"  # calls in a minute: the limit is counted, and never met


@dataclass(frozen=True, slots=True)
class Served:
    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cpu(self) -> float:
        """Seconds so far, of the service and its workers."""
        return cpu_seconds(self.process.pid)

    def resident(self) -> int:
        return resident_bytes(self.process.pid)

    def status(self, path: str) -> int:
        """0 where nobody answers."""
        try:
            with urllib.request.urlopen(f"{self.url}{path}", timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def wait_for(self, path: str, status: int, seconds: float = START_SECONDS_MAX) -> float:
        """Seconds until it answers so. Raises RuntimeError when it does not in time."""
        began = time.monotonic()
        while time.monotonic() - began < seconds and self.process.poll() is None:
            if self.status(path) == status:
                return time.monotonic() - began
            time.sleep(ASK_AGAIN_SECONDS)
        raise RuntimeError(f"{path} does not answer {status}: {gist(self.log.read_text(errors='replace'))}")

    def token(self) -> str:
        """Of ACCOUNT, who registers."""
        name, password = ACCOUNT
        body = {"username": name, "email": "bench@example.org", "password": password}
        self.post("/api/auth/register", body)
        return str(self.post("/api/auth/login", {"username": name, "password": password})["access_token"])

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.url}{path}", timeout=30) as answer:
            return json.load(answer)

    def post(self, path: str, body: Mapping[str, str]) -> Any:
        request = urllib.request.Request(
            f"{self.url}{path}", json.dumps(body).encode(), {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def end(self, number: int = signal.SIGTERM) -> None:
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            self.process.wait(END_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start(home: Path, *words: str, **variables: str) -> Served:
    """Started, not yet ready."""
    port, log = free_port(), home.parent / "serve.log"
    command = [str(WAYFARE), "serve", "--port", str(port), *words]
    own = environment(WAYFARE_HOME=str(home), WAYFARE_CALLS_PER_MINUTE=PLENTY, **variables)
    with log.open("ab") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env=own, cwd=os.fspath(home.parent))
    return Served(process, port, log)


@contextmanager
def serving(home: Path, *words: str, **variables: str) -> Iterator[Served]:
    served = start(home, *words, **variables)
    try:
        served.wait_for("/readyz", 200)
        yield served
    finally:
        served.end()
