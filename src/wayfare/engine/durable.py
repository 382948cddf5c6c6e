"""DBOS: what makes conducting and lanes survive crashes, and where queues and their limits live.

Only this module and `liveness` import it. A workflow of ours records no steps in DBOS: the store's journal knows them,
with less writing. DBOS knows that a workflow must be brought to its end, by whom, and how many may run at once.
"""

from __future__ import annotations

import contextvars
from typing import Protocol

from dbos import DBOS, DBOSClient, DBOSConfig, SetEnqueueOptions, SetWorkflowID

from wayfare.engine.liveness import Liveness
from wayfare.settings import Settings
from wayfare.store.database import plain_url, sqlite_engine

APPLICATION = "wayfare"
PROTOCOL = "1"  # DBOS's application version: not a hash of the code, or every edit would strand the pending runs
RUNS = "runs"
STEPS = "steps"
POLL_SECONDS = 0.1
ALIVE = ["PENDING", "ENQUEUED", "DELAYED"]


class Serves(Protocol):
    def conduct(self, run: str, round_: int) -> None: ...
    def carry(self, name: str, run: str, phase: int, limit_key: str) -> None: ...


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
        self._liveness = None if settings.embedded else Liveness(plain_url(settings.store_url), executor)

    def launch(self) -> None:
        """Recovers what this executor left behind, and begins to take work from the queues."""
        _serving.append(self._serves)
        if self._liveness:
            self._liveness.start()
        config = self._config()
        engine = config.get("system_database_engine")
        DBOS(config=config)
        DBOS.migrate(str(config["system_database_url"]))
        client = DBOSClient(
            system_database_url=None if engine else config["system_database_url"],
            system_database_engine=engine,
            application_name=APPLICATION,
        )
        try:  # before the launch, or DBOS would notice the queues a second after it
            client.register_queue(RUNS, polling_interval_sec=POLL_SECONDS)
            workers = self._settings.workers
            per_source = min(workers, self._settings.per_source)
            client.register_queue(
                STEPS, global_concurrency=workers, partition_concurrency=per_source, polling_interval_sec=POLL_SECONDS
            )
        finally:
            client.destroy()
        DBOS.launch()
        if self._liveness:
            self._liveness.adopt()

    def close(self) -> None:
        DBOS.destroy()
        if self._liveness:  # last, so that nobody adopts what we still hold
            self._liveness.stop()
        _serving.remove(self._serves)

    def conduct(self, run: str, round_: int) -> None:
        """Once, however often it is called."""
        with SetWorkflowID(f"{run}.{round_}"):
            DBOS.enqueue_workflow(RUNS, _conduct, run, round_)

    def conducting(self, run: str, round_: int) -> bool:
        return bool(DBOS.list_workflows(workflow_ids=[f"{run}.{round_}"], status=ALIVE, load_input=False))

    def start(self, name: str, run: str, phase: int, limit_key: str) -> None:
        """A lane. Not as a child of the conductor's workflow: a later conductor may need other lanes than the first."""
        contextvars.Context().run(self._start, name, run, phase, limit_key)

    def _start(self, name: str, run: str, phase: int, limit_key: str) -> None:
        partition = limit_key or f"free {name}"  # steps without a source share no limit but the global one
        with SetWorkflowID(name), SetEnqueueOptions(queue_partition_key=partition):
            DBOS.enqueue_workflow(STEPS, _carry, name, run, phase, limit_key)

    def lane_waits(self) -> bool:
        """Is there a lane without a place?"""
        return bool(DBOS.list_workflows(queue_name=STEPS, status="ENQUEUED", limit=1, load_input=False))

    def alive(self, prefix: str) -> bool:
        return bool(DBOS.list_workflows(workflow_id_prefix=prefix, status=ALIVE, limit=1, load_input=False))

    def _config(self) -> DBOSConfig:
        config: DBOSConfig = {
            "name": APPLICATION,
            "executor_id": self._executor,
            "application_version": PROTOCOL,
            "log_level": "WARNING",
            "use_listen_notify": False,
            "notification_listener_polling_interval_sec": POLL_SECONDS,
        }
        if self._settings.embedded:
            url = f"sqlite:///{self._settings.home / 'engine.db'}"
            # write transactions take the lock at once; not by the "begin" event, which would break DBOS's migrations
            config |= {
                "system_database_url": url,
                "system_database_engine": sqlite_engine(
                    url, isolation_level="IMMEDIATE", pool_size=10, max_overflow=10
                ),
            }
        else:
            config |= {"system_database_url": self._settings.store_url, "sys_db_pool_size": 10}
        return config
