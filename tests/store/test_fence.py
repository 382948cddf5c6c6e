"""Every shape of statement is fenced, or refused: no tenant sees, changes or makes a row of another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from store.beds import as_app
from wayfare.core.errors import Bug, Invalid, NotFound
from wayfare.core.plan import Plan
from wayfare.settings import Settings
from wayfare.store.schema import COUNTERS, NOTES, STEPS
from wayfare.store.store import Store

N, S, A, B = NOTES.c, STEPS.c, NOTES.alias(), STEPS.alias()
STEP = {"position": 0, "phase": 0, "name": "s", "tag": "", "limit_key": "", "state": "", "attempt": 0, "lane": ""}
INNER = STEPS.outerjoin(A, A.c.run == S.run)
STEP_LIKE = sa.select(S.run, S.name, S.tag)
FORGED = STEP_LIKE.add_columns(sa.literal("b"))
COUNT = sa.cast(sa.select(sa.func.count()).select_from(STEPS).scalar_subquery(), sa.Text)
TREE = sa.select(N.run.label("run")).cte("tree", recursive=True)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One for all tests here, as there are many."""
    url = as_app(request.getfixturevalue("databases")()).url(reveal=True) if request.param == "postgresql" else ""
    with closing(Store.open(Settings(tmp_path_factory.mktemp("home"), url))) as opened:
        yield opened


@pytest.fixture
def ours(store: Store) -> Store:
    """Each tenant has one note and two steps; the second step names the other tenant's note."""
    with store.everywhere.write() as connection:
        for table in (NOTES, STEPS):
            connection.execute(sa.delete(table))
    for tenant, other in (("a", "b"), ("b", "a")):
        with store.of(tenant).write() as connection:
            connection.execute(sa.insert(NOTES), {"run": tenant, "key": "k", "value": "v"})
            rows = [{**STEP, "run": tenant}, {**STEP, "run": other, "position": ord(tenant)}]
            connection.execute(sa.insert(STEPS), rows)
    return store.of("a")


READS: dict[str, tuple[sa.Executable, list[tuple[object, ...]]]] = {
    "table": (sa.select(N.run), [("a",)]),
    "everything": (sa.select(NOTES), [("a", "k", "v", "a")]),
    "alias": (sa.select(A.c.run), [("a",)]),
    "other tenant's key": (sa.select(N.run).where(N.run == "b"), []),
    "or true": (sa.select(N.run).where(sa.or_(N.run == "a", sa.true())), [("a",)]),
    "count": (sa.select(sa.func.count()).select_from(NOTES), [(1,)]),
    "join": (sa.select(N.run, S.position).join(STEPS, S.run == N.run), [("a", 0)]),
    "cross join": (sa.select(N.run, S.run).join(STEPS, sa.true()).order_by(S.run), [("a", "a"), ("a", "b")]),
    "comma join": (sa.select(N.run, S.position).where(S.run == N.run), [("a", 0)]),
    "join of aliases": (sa.select(A.c.run, B.c.position).join(B, B.c.run == A.c.run), [("a", 0)]),
    "self join": (sa.select(N.run, A.c.run).join(A, sa.true()), [("a", "a")]),
    "outer join": (sa.select(N.run, S.position).join(STEPS, S.run == N.run, isouter=True), [("a", 0)]),
    "outer join without match": (sa.select(N.run, S.run).join(STEPS, S.run == "c", isouter=True), [("a", None)]),
    "outer join from another": (
        sa.select(S.run, N.run).join(NOTES, S.run == N.run, isouter=True).order_by(S.run),
        [("a", "a"), ("b", None)],
    ),
    "nested outer joins": (
        sa.select(N.run, S.run, A.c.run).select_from(NOTES.outerjoin(INNER, S.run == "b")),
        [("a", "b", None)],
    ),
    "subquery": (sa.select(sa.select(N.run).subquery()), [("a",)]),
    "subquery of an alias": (sa.select(sa.select(A.c.run).where(A.c.key == "k").subquery()), [("a",)]),
    "scalar subquery": (sa.select(sa.select(sa.func.count(N.run)).scalar_subquery()), [(1,)]),
    "correlated subquery": (
        sa.select(N.run, sa.select(sa.func.count()).where(S.run == N.run).scalar_subquery()), [("a", 1)],
    ),
    "exists": (sa.select(sa.exists().where(N.run == "b")), [(False,)]),
    "correlated exists": (sa.select(S.run).where(sa.exists().where(N.run == S.run)), [("a",)]),
    "in": (sa.select(S.run).where(S.run.in_(sa.select(N.run))), [("a",)]),
    "not in": (sa.select(S.run).where(S.run.not_in(sa.select(N.run))), [("b",)]),
    "union": (sa.union_all(sa.select(N.run), sa.select(N.run).where(N.run == "b")), [("a",)]),
    "except": (sa.except_(sa.select(S.run), sa.select(N.run)), [("b",)]),
    "union below": (sa.select(sa.union_all(sa.select(N.run), sa.select(A.c.run)).subquery()), [("a",), ("a",)]),
    "cte": (sa.select(sa.select(N.run).cte("c")), [("a",)]),
    "recursive cte": (sa.select(TREE.union(sa.select(S.run).join(TREE, sa.true()))), [("a",), ("b",)]),
    "distinct, group, window": (
        sa.select(N.run, sa.func.row_number().over(order_by=N.run)).group_by(N.run).distinct(), [("a", 1)],
    ),
    "locked": (sa.select(N.run).join(STEPS, S.run == N.run).with_for_update(of=NOTES), [("a",)]),
}  # fmt: skip


