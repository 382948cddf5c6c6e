"""PostgreSQL's own fence, beneath ours: who comes past the compiler still sees no other tenant's rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace

import psycopg
import pytest

from store.beds import as_app
from wayfare.core.address import Address
from wayfare.core.errors import Invalid
from wayfare.core.plan import Phase, Plan, Step
from wayfare.core.status import Status
from wayfare.settings import Settings
from wayfare.store import revisions
from wayfare.store.schema import METADATA
from wayfare.store.store import Store
from wayfare.systems.databases.postgresql.options import parameters

PLAN = Plan("copy", {}, ())


def run_of(store: Store) -> str:
    return store.create_run(kind="copy", title="", request={}, fingerprint="f", plan=PLAN, addresses={}).id


@pytest.fixture
def opened(shared: Settings) -> Iterator[Store]:
    with closing(Store.open(shared)) as store:
        for tenant in "ab":
            run_of(store.of(tenant))
        yield store


@pytest.fixture
def direct(shared: Settings, opened: Store) -> Iterator[psycopg.Connection]:
    """A connection of the same role, without anything of ours."""
    address = Address.parse(shared.store_url)
    options = "-c search_path=wayfare"
    with psycopg.connect(autocommit=True, options=options, **parameters(address)) as connection:
        yield connection


def runs_seen(connection: psycopg.Connection) -> list[str]:
    return [row[0] for row in connection.execute("SELECT tenant FROM runs ORDER BY tenant")]


def test_without_a_tenant_nobody_sees_or_changes_a_row(direct: psycopg.Connection) -> None:
    assert runs_seen(direct) == []
    assert direct.execute("UPDATE runs SET title = 'x'").rowcount == 0
    assert direct.execute("DELETE FROM events").rowcount == 0
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        direct.execute("INSERT INTO notes VALUES ('r', 'k', 'v', 'a')")


def test_with_a_tenant_only_its_rows(direct: psycopg.Connection) -> None:
    with direct.transaction():
        direct.execute("SET LOCAL wayfare.tenant = 'a'")
        assert runs_seen(direct) == ["a"]
        assert direct.execute("UPDATE runs SET title = 'x' WHERE tenant = 'b'").rowcount == 0
    for forged in ("INSERT INTO notes VALUES ('r', 'k', 'v', 'b')", "UPDATE runs SET tenant = 'b'"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), direct.transaction():
            direct.execute(f"SET LOCAL wayfare.tenant = 'a'; {forged}")
    assert runs_seen(direct) == []


def test_every_fenced_table_has_it(direct: psycopg.Connection) -> None:
    """Those of all packages: whoever adds a table with a tenant cannot forget it."""
    revisions.declare()
    meant = {table.name for table in METADATA.tables.values() if "tenant" in table.c}
    forced = "SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity"
    policies = "SELECT tablename FROM pg_policies WHERE schemaname = 'wayfare'"
    for query in (forced, policies):
        assert {row[0] for row in direct.execute(query)} == meant


def test_a_connection_used_again_has_the_next_tenant(opened: Store) -> None:
    """Reads keep the setting on the connection; one that serves another tenant next must be told."""
    for tenant in "abba":
        store = opened.of(tenant)
        assert [run.tenant for run in store.runs()] == [tenant]
        with store.read() as connection:
            assert connection.exec_driver_sql("SELECT current_setting('wayfare.tenant')").scalar() == tenant
        with store.write() as connection:
            assert connection.exec_driver_sql("SELECT current_setting('wayfare.tenant')").scalar() == tenant
        with opened.everywhere.read() as connection:
            assert connection.exec_driver_sql("SELECT current_setting('wayfare.tenant')").scalar() == "*"


def test_a_failed_transaction_leaves_no_tenant_behind(opened: Store) -> None:
    with pytest.raises(ZeroDivisionError), opened.of("a").write():
        raise ZeroDivisionError
    assert [run.tenant for run in opened.of("b").runs()] == ["b"]


def test_a_superuser_is_refused_and_the_role_is_not(databases: Callable[[], Address], opened: Store) -> None:
    opened.refuse_superuser()
    superuser = databases()
    settings = Settings(opened.sealer.ring._file.parent, superuser.url(reveal=True))
    with closing(Store.open(settings)) as store, pytest.raises(Invalid, match="superuser") as refused:
        store.refuse_superuser()
    assert refused.value.where == "WAYFARE_STORE"
    with psycopg.connect(autocommit=True, **parameters(superuser)) as connection:
        connection.execute("DROP ROLE IF EXISTS wayfare_past")
        connection.execute("CREATE ROLE wayfare_past LOGIN BYPASSRLS")
        connection.execute(f"GRANT ALL ON DATABASE {superuser.database} TO wayfare_past")
        connection.execute("GRANT ALL ON SCHEMA wayfare TO wayfare_past")
        connection.execute("GRANT ALL ON ALL TABLES IN SCHEMA wayfare TO wayfare_past")
    past = replace(settings, store_url=replace(superuser, user="wayfare_past").url(reveal=True))
    with closing(Store.open(past)) as store, pytest.raises(Invalid, match="bypass"):
        store.refuse_superuser()
    assert as_app(superuser).user == "wayfare_app"


def test_an_embedded_store_has_no_roles(tmp_path_factory: pytest.TempPathFactory) -> None:
    with closing(Store.open(Settings(tmp_path_factory.mktemp("home")))) as store:
        store.refuse_superuser()


def test_the_engine_carries_out_the_runs_of_every_tenant(opened: Store) -> None:
    """It is let through by the setting that its connections are made with; what it writes is the tenant's."""
    for tenant in "ab":
        plan = Plan("copy", {}, (Phase("one", (Step("t", "first", {}), Step("t", "second", {}))),))
        view, work = opened.of(tenant), opened.work
        run = view.create_run(kind="copy", title="", request={}, fingerprint="", plan=plan, addresses={}).id
        assert (run, 1) in work.rounds.to_conduct()
        lane, _ = work.begin(run, 1, "dead:1") or pytest.fail("nothing to conduct")
        assert work.claim(lane, 0)
        lane, _ = work.begin(run, 1, "me:2") or pytest.fail("nothing to conduct")
        while claim := work.claim(lane, 0):
            opened.everywhere.note(run, claim.name, 1)
            opened.everywhere.set_progress(run, claim.name, {"rows": 1})
            work.done(claim, {}, 0.1)
        work.move(lane, Status.SUCCEEDED)
        assert view.run(run).status is Status.SUCCEEDED
        assert (view.progress(run), list(view.outcomes(run, "t"))) == (
            {"first": {"rows": 1}, "second": {"rows": 1}}, ["first", "second"],
        )  # fmt: skip
        assert view.notes(run, "first") == 1
        assert [e.sequence for e in view.events(run)] == list(range(1, len(view.events(run)) + 1))
        assert opened.of("c").events(run) == []
