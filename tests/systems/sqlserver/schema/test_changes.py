"""Changes of a SQL Server's schema, against the stand-in: what the contract's suite does not ask."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from contract.disturbing import batch, tds
from wayfare.core.address import Address
from wayfare.core.changes import Entry, Outcome, Policy, Rehearses, Replicates, Standing, Watches
from wayfare.core.errors import Busy, Invalid, LockLost, Refused, Stopped
from wayfare.core.statements import Statement
from wayfare.schema.text.reading import read
from wayfare.systems.databases.sqlserver.database import SqlServer
from wayfare.systems.databases.sqlserver.schema.port import SqlServerSchema

ENTRY = Entry("changes", "1", "a change", "", Standing.APPLIED, 1, 1)
ORDERS = "CREATE TABLE dbo.orders (id int NOT NULL PRIMARY KEY, note nvarchar(40) NULL, paid int NULL)"


@pytest.fixture
def place(address: Address) -> Iterator[SqlServer]:
    with SqlServer(replace(address, options={"driver": "python-tds"})) as database:
        yield database


@pytest.fixture
def schema(place: SqlServer) -> SqlServerSchema:
    return place.schema()


def script(text: str) -> tuple[Statement, ...]:
    return tuple(read(text, "tsql"))


def apply(schema: SqlServerSchema, text: str, entry: Entry = ENTRY, policy: Policy | None = None) -> int:
    """Rows that it changed. Each alone statement by itself, all others as one."""
    held = schema.lock("a test")
    assert held is not None
    with held:
        statements = script(text)
        if any(s.alone for s in statements):
            return sum(held.carry([s], entry, policy or Policy()).rows for s in statements)
        return held.carry(statements, entry, policy or Policy()).rows


def ask(place: SqlServer, sql: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = place.execute(sql).to_pylist()
    return found


# The lock


def test_the_lock_is_given_back_before_its_connection_is_gone(schema, address):
    """While the holder's connection is still there, another has what it gave back."""
    held = schema.lock("first")
    assert held is not None
    lingering = held._lock
    held._lock = _Lingering(lingering)
    with held:
        assert schema.lock("too early") is None
    try:
        after = schema.lock("second")
        assert after is not None
        with after:
            assert after.fence > held.fence
    finally:
        lingering.close()


class _Lingering:
    """A connection of which the server has not seen yet that it was closed."""

    def __init__(self, connection):
        self.run, self.rows, self.limit = connection.run, connection.rows, connection.limit

    def close(self):
        pass


def test_the_lock_is_the_databases_own(schema, fresh):
    held = schema.lock("here")
    assert held is not None
    with held, SqlServer(fresh()) as other:
        elsewhere = other.schema().lock("there")
        assert elsewhere is not None
        with elsewhere:
            assert held.alive()


def test_who_holds_a_lock_that_was_left_is_told_as_dead(schema, address):
    held = schema.lock("gone@host:1")
    assert held is not None
    held._lock.close()
    with pytest.raises(LockLost):
        held.keep(ENTRY)
    following = schema.lock("next@host:2")
    assert following is not None
    with following:
        found = schema.holder()
        assert found is not None
        assert (found.by, found.alive) == ("next@host:2", True)


def test_a_transaction_of_the_last_holder_that_is_not_over_keeps_the_lock(schema, address):
    """A server may see late that a client is gone: until then its transaction could still be committed."""
    apply(schema, ORDERS)
    with closing(tds(address)) as orphan:
        batch(orphan, "BEGIN TRANSACTION")
        batch(orphan, "SELECT fence FROM dbo._wayfare_lock WITH (REPEATABLEREAD) WHERE one = 1")
        assert schema.lock("the next") is None
        batch(orphan, "ROLLBACK TRANSACTION")
    held = schema.lock("the next")
    assert held is not None
    with held:
        pass


# Carrying out