@pytest.mark.parametrize("shape", READS)
def test_reads_see_the_tenant_s_rows(ours: Store, shape: str) -> None:
    statement, expected = READS[shape]
    for transaction in (ours.read, ours.write, ours.snapshot):
        with transaction() as connection:
            assert [tuple(row) for row in connection.execute(statement)] == expected


WRITES: dict[str, tuple[sa.Executable, int]] = {
    "update": (sa.update(NOTES).values(value="x"), 1),
    "update of the other's key": (sa.update(NOTES).where(N.run == "b").values(value="x"), 0),
    "update by parameters": (sa.update(NOTES).where(N.run == sa.bindparam("of")).values(value="x"), 0),
    "update by a subquery": (sa.update(NOTES).where(N.run.in_(sa.select(S.run))).values(value="x"), 1),
    "update to a subquery": (sa.update(NOTES).values(value=COUNT), 1),
    "delete": (sa.delete(NOTES), 1),
    "delete of the other's key": (sa.delete(NOTES).where(N.run == "b"), 0),
    "delete by a subquery": (sa.delete(STEPS).where(S.run.in_(sa.select(N.run))), 1),
}  # fmt: skip


@pytest.mark.parametrize("shape", WRITES)
def test_writes_change_the_tenant_s_rows(ours: Store, shape: str) -> None:
    statement, expected = WRITES[shape]
    before = contents(ours, "b")
    with ours.write() as connection:
        parameters = {"of": "b"} if shape == "update by parameters" else {}
        assert connection.execute(statement, parameters).rowcount == expected
    assert contents(ours, "b") == before


INSERTS: dict[str, Callable[[], tuple[Any, ...]]] = {
    "values": lambda: (sa.insert(NOTES).values(run="n", key="k", value="v"),),
    "parameters": lambda: (sa.insert(NOTES), {"run": "n", "key": "k", "value": "v"}),
    "many": lambda: (sa.insert(NOTES), [{"run": r, "key": "k", "value": "v"} for r in "nm"]),
    "returning": lambda: (sa.insert(NOTES).returning(N.tenant), [{"run": r, "key": "k", "value": "v"} for r in "nm"]),
    "its own name": lambda: (sa.insert(NOTES), {"run": "n", "key": "k", "value": "v", "tenant": "a"}),
    "another name in values": lambda: (sa.insert(NOTES).values(run="n", key="k", value="v", tenant="b"),),
    "from a select": lambda: (
        sa.insert(NOTES).from_select(
            ["run", "key", "value"], sa.select(S.run + "n", S.name, S.tag).where(S.run == "a")
        ),
    ),
}


