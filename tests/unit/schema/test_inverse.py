"""What takes statements back: pairs per dialect; `recall:` says what stood before, `refused:` why there is none."""

from __future__ import annotations

import pytest

from wayfare.schema.inverse import inverse
from wayfare.schema.text.reading import read

PAIRS = {
    "postgres": r"""
create table s.t (id int primary key, a int references o (id)) => DROP TABLE "s"."t"
create table if not exists t (a int) => DROP TABLE "t"
create table if not exists t (a int) | recall: create table t (a int) =>
create temp table t (a int) =>
alter table t add a int references o (id), add b int => ALTER TABLE "t" DROP COLUMN "b"; ALTER TABLE "t" DROP COLUMN "a"
alter table t rename to u => ALTER TABLE "u" RENAME TO "t"
alter table s.t rename to u => ALTER TABLE "s"."u" RENAME TO "t"
alter table t rename a to "B c" => ALTER TABLE "t" RENAME COLUMN "B c" TO "a"
alter view v rename column a to b => ALTER VIEW "v" RENAME COLUMN "b" TO "a"
alter index s.i rename to j => ALTER INDEX "s"."j" RENAME TO "i"
alter table t rename constraint a to b => ALTER TABLE "t" RENAME CONSTRAINT "b" TO "a"
alter table t alter a set not null => ALTER TABLE "t" ALTER COLUMN "a" DROP NOT NULL
alter table t alter a drop not null => ALTER TABLE "t" ALTER COLUMN "a" SET NOT NULL
alter table t alter a set default 5 => ALTER TABLE "t" ALTER COLUMN "a" DROP DEFAULT
alter table t alter a set default 5 | recall: alter table t alter a set default 4 => alter table t alter a set default 4
alter table t alter a drop default =>
alter table t alter a type bigint | recall: alter table t alter a type integer => alter table t alter a type integer
alter table t alter a type bigint => refused: the type before is not known
alter table t alter a type int using length(a) | recall: x => refused: USING makes other values of t.a
alter table t alter a type int using a::int | recall: x => x
create index concurrently i on s.t (a) => DROP INDEX CONCURRENTLY "s"."i"
create index on t (a, b) => DROP INDEX "t_a_b_idx"
create index on t (lower(a)) => refused: give it one
drop index i | recall: CREATE INDEX i ON t (a) => CREATE INDEX i ON t (a)
drop index concurrently i | recall: CREATE UNIQUE INDEX i ON t (a) => CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)
drop index i => refused: what stood before is not known
alter table t add constraint u unique (a) => ALTER TABLE "t" DROP CONSTRAINT "u"
alter table s.t add unique (a, b) => ALTER TABLE "s"."t" DROP CONSTRAINT "t_a_b_key"
alter table t add primary key (a) => ALTER TABLE "t" DROP CONSTRAINT "t_pkey"
alter table t add foreign key (a, b) references o => ALTER TABLE "t" DROP CONSTRAINT "t_a_b_fkey"
alter table t add check (a > 0) => ALTER TABLE "t" DROP CONSTRAINT "t_a_check"
alter table t add check (a > b) => ALTER TABLE "t" DROP CONSTRAINT "t_check"
alter table t add exclude using gist (a with &&) => refused: give it one
alter table t add constraint u unique using index i | recall: CREATE X => ALTER TABLE "t" DROP CONSTRAINT "u"; CREATE X
alter table t add constraint u unique using index i => refused: the index i goes with it
alter table t drop constraint c | recall: alter table t add check (a > 0) => alter table t add check (a > 0)
alter table t validate constraint c =>
alter table p attach partition q default => ALTER TABLE "p" DETACH PARTITION "q"
create view v as select 1 => DROP VIEW "v"
create or replace view v as select 1 => DROP VIEW "v"
create or replace view v as select 1 | recall: the old view => the old view
create function s.f(int, text) returns int language sql as 'select 1' => DROP FUNCTION "s"."f"(int, text)
create procedure p() language sql as 'select 1' => DROP PROCEDURE "p"()
create trigger x before insert on t for each row execute function f() => DROP TRIGGER "x" ON "t"
create policy p on t => DROP POLICY "p" ON "t"
create domain d as text => DROP DOMAIN "d"
create type mood as enum ('a') => DROP TYPE "mood"
alter type mood rename value 'a' to 'b''c' => ALTER TYPE "mood" RENAME VALUE 'b''c' TO 'a'
alter type mood add value 'x' => refused: a value of an enum cannot be dropped
create sequence q => DROP SEQUENCE "q"
create schema s => DROP SCHEMA "s"
create extension x => DROP EXTENSION "x"
create materialized view m as select 1 => DROP MATERIALIZED VIEW "m"
comment on column t.a is 'x' => COMMENT ON COLUMN "t"."a" IS NULL
comment on table t is 'x' | recall: comment on table t is 'y' => comment on table t is 'y'
comment on function f(int) is 'x' => COMMENT ON FUNCTION "f"(int) IS NULL
grant select, update (a) on s.t to joe, public => REVOKE select, update (a) ON "s"."t" FROM "joe", public
grant select on t to joe | recall: GRANT SELECT ON t TO joe => REVOKE select ON "t" FROM "joe"; GRANT SELECT ON t TO joe
revoke select on t from joe => GRANT select ON "t" TO "joe"
grant execute on function f(int) to joe => REVOKE execute ON FUNCTION "f"(int) FROM "joe"
grant select on all tables in schema s to joe => refused: which rights stood before
drop table t | recall: x => refused: DROP TABLE cannot be taken back: the rows of t are lost with it
alter table t drop a | recall: x => refused: the values of t.a are lost
truncate t => refused: the rows of t are lost
delete from t where a = 1 => refused: deleted from t
update t set a = 1 => refused: overwritten
insert into t values (1) => refused: cannot be told later
do $$ begin perform 1; end $$ => refused: only by trying
alter table t set (fillfactor = 70) => refused: what stood before is not known
alter table t set (fillfactor = 70) | recall: alter table t reset (fillfactor) => alter table t reset (fillfactor)
select 1 =>
vacuum t =>
set search_path = s =>
""",
    "mysql": """
create table t (a int, b int references o (id)) => DROP TABLE `t`
rename table a to b, c to d => RENAME TABLE `d` TO `c`; RENAME TABLE `b` TO `a`
alter table t add a int after b => ALTER TABLE `t` DROP COLUMN `a`
alter table t add a int unique => ALTER TABLE `t` DROP COLUMN `a`
alter table t add index (a, b) => DROP INDEX `a` ON `t`
create index i on s.t (a) => DROP INDEX `i` ON `s`.`t`
alter table t add unique key u (a) => ALTER TABLE `t` DROP INDEX `u`
alter table t add primary key (a) => ALTER TABLE `t` DROP PRIMARY KEY
alter table t add constraint f foreign key (a) references o (id) => ALTER TABLE `t` DROP FOREIGN KEY `f`
alter table t add foreign key (a) references o (id) => refused: give it one
alter table t rename index i to j => ALTER TABLE `t` RENAME INDEX `j` TO `i`
alter table t modify a bigint | recall: alter table t modify a int => alter table t modify a int
alter table t change a b bigint | recall: the old a => ALTER TABLE `t` RENAME COLUMN `b` TO `a`; the old a
create trigger s.x before insert on s.t for each row set new.a = 1 => DROP TRIGGER `s`.`x`
create function f() returns int return 1 => DROP FUNCTION `f`
create procedure p() select 1 => DROP PROCEDURE `p`
grant select on shop.* to 'joe'@'%' => REVOKE select ON `shop`.* FROM 'joe'@'%'
alter table t convert to character set utf8mb4 => refused: what stood before is not known
""",
    "sqlite": """
create table t (a) => DROP TABLE "t"
alter table t add a int => ALTER TABLE "t" DROP COLUMN "a"
create index main.i on t (a) => DROP INDEX "main"."i"
create trigger x after insert on t begin select 1; end => DROP TRIGGER "x"
alter table t rename to u => ALTER TABLE "u" RENAME TO "t"
drop view v | recall: create view v as select 1 => create view v as select 1
""",
    "tsql": """
create table dbo.t (a int) => DROP TABLE [dbo].[t]
alter table t add a int => ALTER TABLE [t] DROP COLUMN [a]
alter table t add constraint d default 0 for a => ALTER TABLE [t] DROP CONSTRAINT [d]
alter table t add unique (a) => refused: give it one
exec sp_rename 'dbo.t', 'u' => EXEC sp_rename '[dbo].[u]', 't'
exec sp_rename 'dbo.t.a', 'b', 'COLUMN' => EXEC sp_rename '[dbo].[t].[b]', 'a', 'COLUMN'
create index i on t (a) => DROP INDEX [i] ON [t]
alter table t alter column a bigint | recall: alter table t alter column a int => alter table t alter column a int
create table a (b int); create index i on c (d) => DROP INDEX [i] ON [c]; DROP TABLE [a]
""",
}
CASES = [(d, *line.partition(" =>")[::2]) for d, text in PAIRS.items() for line in text.strip().splitlines()]


@pytest.mark.parametrize(("dialect", "said", "expected"), CASES)
def test_taken_back(dialect, said, expected):
    script, _, before = said.partition(" | recall: ")
    (statement,) = read(script, dialect)
    found = inverse(statement, dialect, lambda _: [before] if before else [])
    if expected.startswith(" refused: "):
        assert expected.removeprefix(" refused: ") in found.refusal
        assert not found.statements
    else:
        assert ("; ".join(found.statements), found.refusal) == (expected.strip(), "")


@pytest.mark.parametrize(("dialect", "said", "expected"), [c for c in CASES if "recall" not in c[1]])
def test_inverses_are_sql(dialect, said, expected):
    (statement,) = read(said, dialect)
    for text in inverse(statement, dialect, lambda _: []).statements:
        assert read(text, dialect)[0].actions


def test_what_stood_before_is_asked_by_the_old_name():
    asked = []
    (statement,) = read("alter table t change a b bigint", "mysql")
    inverse(statement, "mysql", lambda action: asked.append((action.kind, action.name)) or ["x"])
    assert asked == [("alter_type", "a")]
