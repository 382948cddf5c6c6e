"""BlueGreen as a plan: who is green, and what comes after what."""

from __future__ import annotations

import pytest

from wayfare.core.changes import Part
from wayfare.core.errors import Invalid
from wayfare.core.switches import Feed
from wayfare.schema.bluegreen import broken
from wayfare.schema.plan import Strategy, Wish, plan_change
from wayfare.schema.study import Study
from wayfare.schema.subject import MASTER, Member


def wish(*members: tuple[str, Part], order: tuple[str, ...] = (), dry_run: bool = False) -> Wish:
    study = Study("postgres", (), (), (), (), "", False, (), {}, "fingerprint")
    found = tuple(Member(name, part) for name, part in members)
    return Wish("1", "a", "sum", study, found, Strategy.BLUE_GREEN, order, dry_run=dry_run)


BLUE = (MASTER, Part.PRIMARY)
GREEN, OTHER = ("green", Part.SUBSCRIBER), ("other", Part.SUBSCRIBER)


def test_its_phases():
    plan = plan_change(wish(BLUE, GREEN, ("standby", Part.STANDBY)))
    assert [(phase.name, [step.tag.removeprefix("schema.") for step in phase.steps]) for phase in plan.phases] == [
        ("check", ["check", "check", "check", "bluegreen.look"]),
        ("green", ["bluegreen.close", "apply", "bluegreen.follow"]),
        ("switch", ["bluegreen.switch"]),
        ("observe", ["bluegreen.observe"]),
    ]
    assert plan.subject["green"] == "green"
    assert all(step.args.get("member") != MASTER for phase in plan.phases[1:] for step in phase.steps)


def test_a_dry_run_only_looks():
    plan = plan_change(wish(BLUE, GREEN, dry_run=True))
    tags = [step.tag for phase in plan.phases for step in phase.steps]
    assert tags == ["schema.check", "schema.check", "schema.bluegreen.look", "schema.shadow"]


@pytest.mark.parametrize("order", [("other",), ("other", MASTER), (MASTER, "other")])
def test_one_of_several_is_named(order):
    assert plan_change(wish(BLUE, GREEN, OTHER, order=order)).subject["green"] == "other"


@pytest.mark.parametrize(
    ("members", "order", "where", "told"),
    [
        ((BLUE,), (), "strategy", "needs a logical subscriber"),
        ((BLUE, ("copy", Part.STANDBY)), (), "strategy", "copy is a standby"),
        ((BLUE, ("copy", Part.REPLICA)), (), "strategy", "master is a primary"),
        (((MASTER, Part.SUBSCRIBER), GREEN), (), "strategy", "master is a subscriber"),
        ((BLUE, GREEN, OTHER), (), "phases", "are several"),
        ((BLUE, GREEN, OTHER), ("green", "other"), "phases", "are several"),
        ((BLUE, GREEN), ("nobody",), "phases[0]", "no logical subscriber"),
        ((BLUE, GREEN), (MASTER, "nobody"), "phases[1]", "no logical subscriber"),
    ],
)  # fmt: skip
def test_other_servers_are_refused(members, order, where, told):
    for dry_run in (False, True):
        with pytest.raises(Invalid, match=told) as refused:
            plan_change(wish(*members, order=order, dry_run=dry_run))
        assert refused.value.where == where
        assert refused.value.remedy


def feed(enabled: bool = True, errors: int | None = 3) -> Feed:
    return Feed("ours", "slot", ("all",), enabled, True, errors)


@pytest.mark.parametrize(
    ("found", "before", "away", "why"),
    [
        (feed(), {"ours": 3}, 0.0, ""),
        (feed(), {"ours": 3}, 14.0, ""),
        (feed(), {"ours": 3}, 16.0, "nobody has applied"),
        (feed(errors=4), {"ours": 3}, 0.0, "fails since the change"),
        (feed(errors=None), {"ours": None}, 0.0, ""),
        (feed(enabled=False), {"ours": 3}, 0.0, "is disabled"),
    ],
)
def test_why_replication_does_not_go_on(found, before, away, why):
    told = broken([found], before, away)
    assert told.find(why) >= 0
    assert bool(told) == bool(why)
