"""A worker as a process of its own, with tiny real effects: they leave a trace and a target folder behind.

It reads one JSON line per worker to start ({"home", "store", "until", "workers", "per_source"}), forks it, and answers
with its pid. Forking from a process that has everything imported makes killing workers by the dozen cheap.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import wayfare.engine.durable  # noqa: F401  the expensive import, paid before the forks
from wayfare.core.address import Address
from wayfare.core.errors import Refused, Unreachable
from wayfare.core.findings import Finding, Severity
from wayfare.core.plan import StepContext
from wayfare.engine.effects import effect, holder
from wayfare.engine.engine import Engine
from wayfare.settings import Settings
from wayfare.store.store import Store


def trace(context: StepContext, **what: Any) -> None:
    line = json.dumps({"pid": os.getpid(), "at": time.time(), "attempt": context.attempt, **what}) + "\n"
    file = os.open(Path(context.subject["folder"]) / "trace", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(file, line.encode())
    os.close(file)


def target(context: StepContext, name: str) -> Path:
    return Path(context.subject["folder"]) / "target" / name


@effect("test.put")
class Put:
    """Writes one file, slowly, whole or not at all."""

    def run(self, context: StepContext, args: Any) -> Any:
        trace(context, begin=args["file"])
        until = time.monotonic() + args.get("seconds", 0.02)
        while time.monotonic() < until:
            context.stopping()
            time.sleep(0.005)
        draft = target(context, f".{args['file']}-{os.getpid()}")
        draft.write_text(json.dumps(context.notes("token")))
        draft.rename(target(context, args["file"]))
        context.progress(rows=7)
        trace(context, end=args["file"])
        return {"file": args["file"]}


@effect("test.undoable")
class Undoable(Put):
    def undo(self, context: StepContext, args: Any) -> None:
        trace(context, undo=args["file"])
        target(context, args["file"]).unlink(missing_ok=True)


@effect("test.flaky")
class Flaky:
    def run(self, context: StepContext, args: Any) -> Any:
        context.finding(Finding("test.flaky", Severity.WARNING, "the same at every attempt"))
        if context.attempt <= args["failures"]:
            raise Unreachable("no answer.", where="source")
        return context.attempt


@effect("test.refused")
class Refusing:
    def run(self, context: StepContext, args: Any) -> Any:
        time.sleep(args.get("seconds", 0.0))
        if not target(context, "mended").exists():
            raise Refused("the table is full.", remedy="Make room.", where="target")


@effect("test.buggy")
class Buggy:
    def run(self, context: StepContext, args: Any) -> Any:
        return 1 // 0


@effect("test.leaky")
class Leaky:
    def run(self, context: StepContext, args: Any) -> Any:
        raise RuntimeError(f"cannot connect to {context.open('source').address.url(reveal=True)}")  # type: ignore[attr-defined]


@effect("test.outcomes")
class Outcomes:
    def run(self, context: StepContext, args: Any) -> Any:
        return dict(context.outcomes(args["tag"]))


@effect("test.opens")
class Opens:
    def run(self, context: StepContext, args: Any) -> Any:
        return [context.open("source") is context.open("source"), context.open("source").system]


@holder("test.hold")
@contextmanager
def hold(context: StepContext) -> Iterator[None]:
    context.note("token", "held")
    trace(context, hold="open")
    yield
    trace(context, hold="closed")


@holder("test.perishable")
@contextmanager
def perishable(context: StepContext) -> Iterator[Any]:
    """Lost when somebody removes its file; it may also not be had again, or not be closed."""
    folder = Path(context.subject["folder"])
    if (folder / "cannot").exists():
        (folder / "cannot").unlink()
        trace(context, hold="cannot")
        raise Unreachable("not yet.", where="source")
    held = folder / "held"
    held.touch()
    context.note("token", time.time())
    trace(context, hold="open")
    yield held.exists
    trace(context, hold="closed")
    if not held.exists():
        raise Unreachable("it was gone.", where="source")


@effect("test.needs")
class Needs(Put):
    """As Put, but only while what is held stands."""

    def run(self, context: StepContext, args: Any) -> Any:
        if not (Path(context.subject["folder"]) / "held").exists():
            raise Unreachable("it is lost.", where="source")
        return super().run(context, args)


@effect("test.breaks")
class Breaks:
    def run(self, context: StepContext, args: Any) -> Any:
        (Path(context.subject["folder"]) / "held").unlink()


class Opened:
    """Stands for a database only in that it can be opened and closed."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.system = address.system

    def __enter__(self) -> Opened:
        return self

    def __exit__(self, *exc: object) -> None:
        pass


def work(home: str, store: str, until: str | None, workers: int, per_source: int) -> None:
    settings = Settings(Path(home), store, workers, per_source)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with Engine(settings, Store.open(settings), Opened) as engine:  # type: ignore[arg-type]
        Path(home, f"ready-{os.getpid()}").touch()
        engine.work(until, stop)


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        pid = os.fork()
        if pid:
            print(pid, flush=True)
            continue
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.close(0)
        asked = json.loads(line)
        log = os.open(Path(asked["home"]) / "worker.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 1)
        os.dup2(log, 2)
        try:
            work(**asked)
        except BaseException as error:
            traceback.print_exc()
            Path(asked["home"], f"error-{os.getpid()}").write_text(f"{type(error).__name__}: {error}")
        finally:
            os._exit(0)


if __name__ == "__main__":
    main()
