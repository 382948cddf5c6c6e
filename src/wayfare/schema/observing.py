"""Looking at a server while and after its schema changes: queries, lock waits, and how far it is behind."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict

from wayfare.core.changes import Part, Replicates, Sample, Schema, Watches
from wayfare.core.errors import Unavailable
from wayfare.core.findings import Finding, Severity
from wayfare.core.plan import Json, StepContext
from wayfare.schema.carry import Progress
from wayfare.schema.subject import ChangeSubject
from wayfare.schema.watch import TICK_SECONDS, Costs, Limits, Point, Spent, Watcher, between, failed_share

Teller = Callable[[Progress], None]
POINTS_KEPT = 240  # two minutes of ticks, for the page


def baseline(context: StepContext, schema: Schema, member: str, limits: Limits) -> None:
    """How the server's queries fare before the change. Where it does not count them, that is a finding."""
    if not isinstance(schema, Watches):
        return
    try:
        first = schema.sample()
        _sleep(context, limits.baseline_seconds)
        last = schema.sample()
    except Unavailable as error:
        told = f"{member} is not watched: {error.message}"
        context.finding(Finding("not_watched", Severity.WARNING, told, member, error.remedy))
        return
    costs = {k: [s.calls, s.total_ms, s.squares_ms2] for k, s in between(first, last).items()}
    context.note(f"baseline {member}", {"costs": costs, "failed": failed_share(first, last)})


def observe(context: StepContext, schema: Schema, member: str, subject: ChangeSubject) -> Json:
    """Returns what was seen last. Asks for the run's roll-back, or a pause, when a limit is broken."""
    _catch_up(context, schema, member, subject.limits)
    watching = watcher(context, member, subject)
    deadline = time.monotonic() + (subject.limits.observe_seconds if watching else 0.0)
    lag = 0.0
    while watching and time.monotonic() < deadline:
        tick = time.monotonic()
        lag = lag_of(schema)
        watching.look(_sample(schema), lag)
        note(context, member, watching, lag)
        if watching.verdict:
            context.ask("rollback", f"{member}: {watching.verdict}")
        if lag > subject.limits.lag_seconds_max:
            lagging(context, member, lag, subject.limits)
        _sleep(context, TICK_SECONDS - (time.monotonic() - tick))
    last = watching.points[-1] if watching and watching.points else None
    return {"member": member, "lag_seconds": lag, "ratio": last.ratio if last else None}


def lagging(context: StepContext, member: str, lag: float, limits: Limits) -> None:
    """Asks for a pause, or for the roll-back where that is what somebody set."""
    told = f"{member} is {lag:.0f} s behind, where {limits.lag_seconds_max:.0f} s are allowed."
    context.ask("rollback" if limits.lag_undoes else "pause", told)


def _catch_up(context: StepContext, schema: Schema, member: str, limits: Limits) -> None:
    """A replica must have replayed the change before it can be judged."""
    position = context.notes("position")
    if not isinstance(schema, Replicates) or not position or schema.part() not in (Part.STANDBY, Part.REPLICA):
        return
    while not schema.reached(str(position)):
        lag = schema.lag_seconds()
        context.note(f"watch {member}", {"points": [], "lag_seconds": lag})
        if lag > limits.lag_seconds_max:
            lagging(context, member, lag, limits)
        _sleep(context, TICK_SECONDS)


def watcher(context: StepContext, member: str, subject: ChangeSubject) -> Watcher | None:
    """None where there is nothing to compare with. It goes on from the points that are drawn already."""
    kept = context.notes(f"baseline {member}")
    if not kept:
        return None
    drawn = (context.notes(f"watch {member}") or {}).get("points", [])
    earlier = [point for point in drawn if point["at"] <= time.monotonic()]  # another machine has another clock
    points = [Point(**point) for point in earlier]
    return Watcher(subject.limits, subject.reached, _costs(kept["costs"]), kept["failed"], points=points)


def _costs(kept: Mapping[str, list[float]]) -> Costs:
    return {key: Spent(int(calls), total, squares) for key, (calls, total, squares) in kept.items()}


def _sample(schema: Schema) -> Sample:
    assert isinstance(schema, Watches), "it had a baseline"
    return schema.sample()


def lag_of(schema: Schema | Watches) -> float:
    return schema.lag_seconds() if isinstance(schema, Replicates) else 0.0


def note(context: StepContext, member: str, watcher: Watcher, lag: float) -> None:
    """For the page."""
    del watcher.points[:-POINTS_KEPT]
    points = [asdict(p) for p in watcher.points]
    context.note(f"watch {member}", {"points": points, "lag_seconds": lag, "limit": watcher.limits.ratio_max})


def _sleep(context: StepContext, seconds: float) -> None:
    """In pieces, so that a run that is to stop need not wait."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        context.stopping()
        time.sleep(min(left, 0.1))
    context.stopping()
