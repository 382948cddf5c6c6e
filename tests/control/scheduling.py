"""A process that begins what is due, as `wayfare worker` does: `python scheduling.py MODE HOME STORE`.

`schedule` looks until its input is closed; `work` also carries the runs out; `claim` claims one thing that is due, and
is killed before it can go on.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import ExitStack, closing
from pathlib import Path

import wayfare.copy.steps  # noqa: F401  registers the effects
from wayfare.access.egress import for_calls, for_connections
from wayfare.control import starting
from wayfare.control.carrying import BY_SCHEDULE, Policies
from wayfare.control.scheduler import Scheduler
from wayfare.engine.engine import Engine
from wayfare.settings import Settings
from wayfare.store.claims import Migrations, Schedules
from wayfare.store.store import Store
from wayfare.systems.registry import open_database

POLICIES = Policies(for_connections(on_loopback=True), for_calls(on_loopback=True))


def main(mode: str, home: str, url: str) -> None:
    settings = Settings(Path(home), url)
    with ExitStack() as opened:
        store = opened.enter_context(closing(Store.open(settings)))
        if mode == "claim":
            claim_and_die(store)
        if mode == "work":
            opened.enter_context(Engine(settings, store, open_database))
        opened.enter_context(Scheduler(store, POLICIES, look_seconds=0.05))
        print("ready", flush=True)
        sys.stdin.read()


def claim_and_die(store: Store) -> None:
    now = time.time()
    for record in Schedules(store.everywhere).due(now, 1):
        assert starting.claimed(store.everywhere, record, now)
    for record in Migrations(store.everywhere).due(now, 1):
        assert Migrations(store.everywhere).claim(record, BY_SCHEDULE)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(*sys.argv[1:])
