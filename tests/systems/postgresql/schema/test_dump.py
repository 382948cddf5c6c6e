"""The schema as text: the same for the same schema, whatever our own tables and pg_dump's version."""

from __future__ import annotations

import pytest

from systems.postgresql.schema.scripts import ADD_COLUMN, entry
from wayfare.core.changes import Policy
from wayfare.core.errors import Unavailable
from wayfare.systems.databases.postgresql.schema import programs
from wayfare.systems.databases.postgresql.schema.clone import understood
from wayfare.systems.databases.postgresql.schema.dump import canonical
from wayfare.systems.databases.postgresql.schema.programs import dumper, environment

RICH = """
create type mood as enum ('sad', 'ok');
create table parts (id int, at date not null, m mood default 'ok') partition by range (at);
create table parts_1 partition of parts for values from ('2020-01-01') to ('2021-01-01');
create view seen as select id from parts;
create function twice(a int) returns int language sql as $$
-- a remark of its own
select a * 2 $$;
comment on table parts is 'in parts';
grant select on parts to public;
"""


def test_our_own_tables_are_not_in_it(schema):
    before = schema.dump()
    with schema.lock("anna") as held:
        held.keep(entry())
        assert schema.dump() == before
        assert "_wayfare" not in before


def test_the_same_schema_is_the_same_text(schema, other):
    other.execute("create table orders (id bigint primary key, user_id bigint, note varchar(20))")
    other.execute("create table users (id bigint, name text not null, age integer)")
    assert schema.dump() != other.schema().dump()
    other.execute("alter table users add primary key (id)")
    assert schema.dump() == other.schema().dump()


def test_everything_is_in_it(schema, db):
    db.execute(RICH)
    text = schema.dump()
    parts = ["CREATE TYPE public.mood", "PARTITION BY RANGE (at)", "CREATE VIEW public.seen", "-- a remark of its own"]
    for part in [*parts, "COMMENT ON TABLE public.parts", "GRANT SELECT ON TABLE public.parts TO PUBLIC"]:
        assert part in text
    assert "Dumped" not in text
    assert "\\restrict" not in text
    db.execute("revoke select on parts from public")
    assert schema.dump() != text


def test_a_change_and_its_inverse_leave_it_as_it_was(schema, db):
    before = schema.dump()
    with schema.lock("anna") as held:
        held.carry([ADD_COLUMN], entry(), Policy())
    assert schema.dump() != before
    db.execute("alter table users drop column email")
    assert schema.dump() == before


def test_canonical_text_has_neither_head_nor_comments():
    written = (
        "--\n-- PostgreSQL database dump\n--\n\n\\restrict abc\n\n-- Dumped from database version 18\n"
        "-- Dumped by pg_dump version 18\n\nSET statement_timeout = 0;\n"
        "SELECT pg_catalog.set_config('search_path', '', false);\nSET row_security = off;\n\n"
        "--\n-- Name: t; Type: TABLE\n--\n\nCREATE TABLE t ();\n\n\n\\unrestrict abc\n\n"
    )
    assert canonical(written) == "CREATE TABLE t ();\n"


def test_without_a_tool_that_is_new_enough_it_says_what_to_install():
    with pytest.raises(Unavailable, match=r"pg_dump of PostgreSQL 99 .*postgresql-client-99"):
        dumper(990_000)


def test_the_nearest_tool_that_is_not_older_is_taken(tmp_path, monkeypatch):
    for major in (11, 15, 18):
        program = tmp_path / str(major) / "bin" / "pg_dump"
        program.parent.mkdir(parents=True)
        program.write_text(f"#!/bin/sh\necho 'pg_dump (PostgreSQL) {major}.1 (Debian)'\n")
        program.chmod(0o755)
    monkeypatch.setattr(programs, "DEBIANS", tmp_path)
    monkeypatch.setattr(programs, "WHEEL", "no_such_package")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert dumper(140_003).parent.parent.name == "15"
    assert dumper(160_000).parent.parent.name == "18"


def test_the_password_is_told_by_the_environment(db, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", "of somebody else")
    monkeypatch.setenv("PGSERVICE", "of somebody else")
    variables = environment(db.address)
    assert variables["PGPORT"] == str(db.address.port)
    assert "PGPASSWORD" not in variables
    assert "PGSERVICE" not in variables


def test_settings_that_an_older_server_lacks_are_left_out_of_its_clone():
    """As pg_dump of 18 writes it for a server of 16."""
    body = "--\n-- Name: f(); Type: FUNCTION\n--\n\nCREATE FUNCTION f() AS $$\nSET transaction_timeout = 5;\n$$;\n"
    head = "SET statement_timeout = 0;\nSET transaction_timeout = 0;\nSET row_security = off;\n\n"
    kept = head.replace("SET transaction_timeout = 0;\n", "")
    assert understood(head + body, {"statement_timeout", "row_security"}) == kept + body
    assert understood(head + body, {"statement_timeout", "row_security", "transaction_timeout"}) == head + body
