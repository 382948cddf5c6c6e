"""Changes by many at once: none is lost, and all are told in the order in which they were made."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
import sqlalchemy as sa

from wayfare.core.errors import NotFound
from wayfare.core.plan import Plan
from wayfare.core.principal import LOCAL
from wayfare.core.status import Status
from wayfare.store import outbox
from wayfare.store.database import StoreAway
from wayfare.store.store import Store
from wayfare.store.versions import Stale, update_versioned

UPDATES = 100
THINGS = sa.Table(  # of no tenant, and not among our own
    "things", sa.MetaData(), sa.Column("id", sa.Text, primary_key=True), sa.Column("version", sa.Integer),
    sa.Column("count", sa.Integer),
)  # fmt: skip


@pytest.fixture
def things(store: Store) -> Iterator[Store]:
    with store.everywhere.write() as connection:
        THINGS.create(connection)
        connection.execute(sa.insert(THINGS), {"id": "t", "version": 1, "count": 0})
    return store


def thing(store: Store) -> tuple[int, int]:
    with store.read() as connection:
        row = connection.execute(sa.select(THINGS.c.version, THINGS.c.count)).one()
    return row.version, row.count


def test_of_a_hundred_updates_at_once_none_is_lost(things: Store) -> None:
    def add(_: int) -> int:
        tries = 0
        while True:
            tries += 1
            version, count = thing(things)
            try:
                with things.write() as connection:
                    assert update_versioned(connection, THINGS, "t", version, {"count": count + 1}) == version + 1
                return tries
            except Stale:
                continue

    with ThreadPoolExecutor(8) as pool:
        tries = list(pool.map(add, range(UPDATES)))
    assert thing(things) == (UPDATES + 1, UPDATES)
    assert len(tries) == UPDATES


def test_a_stale_version_changes_nothing(things: Store) -> None:
    with things.write() as connection:
        update_versioned(connection, THINGS, "t", 1, {"count": 5})
    with pytest.raises(Stale, match="version 2, not 1") as refused, things.write() as connection:
        update_versioned(connection, THINGS, "t", 1, {"count": 6})
    assert refused.value.code == "stale"
    with pytest.raises(NotFound), things.write() as connection:
        update_versioned(connection, THINGS, "u", 1, {"count": 6})
    assert thing(things) == (2, 5)
    with things.write() as connection:
        assert update_versioned(connection, THINGS, "t", None, {"count": 7}) == 3


def test_what_is_told_commits_with_the_change(store: Store) -> None:
    with store.write() as connection:
        store.publish(connection, "connection.created", "c1", {"name": "ü\u0000"})
    with store.write() as connection:
        store.publish(connection, "connection.deleted", "c1", {})
        connection.rollback()
    with store.of("b").write() as connection:
        store.of("b").publish(connection, "schedule.created", "s1", [1])
    told = store.published()
    assert [(p.sequence, p.tenant, p.topic, p.subject, p.data) for p in told] == [
        (1, "default", "connection.created", "c1", {"name": "ü\u0000"})
    ]
    assert [p.sequence for p in store.everywhere.published()] == [1, 2]
    assert [p.sequence for p in store.everywhere.published(1)] == [2]
    assert store.published(topics=["schedule.created"]) == []
    with store.everywhere.write() as connection:
        assert outbox.prune(connection, 3600) == 0
        assert outbox.prune(connection, -1) == 2
    assert store.everywhere.published() == []


def test_a_run_s_changes_of_status_are_told_to_all(store: Store) -> None:
    view = store.of("a")
    run = view.create_run(
        kind="copy", title="Shop", request={}, fingerprint="", plan=Plan("copy", {}, ()), addresses={}
    ).id
    begun = store.work.begin(run, 1, "me")
    assert begun
    store.work.move(begun[0], Status.FAILED, "no room")
    view.ask(run, "resume")
    view.move(run, Status.QUEUED)  # it is that already
    told = view.published()
    assert [(p.tenant, p.topic, p.subject) for p in told] == [
        ("a", f"run.{to}", run) for to in ("running", "failed", "queued")
    ]
    assert told[1].data == {
        "kind": "copy", "title": "Shop", "from": "running", "status": "failed", "reason": "no room",
    }  # fmt: skip
    assert store.published() == []


def test_a_reader_that_goes_on_from_where_it_was_misses_nothing(store: Store) -> None:
    """Numbers appear in order, though those who take them end their transactions as they like."""
    done = threading.Event()
    seen: list[int] = []

    def tell(thread: int) -> None:
        for number in range(20):
            with store.of(f"t{thread}").write() as connection:
                store.of(f"t{thread}").publish(connection, "x", f"{number}", None)
                if number % 7 == thread:
                    connection.rollback()

    def read() -> None:
        while True:
            last = done.is_set()
            seen.extend(p.sequence for p in store.everywhere.published(seen[-1] if seen else 0, limit=7))
            if last and not store.everywhere.published(seen[-1], limit=1):
                return

    reader = threading.Thread(target=read)
    reader.start()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(tell, range(4)))
    done.set()
    reader.join()
    assert seen == [p.sequence for p in store.everywhere.published()]
    assert seen == list(range(1, len(seen) + 1))


def test_all_is_written_in_one_transaction(store: Store) -> None:
    """The change, what is told of it, and who did it."""

    def change() -> None:
        with store.write() as connection:
            store.publish(connection, "t", "s", None)
            store.audit(connection, LOCAL, "thing.create", "s")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        change()
    counts = [sa.select(sa.func.count()).select_from(sa.table(name)) for name in ("outbox", "audit", "audit_heads")]
    with store.everywhere.read() as connection:
        assert [connection.execute(count).scalar() for count in counts] == [0, 0, 0]


def test_a_pool_that_is_used_up_is_a_store_that_is_away(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for engine in store._connections._fenced:
        monkeypatch.setattr(engine.pool, "_timeout", 0.05)
    with ExitStack() as held, pytest.raises(StoreAway):
        take(store, held, 40)


def take(store: Store, held: ExitStack, count: int) -> None:
    for _ in range(count):
        held.enter_context(store.write())