@pytest.mark.parametrize("shape", INSERTS)
def test_inserts_make_the_tenant_s_rows(ours: Store, shape: str) -> None:
    before = contents(ours, "b")
    with ours.write() as connection:
        connection.execute(*INSERTS[shape]())
        assert connection.execute(sa.select(sa.func.count()).select_from(NOTES)).scalar_one() > 1
    assert contents(ours, "b") == before


def test_an_upsert_leaves_the_other_s_row(ours: Store, store: Store) -> None:
    insert = postgresql.insert if on_postgresql(ours) else sqlite.insert
    row = {"run": "b", "key": "k", "value": "forged"}
    with ours.write() as connection:
        upsert = insert(NOTES).on_conflict_do_update(index_elements=[N.run, N.key], set_={"value": "forged"})
        assert connection.execute(upsert.returning(N.run), row).all() == []
        connection.execute(upsert, {**row, "run": "a"})
        assert connection.execute(sa.select(N.value)).scalars().all() == ["forged"]
    assert contents(store, "b")["notes"] == [("b", "k", "v", "b")]


def on_postgresql(store: Store) -> bool:
    with store.read() as connection:
        return connection.dialect.name == "postgresql"


REFUSED: dict[str, tuple[Any, ...]] = {
    "text": (sa.text("SELECT * FROM notes"),),
    "text in an expression": (sa.select(sa.text("(SELECT count(*) FROM notes)")),),
    "text as a condition": (sa.select(COUNTERS).where(sa.text("EXISTS (SELECT 1 FROM notes)")),),
    "text with columns": (sa.text("SELECT run FROM notes").columns(sa.column("run")),),
    "text in capitals": (sa.text('SELECT * FROM "NOTES"'),),
    "text as an operator": (sa.select(N.run.op("|| (SELECT count(*) FROM notes) ||")("")),),
    "text before": (sa.select(N.run).prefix_with("run FROM notes UNION ALL SELECT"),),
    "text after": (sa.select(N.run).suffix_with("UNION ALL SELECT run FROM notes"),),
    "text as a hint": (sa.select(N.run).with_statement_hint("UNION ALL SELECT run FROM notes"),),
    "an alias of an alias": (sa.select(A.alias().c.run),),
    "a table in another schema": (
        sa.select(sa.Table("notes", sa.MetaData(), sa.Column("run", sa.Text), schema="main").c.run),
    ),
    "a table in capitals": (sa.select(sa.table("NOTES", sa.column("run"))),),
    "an insert of another tenant's selection": (
        sa.insert(NOTES).from_select(["run", "key", "value", "tenant"], FORGED),
    ),
    "an insert of a union": (
        sa.insert(NOTES).from_select(["run", "key", "value"], sa.union(STEP_LIKE, STEP_LIKE)),
    ),
    "literal column": (sa.select(sa.literal_column("(SELECT count(*) FROM notes)")),),
    "a table of the same name": (sa.select(sa.table("notes", sa.column("run"))),),
    "full join": (sa.select(N.run, S.run).join(STEPS, sa.true(), full=True),),
    "update from another table": (sa.update(NOTES).values(value="x").where(S.run == N.run),),
    "another tenant, in parameters": (sa.insert(NOTES), {"run": "n", "key": "k", "value": "v", "tenant": "b"}),
    "another tenant, among many": (
        sa.insert(NOTES), [{"run": t, "key": "n", "value": "v", "tenant": t} for t in "ab"],
    ),
    "a change of tenant": (sa.update(NOTES).values(tenant="b"),),
    "a change of tenant, by column": (sa.update(NOTES).values({N.tenant: "b"}),),
    "a change of tenant, in parameters": (sa.update(NOTES), {"tenant": "b"}),
    "a change of tenant, in order": (sa.update(NOTES).ordered_values((N.value, "x"), (N.tenant, "b")),),
    "an upsert of the tenant": (
        sqlite.insert(NOTES).values(run="a", key="k", value="v").on_conflict_do_update(set_={"tenant": "b"}),
    ),
    "rows in values": (sa.insert(NOTES).values([{"run": "n", "key": "k", "value": "v"}]),),
    "or replace": (sa.insert(NOTES).prefix_with("OR REPLACE").values(run="b", key="k", value="v"),),
    "tables removed": (sa.schema.DropTable(NOTES),),
}  # fmt: skip


