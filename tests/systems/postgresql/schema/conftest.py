"""A table with rows to change, and its schema's port."""

from __future__ import annotations

import pytest

from wayfare.systems.databases.postgresql.database import PostgreSQL
from wayfare.systems.databases.postgresql.schema.port import PostgreSQLSchema

USERS = """
create table users (id bigint primary key, name text not null, age integer);
insert into users select g, 'name ' || g, g % 90 from generate_series(1, 5000) g;
create table orders (id bigint primary key, user_id bigint, note varchar(20));
insert into orders select g, g % 5000 + 1, 'note' from generate_series(1, 5000) g;
"""


@pytest.fixture
def schema(db: PostgreSQL) -> PostgreSQLSchema:
    db.execute(USERS)
    db.execute("analyze")
    return db.schema()
