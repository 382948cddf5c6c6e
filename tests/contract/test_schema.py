"""What every database promises whose schema can be changed: `core.changes`, asked of each test bed that has it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from contract.disturbing import lost as lost_lock
from contract.disturbing import occupied
from wayfare.core.address import Address
from wayfare.core.changes import Changeable, Entry, Outcome, Policy, Rehearses, Schema, Standing
from wayfare.core.errors import LockLost, Refused, Stopped, WayfareError
from wayfare.core.statements import Action, Kind, Statement
from wayfare.systems.registry import databases, open_database
from wayfare.systems.testing import Fresh

SECONDS_MAX = 20.0
# Where the lock is a lease, it is made short for what waits for its end.
SHORT = {"sqlite": {"lease_seconds": "1"}}
HOLDER = """
import sys, time
from wayfare.core.address import Address
from wayfare.systems.registry import open_database
database = open_database(Address.parse(sys.argv[1]))
held = database.schema().lock("a process")
print("held" if held else "refused", flush=True)
time.sleep(600)
"""


def wanted(bed: str) -> bool:
    """Asked of the class, so that no server is started for those that cannot."""
    found = next((a for a in databases().values() if bed == a.name or bed in a.aliases), None)
    if found is None or found.missing:
        return False
    module, _, name = found.open.partition(":")
    return hasattr(getattr(__import__(module, fromlist=[name]), name), "schema")


@dataclass(frozen=True)
class Words:
    """What differs between dialects, as statements made by hand: adapters never parse."""

    dialect: str

    def statement(self, text: str, *actions: Action, line: int = 1, alone: bool = False) -> Statement:
        return Statement(text, line, 1, actions, alone)

    def table(self, name: str = "orders", line: int = 1) -> Statement:
        text = f"CREATE TABLE {name} (id INTEGER NOT NULL PRIMARY KEY, note VARCHAR(40), paid INTEGER)"
        return self.statement(text, Action(Kind.CREATE_TABLE, name), line=line)

    def insert(self, *numbers: int, table: str = "orders") -> Statement:
        rows = ", ".join(f"({n}, 'note {n}', {n % 2})" for n in numbers)
        return self.statement(f"INSERT INTO {table} (id, note, paid) VALUES {rows}", Action(Kind.INSERT, table))

    def column(self, name: str = "extra", table: str = "orders") -> Statement:
        action = Action(Kind.ADD_COLUMN, table, name, {"type": "INTEGER"})
        word = "" if self.dialect == "tsql" else "COLUMN "
        return self.statement(f"ALTER TABLE {table} ADD {word}{name} INTEGER", action)

    def index(self, name: str = "by_note", table: str = "orders") -> Statement:
        action = Action(Kind.CREATE_INDEX, table, name, {"columns": ["note"]})
        return self.statement(f"CREATE INDEX {name} ON {table} (note)", action)

    def drop_index(self, name: str = "by_note", table: str = "orders") -> Statement:
        on = "" if self.dialect in ("sqlite", "postgres") else f" ON {table}"
        return self.statement(f"DROP INDEX {name}{on}", Action(Kind.DROP_INDEX, table if on else "", name))

    def view(self, name: str = "notes") -> Statement:
        action = Action(Kind.CREATE_VIEW, "", name)
        return self.statement(f"CREATE VIEW {name} AS SELECT id, note FROM orders WHERE paid = 1", action)

    def drop_view(self, name: str = "notes") -> Statement:
        return self.statement(f"DROP VIEW {name}", Action(Kind.DROP_VIEW, "", name))

    def endless(self, kind: Kind) -> Statement:
        """A statement that makes a table, or adds a row, ten minutes from now at the earliest."""
        never = {
            "postgres": "SELECT 1 AS id FROM pg_sleep(600)",
            "mysql": "SELECT count(*) AS id FROM information_schema.columns WHERE SLEEP(1) = 0",
            "sqlite": "WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n) SELECT max(id) AS id FROM n",
        }[self.dialect]
        if kind is Kind.INSERT:
            return self.statement(f"INSERT INTO orders (id) {never}", Action(Kind.INSERT, "orders"))
        return self.statement(f"CREATE TABLE slow AS {never}", Action(Kind.CREATE_TABLE, "slow"))

    def wrong(self, line: int = 7) -> Statement:
        return self.statement(
            "CREATE INDEX broken ON no_such_table (x)", Action(Kind.CREATE_INDEX, "no_such_table"), line=line
        )


@pytest.fixture
def schema(db: Any) -> Schema:
    assert isinstance(db, Changeable)
    return db.schema()


@pytest.fixture
def words(schema: Schema) -> Words:
    return Words(schema.dialect)


@pytest.fixture
def again(db: Any) -> Iterator[Schema]:
    """The same database through a second connection."""
    with open_database(db.address) as other:
        assert isinstance(other, Changeable)
        yield other.schema()


def entry(version: str = "1", done: int = 1, total: int = 1, **more: Any) -> Entry:
    return Entry("changes", version, f"change {version}", "c" * 64, Standing.APPLIED, done, total, **more)


def apply(schema: Schema, *statements: Statement, policy: Policy | None = None, **more: Any) -> None:
    """One by one, as it is done where several cannot be one transaction."""
    with held(schema) as lock:
        for number, statement in enumerate(statements, 1):
            lock.carry([statement], entry(done=number, total=len(statements), **more), policy or Policy())


def held(schema: Schema, by: str = "a test") -> Any:
    lock = schema.lock(by)
    assert lock is not None
    return lock


# The lock


def test_one_holder_at_a_time(schema, again):
    with held(schema, "anna@host:1") as lock:
        assert lock.alive()
        assert again.lock("ben@host:2") is None
        holder = again.holder()
        assert holder is not None
        assert (holder.by, holder.fence, holder.alive) == ("anna@host:1", lock.fence, True)
    deadline = time.monotonic() + 10  # a server may take a moment to see that a connection has ended
    while (found := schema.holder()) and found.alive and time.monotonic() < deadline:
        time.sleep(0.05)
    assert found is None or not found.alive


def test_a_lock_given_back_can_be_taken_and_its_fence_grows(schema, again):
    fences = []
    for taker in (schema, again, schema):
        with held(taker) as lock:
            fences.append(lock.fence)
    assert fences == sorted(set(fences))


def test_looking_leaves_nothing(schema):
    assert (schema.holder(), list(schema.entries())) == (None, [])
    assert schema.dump() == schema.dump()


def test_a_killed_holder_is_replaced(schema, db):
    address = replace(db.address, options={**db.address.options, **SHORT.get(db.system, {})})
    with _process(address) as process:
        assert process.stdout.readline() == "held\n"
        assert schema.lock("too early") is None
        process.kill()
        process.wait()
        with _soon(lambda: schema.lock("the next")) as lock:
            assert lock.alive()
            lock.keep(entry())
    assert [e.version for e in schema.entries()] == ["1"]


def _process(address: Address) -> Any:
    command = [sys.executable, "-c", HOLDER, address.url(reveal=True)]
    return _Killed(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))


class _Killed:
    """Whatever becomes of the test, its process ends."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def __enter__(self) -> subprocess.Popen[str]:
        return self._process

    def __exit__(self, *exc: object) -> None:
        self._process.kill()
        self._process.communicate()


