"""Every promise of the store, on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
import time
from contextlib import closing

import pytest
import sqlalchemy as sa

from wayfare.core.address import Address
from wayfare.core.errors import Conflict, Invalid, NotFound
from wayfare.core.events import Event, Name
from wayfare.core.plan import Phase, Plan, Step
from wayfare.core.status import ALLOWED, Status
from wayfare.settings import Settings
from wayfare.store import revisions
from wayfare.store.records import Run
from wayfare.store.schema import METADATA
from wayfare.store.store import Store
from wayfare.store.work import Superseded

SOURCE = Address.parse("postgresql://me:s3cret@host:5433/shop?sslpassword=hidden")
PLAN = Plan(
    "copy",
    {"tables": ["ü", "a\u0000b"]},
    (
        Phase("one", (Step("t.a", "first", {"n": 1}),)),
        Phase("two", (Step("t.b", "x", {}, "s"), Step("t.b", "y")), True),
    ),
)


def queue(store: Store, fingerprint: str = "f") -> Run:
    return store.create_run(
        kind="copy",
        title="Shop",
        request={"mode": "replace"},
        fingerprint=fingerprint,
        plan=PLAN,
        addresses={"source": SOURCE},
    )


def names(store: Store, run: str) -> list[tuple[Name, str, int]]:
    return [(e.name, e.step, e.attempt) for e in store.events(run)]


def to(store: Store, run: str, *statuses: Status) -> None:
    for status in statuses:
        store.move(run, status)


def test_a_run_is_queued_with_its_plan_addresses_and_first_event(store: Store) -> None:
    run = queue(store)
    assert run.status is Status.QUEUED
    assert (run.kind, run.title, run.request, run.asked) == ("copy", "Shop", {"mode": "replace"}, "")
    assert run.plan_digest == PLAN.digest()
    assert store.plan(run.id) == PLAN
    assert store.addresses(run.id) == {"source": SOURCE}
    assert names(store, run.id) == [(Name.CREATED, "", 1)]


def test_runs_are_found_by_id_beginning_or_last(store: Store) -> None:
    first, second = queue(store), queue(store)
    assert store.run(first.id) == first
    assert store.run(second.id[:-1]).id in (second.id, first.id)
    assert store.run("last") == second
    assert [r.id for r in store.runs()] == [second.id, first.id]
    assert store.runs(status=[Status.FAILED]) == []
    assert len(store.runs(limit=1)) == 1
    with pytest.raises(Conflict):
        store.run(first.id[:2])
    for unknown in ("nothing", "%", "_", ""):
        with pytest.raises(NotFound):
            store.run(unknown)


def test_last_of_an_empty_store_is_not_found(store: Store) -> None:
    with pytest.raises(NotFound):
        store.run("last")


def test_an_unfinished_run_of_the_same_request_is_found(store: Store) -> None:
    run = queue(store)
    assert store.unfinished("f") == run
    assert store.unfinished("another") is None
    to(store, run.id, Status.RUNNING, Status.FAILED)
    assert store.unfinished("f") is not None
    to(store, run.id, Status.QUEUED, Status.RUNNING, Status.SUCCEEDED)
    assert store.unfinished("f") is None


def test_moves_obey_the_table_and_are_journalled_once(store: Store) -> None:
    run = queue(store)
    with pytest.raises(Conflict):
        store.move(run.id, Status.SUCCEEDED)
    moved = store.move(run.id, Status.RUNNING)
    assert moved.started_at
    assert store.move(run.id, Status.RUNNING) == moved
    ended = store.move(run.id, Status.FAILED, "no room")
    assert ended.reason == "no room"
    assert ended.ended_at
    statuses = [(e.attempt, dict(e.data)) for e in store.events(run.id) if e.name is Name.STATUS]
    assert statuses == [(1, {"to": "running", "reason": ""}), (2, {"to": "failed", "reason": "no room"})]


def test_an_event_is_kept_once_and_events_are_numbered_without_gaps(store: Store) -> None:
    run = queue(store)
    event = Event(run.id, Name.FINDING, "step", 7, {"text": "\u0000 ü \ud800"})
    assert store.append(event)
    assert not store.append(event)
    assert store.append(Event(run.id, Name.FINDING, "step", 8))
    kept = store.events(run.id)
    assert [e.sequence for e in kept] == [1, 2, 3]
    assert dict(kept[1].data) == dict(event.data)
    assert [e.sequence for e in store.events(run.id, since=1, limit=1)] == [2]
    with pytest.raises(NotFound):
        store.append(Event("nobody", Name.FINDING))


WISHES = {
    "pause": {Status.QUEUED: Status.WAITING, Status.RUNNING: "asked"},
    "resume": {Status.WAITING: Status.QUEUED, Status.FAILED: Status.QUEUED, Status.CANCELLED: Status.QUEUED},
    "cancel": {Status.QUEUED: Status.CANCELLED, Status.WAITING: Status.CANCELLED, Status.RUNNING: "asked"},
    "rollback": dict.fromkeys(
        (Status.QUEUED, Status.RUNNING, Status.WAITING, Status.SUCCEEDED, Status.FAILED, Status.CANCELLED), "asked"
    ),
}
WAYS = {
    Status.QUEUED: (),
    Status.RUNNING: (Status.RUNNING,),
    Status.WAITING: (Status.WAITING,),
    Status.SUCCEEDED: (Status.RUNNING, Status.SUCCEEDED),
    Status.FAILED: (Status.FAILED,),
    Status.CANCELLED: (Status.CANCELLED,),
    Status.UNDOING: (Status.RUNNING, Status.UNDOING),
    Status.UNDONE: (Status.RUNNING, Status.UNDOING, Status.UNDONE),
}


def test_what_may_be_asked_in_every_status(store: Store) -> None:
    assert set(WAYS) == set(ALLOWED)
    for wish, answers in WISHES.items():
        for status, way in WAYS.items():
            run = queue(store)
            to(store, run.id, *way)
            if status not in answers:
                with pytest.raises(Conflict) as refused:
                    store.ask(run.id, wish)
                assert refused.value.remedy
                assert Name.ASKED not in [e.name for e in store.events(run.id)]
                continue
            asked = store.ask(run.id, wish)
            assert (asked.asked == wish) if answers[status] == "asked" else (asked.status is answers[status])
            assert [dict(e.data) for e in store.events(run.id) if e.name is Name.ASKED] == [{"what": wish}]


def test_a_wish_is_asked_once_and_ends_with_the_run(store: Store) -> None:
    run = queue(store)
    with pytest.raises(Invalid):
        store.ask(run.id, "explode")
    store.move(run.id, Status.RUNNING)
    store.ask(run.id, "pause")
    store.ask(run.id, "pause")
    assert [e.name for e in store.events(run.id)].count(Name.ASKED) == 1
    assert store.ask(run.id, "cancel").asked == "cancel"
    assert store.move(run.id, Status.SUCCEEDED).asked == ""


def test_a_roll_back_asked_at_the_last_moment_is_not_lost(store: Store) -> None:
    run = queue(store)
    store.move(run.id, Status.RUNNING)
    store.ask(run.id, "rollback")
    ended = store.move(run.id, Status.SUCCEEDED)
    assert (ended.asked, ended.round) == ("rollback", run.round + 1)
    assert store.work.rounds.to_conduct() == [(run.id, run.round + 1)]
    with pytest.raises(Conflict):
        store.ask(run.id, "resume")


def test_notes_and_progress_keep_the_last_word(store: Store) -> None:
    run = queue(store)
    assert store.notes(run.id, "token") is None
    for value in ("a", {"b": [1, None]}):
        store.note(run.id, "token", value)
        assert store.notes(run.id, "token") == value
    store.set_progress(run.id, "x", {"rows": 1})
    store.set_progress(run.id, "x", {"rows": 2, "bytes": 3})
    assert store.progress(run.id) == {"x": {"rows": 2, "bytes": 3}}


def test_steps_are_claimed_once_in_order_and_their_outcomes_kept(store: Store) -> None:
    run, work = queue(store), store.work
    lane, status = work.begin(run.id, 1, "me") or pytest.fail("nothing to conduct")
    assert status is Status.RUNNING
    first = work.claim(lane, 0)
    assert first
    assert (first.name, first.attempt) == ("first", 1)
    assert work.claim(lane, 0) is None
    work.done(first, {"rows": 5}, 0.1)
    assert store.outcomes(run.id, "t.a") == {"first": {"rows": 5}}
    other = work.enter(f"{run.id}/1/a", run.id, "me")
    assert work.open_keys(run.id, 1) == {"s": 1, "": 1}
    claimed = work.claim(other, 1, "s")
    assert claimed
    assert claimed.name == "x"
    assert work.claim(other, 1, "s") is None
    assert work.states(run.id, 1) == {"running": 1, "open": 1}
    assert work.stop_reason(other) == ""
    work.failed(claimed, {"message": "no room.", "remedy": "Make some."}, final=True)
    assert work.stop_reason(other) == "halted"
    assert work.claim(other, 1) is None
    assert work.failure(run.id) == "x: no room. Make some."
    assert [name for _, name, _ in work.started(run.id)] == ["x", "first"]


def test_whoever_was_taken_over_records_nothing(store: Store) -> None:
    run, work = queue(store), store.work
    zombie, _ = work.begin(run.id, 1, "dead:1") or pytest.fail("nothing to conduct")
    claim = work.claim(zombie, 0)
    assert claim
    lane, _ = work.begin(run.id, 1, "alive:2") or pytest.fail("nothing to conduct")
    assert work.stop_reason(zombie) == "superseded"
    before = names(store, run.id)
    for late in (
        lambda: work.done(claim, 1, 0.1),
        lambda: work.failed(claim, {}, final=True),
        lambda: work.release(claim),
        lambda: work.again(claim),
        lambda: work.claim(zombie, 0),
        lambda: work.undone(zombie, 0, "first"),
        lambda: work.move(zombie, Status.FAILED),
    ):
        with pytest.raises(Superseded):
            late()
    assert names(store, run.id) == before
    again = work.claim(lane, 0)
    assert again
    assert again.attempt == 2
    adopted = [(e.step, dict(e.data)) for e in store.events(run.id) if e.name is Name.ADOPTED]
    both = {"from": "dead:1", "by": "alive:2"}
    assert adopted == [("", both), ("first", both)]


def test_a_round_that_is_over_cannot_begin(store: Store) -> None:
    run, work = queue(store), store.work
    assert work.begin(run.id, 2, "me") is None
    store.ask(run.id, "pause")
    assert work.begin(run.id, 1, "me") is None
    store.ask(run.id, "resume")
    assert work.rounds.to_conduct() == [(run.id, 2)]
    assert work.begin(run.id, 2, "me")
    assert work.rounds.to_conduct() == []
    assert work.rounds.conducted() == [(run.id, 2)]


def test_many_threads_lose_nothing(store: Store) -> None:
    run = queue(store)

    def tell(thread: int) -> None:
        for number in range(25):
            store.append(Event(run.id, Name.FINDING, f"{thread}", number))
            store.note(run.id, f"{thread}", number)

    threads = [threading.Thread(target=tell, args=(t,)) for t in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = store.events(run.id)
    assert [e.sequence for e in kept] == list(range(1, 102))
    assert [store.notes(run.id, f"{t}") for t in range(4)] == [24] * 4


def test_old_runs_are_forgotten_wholly(store: Store) -> None:
    old, going = queue(store), queue(store)
    store.move(old.id, Status.CANCELLED)
    store.note(old.id, "k", 1)
    assert store.prune(older_than_seconds=3600) == []
    time.sleep(0.01)
    assert store.prune(older_than_seconds=0) == [old.id]
    assert [r.id for r in store.runs()] == [going.id]
    assert store.events(old.id) == []
    assert store.addresses(old.id) == {}


def test_what_is_still_needed_is_not_forgotten(store: Store) -> None:
    """The last success of each wish, and what failed and was not undone."""
    first, second, other = queue(store, "f"), queue(store, "f"), queue(store, "g")
    for run in (first, second, other):
        to(store, run.id, Status.RUNNING, Status.SUCCEEDED)
    untouched, begun, undone = queue(store, "h"), queue(store, "h"), queue(store, "h")
    for run in (begun, undone):
        lane, _ = store.work.begin(run.id, run.round, "e") or pytest.fail("nothing to conduct")
        claim = store.work.claim(lane, 0)
        assert claim
        store.work.done(claim, None, 0.1)
        to(store, run.id, Status.FAILED)
    to(store, untouched.id, Status.RUNNING, Status.FAILED)
    to(store, undone.id, Status.UNDOING, Status.UNDONE)
    time.sleep(0.01)
    assert set(store.prune(older_than_seconds=0)) == {first.id, untouched.id, undone.id}
    assert {r.id for r in store.runs()} == {second.id, other.id, begun.id}


def test_opening_twice_finds_what_was_there(settings: Settings) -> None:
    with closing(Store.open(settings)) as first:
        run = queue(first)
        with closing(Store.open(settings)) as second:
            assert second.run(run.id) == run


def test_a_newer_store_is_refused(settings: Settings) -> None:
    with closing(Store.open(settings)) as store, store._db.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(Conflict, match="newer Wayfare"):
        Store.open(settings)


def test_the_revisions_make_the_schema(store: Store) -> None:
    assert revisions.in_order()[-1].revision == revisions.LATEST
    with store.everywhere.read() as connection:
        found = sa.inspect(connection)
        for table in METADATA.sorted_tables:
            made = {c["name"]: (type(c["type"])._type_affinity, c["nullable"]) for c in found.get_columns(table.name)}
            meant = {c.name: (type(c.type)._type_affinity, c.nullable) for c in table.columns}
            assert made == meant, table.name
            key = found.get_pk_constraint(table.name)["constrained_columns"]
            assert key == [c.name for c in table.primary_key.columns]
