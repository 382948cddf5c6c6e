"""`wayfare schema` as people run it: from the first file to the way back, on a database of their own."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from stories.command import Wayfare

DB = "sqlite:///app.db"


@pytest.fixture
def app(wayfare: Wayfare) -> Wayfare:
    with closing(sqlite3.connect(wayfare.folder / "app.db")) as connection:
        connection.execute("create table old (id integer primary key)")
    return wayfare


def write(app: Wayfare, name: str, text: str) -> None:
    (app.folder / "migrations").mkdir(exist_ok=True)
    (app.folder / "migrations" / name).write_text(text)


def test_from_the_first_file_to_the_way_back(app: Wayfare) -> None:
    made = app("schema", "new", "add users")
    assert "migrations/0001_add_users.sql" in made.out
    write(app, "0001_add_users.sql", "create table users (id integer primary key, email text);")
    write(app, "0001_add_users.down.sql", "drop table users;")
    write(app, "0002_index.sql", "create index users_email on users (email);")
    assert "2 pending" in app("schema", "status", DB).out
    before = (app.folder / "app.db").read_bytes()
    planned = app("schema", "plan", DB)
    assert planned.code == 0
    assert "way back written, proved" in planned.out
    assert "way back found, proved" in planned.out
    assert (app.folder / "app.db").read_bytes() == before
    applied = app("schema", "apply", DB, "--json").json
    assert [e["version"] for e in applied["done"]] == ["0001", "0002"]
    status = app("schema", "status", DB, "--json").json
    assert (status["current"], status["pending"], status["lock"]) == ("0002", [], None) or status["lock"][
        "alive"
    ] is False
    assert "--to: revision 0009 is not applied." in app("schema", "rollback", DB, "--to", "0009").err
    no_way_back = app("schema", "rollback", DB, "--to", "0")
    assert no_way_back.code == 3
    assert "0002_index.sql has no way back" in no_way_back.err
    write(app, "0002_index.down.sql", "drop index users_email;")
    assert app("schema", "rollback", DB, "--to", "0").code == 0
    with closing(sqlite3.connect(app.folder / "app.db")) as connection:
        found = connection.execute("select name from sqlite_schema").fetchall()
    names = {name for (name,) in found if "wayfare" not in name and not name.startswith("sqlite")}
    assert names == {"old"}


def test_what_does_not_fit_together_is_told(app: Wayfare) -> None:
    write(app, "0001_users.sql", "create table users (id integer primary key);")
    assert app("schema", "apply", DB, "--environment", "production").code == 0
    shared = app("schema", "apply", DB, "--environment", "staging")
    assert shared.code == 6
    assert "that of production, not of staging" in shared.err
    write(app, "0001_users.sql", "create table users (id integer);")
    edited = app("schema", "status", DB)
    assert edited.code == 6
    assert "0001_users.sql was edited after it was applied" in edited.out
    assert app("schema", "repair", DB, "--accept", "0001").code == 0
    assert app("schema", "status", DB).code == 0


def test_a_broken_script_names_its_place(app: Wayfare) -> None:
    write(app, "0001_users.sql", "create table users (id integer);\n\ncreate tabel more (id integer);")
    found = app("schema", "apply", DB)
    assert found.code == 3
    assert "0001_users.sql line 3, column" in found.err


def test_lint_and_recipes_need_no_database(app: Wayfare) -> None:
    write(app, "0001_index.sql", "create index users_email on users (email);")
    linted = app("schema", "lint", "--dialect", "postgres")
    assert linted.code == 0
    assert "[index_not_concurrent]" in linted.out
    recipe = app("schema", "recipe", "alter table users alter column email set not null")
    assert "NOT VALID" in recipe.out
    assert "VALIDATE CONSTRAINT" in recipe.out


def test_a_backfill(app: Wayfare) -> None:
    with closing(sqlite3.connect(app.folder / "app.db")) as connection:
        connection.execute("alter table old add column twice integer")
        connection.executemany("insert into old (id) values (?)", [(i,) for i in range(3000)])
        connection.commit()
    done = app("schema", "backfill", DB, "--table", "old", "--set", "twice = 2 * id", "--key", "id", "--json").json
    assert done["rows"] == 3000
    with closing(sqlite3.connect(app.folder / "app.db")) as connection:
        assert connection.execute("select count(*) from old where twice = 2 * id").fetchone() == (3000,)


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["status", DB], 3, "there is no folder migrations"),
        (["repair", DB], 3, "what is to be repaired?"),
        (["lint"], 3, "whose dialect is it?"),
        (["status", "duckdb:///x.duckdb", "-f", "."], 3, "cannot be changed here"),
        (["adopt", DB, "--from", "sqitch"], 3, "no tool whose history can be adopted"),
        (["adopt", DB, "--from", "flyway"], 3, "there is no table flyway_schema_history"),
    ],
)
def test_what_people_get_wrong(app: Wayfare, words: list[str], code: int, told: str) -> None:
    found = app("schema", *words)
    assert (found.code, told in found.err) == (code, True), found.err
