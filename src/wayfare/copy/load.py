"""Moving one chunk: the innermost part of a copy."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import pyarrow as pa

from wayfare.copy.subject import RELAY, CopySubject, TableCopy, subject_of
from wayfare.core.codec import decode
from wayfare.core.errors import Bug, WayfareError
from wayfare.core.plan import Json, StepContext
from wayfare.core.ports import Chunk, Database, Parcel, Relays, Snapshot, Stages, Ticket
from wayfare.flow.canonical import Canonical
from wayfare.flow.cast import Cast
from wayfare.flow.pipeline import piped
from wayfare.flow.throttle import Throttle
from wayfare.kernel.hashing import EMPTY, Digest, rows_digest

VIEW = "view"  # the note that holds the source's snapshot, as `noted` tells it
PACE = "rows_per_second"  # the note with the limit of the command that resumed the run

_PROCESS = secrets.token_hex(8)
_throttles: dict[tuple[str, int], Throttle] = {}


def noted(view: Snapshot) -> Json:
    """`name` is this snapshot's alone, as tokens may come again after a restart; "" where it is no single view."""
    reach = "" if view.everywhere else _PROCESS
    return {"token": view.token, "name": secrets.token_hex(8) if view.shared else "", "process": reach}


def view_of(context: StepContext) -> tuple[str, str]:
    """The token to read the source with, and the name of the view that this process sees by it; "" for none."""
    note = context.notes(VIEW) or {"token": "", "name": "", "process": ""}
    return note["token"], note["name"] if note["process"] in ("", _PROCESS) else ""


def stages(database: Database) -> Stages:
    """The database as a target. The planner has made sure that it is one."""
    if not isinstance(database, Stages):
        raise Bug(f"{database.system} was planned as a target, and cannot be one.")
    return database


class Load:
    """Effect "copy.load": gives the rows, their digest (None when they were there already) and the view read."""

    def run(self, context: StepContext, args: Mapping[str, Json]) -> Json:
        subject = subject_of(context)
        copy = subject.tables[args["table"]]
        chunk = decode(Chunk, args["chunk"])
        began = time.monotonic()
        token, view = view_of(context)
        staged = stages(context.open("target")).staged(context.run, copy.landed).label
        with _as_people_call(copy.target, staged):
            moved = (_relay if copy.path == RELAY else _through_arrow)(context, subject, copy, chunk, token)
        context.progress(rows=moved["rows"], bytes=moved["bytes"])
        seconds = round(time.monotonic() - began, 3)
        return {
            **moved,
            "table": args["table"],
            "chunk": args["chunk"],
            "view": view,
            "seconds": seconds,
        }


@contextmanager
def _as_people_call(target: str, staged: str) -> Iterator[None]:
    """Errors name the staged table, which nobody knows; they are told of the one it becomes."""
    try:
        yield
    except WayfareError as error:
        if error.where.startswith(staged):
            error.where = target + error.where.removeprefix(staged)
        raise


def _ticket(context: StepContext, target: Stages, copy: TableCopy, chunk: Chunk) -> Ticket:
    return Ticket(context.run, target.staged(context.run, copy.landed).label, chunk.index, context.attempt)


def _relay(context: StepContext, subject: CopySubject, copy: TableCopy, chunk: Chunk, token: str) -> dict[str, Any]:
    source, target = context.open("source"), context.open("target")
    if not (isinstance(source, Relays) and isinstance(target, Relays)):
        raise Bug(f"{copy.source} was planned as a relay, and {source.system} or {target.system} has none.")
    staged = stages(target).staged(context.run, copy.landed)
    meter = Meter(context, _throttle(context, subject))
    parcels = meter.parcels(source.send(copy.table, chunk, copy.form, token))
    rows = target.receive(_ticket(context, stages(target), copy, chunk), staged, copy.form, parcels)
    comparable = copy.form in target.sends(copy.landed)
    return meter.outcome(rows, comparable)


def _through_arrow(
    context: StepContext, subject: CopySubject, copy: TableCopy, chunk: Chunk, token: str
) -> dict[str, Any]:
    source, target = context.open("source"), stages(context.open("target"))
    cast = copy.cast(context)
    meter = Meter(context, _throttle(context, subject), copy.cursor)
    staged = target.staged(context.run, copy.landed)
    with closing(piped(source.read(copy.table, chunk, token))) as read:
        rows = target.write(_ticket(context, target, copy, chunk), staged, meter.batches(read, cast))
    return {**meter.outcome(rows, True), "lost": dict(cast.lost)}


def _throttle(context: StepContext, subject: CopySubject) -> Throttle | None:
    """One limit for all chunks of a run in this process."""
    noted = context.notes(PACE)
    pace = subject.rows_per_second if noted is None else int(noted)
    return _throttles.setdefault((context.run, pace), Throttle(pace)) if pace else None


class Meter:
    """Counts what passes: rows, bytes, the digest, the greatest cursor; and looks whether the run should stop."""

    def __init__(self, context: StepContext, throttle: Throttle | None, cursor: str = "") -> None:
        self._context = context
        self._throttle = throttle
        self._cursor = cursor
        self._rows = 0
        self._bytes = 0
        self._digest: Digest = EMPTY
        self._began = False
        self._greatest: Any = None

    def _passed(self, rows: int, size: int) -> None:
        self._rows += rows
        self._bytes += size
        self._context.progress(rows=self._rows, bytes=self._bytes)
        self._context.stopping()
        if self._throttle:
            self._throttle.take(rows, self._context.stopping)

    def parcels(self, parcels: Iterable[Parcel]) -> Iterator[Parcel]:
        self._began = True
        for parcel in parcels:
            self._digest += Digest(parcel.rows, parcel.digest)
            self._passed(parcel.rows, len(parcel.data))
            yield parcel

    def batches(self, batches: Iterable[pa.RecordBatch], cast: Cast) -> Iterator[pa.RecordBatch]:
        """Cast, and hashed as `flow.digest.table_digest` would hash what the target gives back."""
        self._began = True
        canonical = Canonical(tuple(c.landing.column for c in cast.columns))
        for batch in batches:
            if self._cursor:
                self._greatest = _greatest(batch.column(self._cursor), self._greatest)
            landed = cast(batch)
            self._digest += rows_digest(canonical(landed))
            self._passed(batch.num_rows, batch.nbytes)
            yield landed

    def outcome(self, rows: int, comparable: bool) -> dict[str, Any]:
        """`rows` is the target's count; when it has rows and none were read, an earlier attempt had written them."""
        seen = self._began and self._rows == rows
        return {
            "rows": rows,
            "bytes": self._bytes,
            "digest": self._digest.hex() if seen and comparable else None,
            "cursor": self._greatest,
        }


def _greatest(values: pa.Array, so_far: Any) -> Any:
    """The greatest cursor as plain JSON: an integer, or the ISO text that `Chunk.after` takes."""
    import pyarrow.compute as pc

    value = pc.max(values).as_py()
    if value is None:
        return so_far
    plain = value if isinstance(value, int) else value.isoformat() if hasattr(value, "isoformat") else str(value)
    return plain if so_far is None else max(so_far, plain)
