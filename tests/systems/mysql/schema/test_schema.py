"""Schema changes on both servers: the mildest way is found, readers are not kept waiting, a clone touches nothing."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from typing import Any

import pytest

from wayfare.core.changes import Blocks, Entry, Policy, Standing
from wayfare.core.errors import Busy, Refused, Unavailable
from wayfare.core.statements import Action, Kind, Statement
from wayfare.systems.databases.mysql.schema import carry, gentle, harmless
from wayfare.systems.databases.mysql.testbed import connect

ENTRY = Entry("changes", "1", "a change", "", Standing.APPLIED, 1, 1)
TABLES = (
    "CREATE TABLE orgs (id INT PRIMARY KEY)",
    "CREATE TABLE users (id INT PRIMARY KEY, org_id INT, email VARCHAR(100) NOT NULL, name VARCHAR(50), "
    "age INT NOT NULL, payload TEXT, KEY by_age (age)) CHARACTER SET utf8mb4",
)
# What both servers' handbooks say of each, as (algorithm of MariaDB, of MySQL, lock, written anew).
WAYS = [
    ("ADD COLUMN q INT DEFAULT 0", "INSTANT", "INSTANT", "NONE", False),
    ("ADD COLUMN q2 INT DEFAULT 0 FIRST", "INSTANT", "INSTANT", "NONE", False),
    ("ADD COLUMN u CHAR(36) DEFAULT (uuid())", "COPY", "COPY", "SHARED", True),
    ("MODIFY COLUMN age BIGINT NOT NULL", "COPY", "COPY", "SHARED", True),
    ("MODIFY COLUMN name VARCHAR(100)", "COPY", "COPY", "SHARED", True),  # from under 256 bytes to over them
    ("CHANGE COLUMN name full_name VARCHAR(50)", "INSTANT", "INSTANT", "NONE", False),
    ("ADD CONSTRAINT fk FOREIGN KEY (org_id) REFERENCES orgs (id)", "COPY", "COPY", "SHARED", True),
    ("CONVERT TO CHARACTER SET utf8mb3", "COPY", "COPY", "SHARED", True),
    ("ADD INDEX i (email)", "NOCOPY", "INPLACE", "NONE", False),
    ("ADD FULLTEXT ft (payload)", "INPLACE", "INPLACE", "SHARED", True),  # the first one adds a hidden column
    ("DROP COLUMN org_id", "INSTANT", "INSTANT", "NONE", False),
    ("DROP PRIMARY KEY, ADD PRIMARY KEY (id, email)", "INPLACE", "INPLACE", "NONE", True),
    ("ENGINE=InnoDB", "INPLACE", "INPLACE", "NONE", True),
    ("ALTER COLUMN age SET DEFAULT 3", "INSTANT", "INSTANT", "NONE", False),
    ("ADD CONSTRAINT ck CHECK (age >= 0)", "COPY", "COPY", "SHARED", True),
]
BLOCKS = {"NONE": Blocks.NOTHING, "SHARED": Blocks.WRITES}


def do(text: str, kind: Kind = Kind.ALTER_TABLE, table: str = "users", name: str = "", **details: Any) -> Statement:
    return Statement(text, 1, 1, (Action(kind, table, name, details),))


@pytest.fixture
def schema(db: Any) -> Any:
    for text in TABLES:
        db.execute(text)
    return db.schema()


def test_each_change_is_done_in_the_mildest_way(schema, db):
    maria = db.server().maria
    for text, of_maria, of_mysql, mode, anew in WAYS:
        with schema.rehearsal() as clone:
            found = clone.run(do(f"ALTER TABLE users {text}"))
        assert found.error == "", text
        algorithm, lock = gentle.parts(found.clause)
        assert (algorithm, lock or "NONE") == (of_maria if maria else of_mysql, mode), text
        assert found.blocks["users"] is BLOCKS[mode], text
        assert ("users" in found.rewrites) is anew, text


def test_a_pinned_clause_is_kept_by_the_server(schema):
    change = do("ALTER TABLE users MODIFY COLUMN age BIGINT NOT NULL", Kind.ALTER_TYPE)
    with schema.lock("a runner") as held:
        with pytest.raises(Refused, match="INSTANT"):
            held.carry([change], ENTRY, Policy(clause="ALGORITHM=INSTANT"))
        held.carry([change], ENTRY, Policy(clause="ALGORITHM=COPY, LOCK=SHARED"))


def test_a_clause_is_put_where_it_belongs():
    pinned = "ALGORITHM=INPLACE, LOCK=NONE"
    index = do("CREATE INDEX i ON users (age)", Kind.CREATE_INDEX, name="i")
    assert carry.clause(do("ALTER TABLE t ADD x INT"), pinned) == f"ALTER TABLE t ADD x INT, {pinned}"
    assert " ".join(carry.clause(index, pinned).split()) == f"{index.text} ALGORITHM=INPLACE LOCK=NONE"
    said = do("ALTER TABLE t ADD x INT, LOCK=SHARED", clauses="LOCK=SHARED")
    assert carry.clause(said, pinned) == said.text
    view = do("CREATE VIEW v AS SELECT 1", Kind.CREATE_VIEW)
    assert carry.clause(view, pinned) == view.text


def test_a_change_behind_a_reader_lets_others_read_and_names_who_is_in_the_way(schema, db):
    """A change in the queue would stop every later query: so it must be out of it again and again."""
    with schema.lock("a runner") as held, closing(connect(db.address)) as first, closing(connect(db.address)) as second:
        first.begin()
        first.cursor().execute("SELECT * FROM users")
        failed: list[Exception] = []

        def change() -> None:
            try:
                held.carry([do("ALTER TABLE users ADD COLUMN q INT")], ENTRY, Policy(lock_wait_seconds_max=3.0))
            except Busy as error:
                failed.append(error)

        thread = threading.Thread(target=change)
        thread.start()
        second.cursor().execute("SET SESSION lock_wait_timeout = 2")
        reads = 0
        while thread.is_alive():
            second.cursor().execute("SELECT count(*) FROM users")  # refused if it waits for as long as the change would
            reads += 1
            time.sleep(0.01)
        thread.join()
        assert reads > 3
        assert str(first.thread_id()) in str(failed[0])
        first.rollback()
        assert held.carry([do("ALTER TABLE users ADD COLUMN q INT")], ENTRY, Policy()).tries >= 1


@pytest.mark.parametrize(
    "text",
    [
        "ALTER TABLE {db}.users ADD COLUMN q INT",
        "ALTER TABLE `{db}` . `users` ADD COLUMN q INT",
        "DROP DATABASE {db}",
        "USE {db}",
        "SET GLOBAL max_connections = 7",
        "CREATE USER nobody",
        "GRANT SELECT ON users TO nobody",
        "SELECT 1 INTO OUTFILE '/tmp/x'",
        "CREATE EVENT e ON SCHEDULE EVERY 1 SECOND DO DELETE FROM users",
    ],
)
def test_what_would_reach_beyond_the_clone_is_not_tried(schema, db, text):
    before = schema.dump()
    with schema.rehearsal() as clone:
        assert clone.run(do(text.format(db=db.address.database), Kind.OTHER)).error
    assert schema.dump() == before


def test_ordinary_statements_are_tried():
    for text in ("UPDATE users u SET u.age = 1", "INSERT INTO t VALUES ('app.x')", "SET @x = 1", "DROP TABLE users"):
        assert harmless.fault(do(text, Kind.OTHER), ["other"]) == ""


OBJECTS = (
    "CREATE VIEW b_adults AS SELECT id FROM users WHERE age > 17",
    "CREATE VIEW a_first AS SELECT min(id) AS id FROM b_adults",  # needs the other, and comes before it
    "CREATE PROCEDURE p (x INT) SELECT x",
    "CREATE FUNCTION f (x INT) RETURNS INT DETERMINISTIC RETURN x + 1",
    "CREATE TRIGGER tr BEFORE INSERT ON users FOR EACH ROW SET NEW.age = f(NEW.age)",
    "CREATE EVENT ev ON SCHEDULE EVERY 1 DAY DO DELETE FROM users WHERE id < 0",
)


def test_a_clone_has_everything_and_goes_without_a_trace(schema, db):
    if not db.server().maria:
        db.execute("SET GLOBAL log_bin_trust_function_creators = 1")
    for text in OBJECTS:
        db.execute(text)
    db.execute("INSERT INTO users VALUES (1, 1, 'a', 'b', 20, 'c')")
    before = schema.dump()
    with schema.rehearsal(["users"]) as clone:
        assert clone.dump() == before
    left = db.execute("SHOW DATABASES LIKE 'wayfare\\_rehearsal%'").to_pylist()
    assert left == []


@pytest.mark.parametrize(
    "statement",
    [
        do("DROP INDEX by_age ON users", Kind.DROP_INDEX, name="by_age"),
        do("ALTER TABLE users ALTER COLUMN age SET DEFAULT 3", Kind.SET_DEFAULT, name="age"),
        do("ALTER TABLE users MODIFY COLUMN name TEXT", Kind.ALTER_TYPE, name="name"),
        do("ALTER TABLE users MODIFY COLUMN email VARCHAR(100) NULL", Kind.DROP_NOT_NULL, name="email"),
    ],
    ids=lambda s: s.text,
)
def test_what_is_recalled_brings_it_back(schema, statement):
    with schema.rehearsal() as clone:
        before = clone.dump()
        texts = clone.recall(statement.actions[0])
        assert clone.run(statement).error == ""
        assert clone.dump() != before
        assert [clone.run(do(t)).error for t in texts] == [""]
        assert clone.dump() == before


def test_queries_are_counted_or_it_is_told_what_to_switch_on(schema, db):
    if not db.execute("SELECT @@performance_schema AS p").column(0)[0].as_py():
        with pytest.raises(Unavailable, match="performance_schema=ON"):
            schema.sample()
        return
    before = schema.sample()
    db.execute("SELECT count(*) FROM users")
    after = schema.sample()
    assert sum(q.calls for q in after.queries.values()) > sum(q.calls for q in before.queries.values())
