"""What a change may not contain is refused with its place; what it may contain is not."""

from __future__ import annotations

import pytest

from wayfare.core.findings import Severity
from wayfare.schema.text.forbidden import forbidden
from wayfare.schema.text.reading import read

BAD = {
    "postgres": """begin|commit|rollback|savepoint a|create database x|drop database x|alter system set work_mem = '1GB'
        create tablespace x location '/x'|set role joe|set session authorization joe|copy t from program 'ls'
        copy t from '/etc/passwd'|copy t to '/tmp/x'|create role joe|alter role joe superuser|drop role joe
        grant admins to joe|revoke admins from joe|drop table _wayfare_revisions|update s."_wayfare_lock" set fence = 1
        do $$ begin delete from _wayfare_lock; end $$|select pg_read_file('/etc/passwd')
        create user mapping for joe server s""",
    "mysql": """start transaction|set autocommit = 0|use other|create database x|load data infile 'x' into table t
        load data local infile 'x' into table t|select 1 into outfile '/tmp/x'
        insert into t select load_file('/etc/passwd')
        shutdown|kill 5|create user joe|drop user joe|set global max_connections = 5|set role admin|grant admins to joe
        delete from _wayfare_lock|set password = 'x'""",
    "sqlite": """begin|end|attach 'x.db' as y|detach y|pragma writable_schema = 1|pragma journal_mode = wal
        select load_extension('x')|drop table _wayfare_lock""",
    "tsql": """begin transaction|commit|use master|create database x|alter database x set single_user
        bulk insert t from 'x'
        exec xp_cmdshell 'ls'|kill 5|shutdown|create login joe with password = 'x'|truncate table _wayfare_revisions""",
}
GOOD = {
    "postgres": """create table t (a int)|set local search_path = s|do $$ begin perform 1; end $$
        copy t from stdin;\n\\.\n
        grant select on t to joe|select * from _wayfare_revisions|insert into t values ('begin')
        set statement_timeout = 5""",
    "mysql": "create table t (a int)|set names utf8mb4|set @a = 1|set session sql_log_bin = 0|grant select on t to joe",
    "sqlite": "create table t (a)|pragma foreign_keys = off|pragma table_info(t)|pragma writable_schema",
    "tsql": "create table t (a int)|set xact_abort on|begin update t set a = 1 end|exec p",
}


def split(texts: dict[str, str]) -> list[tuple[str, str]]:
    lines = [
        (d, one.strip(" ")) for d, text in texts.items() for line in text.split("\n        ") for one in line.split("|")
    ]
    return [pair for pair in lines if pair[1]]


@pytest.mark.parametrize(("dialect", "script"), split(BAD))
def test_forbidden(dialect, script):
    found = forbidden(
        read("select 1\n;\n  " + script if dialect != "tsql" else f"select 1\nGO\n  {script}", dialect), dialect
    )
    assert {(f.code, f.severity, f.where) for f in found} == {
        ("statement_forbidden", Severity.ERROR, "line 3, column 3")
    }
    assert all(f.message and f.advice for f in found)


@pytest.mark.parametrize(("dialect", "script"), split(GOOD))
def test_allowed(dialect, script):
    assert not forbidden(read(script, dialect), dialect)