def test_batches_are_one_transaction_with_their_entry(schema, place):
    view = "CREATE VIEW dbo.paid AS SELECT id FROM dbo.orders WHERE paid = 1"
    rows = apply(schema, f"{ORDERS};\nGO\n{view}\nGO\nINSERT INTO dbo.orders VALUES (1, N'a', 1), (2, N'b', 0)")
    assert rows == 2
    assert ask(place, "SELECT id FROM dbo.paid") == [{"id": 1}]
    assert [e.version for e in schema.entries()] == ["1"]


@pytest.mark.parametrize(
    ("text", "said", "where"),
    [
        (f"{ORDERS};\n\n  INSERT INTO dbo.nowhere VALUES (1)", "nowhere", "line 3, column 3"),
        (f"{ORDERS}\nGO\n\nINSERT INTO dbo.orders VALUES (1, N'a', 1);\nINSERT INTO dbo.orders VALUES (1, N'b', 1)",
         "2627", "line 5, column 1"),
        (f"{ORDERS}\nGO\nINSERT INTO dbo.orders (note) VALUES (N'a')", "515", "line 3, column 1"),
    ],
)  # fmt: skip
def test_a_refusal_names_the_line_of_its_batch_and_undoes_all(schema, text, said, where):
    before = schema.dump()
    with pytest.raises(Refused, match=said) as refused:
        apply(schema, text)
    assert refused.value.where == where
    assert refused.value.remedy
    assert schema.dump() == before
    assert list(schema.entries()) == []


def test_a_batch_that_ends_the_transaction_is_refused(schema, place):
    """The reader takes COMMIT for what it is; in a text that is run it cannot be seen."""
    apply(schema, ORDERS)
    hidden = [Statement("COMMIT TRANSACTION", 4, 1)]
    held = schema.lock("a test")
    assert held is not None
    with held, pytest.raises(Refused, match="ended the transaction") as refused:
        held.carry(hidden, replace(ENTRY, version="2"), Policy())
    assert refused.value.where == "line 4, column 1"
    assert [e.version for e in schema.entries()] == ["1"]


def test_a_batch_that_leaves_a_transaction_open_is_refused(schema):
    held = schema.lock("a test")
    assert held is not None
    with held, pytest.raises(Refused, match="left another open"):
        held.carry([Statement("BEGIN TRANSACTION", 1, 1)], ENTRY, Policy())
    assert list(schema.entries()) == []


def test_what_a_script_sets_does_not_reach_the_entry(schema, place):
    apply(schema, f"SET NOCOUNT ON;\nSET LOCK_TIMEOUT 0;\n{ORDERS}")
    apply(schema, "SET XACT_ABORT OFF;\nINSERT INTO dbo.orders VALUES (1, N'a', 1)", replace(ENTRY, done=0))
    assert [e.done for e in schema.entries()] == [0]
    assert ask(place, "SELECT id FROM dbo.orders") == [{"id": 1}]


def test_the_change_comes_when_the_others_end(schema, place, address):
    apply(schema, ORDERS)
    with closing(tds(address)) as other:
        batch(other, "BEGIN TRANSACTION")
        batch(other, "INSERT INTO dbo.orders VALUES (1, N'a', 1)")
        tries = _Tries(lambda: batch(other, "COMMIT TRANSACTION"), after=3)
        apply(
            schema,
            "ALTER TABLE dbo.orders ADD extra int NULL",
            replace(ENTRY, version="2"),
            Policy(lock_wait_seconds_max=60, stopping=tries.count),
        )
    assert tries.counted == 3
    assert ask(place, "SELECT id, extra FROM dbo.orders") == [{"id": 1, "extra": None}]


class _Tries:
    """Between two tries the others go on: so nothing depends on the time."""

    def __init__(self, act, after):
        self.counted, self._act, self._after = 0, act, after

    def count(self):
        self.counted += 1
        if self.counted == self._after:
            self._act()