def _soon(ask: Any) -> Any:
    deadline = time.monotonic() + SECONDS_MAX
    while (found := ask()) is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


# The history


NASTY = "Grüße 'quoted' \"twice\" `ticks` \\n is no newline,\nthis was; 100 % {x} %s ? 🚂"


def test_entries_come_back_as_they_were(schema):
    full = replace(entry("2"), name=NASTY, error=NASTY * 10, intent="a\tb", by=NASTY)
    plain = replace(entry("1"), standing=Standing.APPLYING, done=1, total=3, environment="production")
    timed = replace(entry("3"), started_at=1_700_000_000.25, ended_at=1_700_000_001.5)
    with held(schema) as lock:
        for one in (plain, full, timed):
            lock.keep(one)
    assert list(schema.entries()) == [plain, full, timed]


def test_a_long_text_is_kept_whole(schema):
    long = replace(entry(), error="é" * 32_768)
    with held(schema) as lock:
        lock.keep(long)
    assert list(schema.entries()) == [long]


def test_a_nul_is_refused_and_nothing_kept(schema):
    with held(schema) as lock:
        with pytest.raises(WayfareError):
            lock.keep(replace(entry(), error="a\0b"))
        assert list(schema.entries()) == []
        lock.keep(entry())
    assert len(schema.entries()) == 1


def test_an_entry_is_replaced_by_its_key(schema):
    with held(schema) as lock:
        lock.keep(entry("1"))
        lock.keep(entry("2"))
        lock.keep(replace(entry("1"), standing=Standing.UNDONE))
        lock.keep(replace(entry("1"), history="revisions"))
    found = schema.entries()
    assert [(e.history, e.version, e.standing) for e in found] == [
        ("changes", "1", Standing.UNDONE),
        ("changes", "2", Standing.APPLIED),
        ("revisions", "1", Standing.APPLIED),
    ]


def test_the_last_entries_of_one_history(schema):
    with held(schema) as lock:
        for number in range(5):
            lock.keep(entry(str(number)))
            lock.keep(replace(entry(str(number)), history="revisions"))
        lock.forget("changes", "4")
    assert [e.version for e in schema.entries("changes")] == ["0", "1", "2", "3"]
    assert [e.version for e in schema.entries("changes", limit=2)] == ["2", "3"]
    assert [(e.history, e.version) for e in schema.entries(limit=1)] == [("revisions", "4")]
    assert list(schema.entries("nobody's")) == []


