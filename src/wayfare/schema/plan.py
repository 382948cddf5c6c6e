"""From a studied change to a plan: which server is asked, changed and observed, in which order. Pure."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from wayfare.core.changes import LEADING, Measured, Part
from wayfare.core.codec import encode
from wayfare.core.errors import Invalid
from wayfare.core.plan import Phase, Plan, Step
from wayfare.core.statements import Kind, Statement
from wayfare.schema.study import Study
from wayfare.schema.subject import MASTER, ChangeSubject, Known, Member
from wayfare.schema.watch import Limits

CHANGES_ITSELF = LEADING | {Part.SUBSCRIBER}
DESTROYS = frozenset({Kind.DROP_TABLE, Kind.DROP_COLUMN, Kind.RENAME_TABLE, Kind.RENAME_COLUMN, Kind.TRUNCATE})
CANARY_SHARES = (0.1, 0.5, 1.0)


class Strategy(StrEnum):
    """How a change spreads over the servers of a database."""

    DIRECT = "direct"  # the primary at once; replicas are observed
    PHASED = "phased"  # one server after another, each looked at before and observed after
    CANARY = "canary"  # a tenth of those that change themselves, then half, then all
    BLUE_GREEN = "blue_green"  # on a subscriber, which then takes the primary's place
    SHADOW = "shadow"  # on a clone with a sample of the rows; the database stays as it is

    @property
    def told(self) -> str:
        """In document 001's words: "BlueGreen"."""
        return self.value.title().replace("_", "")


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to become a plan. `order`: members as somebody wants them, MASTER among them; () for ours."""

    change: str
    name: str
    checksum: str
    study: Study
    members: tuple[Member, ...]
    strategy: Strategy
    order: tuple[str, ...] = ()
    environment: str = ""
    by: str = ""
    limits: Limits = field(default_factory=Limits)
    lock_wait_seconds_max: float = 60.0
    dry_run: bool = False


def checksum_of(up: str, down: str) -> str:
    """SHA-256, in hexadecimal, of a change's two scripts."""
    return hashlib.sha256(f"{len(up)}\n{up}{down}".encode()).hexdigest()


def plan_change(wish: Wish) -> Plan:
    """Raises Invalid, naming the place in `phases`, for an order that cannot be, or a strategy for other servers."""
    phases = tuple(_check(wish)) if wish.dry_run else _phases(wish)
    return Plan("schema", encode(_subject(wish)), phases, wish.study.findings)


def _subject(wish: Wish) -> ChangeSubject:
    study = wish.study
    return ChangeSubject(
        version=wish.change,
        name=wish.name,
        checksum=wish.checksum,
        dialect=study.dialect,
        up=known(study.up, study.measured, study.backs),
        down=known(study.down, study.down_measured),
        fingerprint=study.fingerprint,
        members=wish.members,
        touched=tuple(dict.fromkeys(t for s in study.up for t in s.tables)),
        environment=wish.environment,
        by=wish.by,
        estimate_seconds=round(study.estimate_seconds, 3),
        rollback_seconds=round(study.rollback_seconds, 3),
        lock_wait_seconds_max=wish.lock_wait_seconds_max,
        limits=wish.limits,
        green=green_of(wish) if wish.strategy is Strategy.BLUE_GREEN else "",
    )


def known(
    statements: Sequence[Statement], measured: Sequence[Measured], backs: Sequence[tuple[str, ...]] = ()
) -> tuple[Known, ...]:
    """Only what others would notice is locked beforehand: a table that nobody can read or write meanwhile."""
    made = []
    for position, statement in enumerate(statements):
        found = measured[position] if position < len(measured) else Measured(0.0)
        back = backs[position] if position < len(backs) else ()
        made.append(Known(statement, found.locks, found.clause, back))
    return tuple(made)


def _phases(wish: Wish) -> tuple[Phase, ...]:
    if wish.strategy is Strategy.BLUE_GREEN:
        return (*_check(wish), *_blue_green(green_of(wish)))
    order = ordered(wish)
    phases = [*_check(wish)]
    if wish.strategy is Strategy.CANARY:
        phases += _canary(wish, order)
    elif wish.strategy is Strategy.PHASED:
        phases += _phased(wish, order)
    else:
        phases += _changing(wish, [MASTER], MASTER)
        phases += _observing([m.name for m in wish.members if m.name != MASTER])
    return tuple(phases)


def _check(wish: Wish) -> Iterator[Phase]:
    """All that is asked before anything changes. A dry run ends here."""
    steps = [Step("schema.check", f"check {member.name}", {"member": member.name}) for member in wish.members]
    if wish.strategy is Strategy.BLUE_GREEN:
        steps.append(Step("schema.bluegreen.look", "look at both servers"))
    yield Phase("check", tuple(steps))
    if wish.strategy is Strategy.SHADOW or wish.dry_run:
        yield Phase("shadow", (Step("schema.shadow", "rehearse on a clone", {"member": MASTER}),))