def test_whoever_is_in_the_way_is_named(schema, address):
    apply(schema, ORDERS)
    before = schema.dump()
    with closing(tds(address)) as other:
        batch(other, "BEGIN TRANSACTION")
        batch(other, "INSERT INTO dbo.orders VALUES (1, N'a', 1)")
        with pytest.raises(
            Busy, match=r"no lock on dbo\.orders .* \(a stranger.*login wayfare.* holds IX on orders"
        ) as busy:
            apply(
                schema,
                "\nALTER TABLE dbo.orders ADD extra int NULL",
                replace(ENTRY, version="2"),
                Policy(lock_wait_seconds_max=0.2),
            )
    assert busy.value.where == "line 2, column 1"
    assert schema.dump() == before
    assert [e.version for e in schema.entries()] == ["1"]


def test_rows_are_waited_for_in_the_queue(schema, place, address):
    apply(schema, ORDERS)
    entry = replace(ENTRY, version="2")
    with closing(tds(address)) as other:
        batch(other, "BEGIN TRANSACTION")
        batch(other, "UPDATE dbo.orders SET paid = 1")
        waiting = threading.Thread(target=apply, args=(schema, "UPDATE dbo.orders SET paid = 2", entry))
        waiting.start()
        waiting.join(0.3)
        assert waiting.is_alive()
        batch(other, "COMMIT TRANSACTION")
        waiting.join(30)
    assert not waiting.is_alive()
    assert [e.version for e in schema.entries()] == ["1", "2"]


def test_a_statement_has_its_time(schema, place, address):
    apply(schema, ORDERS)
    with closing(tds(address)) as other:
        batch(other, "BEGIN TRANSACTION")
        batch(other, "UPDATE dbo.orders SET paid = 1")
        with pytest.raises(Refused, match=r"longer than 0\.3 seconds"):
            apply(
                schema,
                "UPDATE dbo.orders SET paid = 2",
                replace(ENTRY, version="2"),
                Policy(statement_seconds_max=0.3),
            )
    assert [e.version for e in schema.entries()] == ["1"]


def test_stopping_is_heard(schema, address):
    apply(schema, ORDERS)

    def stopping() -> None:
        raise Stopped("enough")

    with pytest.raises(Stopped):
        apply(schema, "DROP TABLE dbo.orders", replace(ENTRY, version="2"), Policy(stopping=stopping))
    assert "orders" in schema.dump()


# Alone

CATALOG = "CREATE FULLTEXT CATALOG docs AS DEFAULT"
TEXTS = "CREATE TABLE dbo.texts (id int NOT NULL CONSTRAINT pk_texts PRIMARY KEY, body nvarchar(max) NULL)"
FULL_TEXT = "CREATE FULLTEXT INDEX ON dbo.texts (body) KEY INDEX pk_texts"


def test_full_text_is_carried_out_outside_a_transaction(schema):
    apply(schema, TEXTS)
    apply(schema, f"{CATALOG}\nGO\n{FULL_TEXT}", replace(ENTRY, version="2"))
    assert "FULLTEXT INDEX ON dbo.texts ([body] LANGUAGE 1033) KEY INDEX [pk_texts] ON [docs]" in schema.dump()
    assert [e.version for e in schema.entries()] == ["1", "2"]


def test_what_refuses_a_transaction_has_its_batch_to_itself(schema):
    with pytest.raises(Refused, match="others") as refused:
        apply(schema, f"{CATALOG};\n{TEXTS}")
    assert "GO" in refused.value.remedy
    assert "texts" not in schema.dump()


def test_the_outcome_of_an_alone_statement(schema):
    apply(schema, f"{TEXTS}")
    apply(schema, CATALOG, replace(ENTRY, version="2"))
    (statement,) = script(FULL_TEXT)
    intent = schema.shape(statement)
    assert schema.outcome(statement, intent) is Outcome.NOT_DONE
    apply(schema, FULL_TEXT, replace(ENTRY, version="3"))
    assert schema.outcome(statement, intent) is Outcome.DONE


