"""Each rule finds what is bad, and nothing in what is good: `fixtures/<code>.sql`.

A section begins with `-- good` or `-- bad`, and may name a dialect, sizes (`sizes=t:5000000`) and what was measured
(`measured rewrites=t scans=t blocks=t:writes creates=u clause=ALGORITHM=INSTANT error=missing`).
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from wayfare.core.changes import Blocks, Measured, Size
from wayfare.core.findings import Severity
from wayfare.schema.lint import linting
from wayfare.schema.lint.facts import EVERY, Facts
from wayfare.schema.lint.linting import every, lint
from wayfare.schema.text.reading import read

FOLDER = Path(__file__).parent / "fixtures"
ERRORS = (Path(__file__).parents[4] / "docs" / "errors.md").read_text(encoding="utf-8")
CODES = [rule.CODE for rule in every()]
SECTION = re.compile(r"^-- (good|bad)([^\n]*)\n", re.MULTILINE)
BLOCKS = {"nothing": Blocks.NOTHING, "writes": Blocks.WRITES, "everything": Blocks.EVERYTHING}


def sections(code: str) -> list[tuple[str, str, str]]:
    """Good or bad, what is known, the script."""
    _, *parts = SECTION.split((FOLDER / f"{code}.sql").read_text(encoding="utf-8"))
    return [(parts[i], parts[i + 1].strip(), parts[i + 2]) for i in range(0, len(parts), 3)]


CASES = [pytest.param(c, *s, id=f"{c}-{i}-{s[0]}") for c in CODES for i, s in enumerate(sections(c))]


def facts(known: str) -> Facts:
    words = known.split()
    said = dict(w.split("=", 1) for w in words if "=" in w)
    dialect = next((w for w in words if w in EVERY), "postgres")
    sizes = dict(pair.split(":") for pair in said.get("sizes", "").split(",") if pair)
    blocks = dict(pair.split(":") for pair in said.get("blocks", "").split(",") if pair)
    measured = Measured(
        seconds=0.1,
        blocks={t: BLOCKS[b] for t, b in blocks.items()},
        clause=said.get("clause", ""),
        error=said.get("error", ""),
        **{k: tuple(said[k].split(",")) for k in ("rewrites", "scans", "creates", "drops") if k in said},
    )
    everywhere = dict.fromkeys(range(9), measured) if "measured" in words else None
    return Facts(dialect, "production", {t: Size(int(n), 0) for t, n in sizes.items()}, everywhere)


@pytest.mark.parametrize(("code", "quality", "known", "script"), CASES)
def test_finds_what_is_bad_and_only_that(code, quality, known, script):
    told = facts(known)
    statements = read(script, told.dialect)
    found = [f for f in lint(statements, told) if f.code == code]
    assert bool(found) == (quality == "bad")
    lines = {f"line {s.line}" for s in statements}
    assert all(f.where in lines and f.advice and f.message for f in found)


@pytest.mark.parametrize("code", CODES)
def test_each_rule_has_both(code):
    assert {quality for quality, _, _ in sections(code)} == {"good", "bad"}


@pytest.mark.parametrize("rule", every(), ids=CODES)
def test_each_rule_says_what_it_is(rule):
    assert rule.__name__.rpartition(".")[2] == rule.CODE
    assert rule.TITLE
    assert set(rule.DIALECTS) <= set(EVERY)
    assert len((rule.__doc__ or "").strip().split("\n\n")) >= 2, "what it is about, then the safer way"
    assert f"## `{rule.CODE}`\n" in ERRORS


@pytest.mark.parametrize("rule", every(), ids=CODES)
def test_bad_sections_speak_its_dialects(rule):
    """A rule that no example of its dialect reaches is not tested."""
    seen = {facts(known).dialect for quality, known, _ in sections(rule.CODE) if quality == "bad"}
    assert seen <= set(rule.DIALECTS)
    assert seen


def test_no_fixture_is_left_over():
    assert sorted(p.stem for p in FOLDER.glob("*.sql")) == sorted(CODES)


def test_there_are_rules_for_every_dialect():
    assert len(CODES) >= 25
    assert {d for rule in every() for d in rule.DIALECTS} == set(EVERY)


def test_findings_come_in_the_order_of_the_script():
    found = lint(read("drop table a;\ncreate index i on t (a);\ndrop table b;", "postgres"), Facts("postgres"))
    assert [f.where for f in found] == ["line 1", "line 2", "line 3"]


def test_what_was_measured_belongs_to_its_statement():
    """The second statement was measured and does not rewrite; the first was not."""
    statements = read("alter table t alter a type bigint; alter table t alter b type text;", "postgres")
    found = lint(statements, Facts("postgres", measured={1: Measured(0.1)}))
    assert [f.message for f in found if f.code == "type_change_rewrites"] == ["t may be written anew to make a bigint"]
    assert linting.every() is linting.every()


@pytest.mark.parametrize("dialect", EVERY)
def test_what_is_harmless_is_not_spoken_of(dialect):
    script = "create table if not exists t (id bigint primary key, a varchar(20))"
    assert not [f for f in lint(read(script, dialect), Facts(dialect)) if f.severity is not Severity.INFO]
