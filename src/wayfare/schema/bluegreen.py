"""The strategy BlueGreen: a logical subscriber (green) is changed, followed, and takes the master's (blue's) place.

No proxy is needed. Clients name both servers and ask for the one that takes writes (`target_session_attrs=read-write`,
`targetServerType=primary`); which one that is, `schema.switchover` says.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace

from wayfare.core.changes import Sample, Watches
from wayfare.core.errors import Conflict, Unavailable
from wayfare.core.findings import Finding, Severity
from wayfare.core.plan import Json, StepContext
from wayfare.core.switches import Feed, Switch, Switches
from wayfare.engine.effects import effect
from wayfare.schema import observing
from wayfare.schema.steps import schema_of
from wayfare.schema.subject import MASTER, ChangeSubject, subject_of
from wayfare.schema.switchover import GREEN, NOTE, both, named, problems, switch_over, take_back, told_of
from wayfare.schema.watch import TICK_SECONDS, Spent, Watcher

Args = Mapping[str, Json]
AWAY_SECONDS_MAX = 15.0  # a worker that failed is started anew every 5 s
BY_TEXT = "baseline by text"


@effect("schema.bluegreen.look")
class Look:
    """Would all that blue has be on green, and could the one be frozen for the other? Changes nothing."""

    def run(self, context: StepContext, args: Args) -> Json:
        green_name = subject_of(context).green
        with both(context, green_name) as (blue, green):
            found = list(problems(blue, green, green_name))
            tables = [o.table for o in blue.offered([])]
        for finding in found:
            context.finding(finding)
        errors = [f for f in found if f.severity is Severity.ERROR]
        if errors:
            more = f" And {len(errors) - 1} more: see the findings." if len(errors) > 1 else ""
            raise Conflict(f"{errors[0].message}{more}", where=errors[0].where, remedy=errors[0].advice)
        return {"tables": len(tables)}


@effect("schema.bluegreen.close")
class Close:
    """Green is frozen, so that no client chooses it while both are there."""

    def run(self, context: StepContext, args: Args) -> Json:
        green_name = subject_of(context).green
        database = context.open(green_name)
        with both(context, green_name) as (blue, green):
            if not context.notes(GREEN):
                before = green.setting()
                as_usual = not before and isinstance(database, Switches) and database.takes_writes()
                facts = {"before": before, "opens": "" if as_usual else "off", "errors": _errors(green)}
                context.note(GREEN, {**facts, "tables": [o.table for o in blue.offered([])]})
            green.freeze()
        return {"member": green_name}

    def undo(self, context: StepContext, args: Args) -> None:
        """Green as it was: this comes after blue takes writes again, and the change was taken back."""
        kept = context.notes(GREEN)
        if kept and kept["before"] != "on":
            with both(context, subject_of(context).green) as (_, green):
                green.thaw(kept["before"])


def _errors(green: Switch) -> dict[str, int | None]:
    return {feed.name: feed.errors for feed in green.feeds()}


@effect("schema.bluegreen.follow")
class Follow:
    """Blue's rows go on arriving at green as it is now. Asks for the roll-back when they do not."""

    def run(self, context: StepContext, args: Args) -> Json:
        subject = subject_of(context)
        with both(context, subject.green) as (blue, green):
            follower = _Follower(context, blue, green, subject)
            until = time.monotonic() + subject.limits.observe_seconds
            while follower.behind or time.monotonic() < until:
                context.stopping()
                follower.look()
                time.sleep(TICK_SECONDS / 10 if follower.behind else TICK_SECONDS)
        return {"member": subject.green, "lag_seconds": round(follower.lag_max, 3)}


class _Follower:
    """Marks in blue's log, one after another: how old the oldest is that green has not confirmed."""

    def __init__(self, context: StepContext, blue: Switch, green: Switch, subject: ChangeSubject) -> None:
        self.behind = True
        self.lag_max = 0.0
        self._context, self._blue, self._green, self._subject = context, blue, green, subject
        self._errors = dict((context.notes(GREEN) or {}).get("errors", {}))
        self._mark, self._made = blue.mark(), time.monotonic()
        self._healthy = time.monotonic()

    def look(self) -> None:
        now, member, limits = time.monotonic(), self._subject.green, self._subject.limits
        feeds = self._green.feeds()
        if all(feed.working for feed in feeds):
            self._healthy = now
        if why := broken(feeds, self._errors, now - self._healthy):
            self._context.ask("rollback", f"{member}: {why}")
        if not self.behind:
            self._mark, self._made = self._blue.mark(), now
        self.behind = not all(self._blue.confirmed(feed.slot, self._mark) for feed in feeds)
        lag = now - self._made
        self.lag_max = max(self.lag_max, lag)
        self._context.note(f"watch {member}", {"points": [], "lag_seconds": lag if self.behind else 0.0})
        if self.behind and lag > limits.lag_seconds_max:
            observing.lagging(self._context, member, lag, limits)


