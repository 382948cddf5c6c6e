"""Recipes as text: what they write is SQL of the dialect, and runs alone where they say so."""

from __future__ import annotations

import pytest

from wayfare.schema.recipes.choosing import every, recipes
from wayfare.schema.recipes.recipe import Recipe
from wayfare.schema.text.reading import read

WRITTEN = {
    "alter table s.t alter a set not null": """
ALTER TABLE "s"."t" ADD CONSTRAINT "t_a_not_null" CHECK ("a" IS NOT NULL) NOT VALID
--
ALTER TABLE "s"."t" VALIDATE CONSTRAINT "t_a_not_null"
--
ALTER TABLE "s"."t" ALTER COLUMN "a" SET NOT NULL
ALTER TABLE "s"."t" DROP CONSTRAINT "t_a_not_null"
""",
    "alter table t add foreign key (a) references o (id) on delete cascade": """
ALTER TABLE "t" ADD CONSTRAINT "t_a_fkey" FOREIGN KEY ("a") REFERENCES "o" ("id") ON DELETE CASCADE NOT VALID
--
ALTER TABLE "t" VALIDATE CONSTRAINT "t_a_fkey"
""",
    "alter table t add constraint u unique nulls not distinct (a, b)": """
alone CREATE UNIQUE INDEX CONCURRENTLY "u" ON "t" ("a", "b") NULLS NOT DISTINCT
--
ALTER TABLE "t" ADD CONSTRAINT "u" UNIQUE USING INDEX "u"
""",
    "alter table t add primary key (a)": """
alone CREATE UNIQUE INDEX CONCURRENTLY "t_pkey" ON "t" ("a")
--
ALTER TABLE "t" ADD CONSTRAINT "t_pkey" PRIMARY KEY USING INDEX "t_pkey"
""",
    "create index if not exists i on s.t (a, b)": """
alone CREATE INDEX CONCURRENTLY IF NOT EXISTS "i" ON "s"."t" ("a", "b")
""",
    "create unique index on t (a)": """
alone CREATE UNIQUE INDEX CONCURRENTLY "t_a_idx" ON "t" ("a")
""",
    "drop index s.i": """
alone DROP INDEX CONCURRENTLY "s"."i"
""",
    "alter table t add a uuid default gen_random_uuid() not null": """
ALTER TABLE "t" ADD COLUMN "a" uuid
--
ALTER TABLE "t" ALTER COLUMN "a" SET DEFAULT gen_random_uuid()
--
UPDATE "t" SET "a" = gen_random_uuid() WHERE "a" IS NULL
""",
    "alter table s.t rename to u": """
ALTER TABLE "s"."t" RENAME TO "u"
CREATE VIEW "s"."t" AS SELECT * FROM "s"."u"
--
DROP VIEW "s"."t"
""",
    "alter table s.t rename a to b": """
ALTER TABLE "s"."t" RENAME COLUMN "a" TO "b"
ALTER TABLE "s"."t" RENAME TO "t_base"
CREATE VIEW "s"."t" AS SELECT *, "b" AS "a" FROM "s"."t_base"
--
DROP VIEW "s"."t"
ALTER TABLE "s"."t_base" RENAME TO "t"
""",
    "alter table s.t alter a type bigint": """
ALTER TABLE "s"."t" ADD COLUMN "a_new" bigint
--
CREATE FUNCTION "s"."t_a_both"() RETURNS trigger LANGUAGE plpgsql AS $both$ \
BEGIN NEW."a_new" := NEW."a"::bigint; RETURN NEW; END $both$
CREATE TRIGGER "t_a_both" BEFORE INSERT OR UPDATE ON "s"."t" FOR EACH ROW EXECUTE FUNCTION "s"."t_a_both"()
--
UPDATE "s"."t" SET "a_new" = "a"::bigint WHERE "a_new" IS NULL AND "a" IS NOT NULL
--
DROP TRIGGER "t_a_both" ON "s"."t"
ALTER TABLE "s"."t" RENAME COLUMN "a" TO "a_old"
ALTER TABLE "s"."t" RENAME COLUMN "a_new" TO "a"
DROP FUNCTION "s"."t_a_both"()
--
ALTER TABLE "s"."t" DROP COLUMN "a_old"
""",
}


def recipe(script: str, dialect: str = "postgres") -> Recipe | None:
    (statement,) = read(script, dialect)
    return recipes(statement, dialect)


def lines(written: Recipe) -> str:
    phases = []
    for phase in written.phases:
        fill = phase.backfill
        rows = [f"UPDATE {fill.table} SET {fill.set_expression} WHERE {fill.where}"] if fill else []
        phases.append("\n".join([("alone " if phase.alone else "") + s for s in phase.statements] + rows))
    return "\n--\n".join(phases)


@pytest.mark.parametrize(("script", "expected"), WRITTEN.items(), ids=list(WRITTEN))
def test_written(script, expected):
    written = recipe(script)
    assert written is not None
    assert lines(written) == expected.strip()
    assert written.title
    assert all(p.title and (p.statements or p.backfill) for p in written.phases)


@pytest.mark.parametrize("script", list(WRITTEN))
def test_is_sql_and_runs_alone_where_it_says_so(script):
    written = recipe(script)
    assert written is not None
    for phase in written.phases:
        for statement in phase.statements:
            (found,) = read(statement, "postgres")
            assert found.alone == phase.alone
        if phase.backfill:
            fill = phase.backfill
            (found,) = read(f"UPDATE {fill.table} SET {fill.set_expression} WHERE {fill.where}", "postgres")
            assert found.kind == "update"


@pytest.mark.parametrize("module", every(), ids=lambda m: m.__name__.rpartition(".")[2])
def test_each_recipe_is_tested_and_bears_its_name(module):
    name = module.__name__.rpartition(".")[2]
    assert name in {r.name for script in WRITTEN if (r := recipe(script))}


@pytest.mark.parametrize(
    "script",
    [
        "select 1",
        "create table t (a int)",
        "create index concurrently i on t (a)",
        "create index i on t (lower(a))",
        "create index i on t (a desc)",
        "create index i on t using gin (a)",
        "create index i on t (a) where b",
        "create index i on t (a) include (b)",
        "alter table t alter a set not null, alter b set not null",
        "alter table t add a serial",
        "alter table t add constraint u unique using index i",
        "alter table t add foreign key (a) references o (id) not valid",
        "alter table t alter a type int using length(a)",
        "alter view v rename a to b",
        "drop index i cascade",
    ],
)
def test_none(script):
    assert recipe(script) is None


@pytest.mark.parametrize("dialect", ["mysql", "sqlite", "tsql"])
def test_other_dialects_have_none_yet(dialect):
    assert recipe("create index i on t (a)", dialect) is None


def test_long_names_stay_within_what_the_server_keeps():
    written = recipe(f"alter table {'t' * 40} alter {'c' * 40} set not null")
    assert written is not None
    name = written.phases[0].statements[0].split('"')[3]
    assert len(name) <= 63
