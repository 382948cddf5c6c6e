"""A store seen from outside, and workers for it in processes of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from wayfare.core.address import Address
from wayfare.core.events import Event, Name
from wayfare.core.plan import Phase, Plan, Step
from wayfare.core.status import Status
from wayfare.settings import Settings
from wayfare.store.records import Run
from wayfare.store.store import Store

WAIT_SECONDS_MAX = 60.0
CANARY = "canary7f3a"  # every run's password


class Workers:
    """Starts workers by forking one prepared process."""

    def __init__(self) -> None:
        command = [sys.executable, str(Path(__file__).parent / "worker.py")]
        self._forker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pids: list[int] = []

    def start(self, settings: Settings, until: str | None = None) -> int:
        asked = {"home": str(settings.home), "store": settings.store_url, "until": until}
        asked |= {"workers": settings.workers, "per_source": settings.per_source}
        assert self._forker.stdin
        assert self._forker.stdout
        self._forker.stdin.write(json.dumps(asked) + "\n")
        self._forker.stdin.flush()
        pid = int(self._forker.stdout.readline())
        self.pids.append(pid)
        return pid

    def kill_all(self) -> None:
        for pid in self.pids:
            kill(pid)
        self.pids.clear()

    def close(self) -> None:
        self.kill_all()
        assert self._forker.stdin
        assert self._forker.stdout
        self._forker.stdin.close()
        self._forker.stdout.close()
        self._forker.wait(10)


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    wait_for(lambda: not alive(pid))


def wait_for(true: Callable[[], object], what: str = "") -> Any:
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while not (value := true()):
        assert time.monotonic() < deadline, f"still waiting for {what or true}"
        time.sleep(0.002)
    return value


@dataclass
class Bed:
    """A store, seen from outside, and workers for it."""

    settings: Settings
    workers: Workers
    store: Store = field(init=False)

    def __post_init__(self) -> None:
        self.store = Store.open(self.settings)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.workers.kill_all()
        self.store.close()

    def run(self, *phases: Phase, kind: str = "test") -> Run:
        """Queue a run; its trace and target are in a folder of its own."""
        folder = self.settings.home / f"run-{time.monotonic_ns()}"
        (folder / "target").mkdir(parents=True)
        plan = Plan(kind, {"folder": str(folder)}, phases)
        source = Address.parse(f"memory://me:{CANARY}@somewhere/db")
        return self.store.create_run(
            kind=kind, title="a test", request={}, fingerprint="f", plan=plan, addresses={"source": source}
        )

    def worker(self, until: str | None = None) -> int:
        return self.workers.start(self.settings, until)

    def carry_out(self, run: Run) -> Run:
        """Start a worker for this run and wait until it has left."""
        pid = self.worker(run.id)
        wait_for(lambda: not alive(pid), f"worker {pid}")
        assert not self.error(pid), self.error(pid)
        return self.store.run(run.id)

    def until(self, run: Run, *status: Status) -> Run:
        wait_for(lambda: self.store.run(run.id).status in status, f"{run.id} to be {status}")
        return self.store.run(run.id)

    def until_events(self, run: Run, count: int) -> None:
        wait_for(lambda: self.store.events(run.id, since=count - 1, limit=1), f"event {count}")

    def events(self, run: Run) -> list[Event]:
        return list(self.store.events(run.id, limit=100_000))

    def steps(self, run: Run, name: Name) -> list[str]:
        return [e.step for e in self.events(run) if e.name is name]

    def folder(self, run: Run) -> Path:
        return Path(self.store.plan(run.id).subject["folder"])

    def trace(self, run: Run, word: str) -> list[Any]:
        """What effects traced under that word, in order."""
        path = self.folder(run) / "trace"
        lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [line[word] for line in lines if word in line]

    def lines(self, run: Run) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder(run) / "trace").read_text().splitlines()]

    def target(self, run: Run) -> dict[str, str]:
        return {p.name: p.read_text() for p in sorted((self.folder(run) / "target").glob("[!.]*"))}

    def error(self, pid: int) -> str:
        path = self.settings.home / f"error-{pid}"
        return path.read_text() if path.exists() else ""


def put(file: str, *, tag: str = "test.put", limit_key: str = "", **args: Any) -> Step:
    return Step(tag, f"put {file}", {"file": file, **args}, limit_key)