def _phased(wish: Wish, order: Sequence[str]) -> Iterator[Phase]:
    """A standby cannot be changed: it is looked at in its turn, and observed as soon as the primary has changed."""
    parts = {m.name: Part(m.part) for m in wish.members}
    waiting: list[str] = []
    for name in order:
        if parts[name] in CHANGES_ITSELF:
            yield from _changing(wish, [name], name)
            if name == MASTER:
                yield from _observing(waiting)
                waiting = []
        elif MASTER in order[: order.index(name)]:
            yield Phase(name, (_observe(name),))
        else:
            yield Phase(name, (Step("schema.ready", f"look at {name}", {"member": name}),))
            waiting.append(name)


def _canary(wish: Wish, order: Sequence[str]) -> Iterator[Phase]:
    """Shares of those that can be changed; the primary comes last."""
    parts = {m.name: Part(m.part) for m in wish.members}
    fleet = [n for n in order if parts[n] in CHANGES_ITSELF and n != MASTER] + [MASTER]
    done = 0
    for share in CANARY_SHARES:
        upto = math.ceil(len(fleet) * share)
        if upto > done:
            yield from _changing(wish, fleet[done:upto], f"canary {share:.0%}")
        done = max(done, upto)
    yield from _observing([n for n in order if n not in fleet])


def _blue_green(green: str) -> Iterator[Phase]:
    """The master is never changed: it is what there is to go back to."""
    member = {"member": green}
    steps = (
        Step("schema.bluegreen.close", f"close {green} to writers"),
        Step("schema.apply", f"change {green}", member),
        Step("schema.bluegreen.follow", f"follow {green}"),
    )
    yield Phase("green", steps)
    yield Phase("switch", (Step("schema.bluegreen.switch", f"switch to {green}"),))
    yield Phase("observe", (Step("schema.bluegreen.observe", f"observe {green}"),))


def green_of(wish: Wish) -> str:
    """The logical subscriber that takes over: the only one, or the one that is named. Raises Invalid."""
    parts = {m.name: m.part for m in wish.members}
    able = [name for name, part in parts.items() if part == Part.SUBSCRIBER and name != MASTER]
    told = "BlueGreen needs a logical subscriber among the replicas, which takes the primary's place"
    if not able or parts[MASTER] not in LEADING:
        found = ", ".join(f"{name} is {_a(part)}" for name, part in parts.items())
        remedy = "Register one that subscribes to all tables of the primary, or choose another strategy."
        raise Invalid(f"{told}: {found}.", where="strategy", remedy=remedy)
    named = [name for name in wish.order if name != MASTER]
    for position, name in enumerate(wish.order):
        if name != MASTER and name not in able:
            remedy = f"Choose from: {', '.join(able)}."
            raise Invalid(f"{name[:80]!r} is no logical subscriber.", where=f"phases[{position}]", remedy=remedy)
    chosen = named or able
    if len(chosen) > 1:
        remedy = "Name one of them in `phases`."
        raise Invalid(f"{told}: {', '.join(chosen)} are several.", where="phases", remedy=remedy)
    return chosen[0]


def _a(part: str) -> str:
    return f"an {part}" if part[0] in "aeiou" else f"a {part}"


def _changing(wish: Wish, names: Sequence[str], phase: str) -> Iterator[Phase]:
    steps: list[Step] = []
    for name in names:
        steps += [
            Step("schema.apply", f"change {name}", {"member": name}),
            Step("schema.observe", f"observe {name}", {"member": name}),
        ]
    yield Phase(phase, tuple(steps))


def _observing(names: Sequence[str]) -> Iterator[Phase]:
    if names:
        yield Phase("replicas", tuple(_observe(name) for name in names))


def _observe(name: str) -> Step:
    return Step("schema.observe", f"observe {name}", {"member": name})


def check_order(names: Sequence[str], order: Sequence[str]) -> None:
    """Raises Invalid for unknown or repeated members."""
    for position, name in enumerate(order):
        if name not in names:
            remedy = f"Its members are: {', '.join(names)}."
            raise Invalid(f"this database has no {name[:80]!r}.", where=f"phases[{position}]", remedy=remedy)
        if name in order[:position]:
            raise Invalid(f"{name} stands there twice.", where=f"phases[{position}]", remedy="Remove one.")


def ordered(wish: Wish) -> tuple[str, ...]:
    """The members in the order wished for, else ours: subscribers before the primary for what adds, after it for what
    takes away (they would refuse its rows), standbys before it, to be looked at.

    Raises Invalid for unknown or repeated members, and an order without the primary.
    """
    names = [m.name for m in wish.members]
    check_order(names, wish.order)
    if wish.order and MASTER not in wish.order:
        raise Invalid("the phases lack the primary.", where="phases", remedy=f"Add {MASTER!r}, where it should come.")
    if wish.order:
        return wish.order
    subscribers = [m.name for m in wish.members if m.part == Part.SUBSCRIBER and m.name != MASTER]
    others = [n for n in names if n != MASTER and n not in subscribers]
    after = any(a.kind in DESTROYS for s in wish.study.up for a in s.actions)
    return tuple([*others, MASTER, *subscribers] if after else [*others, *subscribers, MASTER])