def test_an_alone_statement_of_a_lost_runner_is_seen_at_work(schema, address):
    apply(schema, TEXTS)
    (statement,) = script(CATALOG)
    intent = schema.shape(statement)
    taken = "EXEC sp_getapplock @Resource = N'wayfare at work', @LockMode = N'Exclusive', @LockOwner = N'Session'"
    with closing(tds(address)) as orphan:
        batch(orphan, f"{taken}, @LockTimeout = 0")
        assert schema.outcome(statement, intent) is Outcome.AT_WORK
        with pytest.raises(Busy, match="still at work"):
            apply(schema, CATALOG, replace(ENTRY, version="2"))
        batch(orphan, "EXEC sp_releaseapplock @Resource = N'wayfare at work', @LockOwner = N'Session'")
    assert schema.outcome(statement, intent) is Outcome.NOT_DONE


def test_a_build_that_stands_paused_is_removed(schema, address, place):
    """As the server leaves one that can be resumed, when its connection is gone."""
    apply(schema, ORDERS)
    (statement,) = script("CREATE INDEX by_note ON dbo.orders (note) WITH (ONLINE = ON, RESUMABLE = ON)")
    assert statement.alone
    intent = schema.shape(statement)
    with closing(tds(address)) as other:
        columns = "(object_id, index_id, name, state)"
        for name in ("by_note", "of_somebody_else"):
            row = f"SELECT OBJECT_ID(N'dbo.orders'), 2, N'{name}', 1"
            batch(other, f"INSERT INTO sys.index_resumable_operations {columns} {row}")
    assert schema.outcome(statement, intent) is Outcome.NOT_DONE
    assert ask(place, "SELECT name FROM sys.index_resumable_operations") == [{"name": "of_somebody_else"}]
    held = schema.lock("a test")
    assert held is not None
    with held:
        held.carry([statement], replace(ENTRY, version="2"), Policy())
    assert schema.outcome(statement, intent) is Outcome.DONE


# What the catalog tells


def test_a_dump_has_what_a_schema_consists_of(schema):
    before = schema.dump()
    apply(
        schema,
        """CREATE SCHEMA shop
GO
CREATE TABLE shop.customers (id int IDENTITY(10,5) NOT NULL CONSTRAINT pk_customers PRIMARY KEY,
  name nvarchar(50) NOT NULL CONSTRAINT df_name DEFAULT N'', twice AS (id * 2));
CREATE TABLE dbo.orders (id bigint NOT NULL PRIMARY KEY, customer int NULL, total decimal(10,2) NOT NULL DEFAULT 0,
  CONSTRAINT fk_customer FOREIGN KEY (customer) REFERENCES shop.customers (id) ON DELETE CASCADE,
  CONSTRAINT ck_total CHECK (total >= 0), CONSTRAINT uq_both UNIQUE (customer, total DESC));
CREATE UNIQUE INDEX by_total ON dbo.orders (total DESC) INCLUDE (customer) WHERE total > 0;
GO
CREATE PROCEDURE dbo.nothing AS SELECT 1
GO
CREATE TRIGGER dbo.on_orders ON dbo.orders AFTER INSERT AS SET NOCOUNT ON
GO
CREATE SEQUENCE dbo.numbers START WITH 5 INCREMENT BY 2
""",
    )
    told = schema.dump()
    for line in (
        "CREATE SCHEMA [shop];",
        "  [id] int NOT NULL IDENTITY(10,5),",
        "  [name] nvarchar(50) NOT NULL CONSTRAINT [df_name] DEFAULT (N''),",
        "  CONSTRAINT [pk_customers] PRIMARY KEY CLUSTERED ([id])",
        "  PRIMARY KEY CLUSTERED ([id])",
        "FOREIGN KEY ([customer]) REFERENCES [shop].[customers] ([id]) ON DELETE CASCADE",
        "  CONSTRAINT [ck_total] CHECK (total >= 0)",
        "  CONSTRAINT [uq_both] UNIQUE NONCLUSTERED ([customer], [total] DESC)",
        "CREATE UNIQUE NONCLUSTERED INDEX [by_total] ON [dbo].[orders] ([total] DESC) INCLUDE ([customer]) WHERE",
        "CREATE PROCEDURE dbo.nothing AS SELECT 1;",
        "CREATE TRIGGER dbo.on_orders ON dbo.orders",
        "CREATE SEQUENCE [dbo].[numbers] AS bigint START WITH 5 INCREMENT BY 2",
    ):
        assert line in told
    down = (
        "DROP SEQUENCE dbo.numbers;\nDROP PROCEDURE dbo.nothing;\nDROP TRIGGER dbo.on_orders;\nDROP TABLE dbo.orders;"
    )
    apply(schema, f"{down}\nDROP TABLE shop.customers;\nDROP SCHEMA shop", replace(ENTRY, version="2"))
    assert schema.dump() == before


