"""Who is alive, on a shared store: workers hold advisory locks of PostgreSQL; survivors adopt what the dead left.

The lock is held on a connection of its own, whose keepalives let the server notice a lost machine within about 6 s; a
killed process is noticed at once. DBOS fences what it adopts, and lanes hold tokens: a zombie that wakes up records
nothing.
"""

from __future__ import annotations

import itertools
import threading

import psycopg
import structlog
from dbos import DBOS, WorkflowStatus

from wayfare.core.errors import Unreachable

LOOK_SECONDS = 0.5
RETRY_SECONDS = 1.0
START_SECONDS_MAX = 30.0
KEEPALIVE = "-c tcp_keepalives_idle=3 -c tcp_keepalives_interval=1 -c tcp_keepalives_count=3"
TRY = "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))"
FREE = "SELECT pg_advisory_unlock(hashtextextended(%s, 0))"

log = structlog.get_logger(__name__)


class Liveness:
    """`start` returns once the lock is held, which must be before DBOS is launched."""

    def __init__(self, url: str, executor: str) -> None:
        self._url = url
        self._executor = executor
        self._stop = threading.Event()
        self._held = threading.Event()
        self._adopts = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="liveness", daemon=True)

    def start(self) -> None:
        self._thread.start()
        if not self._held.wait(START_SECONDS_MAX):
            raise Unreachable("this worker cannot make itself known.", where="WAYFARE_STORE", remedy="See the log.")

    def adopt(self) -> None:
        """From now on (DBOS is launched), adopt the work of the dead."""
        self._adopts.set()

    def stop(self) -> None:
        """Frees the lock: what is unfinished here may be adopted."""
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.is_set():
            try:
                with self._connect() as connection:
                    self._hold(connection)
            except psycopg.Error as error:
                log.warning("the liveness connection is lost", error=str(error))
                self._stop.wait(RETRY_SECONDS)

    def _hold(self, connection: psycopg.Connection[tuple[bool]]) -> None:
        while not _try_lock(connection, self._executor):  # our own last connection may not be quite dead yet
            if self._stop.wait(LOOK_SECONDS):
                return
        self._held.set()
        while not self._stop.wait(LOOK_SECONDS):
            if self._adopts.is_set():
                self._adopt_the_dead(connection)
            else:
                connection.execute("SELECT 1")

    def _adopt_the_dead(self, connection: psycopg.Connection[tuple[bool]]) -> None:
        pending = DBOS.list_workflows(status="PENDING", load_input=False)
        for executor in {w.executor_id for w in pending if w.executor_id} - {self._executor}:
            if _try_lock(connection, executor):
                try:
                    _adopt(executor)
                finally:
                    connection.execute(FREE, (_key(executor),))

    def _connect(self) -> psycopg.Connection[tuple[bool]]:
        return psycopg.connect(
            self._url,
            autocommit=True,
            connect_timeout=10,
            options=KEEPALIVE,
            keepalives_idle=3,
            keepalives_interval=1,
            keepalives_count=3,
            tcp_user_timeout=5000,
        )


def _adopt(executor: str) -> None:
    """Put its workflows back into their queues. Listed only now, under the lock: others may have been here."""
    pending = DBOS.list_workflows(status="PENDING", executor_id=executor, load_input=False)
    for queue, group in itertools.groupby(sorted(pending, key=_queue_of), _queue_of):
        DBOS.resume_workflows([w.workflow_id for w in group], queue_name=queue or None)
    log.warning("adopted the work of a dead process", executor=executor, workflows=len(pending))


def _try_lock(connection: psycopg.Connection[tuple[bool]], executor: str) -> bool:
    row = connection.execute(TRY, (_key(executor),)).fetchone()
    return bool(row and row[0])


def _key(executor: str) -> str:
    return f"wayfare-executor:{executor}"


def _queue_of(workflow: WorkflowStatus) -> str:
    return workflow.queue_name or ""
