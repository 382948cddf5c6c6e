"""All rules, asked of all statements. What was measured overrides what a text lets one fear."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from importlib import import_module
from typing import Protocol, cast

from wayfare.core.findings import Finding
from wayfare.core.statements import Kind, Statement
from wayfare.schema.lint import rules
from wayfare.schema.lint.facts import Facts


class Rule(Protocol):
    """A module of `rules/`."""

    CODE: str
    TITLE: str
    DIALECTS: tuple[str, ...]

    def find(self, statement: Statement, facts: Facts) -> Iterator[Finding]: ...


@cache
def every() -> tuple[Rule, ...]:
    """The rules, in the order of their names."""
    names = sorted(m.name for m in pkgutil.iter_modules(rules.__path__))
    return tuple(cast(Rule, import_module(f"{rules.__name__}.{name}")) for name in names)


def lint(statements: Sequence[Statement], facts: Facts) -> list[Finding]:
    """What the rules find, in the order of the script."""
    return [finding for i, s in enumerate(statements) for finding in _of(i, s, statements, facts)]


def _of(number: int, statement: Statement, statements: Sequence[Statement], facts: Facts) -> Iterator[Finding]:
    here = facts.measured.get(number) if facts.measured is not None else None
    before = [a for s in statements[: number + 1] for a in s.actions]
    new = frozenset(a.name for a in before if a.kind is Kind.CREATE_TABLE)
    script = tuple(a for s in statements for a in s.actions)
    known = replace(facts, here=here, new=new, script=script)
    for rule in every():
        if facts.dialect in rule.DIALECTS:
            yield from rule.find(statement, known)
