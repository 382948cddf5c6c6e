"""The `wayfare` command as people run it: a process of its own, with a data directory of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prepared import PIPE, Process, start
from wayfare.settings import Settings
from wayfare.store.store import Store

SECONDS_MAX = 240.0


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Wayfare:
    """Runs in `folder`; records are kept in `home`."""

    folder: Path
    home: Path
    from_nothing: bool = False

    def __call__(self, *arguments: str | Path, **environ: str) -> Answer:
        return self.start(*arguments, **environ).end()

    def start(self, *arguments: str | Path, **environ: str) -> Started:
        own = self.environ(**environ)
        given = {"environ": own, "folder": self.folder, "from_nothing": self.from_nothing}
        return Started(start(*map(str, arguments), **given, stdout=PIPE, stderr=PIPE))

    def environ(self, **more: str) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("WAYFARE_") or k == "WAYFARE_NATIVE"}
        return {**kept, "WAYFARE_HOME": str(self.home), "COLUMNS": "200", **more}

    def until(self, ready: Callable[[], bool]) -> None:
        """Wait for something that another process does."""
        deadline = time.monotonic() + SECONDS_MAX
        while not ready():
            assert time.monotonic() < deadline, "it did not come to that"
            time.sleep(0.1)

    def status(self) -> str:
        """Of the newest run; read from the store, because a command takes too long to look with."""
        with closing(Store.open(Settings.read(self.environ()))) as store:
            newest = store.runs(limit=1)
            return newest[0].status if newest else ""


@dataclass(frozen=True)
class Started:
    process: Process | subprocess.Popen[str]

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def end(self) -> Answer:
        out, err = self.process.communicate(timeout=SECONDS_MAX)
        return Answer(self.process.returncode, out, err)
