"""How far an index build is, as the server tells it to others.

Its phases are weighted by measured shares of the time: blocks read alone say 62 % when 30 % of the time is gone,
because sorting and writing the index come after. A concurrent build reads the table a second time.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from wayfare.core.errors import WayfareError
from wayfare.core.statements import Kind, Statement
from wayfare.systems.beside import beside
from wayfare.systems.databases.postgresql.connect import Connection, Connections

POLL_SECONDS = 0.25
BUILDS = frozenset({Kind.CREATE_INDEX, Kind.REINDEX, Kind.ADD_UNIQUE, Kind.ADD_PRIMARY_KEY, Kind.ADD_CONSTRAINT})

# Phase → where it begins and ends, as a share of the whole; each counted by blocks or by tuples.
_PHASES: tuple[tuple[str, float, float], ...] = (
    ("waiting for writers before build", 0.0, 0.01),
    ("building index: initializing", 0.01, 0.01),
    ("building index: scanning table", 0.01, 0.35),
    ("building index: sorting live tuples", 0.35, 0.50),
    ("building index: sorting dead tuples", 0.50, 0.51),
    ("building index: loading tuples in tree", 0.51, 0.75),
    ("building index", 0.01, 0.75),  # of methods that do not tell more
    ("waiting for writers before validation", 0.75, 0.76),
    ("index validation: scanning index", 0.76, 0.82),
    ("index validation: sorting tuples", 0.82, 0.87),
    ("index validation: scanning table", 0.87, 0.98),
    ("waiting for old snapshots", 0.98, 0.99),
    ("waiting for readers before marking dead", 0.99, 0.99),
    ("waiting for readers before dropping", 0.99, 1.0),
)
_SHARES = {phase: (start, end) for phase, start, end in _PHASES}
_BUILT = 0.75  # where a build ends that is not concurrent
_ASK = """
select phase, blocks_done, blocks_total, tuples_done, tuples_total, command like '%%CONCURRENTLY'
from pg_stat_progress_create_index where pid = %s
"""


def share(phase: str, done: tuple[int, int], of: tuple[int, int], concurrent: bool) -> float:
    """From 0 to 1. `done` and `of` are (blocks, tuples). Pure; 0 for a phase that is not known."""
    start, end = _SHARES.get(phase, (0.0, 0.0))
    within = max((d / o for d, o in zip(done, of, strict=True) if o > 0), default=0.0)
    reached = start + (end - start) * min(within, 1.0)
    return reached if concurrent else min(reached / _BUILT, 1.0)


@contextmanager
def telling(
    connections: Connections,
    connection: Connection,
    statements: Sequence[Statement],
    progress: Callable[[float], None],
) -> Iterator[None]:
    """Meanwhile, tell `progress` how far the build on that connection is, from a thread, on another connection."""
    if not any(action.kind in BUILDS for statement in statements for action in statement.actions):
        yield
        return
    row = connection.execute("select pg_backend_pid()").fetchone()  # a pooler's own number is not the server's
    pid = int(row[0]) if row else 0
    with beside("schema-progress", lambda over: _watch(connections, pid, progress, over)):
        yield


def _watch(connections: Connections, pid: int, progress: Callable[[float], None], over: threading.Event) -> None:
    """It only tells: where it cannot ask, nothing is told, and the statement itself says what is wrong."""
    reached = 0.0
    with contextlib.suppress(WayfareError):
        while not over.wait(POLL_SECONDS):
            with connections.use() as connection:
                row = connection.execute(_ASK, (pid,)).fetchone()
            if row:
                phase, blocks, of_blocks, tuples, of_tuples, concurrent = row
                reached = max(reached, share(phase, (blocks, tuples), (of_blocks, of_tuples), concurrent))
                progress(reached)