# Carrying out


def test_statements_and_entry_are_kept_together(schema, words, db):
    apply(schema, words.table())
    with held(schema) as lock:
        carried = lock.carry([words.insert(1, 2, 3)], entry("2"), Policy())
    assert carried.rows == 3
    assert carried.tries >= 1
    assert [e.version for e in schema.entries()] == ["1", "2"]
    assert _count(db) == 3


def _count(db: Any) -> int:
    return int(db.execute("SELECT count(*) AS n FROM orders").column(0)[0].as_py())


def test_a_refused_statement_says_where_and_leaves_nothing_of_itself(schema, words):
    apply(schema, words.table())
    before = schema.dump()
    with held(schema) as lock:
        with pytest.raises(Refused) as refused:
            lock.carry([words.wrong(line=7)], entry("2"), Policy())
        assert refused.value.where.startswith("line 7, column 1")
        assert lock.alive()
        lock.keep(replace(entry("2"), standing=Standing.FAILED, done=0))  # it can go on
    assert schema.dump() == before
    assert [(e.version, e.standing) for e in schema.entries()] == [("1", Standing.APPLIED), ("2", Standing.FAILED)]


def test_several_changes_are_one_where_they_can_be(schema, words):
    if not schema.together:
        pytest.skip("each change is committed by itself here")
    empty = schema.dump()
    with held(schema) as lock:
        with pytest.raises(Refused):
            lock.carry([words.table(), words.index(), words.wrong()], entry(), Policy())
        assert schema.dump() == empty
        assert list(schema.entries()) == []
        lock.carry([words.table(), words.index(), words.insert(1)], entry(), Policy())
    assert schema.dump() != empty
    assert len(schema.entries()) == 1


def test_rows_and_their_entry_are_one_everywhere(schema, words, db):
    apply(schema, words.table())
    with held(schema) as lock:
        with pytest.raises(WayfareError):
            lock.carry([words.insert(1), words.insert(2, 2)], entry("2"), Policy())
        assert _count(db) == 0
        lock.carry([words.insert(1), words.insert(2)], entry("2"), Policy())
    assert _count(db) == 2
    assert [e.version for e in schema.entries()] == ["1", "2"]


def test_who_asks_to_stop_is_heard_before_anything_is_done(schema, words, db):
    """`stopping` is called at the latest between two tries; here another program has what the change needs."""
    apply(schema, words.table())
    before = schema.dump()

    def stopping() -> None:
        raise Stopped("enough")

    with held(schema) as lock, occupied(db), pytest.raises(Stopped):
        lock.carry([words.column()], entry("2"), Policy(stopping=stopping, lock_wait_seconds_max=SECONDS_MAX))
    assert schema.dump() == before


@pytest.mark.parametrize("kind", [Kind.CREATE_TABLE, Kind.INSERT])
def test_a_statement_at_work_is_ended_for_a_reason(schema, words, db, kind):
    """It is no refusal: the reason is the caller's, nothing stays, and the lock is as good as before."""
    if words.dialect == "tsql":
        pytest.skip("it does not tell who waits, so nobody would ask for it")
    apply(schema, words.table())
    before = schema.dump()
    reasons = iter([""] * 3)  # … and then always the same
    policy = Policy(interrupted=lambda: next(reasons, "somebody waited too long."))
    with held(schema) as lock:
        with pytest.raises(Stopped, match=r"^somebody waited too long\.$"):
            lock.carry([words.endless(kind)], entry("2"), policy)
        assert next(reasons, None) is None
        assert (schema.dump(), _count(db), [e.version for e in schema.entries()]) == (before, 0, ["1"])
        lock.carry([words.insert(1)], entry("2"), Policy())
    assert _count(db) == 1


def test_a_lost_lock_writes_nothing(schema, again, words, db):
    """Another takes over while the first stands still: by the lease's end, or with its connection gone."""
    apply(schema, words.table())
    before = schema.dump()
    with lost_lock(db) as lost, held(again, "the next"):
        assert not lost.alive()
        for write in (
            lambda: lost.keep(entry("9")),
            lambda: lost.forget("changes", "1"),
            lambda: lost.carry([words.column()], entry("9"), Policy()),
            lambda: lost.carry([words.insert(1)], entry("9"), Policy()),
        ):
            with pytest.raises(LockLost):
                write()
    assert schema.dump() == before
    assert _count(db) == 0
    assert [e.version for e in schema.entries()] == ["1"]


# What the catalog tells


