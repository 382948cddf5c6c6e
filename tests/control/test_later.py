"""What somebody has left to start by itself starts nothing once they may not, and goes on when they may again."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from control.scheduling import POLICIES
from control.test_scheduler import copy_of, rows, set_due, until
from wayfare.access.accounts import User
from wayfare.access.callers import CLIENT
from wayfare.access.entrance import Entrance
from wayfare.access.later import refused
from wayfare.access.oauth.clients import Client
from wayfare.access.scopes import SCOPES_OF, Role, Scope
from wayfare.control import migrations, schedules
from wayfare.control.scheduler import Scheduler
from wayfare.control.timetable import Timetable
from wayfare.core.principal import LOCAL, Principal
from wayfare.core.status import Status
from wayfare.store import audit
from wayfare.store.schema import RUNS
from wayfare.store.store import Store
from wayfare.store.wanted import MIGRATIONS, STARTS

ADA = User("u1", 1, "ada", "", 1, False, 0.0, 0.0, {"acme": Role.DEVELOPER, "default": Role.VIEWER})
ROBOT = Client(
    "c1", "acme", "u1", "robot", False, (), frozenset({Scope.READ, Scope.EXECUTE}), frozenset(), disabled=False
)


@pytest.mark.parametrize(
    ("user", "client", "tenant", "told"),
    [
        (ADA, None, "acme", ""),
        (None, None, "acme", "account of ada is disabled"),
        (replace(ADA, disabled=True), None, "acme", "account of ada is disabled"),
        (ADA, None, "other", "does not belong to this tenant"),
        (ADA, None, "default", "ada is Viewer by now, which lacks migrations:execute"),
        (replace(ADA, roles={"acme": Role.DBA}), None, "acme", ""),
        (replace(ADA, roles={"acme": Role.ADMIN}), None, "acme", ""),
        (ADA, ROBOT, "acme", ""),
        (ADA, ROBOT, "default", "the owner of the client ada is Viewer"),
        (replace(ADA, disabled=True), ROBOT, "acme", "the owner of the client ada is disabled"),
        (ADA, replace(ROBOT, scopes=frozenset({Scope.READ})), "acme", "the client ada lacks migrations:execute"),
        (ADA, replace(ROBOT, scopes=frozenset({Scope.ADMIN})), "acme", "the client ada lacks"),  # no more than ada has
        (replace(ADA, roles={"acme": Role.ADMIN}), replace(ROBOT, scopes=frozenset({Scope.ADMIN})), "acme", ""),
    ],
)
def test_who_may_start_later(user: User | None, client: Client | None, tenant: str, told: str) -> None:
    found = refused(user, client, "ada", tenant)
    assert told in found
    assert bool(found) == bool(told)


@pytest.fixture
def entrance(store: Store) -> Entrance:
    made = Entrance.to(store)
    made.accounts.add(LOCAL, "first", role=Role.ADMIN)
    made.tenants.add(LOCAL, "acme")
    return made


def joined(entrance: Entrance, role: Role = Role.DEVELOPER) -> tuple[User, Principal]:
    user = entrance.accounts.add(LOCAL, "ada", role=role, tenant="acme")
    return user, Principal(user.id, user.name, "acme", frozenset(map(str, SCOPES_OF[role])))


def hourly(store: Store, owner: Principal, name: str, shop: Path) -> None:
    wanted = copy_of(shop, shop.with_name(f"{name}.duckdb"))
    schedules.create(store.of(owner.tenant), owner, name, Timetable("0 * * * *"), wanted)


def due(store: Store, name: str) -> list[str]:
    """What has become of its times, when the next has come; newest first."""
    acme = store.of("acme")
    found = schedules.get(acme, name)
    before = len(schedules.starts(acme, found))
    set_due(store, time.time() - 60 + before)
    until(lambda: len(schedules.starts(acme, found)) > before)
    until(lambda: all(start["state"] != "claimed" for start in rows(store, STARTS)))
    assert schedules.get(acme, name).next_at is not None, "it is not lost"
    return [start["state"] for start in schedules.starts(acme, found)]


def test_a_schedule_waits_for_its_owner(store: Store, entrance: Entrance, shop: Path) -> None:
    """Disabled, demoted, gone from the tenant: passed over each time, with the reason; then it starts again."""
    user, ada = joined(entrance)
    hourly(store, ada, "nightly", shop)
    accounts, acme = entrance.accounts, store.of("acme")
    with Scheduler(store, POLICIES, look_seconds=0.05):
        accounts.set_disabled(LOCAL, user, True)
        assert due(store, "nightly") == ["passed"]
        accounts.set_disabled(LOCAL, user, False)
        accounts.set_role(LOCAL, user, "acme", Role.VIEWER)
        assert due(store, "nightly") == ["passed"] * 2
        accounts.set_role(LOCAL, user, "acme", None)
        assert due(store, "nightly") == ["passed"] * 3
        assert rows(store, RUNS) == []
        accounts.set_role(LOCAL, user, "acme", Role.DBA)
        assert due(store, "nightly") == ["started", "passed", "passed", "passed"]
    assert len(rows(store, RUNS)) == 1
    told = [start["reason"] for start in schedules.starts(acme, schedules.get(acme, "nightly"))]
    assert told[0] == ""
    for reason, words in zip(told[1:], ("does not belong", "ada is Viewer", "is disabled"), strict=True):
        assert words in reason
        assert "starts again" in reason
    with acme.read() as connection:
        kept = [entry for entry in audit.entries(connection) if entry.action == "schedules.start"]
    assert [(entry.principal, entry.outcome) for entry in kept] == [(user.id, "refused")] * 3
    assert [entry.details["reason"] for entry in kept] == told[1:]
    passed = [told for told in acme.published() if told.topic == "schedule.passed"]
    assert [told.data["reason"] for told in reversed(passed)] == told[1:]


def test_a_client_is_no_more_than_its_owner(store: Store, entrance: Entrance, shop: Path) -> None:
    user, ada = joined(entrance)
    client, _ = entrance.clients.add(ada, "robot", scopes=[Scope.READ, Scope.EXECUTE], grants=["client_credentials"])
    hourly(store, Principal(CLIENT + client.id, client.name, "acme", client.scopes), "by-robot", shop)
    with Scheduler(store, POLICIES, look_seconds=0.05):
        assert due(store, "by-robot") == ["started"]
        with store.everywhere.write() as transaction:
            transaction.execute(sa.update(RUNS).values(status=Status.SUCCEEDED))
        entrance.accounts.set_disabled(LOCAL, user, True)
        assert due(store, "by-robot")[0] == "passed"
        entrance.accounts.set_disabled(LOCAL, user, False)
        entrance.clients.disable(ada, client.id)
        assert due(store, "by-robot")[0] == "passed"
    acme = store.of("acme")
    assert "client robot was disabled" in schedules.starts(acme, schedules.get(acme, "by-robot"))[0]["reason"]


def test_who_sits_at_this_machine_goes_on(store: Store, entrance: Entrance, shop: Path) -> None:
    hourly(store, replace(LOCAL, tenant="acme"), "local", shop)
    with Scheduler(store, POLICIES, look_seconds=0.05):
        assert due(store, "local") == ["started"]


def test_a_migration_with_a_time_asks_too(store: Store, entrance: Entrance, shop: Path) -> None:
    """It fails with the reason, and can be asked for again."""
    user, ada = joined(entrance)
    acme = store.of("acme")
    wanted = migrations.Wanted({}, "full", copy_of(shop, shop.with_name("out.duckdb")))
    made = migrations.create(acme, ada, 1, wanted, time.time() - 60)
    entrance.accounts.set_disabled(LOCAL, user, True)
    with store.everywhere.write() as transaction:
        transaction.execute(sa.update(MIGRATIONS).values(updated_at=0.0))  # nobody is changing it any more
    with Scheduler(store, POLICIES, look_seconds=0.05):
        until(lambda: migrations.get(acme, made.id).status is Status.FAILED)
    assert "account of ada is disabled" in migrations.get(acme, made.id).error
    assert rows(store, RUNS) == []
