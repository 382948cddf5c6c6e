"""A throw-away PostgreSQL with tables of millions of rows."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import psycopg

from wayfare.core.address import Address
from wayfare.core.changes import Entry, Standing
from wayfare.core.statements import Action, Kind, Statement
from wayfare.systems.databases.postgresql import testbed
from wayfare.systems.databases.postgresql.options import parameters

ROWS = 1_000_000
TABLES = """
create table users (id bigint primary key, email text not null, age integer, org integer, payload text);
insert into users select g, md5(g::text) || '@example.org', g % 90, g % 50000 + 1, repeat(md5(g::text), 3)
  from generate_series(1, {rows}) g;
create table orgs (id bigint primary key, name varchar(40) not null);
insert into orgs select g, 'org ' || g from generate_series(1, 50000) g;
create table events (id bigint primary key, user_id bigint not null, kind varchar(20), at timestamptz default now());
insert into events select g, g * 7 % {rows} + 1, 'kind ' || g % 7 from generate_series(1, {rows}) g;
create index events_by_kind on events (kind);
create view grown as select id, email from users where id > 10;
create materialized view counts as select id % 7 rest, count(*) n from events group by 1;
alter table users add constraint old check (age >= 0) not valid;
create function touched() returns trigger language plpgsql as $$ begin return new; end $$;
"""


@contextmanager
def ground(rows: int = ROWS, *settings: str) -> Iterator[Address]:
    with testbed.server(*settings) as address:
        with psycopg.connect(autocommit=True, **parameters(address)) as connection:
            connection.execute(TABLES.format(rows=rows))
            connection.execute("vacuum analyze")
            connection.execute("checkpoint")
        yield sendable(address)


def sendable(address: Address) -> Address:
    """The same, as another process can be told of it: a read-only mapping cannot be pickled."""
    return replace(address, options=dict(address.options))


def says(
    text: str, kind: Kind, table: str = "", name: str = "", *, alone: bool = False, **details: object
) -> Statement:
    return Statement(text, 1, 1, (Action(kind, table, name, details),), alone)


def entry(version: str) -> Entry:
    return Entry("benchmark", version, version, "", Standing.APPLIED, 1, 1, started_at=time.time())