def test_a_dump_changes_with_the_schema_and_back(schema, words):
    apply(schema, words.table())
    before = schema.dump()
    assert "orders" in before
    assert "_wayfare" not in before
    apply(schema, words.index(), words.view())
    between = schema.dump()
    assert "by_note" in between
    assert "notes" in between
    apply(schema, words.drop_view(), words.drop_index())
    assert schema.dump() == before


def test_rows_are_none_of_the_schema(schema, words):
    apply(schema, words.table())
    before = schema.dump()
    apply(schema, words.insert(1, 2, 3))
    assert schema.dump() == before


def test_sizes_leave_our_tables_out(schema, words):
    apply(schema, words.table(), words.insert(*range(500)))
    sizes = schema.sizes()
    assert sizes["orders"].bytes > 0
    assert not [name for name in sizes if "_wayfare" in name]


def test_the_shape_changes_exactly_with_what_is_named(schema, words):
    apply(schema, words.table(), words.table("other"))
    statements = words.column(), words.index(), words.view()
    shapes = [schema.shape(s) for s in statements]
    apply(schema, words.insert(1), words.column("unrelated", "other"))
    assert [schema.shape(s) for s in statements] == shapes
    apply(schema, words.view())
    assert schema.shape(words.view()) != shapes[2]
    apply(schema, words.column())
    assert schema.shape(words.column()) != shapes[0]


@pytest.mark.parametrize("kind", ["table", "column", "index", "view"])
def test_the_outcome_of_a_lost_statement(schema, words, kind):
    if kind != "table":
        apply(schema, words.table())
    statement = getattr(words, kind)()
    intent = schema.shape(statement)
    assert schema.outcome(statement, intent) is Outcome.NOT_DONE
    apply(schema, statement)
    assert schema.outcome(statement, intent) is Outcome.DONE


def test_an_identity_is_of_one_database(schema, again, bed: Fresh):
    assert schema.identity() == again.identity()
    with open_database(bed()) as other:
        assert isinstance(other, Changeable)
        assert other.schema().identity() != schema.identity()


# Rehearsing


@pytest.fixture
def rehearses(schema: Schema) -> Any:
    if not isinstance(schema, Rehearses):
        pytest.skip("it has no rehearsals")
    return schema


def test_a_rehearsal_leaves_everything_as_it_was(rehearses, words, db):
    apply(rehearses, words.table(), words.insert(*range(100)), words.view())
    before, entries = rehearses.dump(), list(rehearses.entries())
    with rehearses.rehearsal(sample=["orders"]) as clone:
        assert clone.dump() == before
        for statement in (words.column(), words.index(), words.drop_view(), words.table("another")):
            assert clone.run(statement).error == ""
        changed = clone.dump()
        assert changed != before
        refused = clone.run(words.wrong())
        assert refused.error
        assert clone.dump() == changed
    assert (rehearses.dump(), list(rehearses.entries()), _count(db)) == (before, entries, 100)


def test_a_rehearsal_measures(rehearses, words):
    apply(rehearses, words.table(), words.insert(*range(2000)))
    with rehearses.rehearsal(sample=["orders"]) as clone:
        index = clone.run(words.index())
        assert any("by_note" in name for name in index.creates)
        assert index.seconds > 0
        assert index.estimate_seconds > 0
        assert any(name.endswith("orders") for name in index.blocks)
        dropped = clone.run(words.drop_index())
        assert any("by_note" in name for name in dropped.drops)


def test_what_is_recalled_makes_it_again(rehearses, words):
    apply(rehearses, words.table(), words.index(), words.view())
    with rehearses.rehearsal() as clone:
        before = clone.dump()
        for statement in (words.drop_index(), words.drop_view()):
            texts = [t for a in statement.actions for t in clone.recall(a)]
            assert clone.run(statement).error == ""
            assert clone.dump() != before
            assert texts
            for text in texts:
                assert clone.run(words.statement(text, Action(Kind.OTHER))).error == ""
            assert clone.dump() == before
        assert list(clone.recall(Action(Kind.DROP_TABLE, "orders"))) == []
        assert list(clone.recall(Action(Kind.DROP_INDEX, "orders", "no_such"))) == []


def test_a_clone_of_an_empty_database(rehearses, words):
    with rehearses.rehearsal(sample=["nothing"]) as clone:
        assert clone.dump() == rehearses.dump()
        assert clone.run(words.table()).error == ""
        assert "orders" in clone.dump()
    assert "orders" not in rehearses.dump()


def test_rehearsals_at_the_same_time(rehearses, words):
    with rehearses.rehearsal() as one, rehearses.rehearsal() as two:
        assert one.run(words.table()).error == ""
        assert two.run(words.table("other")).error == ""
        assert "other" not in one.dump()
        assert "orders" not in two.dump()