@pytest.mark.parametrize(
    ("up", "down"),
    [
        ("ALTER TABLE dbo.orders ADD a int NOT NULL DEFAULT 1, b nvarchar(5) NULL", None),
        ("ALTER TABLE dbo.orders ADD CONSTRAINT ck CHECK (paid < 5)", "ALTER TABLE dbo.orders DROP CONSTRAINT ck"),
        ("ALTER TABLE dbo.orders ALTER COLUMN note nvarchar(80) NOT NULL",
         "ALTER TABLE dbo.orders ALTER COLUMN note nvarchar(40) NULL"),
        ("EXEC sp_rename 'dbo.orders.note', 'said', 'COLUMN'", "EXEC sp_rename 'dbo.orders.said', 'note', 'COLUMN'"),
        ("EXEC sp_rename 'dbo.orders', 'sales'", "EXEC sp_rename 'dbo.sales', 'orders'"),
        ("CREATE INDEX by_note ON dbo.orders (note)", "DROP INDEX by_note ON dbo.orders"),
        ("ALTER TABLE dbo.orders ADD CONSTRAINT df DEFAULT N'x' FOR note", "ALTER TABLE dbo.orders DROP CONSTRAINT df"),
    ],
)  # fmt: skip
def test_a_change_keeps_the_rows_and_its_way_back_leads_back(schema, place, up, down):
    apply(schema, f"{ORDERS};\nINSERT INTO dbo.orders VALUES (1, N'a', 1), (2, N'b', 0)")
    before = schema.dump()
    apply(schema, up, replace(ENTRY, version="2"))
    assert schema.dump() != before
    if down:
        apply(schema, down, replace(ENTRY, version="3"))
        assert schema.dump() == before
    rows = ask(place, "SELECT id, note, paid FROM dbo.orders ORDER BY id")
    assert rows == [{"id": 1, "note": "a", "paid": 1}, {"id": 2, "note": "b", "paid": 0}]


def test_a_key_that_nobody_named_is_the_same_again(schema):
    apply(schema, ORDERS)
    before = schema.dump()
    apply(schema, f"DROP TABLE dbo.orders;\n{ORDERS}", replace(ENTRY, version="2"))
    assert schema.dump() == before


def test_a_text_with_a_backslash_at_a_lines_end_is_kept(schema):
    held = schema.lock("a test")
    assert held is not None
    said = replace(ENTRY, name="it's\\\nhere", error="\\\r\n🚂")
    with held:
        held.keep(said)
    assert list(schema.entries()) == [said]


def test_what_a_key_cannot_hold_is_refused(schema):
    held = schema.lock("a test")
    assert held is not None
    with held, pytest.raises(Invalid, match="at most 500 characters"):
        held.keep(replace(ENTRY, version="v" * 501))


def test_what_it_cannot_do_is_not_there(schema):
    assert not isinstance(schema, (Rehearses, Watches, Replicates))