def broken(feeds: Sequence[Feed], errors: Mapping[str, int | None], away_seconds: float) -> str:
    """Why replication does not go on; "" where it does. `errors`: as they were counted before the change."""
    for feed in feeds:
        if not feed.enabled:
            return f"its subscription {feed.name} is disabled, as after an error: see its server's log."
        if feed.errors is not None and feed.errors > (errors.get(feed.name) or 0):
            return f"its subscription {feed.name} fails since the change: see its server's log."
    if away_seconds > AWAY_SECONDS_MAX:
        return f"nobody has applied rows for {away_seconds:.0f} s: see its server's log."
    return ""


@effect("schema.bluegreen.switch")
class SwitchOver:
    """Green takes blue's place: see `schema.switchover`."""

    def run(self, context: StepContext, args: Args) -> Json:
        subject = subject_of(context)
        _remember(context, subject)
        with both(context, subject.green) as (blue, green):
            return switch_over(context, blue, green, subject)

    def undo(self, context: StepContext, args: Args) -> None:
        subject = subject_of(context)
        with both(context, subject.green) as (blue, green):
            take_back(context, blue, green, subject)


def _remember(context: StepContext, subject: ChangeSubject) -> None:
    """Blue's baseline, by the text of each query: its number is another on every server."""
    kept, schema = context.notes(f"baseline {MASTER}"), schema_of(context, MASTER)
    if not kept or context.notes(BY_TEXT) or not isinstance(schema, Watches):
        return
    texts = {key: _key(query.text) for key, query in schema.sample().queries.items()}
    costs = {texts[key]: spent for key, spent in kept["costs"].items() if key in texts}
    context.note(BY_TEXT, {"costs": costs, "failed": kept["failed"]})


def _key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def by_text(sample: Sample) -> Sample:
    return replace(sample, queries={_key(query.text): query for query in sample.queries.values()})


@effect("schema.bluegreen.observe")
class ObserveGreen:
    """Green fares well in blue's place. Asks for the roll-back when it does not."""

    def run(self, context: StepContext, args: Args) -> Json:
        subject = subject_of(context)
        ratio = self._watch(context, subject)
        with both(context, subject.green) as (blue, green):
            self._tell(context, subject, blue, [feed.slot for feed in green.feeds()])
        return {"member": subject.green, "ratio": ratio}

    def _watch(self, context: StepContext, subject: ChangeSubject) -> float | None:
        """A ratio needs queries that the change cannot have touched: without those it would compare two machines."""
        kept, schema = context.notes(BY_TEXT), schema_of(context, subject.green)
        if not kept or not isinstance(schema, Watches):
            return None
        costs = {key: Spent(int(calls), total, squares) for key, (calls, total, squares) in kept["costs"].items()}
        watcher = Watcher(subject.limits, subject.touched, costs, kept["failed"], may_stand_alone=False)
        until = time.monotonic() + subject.limits.observe_seconds
        while time.monotonic() < until:
            context.stopping()
            try:
                watcher.look(by_text(schema.sample()))
            except Unavailable:  # that green does not count its queries was a finding of its check
                return None
            points = [asdict(point) for point in watcher.points[-observing.POINTS_KEPT :]]
            limit = watcher.limits.ratio_max
            context.note(f"watch {subject.green}", {"points": points, "lag_seconds": 0.0, "limit": limit})
            if watcher.verdict:
                context.ask("rollback", f"{subject.green}: {watcher.verdict}")
            time.sleep(TICK_SECONDS)
        return watcher.points[-1].ratio if watcher.points else None

    def _tell(self, context: StepContext, subject: ChangeSubject, blue: Switch, slots: Sequence[str]) -> None:
        kept = context.notes(NOTE)
        rows = blue.written() - int(kept["blue_wrote"])
        if rows > 0:
            told = f"{rows} rows were written on {MASTER} after the switch, by who asked to write though it is frozen."
            advice = f"Find out who, and bring those rows to {subject.green}."
            context.finding(Finding("written_on_blue", Severity.ERROR, told, MASTER, advice))
        seconds = told_of(kept)["unwritable_seconds"]
        told = f"{subject.green} has taken {MASTER}'s place; nobody could write for {seconds} s."
        if others := [m.name for m in subject.members if m.name not in (MASTER, subject.green)]:
            told = f"{told} {named(others)} still follow the old master."
        advice = (
            f"Register it as the master: PUT /api/v1/databases/{{databaseId}} with its connection string as "
            f"masterConnectionString. The old master keeps the replication slot {named(slots)}, and log for it: "
            f"DROP SUBSCRIPTION on {subject.green} when there is no going back to it."
        )
        context.finding(Finding("green_is_primary", Severity.INFO, told, subject.green, advice))
