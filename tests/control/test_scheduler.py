"""What is due is begun once: with several processes, across their deaths and outages of the store."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest
import sqlalchemy as sa

from control.scheduling import POLICIES
from prepared import PIPE, Process, start
from wayfare.control import schedules
from wayfare.control.missed import Missed
from wayfare.control.scheduler import Scheduler
from wayfare.control.timetable import Due, Timetable
from wayfare.copy.request import CopyRequest
from wayfare.core.address import Address
from wayfare.core.errors import Conflict, Invalid, NotFound
from wayfare.core.principal import LOCAL
from wayfare.core.status import Status
from wayfare.settings import Settings
from wayfare.store.schema import RUNS
from wayfare.store.store import Store
from wayfare.store.wanted import SCHEDULES, STARTS

SCRIPT = Path(__file__).with_name("scheduling.py")
TENANTS = ("default", "acme")


@contextmanager
def process(mode: str, settings: Settings) -> Iterator[Process | Popen[str]]:
    """Ended by its closed input; killed where a test has killed it."""
    started = start(mode, str(settings.home), settings.store_url, script=SCRIPT, stdin=PIPE, stdout=PIPE)
    assert started.stdout is not None
    try:
        if mode != "claim":
            assert started.stdout.readline() == "ready\n"
        yield started
    finally:
        started.communicate(timeout=60)


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)


def copy_of(source: Path, target: Path) -> CopyRequest:
    return CopyRequest(Address.parse(f"sqlite:///{source}"), Address.parse(f"duckdb:///{target}"))


def scheduled(
    store: Store, name: str, request: CopyRequest, at: float | None = None, cron: str = ""
) -> schedules.Schedule:
    timetable = Timetable(cron) if cron else Timetable(at=Due(at or time.time() + 1000))
    return schedules.create(store, LOCAL, name, timetable, request)


def set_due(store: Store, at: float) -> None:
    """All schedules are due at that time."""
    with store.everywhere.write() as transaction:
        transaction.execute(sa.update(SCHEDULES).values(next_at=at))
        transaction.execute(sa.update(SCHEDULES).where(SCHEDULES.c.cron == "").values(at=at))


def rows(store: Store, table: sa.Table) -> list[sa.RowMapping]:
    with store.everywhere.read() as transaction:
        return list(transaction.execute(sa.select(table)).mappings())


def test_three_processes_start_each_due_time_once(settings: Settings, store: Store, shop: Path, tmp_path: Path) -> None:
    for number in range(20):
        of = store.of(TENANTS[number % 2])
        scheduled(of, f"s{number}", copy_of(shop, tmp_path / f"{number}.duckdb"))
    with process("schedule", settings), process("schedule", settings), process("schedule", settings):
        set_due(store, time.time() + 0.5)
        until(lambda: [r["state"] for r in rows(store, STARTS)] == ["started"] * 20)
    runs = rows(store, RUNS)
    assert len(runs) == 20
    assert {r["run"] for r in rows(store, STARTS)} == {r["id"] for r in runs}
    assert sorted(r["tenant"] for r in runs) == ["acme"] * 10 + ["default"] * 10
    assert all(r["next_at"] is None for r in rows(store, SCHEDULES))


def test_a_claim_outlives_its_process(settings: Settings, store: Store, shop: Path, tmp_path: Path) -> None:
    scheduled(store, "once", copy_of(shop, tmp_path / "out.duckdb"))
    set_due(store, time.time() - 1)
    with process("claim", settings) as dead:
        pass
    assert dead.returncode == -9
    (start,) = rows(store, STARTS)
    assert (start["state"], rows(store, RUNS)) == ("claimed", [])
    with store.everywhere.write() as transaction:  # as when its lease has run out
        transaction.execute(sa.update(STARTS).values(lease_until=0.0))
    with process("schedule", settings), process("schedule", settings):
        until(lambda: rows(store, STARTS)[0]["state"] == "started")
    (run,) = rows(store, RUNS)
    assert run["id"] == start["run"]


def test_a_run_recorded_by_the_dead_is_not_recorded_again(settings: Settings, store: Store, shop: Path, tmp_path: Path):
    """Killed between recording the run and settling the claim."""
    scheduled(store, "once", copy_of(shop, tmp_path / "out.duckdb"))
    set_due(store, time.time() - 1)
    with Scheduler(store, POLICIES, look_seconds=0.05):
        until(lambda: [r["state"] for r in rows(store, STARTS)] == ["started"])
    with store.everywhere.write() as transaction:
        transaction.execute(sa.update(STARTS).values(state="claimed", lease_until=0.0))
    with process("schedule", settings), process("schedule", settings):
        until(lambda: rows(store, STARTS)[0]["state"] == "started")
    assert len(rows(store, RUNS)) == 1


def test_killed_processes_lose_nothing_and_double_nothing(settings: Settings, store: Store, shop: Path, tmp_path: Path):
    """Three processes, each killed in turn while schedules come due; every due time ends with one run."""
    for number in range(12):
        scheduled(store, f"s{number}", copy_of(shop, tmp_path / f"{number}.duckdb"))
    set_due(store, time.time() + 0.3)
    for _ in range(3):
        with process("schedule", settings) as victim:
            time.sleep(0.4)
            victim.kill()
    with store.everywhere.write() as transaction:
        transaction.execute(sa.update(STARTS).where(STARTS.c.state == "claimed").values(lease_until=0.0))
    with process("schedule", settings):
        until(lambda: [r["state"] for r in rows(store, STARTS)] == ["started"] * 12)
    assert len(rows(store, RUNS)) == 12


def test_scheduled_copies_arrive(settings: Settings, store: Store, shop: Path, tmp_path: Path) -> None:
    """Every second, carried out; a time that comes while a run is at work has none."""
    scheduled(store, "often", copy_of(shop, tmp_path / "out.duckdb"), cron="* * * * * *")
    with process("work", settings):
        until(lambda: len([r for r in rows(store, RUNS) if r["status"] == Status.SUCCEEDED]) >= 2)
        schedules.pause(store, LOCAL, "often")
        until(lambda: all(r["status"] == Status.SUCCEEDED for r in rows(store, RUNS)))
    started = [r for r in rows(store, STARTS) if r["state"] == "started"]
    assert {r["run"] for r in started} == {r["id"] for r in rows(store, RUNS)}
    assert all(r["state"] in ("started", "passed") for r in rows(store, STARTS))
    assert all(
        "still" in r["reason"] or "same copy" in r["reason"] for r in rows(store, STARTS) if r["state"] == "passed"
    )


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # the test's own connections are cut, too
def test_an_outage_of_the_store_is_outlasted(postgresql: Callable[[], str], shop: Path, tmp_path: Path) -> None:
    url = postgresql()
    settings = Settings(tmp_path / "home", url)
    name = url.rpartition("/")[2]
    admin = sa.create_engine(
        sa.make_url(url).set(drivername="postgresql+psycopg", database="postgres"), isolation_level="AUTOCOMMIT"
    )
    with closing(Store.open(settings)) as store:
        scheduled(store, "once", copy_of(shop, tmp_path / "out.duckdb"))
        with process("schedule", settings), admin.connect() as server:
            set_due(store, time.time() + 1.5)
            server.exec_driver_sql(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
            server.exec_driver_sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
            time.sleep(3)
            server.exec_driver_sql(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
            until(lambda: [r["state"] for r in rows(store, STARTS)] == ["started"])
        assert len(rows(store, RUNS)) == 1
    admin.dispose()


def test_a_start_that_cannot_be_is_kept_with_its_reason(store: Store, tmp_path: Path) -> None:
    scheduled(store, "gone", copy_of(tmp_path / "no.db", tmp_path / "out.duckdb"))
    set_due(store, time.time() - 1)
    with Scheduler(store, POLICIES, look_seconds=0.05):
        until(lambda: [r["state"] for r in rows(store, STARTS)] == ["failed"])
    assert "no.db" in rows(store, STARTS)[0]["reason"]
    assert [p.topic for p in store.published()][-1] == "schedule.failed"
    (told,) = schedules.starts(store, schedules.get(store, "gone"))
    assert told["state"] == "failed"


def test_a_server_that_is_away_is_tried_again(store: Store, tmp_path: Path) -> None:
    request = CopyRequest(Address.parse("postgresql://127.0.0.1:1/x"), Address.parse(f"duckdb:///{tmp_path / 'o'}"))
    scheduled(store, "away", request)
    set_due(store, time.time() - 1)
    with Scheduler(store, POLICIES, look_seconds=0.05):
        until(lambda: [bool(r["reason"]) for r in rows(store, STARTS)] == [True])
        assert rows(store, STARTS)[0]["state"] == "claimed"
        until(lambda: hurried(store)["state"] == "failed")
    assert rows(store, STARTS)[0]["attempts"] == 5


def hurried(store: Store) -> sa.RowMapping:
    """The one start, with its next attempt now."""
    with store.everywhere.write() as transaction:
        transaction.execute(sa.update(STARTS).where(STARTS.c.reason != "").values(lease_until=0.0))
    return rows(store, STARTS)[0]


def test_missed_times_follow_the_policy(store: Store, shop: Path, tmp_path: Path) -> None:
    hour = 3600.0
    for missed in Missed:
        timetable = Timetable("0 * * * *")
        made = schedules.create(
            store, LOCAL, missed.value, timetable, copy_of(shop, tmp_path / missed.value), missed=missed
        )
        long_ago = (time.time() // hour) * hour - 3 * hour
        with store.write() as transaction:
            transaction.execute(sa.update(SCHEDULES).where(SCHEDULES.c.id == made.id).values(next_at=long_ago))
    late = time.time() % hour < 60  # then the newest is no missed one for `skip`
    with Scheduler(store, POLICIES, look_seconds=0.05):
        until(lambda: len([r for r in rows(store, SCHEDULES) if r["next_at"] > time.time()]) == 2)
        states = ["started", "started" if late else "passed", "started"]
        until(lambda: sorted(r["state"] for r in rows(store, STARTS)) == sorted(states))
    by_name = {m: schedules.starts(store, schedules.get(store, m.value)) for m in Missed}
    assert [(s["state"], s["passed_over"]) for s in by_name[Missed.RUN_ONCE]] == [("started", 3)]
    assert [s["state"] for s in by_name[Missed.SKIP]] == (["started"] if late else ["passed"])
    assert [s["state"] for s in by_name[Missed.RUN_ALL]] == ["started"]  # the others wait for its end


def test_run_all_makes_up_for_each_missed_time(settings: Settings, store: Store, shop: Path, tmp_path: Path) -> None:
    wanted = copy_of(shop, tmp_path / "out.duckdb")
    schedules.create(store, LOCAL, "all", Timetable("0 * * * *"), wanted, missed=Missed.RUN_ALL)
    set_due(store, (time.time() // 3600) * 3600 - 2 * 3600)
    with process("work", settings):
        until(lambda: [r["state"] for r in rows(store, STARTS)] == ["started"] * 3)
        until(lambda: all(r["status"] == Status.SUCCEEDED for r in rows(store, RUNS)))
    assert len(rows(store, RUNS)) == 3


def test_pause_resume_and_remove(store: Store, shop: Path, tmp_path: Path) -> None:
    made = scheduled(store, "nightly", copy_of(shop, tmp_path / "out"), cron="30 2 * * *")
    assert len(made.next_times()) == 5
    paused = schedules.pause(store, LOCAL, "nightly")
    assert (paused.paused, paused.next_times(), paused.version) == (True, (), 2)
    set_due(store, 0.0)
    with Scheduler(store, POLICIES, look_seconds=0.05):
        time.sleep(0.3)
    assert rows(store, STARTS) == []
    resumed = schedules.resume(store, LOCAL, "nightly")
    assert resumed.next_at is not None
    assert resumed.next_at > time.time()
    schedules.remove(store, LOCAL, made.number)
    with pytest.raises(NotFound):
        schedules.get(store, "nightly")
    assert [p.topic.partition(".")[2] for p in store.published()] == ["created", "paused", "resumed", "removed"]


def test_what_has_passed_is_refused(store: Store, shop: Path, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="that time has passed"):
        scheduled(store, "late", copy_of(shop, tmp_path / "out"), at=time.time() - 1)
    made = scheduled(store, "soon", copy_of(shop, tmp_path / "out"))
    schedules.pause(store, LOCAL, "soon")
    with store.write() as transaction:
        transaction.execute(sa.update(SCHEDULES).values(at=1.0, next_at=1.0))
    with pytest.raises(Conflict, match="while it was paused"):
        schedules.resume(store, LOCAL, made.id)


def test_a_relative_path_means_the_folder_it_was_said_in(store: Store, shop: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(shop.parent)
    request = CopyRequest(Address.parse("sqlite:///shop.db"), Address.parse("duckdb:///out.duckdb"))
    made = scheduled(store, "here", request, cron="@daily")
    assert made.wanted["source"] == f"sqlite:///{shop}"


def test_passwords_of_schedules_are_sealed(store: Store, tmp_path: Path) -> None:
    request = CopyRequest(Address.parse("postgresql://a:canary@127.0.0.1/x"), Address.parse(f"duckdb:///{tmp_path}/o"))
    made = scheduled(store, "sealed", request, cron="@daily")
    assert "canary" not in json.dumps(made.to_json())
    assert "canary" not in str(rows(store, SCHEDULES))
