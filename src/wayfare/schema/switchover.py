"""Switching over: the master (blue) takes no more writes, and the server that subscribes to it (green) does.

Never do both. Green was frozen before it was changed. It is thawed only after blue was frozen, blue's older clients
were ended, and all that blue had committed was confirmed by green. Blue is thawed only while green is frozen: either
green was never thawed, or it was frozen again, its clients ended, and nothing was written there. Whoever does any of
this holds the right at both servers, on the connections that carry it out, so a runner that was lost does nothing late.

A runner may be killed between any two lines. What was about to be done is noted first; the next one looks at the
servers and starts over, which ends nobody's work that blue has not kept. Until it does, it may be that nobody writes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace

from wayfare.core.errors import Busy, Conflict, NotFound, Unavailable
from wayfare.core.findings import Finding, Severity
from wayfare.core.plan import Json, StepContext
from wayfare.core.switches import Offered, Switch, Switches
from wayfare.schema.subject import MASTER, ChangeSubject

NOTE = "switch"  # {before, frozen_at, opening, opened_at, written, …}, see `switch_over`
GREEN = "green"  # {before, opens, errors, tables}: as green and the feed were when the run closed it
RIGHT_SECONDS_MAX = 10.0
READERS_SECONDS_MAX = 5.0
LOOK_SECONDS = 0.02
NAMED_MAX = 5


@contextmanager
def both(context: StepContext, green: str) -> Iterator[tuple[Switch, Switch]]:
    """The right at blue and at green, in that order. Raises Busy, Unavailable."""
    with _right(context, green) as of_green, _right(context, MASTER) as of_blue:
        yield of_blue, of_green


def _right(context: StepContext, member: str) -> Switch:
    """A runner that was lost has it until its server notices: that is waited for."""
    database = context.open(member)
    if not isinstance(database, Switches):
        told = "this system cannot hand over from one server to another."
        raise Unavailable(told, where=member, remedy="Choose another strategy.")
    deadline = time.monotonic() + RIGHT_SECONDS_MAX
    while (found := database.switch()) is None:
        if time.monotonic() > deadline:
            told = "another runner says who takes writes here."
            raise Busy(told, where=member, remedy="Wait for its end, or end its connection 'wayfare switch'.")
        time.sleep(LOOK_SECONDS)
    return found


def problems(blue: Switch, green: Switch, name: str) -> Iterator[Finding]:
    """What a switch would lose, or what would keep it from being one. Looks only."""
    for member, switch in ((MASTER, blue), (name, green)):
        yield from (replace(found, where=member) for found in switch.obstacles())
    if [f for f in blue.feeds() if f.enabled]:
        told = f"{MASTER} takes rows from another server itself, and would go on with that."
        yield Finding("switch_unsafe", Severity.ERROR, told, MASTER, "Disable its subscription.")
    if found := _unfed(blue, green, name):
        yield found
        return
    yield from _not_taken_along(blue, green, name)


def _unfed(blue: Switch, green: Switch, name: str) -> Finding | None:
    feeds = green.feeds()
    if not feeds:
        return Finding(
            "green_not_fed", Severity.ERROR, f"{name} has no subscription.", name, f"Have it subscribe to {MASTER}."
        )
    for feed in feeds:
        try:
            blue.confirmed(feed.slot, "0/0")
        except NotFound as error:
            told = f"{name}'s subscription {feed.name} is not one to {MASTER}: {error.message}"
            return Finding("green_not_fed", Severity.ERROR, told, name, error.remedy)
        if not feed.enabled or not feed.working:
            told = f"{name}'s subscription {feed.name} does not work now."
            return Finding(
                "green_not_fed",
                Severity.ERROR,
                told,
                name,
                "See the log of its server, and ALTER SUBSCRIPTION … ENABLE.",
            )
    return None


def _not_taken_along(blue: Switch, green: Switch, name: str) -> Iterator[Finding]:
    offered = blue.offered([p for feed in green.feeds() for p in feed.publications])
    arrived = green.arrived()
    for table in offered:
        told, advice = _lost(table, arrived, name)
        if told:
            yield Finding(
                "table_not_replicated",
                Severity.ERROR,
                f"{table.table} {told}: its rows would be lost.",
                table.table,
                advice,
            )
    for table in offered:
        if table.keyless:
            told = f"{table.table} has no replica identity, so its rows can be neither changed nor removed."
            yield Finding(
                "replica_identity_missing",
                Severity.ERROR,
                told,
                table.table,
                "Add a primary key, or a replica identity.",
            )
    if missing := sorted(set(blue.sequences()) - set(green.sequences())):
        yield Finding(
            "sequence_missing", Severity.ERROR, f"{name} has no sequence {named(missing)}.", name, "Create it there."
        )
    if count := blue.large_objects():
        told = f"{MASTER} has {count} large objects, which no subscription takes along."
        advice = "Copy them yourself if they are needed; after the switch, what is there is no longer looked for."
        yield Finding("large_objects", Severity.WARNING, told, MASTER, advice)


def _lost(table: Offered, arrived: Mapping[str, bool], name: str) -> tuple[str, str]:
    """Why its rows do not get there, and what to do; ("", "") when they do."""
    refresh = "ALTER SUBSCRIPTION … REFRESH PUBLICATION."
    if table.problem:
        return table.problem, f"Publish all of it, and {refresh}"
    if table.through not in arrived:
        return f"does not arrive at {name}", refresh
    if not arrived[table.through]:
        return f"is not copied whole to {name} yet", "Wait for the end of its first copy."
    return "", ""


def named(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED_MAX} more" if len(names) > NAMED_MAX else ""
    return ", ".join(names[:NAMED_MAX]) + more


def switch_over(context: StepContext, blue: Switch, green: Switch, subject: ChangeSubject) -> Json:
    """Repeatable at any point: how long nobody could write, and what was taken along.

    Asks for the roll-back when it would take too long; whatever goes wrong before green takes writes, blue does again.
    """
    kept = dict(context.notes(NOTE) or {})
    if kept.get("opened_at"):
        return told_of(kept)
    if not kept.get("opening") or green.setting() == "on":
        kept = _closed(context, blue, green, subject, kept)
    if blue.setting() != "on":
        told = f"{MASTER} was let take writes by hand, in the middle of the switch."
        raise Conflict(told, where=MASTER, remedy="Roll the change back.")
    green.thaw(_opens(context))  # an error here may come after the commit: the next attempt looks
    kept["opened_at"] = time.time()
    context.note(NOTE, kept)
    return told_of(kept)


def told_of(kept: Mapping[str, Json]) -> dict[str, Json]:
    """Of a switch that is done. `unwritable_seconds` is rather too much, where a runner was lost on the way."""
    seconds = round(kept["opened_at"] - kept["frozen_at"], 3)
    return {"unwritable_seconds": seconds, "ended": kept["ended"], "sequences": kept["sequences"]}


def _opens(context: StepContext) -> str:
    return str((context.notes(GREEN) or {}).get("opens", ""))


def _closed(
    context: StepContext, blue: Switch, green: Switch, subject: ChangeSubject, kept: dict[str, Json]
) -> dict[str, Json]:
    """Blue frozen and green up to it, or blue as it was. Green is frozen all the time."""
    before = kept["before"] if "before" in kept else blue.setting()
    if before == "on" and "before" not in kept:
        told = f"{MASTER} takes no writes: it is read-only by default."
        raise Conflict(told, where=MASTER, remedy="Find out who froze it, and plan the change anew.")
    kept = {"before": before, "frozen_at": kept.get("frozen_at")}
    try:
        _ahead(context, blue, green, subject)
        kept["frozen_at"] = kept["frozen_at"] or time.time()
        context.note(NOTE, kept)
        try:
            kept |= _taken_along(context, blue, green, subject)
        except Busy as error:  # to try again would keep everybody from writing for as long again
            context.ask("rollback", str(error))
        context.note(NOTE, kept := {**kept, "opening": True})
    except BaseException:  # whatever it was: the right is still ours, and green was not thawed
        _open_again(blue, kept)
        context.note(NOTE, {"before": before})
        raise
    return kept


def _ahead(context: StepContext, blue: Switch, green: Switch, subject: ChangeSubject) -> None:
    """As near as green comes while blue still takes writes, so that the rest is short."""
    green.feed(True)
    offered = blue.offered([p for feed in green.feeds() for p in feed.publications])
    known = set((context.notes(GREEN) or {}).get("tables", []))
    if lost := [o.table for o in offered if o.problem or o.keyless or o.table not in known]:
        context.ask("rollback", f"{named(lost)} of {MASTER} came up meanwhile, and would be lost.")
    _arrive(context, blue, green, subject.limits.switch_seconds_max, "before the switch")


def _taken_along(context: StepContext, blue: Switch, green: Switch, subject: ChangeSubject) -> dict[str, Json]:
    deadline = time.monotonic() + subject.limits.switch_seconds_max
    blue.freeze()
    ended = blue.end_others(subject.limits.switch_seconds_max)
    if unsafe := [f for f in blue.obstacles() if f.code == "switch_unsafe"]:
        context.ask("rollback", f"{MASTER}: {unsafe[0].message}")
    wrote = blue.written()
    _arrive(context, blue, green, deadline - time.monotonic(), "while nobody could write")
    counters = blue.sequences()
    green.set_sequences(counters)  # one that the change has dropped is passed over
    green.feed(False, max(1.0, deadline - time.monotonic()))
    return {"ended": ended, "sequences": len(counters), "written": green.written(), "blue_wrote": wrote}


def _arrive(context: StepContext, blue: Switch, green: Switch, seconds: float, when: str) -> None:
    """Until green has confirmed what blue has committed by now; past the time, asks for the roll-back."""
    position, deadline = blue.mark(), time.monotonic() + seconds
    for feed in green.feeds():
        while not blue.confirmed(feed.slot, position):
            context.stopping()
            if time.monotonic() > deadline:
                told = f"{context.subject['green']} did not catch up with {MASTER} in time, {when}."
                context.ask("rollback", f"{told} Look at its subscription {feed.name}, and its server's log.")
            time.sleep(LOOK_SECONDS)


def take_back(context: StepContext, blue: Switch, green: Switch, subject: ChangeSubject) -> None:
    """Blue takes writes again, and feeds green. Raises Conflict where green has rows that blue lacks: it stays so."""
    kept = context.notes(NOTE)
    if not kept:
        return
    if kept.get("opening"):
        _refuse_written(context, green, subject, int(kept["written"]))
        context.note(NOTE, {**kept, "opening": False})
    green.feed(True)
    _open_again(blue, kept)
    context.note(NOTE, None)


def _open_again(blue: Switch, kept: Mapping[str, Json]) -> None:
    """Who connected while blue was frozen would read on for ever, so those are ended. One that will not go harms only
    itself: that is no reason not to go on.
    """
    blue.thaw(kept["before"])
    if kept.get("frozen_at"):
        with suppress(Busy):
            blue.end_others(READERS_SECONDS_MAX)


def _refuse_written(context: StepContext, green: Switch, subject: ChangeSubject, before: int) -> None:
    """Looks, and once more when green is frozen. Blue is, so green may take writes again if all is not as it was."""
    if green.setting() != "on":  # nobody's connection is ended for what can be seen already
        _refuse(subject, green.written() - before)
    try:
        green.freeze()
        green.end_others(subject.limits.switch_seconds_max)
        _refuse(subject, green.written() - before)
    except BaseException:
        green.thaw(_opens(context))
        raise


def _refuse(subject: ChangeSubject, rows: int) -> None:
    """Raises Conflict where they are not none; fewer than before means that green has lost count."""
    if not rows:
        return
    told = f"{rows} rows were written on {subject.green}" if rows > 0 else f"{subject.green} has counted anew"
    raise Conflict(
        f"{told} since it took {MASTER}'s place, which {MASTER} does not have.",
        where=subject.green,
        remedy=f"{subject.green} takes writes on. Change it back there, or copy its rows to {MASTER} first.",
    )
