"""Lines to PostgreSQL that were cut: noticed, and replaced; and how a run that was queued is noticed here."""

from __future__ import annotations

from contextlib import closing

import pytest
import sqlalchemy as sa

from wayfare.core.plan import Phase, Plan, Step
from wayfare.settings import Settings
from wayfare.store import database
from wayfare.store.database import StoreAway
from wayfare.store.store import Store

OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> "
OTHERS += "pg_backend_pid()"


def cut(settings: Settings) -> None:
    """All lines to the store."""
    engine = sa.create_engine(database.postgresql_url(settings.store_url))
    with engine.connect() as connection:
        connection.exec_driver_sql(OTHERS)
    engine.dispose()


def test_a_line_that_rested_is_asked_first(shared: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "REST_SECONDS", 0.0)
    with closing(Store.open(shared)) as store:
        for one in (store, store.everywhere, store.of("other")):
            assert one.runs() == []
            cut(shared)
            assert one.runs() == []
            cut(shared)
            with one.write() as connection:
                connection.execute(sa.select(1))


def test_a_line_that_was_just_used_fails_once_for_all(shared: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody asks it: whoever uses it next is told that the store is away, and all others get new lines."""
    monkeypatch.setattr(database, "REST_SECONDS", 1e9)
    with closing(Store.open(shared)) as store:
        with store.read() as one, store.read() as two:
            one.execute(sa.select(1))
            two.execute(sa.select(1))
        cut(shared)
        with pytest.raises(StoreAway):
            store.runs()
        with store.read() as one, store.read() as two:
            one.execute(sa.select(1))
            two.execute(sa.select(1))


def test_a_statement_alone_commits_by_itself(settings: Settings) -> None:
    with closing(Store.open(settings)) as store, closing(Store.open(settings)) as other:
        with store.everywhere.alone() as connection:
            connection.execute(sa.text("INSERT INTO counters (name, value) VALUES ('here', 1)"))
        with other.everywhere.read() as connection:
            assert connection.execute(sa.text("SELECT value FROM counters WHERE name = 'here'")).scalar() == 1


def test_whoever_takes_runs_hears_of_those_that_this_process_queues(settings: Settings) -> None:
    plan = Plan("copy", {}, (Phase("load", (Step("test.none", "load"),)),))
    with closing(Store.open(settings)) as store, closing(Store.open(settings)) as other:
        store.of("other").create_run(kind="copy", title="", request={}, fingerprint="", plan=plan, addresses={})
        assert store.everywhere.queued.is_set()
        assert not other.queued.is_set(), "another process looks by itself"
