"""DBOS: what makes conducting and lanes survive crashes, and where queues and their limits live.

Only this module and `liveness` import it. A workflow of ours records no steps in DBOS: the store's journal knows them,
with less writing. DBOS knows that a workflow must be brought to its end, by whom, and how many may run at once.
"""

from __future__ import annotations

import contextvars
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

import sqlalchemy as sa
from dbos import DBOS, DBOSClient, DBOSConfig, SetEnqueueOptions, SetWorkflowID

from wayfare.engine.liveness import Liveness
from wayfare.engine.slots import Slots
from wayfare.settings import Settings
from wayfare.store.database import plain_url, sqlite_engine

APPLICATION = "wayfare"
PROTOCOL = "1"  # DBOS's application version: not a hash of the code, or every edit would strand the pending runs
RUNS = "runs"
STEPS = "steps"
POLL_SECONDS = 0.2
UNUSED_POLL_SECONDS = 1.0  # of the queue of runs, where the embedded store starts them directly
EMBEDDED_POLL_SECONDS = 0.1  # for lanes, so that a phase begins soon; each look costs about 2 ms of CPU
NOTICE_SECONDS = 0.02  # nothing of ours waits for DBOS's notices; closing waits that long for who looks for them
ALIVE = ["PENDING", "ENQUEUED", "DELAYED"]
OVER = ["SUCCESS", "ERROR", "CANCELLED"]
FORGET_MAX = 500  # at once

S = TypeVar("S")
P = ParamSpec("P")
R = TypeVar("R")


class Serves(Protocol):
    def conduct(self, run: str, round_: int) -> None: ...
    def carry(self, name: str, run: str, phase: int, limit_key: str) -> None: ...


def _outside(call: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Call DBOS as if from outside any workflow.

    From inside, it would record each call as a step of that workflow, and answer it from the record to a later
    conductor, which must see what is true now and may need other lanes than the first.
    """

    @wraps(call)
    def outside(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return contextvars.Context().run(call, self, *args, **kwargs)

    return outside


_serving: list[Serves] = []  # DBOS finds workflows by name, in one registry for the whole process


@DBOS.workflow(name="wayfare.conduct", max_recovery_attempts=None)
def _conduct(run: str, round_: int) -> None:
    _serving[-1].conduct(run, round_)


@DBOS.workflow(name="wayfare.carry", max_recovery_attempts=None)
def _carry(name: str, run: str, phase: int, limit_key: str) -> None:
    _serving[-1].carry(name, run, phase, limit_key)


class Durable:
    """DBOS, launched. One at a time in a process."""

    def __init__(self, settings: Settings, executor: str, serves: Serves) -> None:
        self._settings = settings
        self._executor = executor
        self._serves = serves
        self.slots = Slots(settings.workers, settings.per_source) if settings.embedded else None
        self._engine: sa.Engine | None = None
        self._liveness: Liveness | None = None
        if settings.embedded:
            self._url = f"sqlite:///{settings.home / 'engine.db'}"
            # Writes take the lock when they begin; not by the "begin" event, which would break DBOS's migrations.
            self._engine = sqlite_engine(self._url, isolation_level="IMMEDIATE", pool_size=10, max_overflow=10)
        else:
            self._url = plain_url(settings.store_url)
            self._liveness = Liveness(self._url, executor)

    def launch(self) -> None:
        """Recovers what this executor left behind, and begins to take work from the queues."""
        _serving.append(self._serves)
        if self._liveness:
            self._liveness.start()
        DBOS(config=self._config())
        DBOS.migrate(self._url)
        self._register_queues()
        DBOS.launch()
        if self._liveness:
            self._liveness.adopt()

    def _register_queues(self) -> None:
        """Before the launch, or DBOS would notice them a second after it."""
        client = DBOSClient(system_database_url=self._url, application_name=APPLICATION)
        try:
            workers, embedded = self._settings.workers, self._settings.embedded
            client.register_queue(RUNS, polling_interval_sec=UNUSED_POLL_SECONDS if embedded else POLL_SECONDS)
            client.register_queue(
                STEPS,
                global_concurrency=workers,
                partition_concurrency=min(workers, self._settings.per_source),
                polling_interval_sec=EMBEDDED_POLL_SECONDS if embedded else POLL_SECONDS,
            )
        finally:
            client.destroy()

    def close(self) -> None:
        DBOS.destroy()
        if self._engine:
            self._engine.dispose()
        if self._liveness:  # last, so that nobody adopts what we still hold
            self._liveness.stop()
        _serving.remove(self._serves)

    @_outside
    def conduct(self, run: str, round_: int) -> None:
        """Once, however often it is called. The only process of an embedded store need not wait for its own queue."""
        with SetWorkflowID(f"{run}.{round_}"):
            if self._settings.embedded:
                DBOS.start_workflow(_conduct, run, round_)
            else:
                DBOS.enqueue_workflow(RUNS, _conduct, run, round_)

    @_outside
    def conducting(self, run: str, round_: int) -> bool:
        return bool(DBOS.list_workflows(workflow_ids=[f"{run}.{round_}"], status=ALIVE, load_input=False))

    @_outside
    def start(self, name: str, run: str, phase: int, limit_key: str) -> None:
        """A lane. Once, however often it is called with the same name. Where there is room for it, it begins now."""
        if self.slots and self.slots.room(limit_key):
            with SetWorkflowID(name):
                DBOS.start_workflow(_carry, name, run, phase, limit_key)
            return
        partition = limit_key or f"free {name}"  # steps without a source share no limit but the global one
        with SetWorkflowID(name), SetEnqueueOptions(queue_partition_key=partition):
            DBOS.enqueue_workflow(STEPS, _carry, name, run, phase, limit_key)

    @_outside
    def lane_waits(self) -> bool:
        """Is there a lane without a place?"""
        if self.slots and self.slots.wanted:
            return True
        return bool(DBOS.list_workflows(queue_name=STEPS, status="ENQUEUED", limit=1, load_input=False))

    @_outside
    def alive(self, prefix: str) -> bool:
        return bool(DBOS.list_workflows(workflow_id_prefix=prefix, status=ALIVE, limit=1, load_input=False))

    @_outside
    def forget(self, older_than_seconds: float) -> None:
        """Delete DBOS's records of what ended that long ago; the store keeps its own."""
        before = datetime.fromtimestamp(time.time() - older_than_seconds, UTC).isoformat()
        while old := DBOS.list_workflows(status=OVER, completed_before=before, limit=FORGET_MAX, load_input=False):
            DBOS.delete_workflows([w.workflow_id for w in old])

    def _config(self) -> DBOSConfig:
        config: DBOSConfig = {
            "name": APPLICATION,
            "executor_id": self._executor,
            "application_version": PROTOCOL,
            "log_level": "WARNING",
            "use_listen_notify": False,
            "notification_listener_polling_interval_sec": NOTICE_SECONDS,
            "system_database_url": self._url,
        }
        if self._engine:
            config["system_database_engine"] = self._engine
        else:
            config["sys_db_pool_size"] = 10
        return config
