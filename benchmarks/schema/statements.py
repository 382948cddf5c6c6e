"""Twenty statements, as people write them, on the tables of `ground`."""

from __future__ import annotations

from benchmarks.schema.ground import says
from wayfare.core.statements import Kind

_KEY = {"references": "users", "columns": ["user_id"], "referenced": ["id"]}
STATEMENTS = [
    says("alter table users add column a integer", Kind.ADD_COLUMN, "users", "a"),
    says("alter table users add column b integer not null default 5", Kind.ADD_COLUMN, "users", "b"),
    says("alter table users add column c uuid default gen_random_uuid()", Kind.ADD_COLUMN, "users", "c"),
    says("alter table users drop column payload", Kind.DROP_COLUMN, "users", "payload"),
    says("alter table users rename column age to years", Kind.RENAME_COLUMN, "users", "age"),
    says("alter table users alter column age type bigint", Kind.ALTER_TYPE, "users", "age", type="bigint"),
    says("alter table events alter column kind type varchar(40)", Kind.ALTER_TYPE, "events", "kind"),
    says("alter table events alter column kind type text", Kind.ALTER_TYPE, "events", "kind"),
    says("alter table users alter column age set not null", Kind.SET_NOT_NULL, "users", "age"),
    says("alter table users add constraint d check (age >= 0)", Kind.ADD_CHECK, "users", "d"),
    says("alter table users validate constraint old", Kind.VALIDATE_CONSTRAINT, "users", "old"),
    says("alter table events add foreign key (user_id) references users", Kind.ADD_FOREIGN_KEY, "events", **_KEY),
    says("create index e on users (email)", Kind.CREATE_INDEX, "users", "e"),
    says("alter table users add constraint f unique (email)", Kind.ADD_UNIQUE, "users", "f"),
    says("drop index events_by_kind", Kind.DROP_INDEX, "", "events_by_kind"),
    says("update users set age = age + 1", Kind.UPDATE, "users"),
    says("do $$ begin execute 'alter table events alter column user_id type numeric'; end $$", Kind.BLOCK),
    says(
        "create trigger g before update on users for each row execute function touched()",
        Kind.CREATE_TRIGGER,
        "users",
        "g",
    ),
    says("refresh materialized view counts", Kind.REFRESH, "", "counts"),
    says("reindex table events", Kind.REINDEX, "events"),
]