@pytest.mark.parametrize("shape", REFUSED)
def test_what_cannot_be_fenced_is_refused(ours: Store, shape: str) -> None:
    if shape == "an upsert of the tenant" and on_postgresql(ours):
        pytest.skip("an expression of SQLite's")
    before = contents(ours, "a"), contents(ours, "b")
    with pytest.raises(Bug), ours.write() as connection:
        connection.execute(*REFUSED[shape])
    assert (contents(ours, "a"), contents(ours, "b")) == before


def test_a_statement_for_the_driver_is_refused_where_it_names_a_fenced_table(ours: Store) -> None:
    with ours.write() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1
        with pytest.raises(Bug):
            connection.exec_driver_sql("SELECT * FROM notes")


def test_tables_without_tenants_stay_open(ours: Store) -> None:
    with ours.read() as connection:
        assert connection.execute(sa.select(COUNTERS)).all()
        assert connection.execute(sa.text("SELECT value FROM counters")).all()


def test_the_same_statement_serves_every_tenant_and_everybody(ours: Store) -> None:
    """What was compiled for one is kept, and must not carry that one's tenant, or the fence, to another."""
    statement = sa.select(N.run).order_by(N.run)
    for _ in range(2):
        for tenant in "ab":
            with ours.of(tenant).read() as connection:
                assert connection.execute(statement).scalars().all() == [tenant]
        with ours.everywhere.read() as connection:
            assert connection.execute(statement).scalars().all() == ["a", "b"]


def test_transactions_within_transactions_keep_their_tenants(ours: Store) -> None:
    query = sa.select(N.run)
    with ours.read() as a, ours.of("b").read() as b, ours.read() as again:
        for connection, tenant in ((a, "a"), (b, "b"), (again, "a"), (b, "b"), (a, "a")):
            assert connection.execute(query).scalars().all() == [tenant]


@pytest.mark.parametrize("name", ["", "*", "a b", "a|b", "-a", "ä", "a" * 65, "a'b", "a\n"])
def test_what_cannot_name_a_tenant_is_refused(store: Store, name: str) -> None:
    for view in (store, store.everywhere):
        with pytest.raises(Invalid):
            view.of(name)


def test_another_tenant_s_run_is_not_there(store: Store) -> None:
    run = store.of("a").create_run(
        kind="copy", title="", request={}, fingerprint="f", plan=Plan("copy", {}, ()), addresses={}
    )
    assert run.tenant == "a"
    other = store.of("b")
    for look in (other.run, other.plan, lambda r: other.ask(r, "cancel"), lambda r: other.note(r, "k", 1)):
        with pytest.raises(NotFound):
            look(run.id)
    for change in (lambda: other.ask(run.id, "cancel"), lambda: other.set_progress(run.id, "s", {"rows": 1})):
        with pytest.raises(NotFound):
            change()
    assert other.runs() == other.events(run.id) == []
    assert other.unfinished("f") is None
    assert other.addresses(run.id) == other.progress(run.id) == other.outcomes(run.id, "") == {}
    assert other.prune(0) == []
    assert store.everywhere.run(run.id) == store.of("a").run(run.id) == run


def test_a_store_of_nobody_makes_nothing(store: Store) -> None:
    with pytest.raises(Bug):
        store.everywhere.create_run(
            kind="", title="", request={}, fingerprint="", plan=Plan("copy", {}, ()), addresses={}
        )
    with pytest.raises(Bug), store.everywhere.write() as connection:
        store.everywhere.publish(connection, "t", "s", {})


def contents(store: Store, tenant: str) -> dict[str, list[tuple[object, ...]]]:
    with store.everywhere.read() as connection:
        return {
            table.name: sorted(map(tuple, connection.execute(sa.select(table).where(table.c.tenant == tenant))))
            for table in (NOTES, STEPS)
        }
