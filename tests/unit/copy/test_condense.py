"""Findings of one kind are told together; what differs stays apart, and nothing is dropped."""

from __future__ import annotations

from wayfare.copy.condense import ABSENT, condensed
from wayfare.core.findings import Finding, Severity


def absent(code: str, where: str) -> Finding:
    return Finding(code, Severity.WARNING, f"a thing is not carried over: {ABSENT}", where)


def test_what_the_target_lacks_is_counted() -> None:
    other = Finding("index_not_carried", Severity.WARNING, "the index x: its text is lower(a)", "t1")
    keys = [absent("foreign_key_not_carried", f"t{i % 3}") for i in range(7)]
    told = condensed([keys[0], other, *keys[1:], absent("check_not_carried", "t1")])
    assert [f.code for f in told] == ["foreign_key_not_carried", "index_not_carried", "check_not_carried"]
    assert told[0].message.startswith("7 foreign keys are not carried over")
    assert told[0].where == "3 tables"
    assert told[1] == other


def test_a_few_are_told_one_by_one() -> None:
    few = [absent("foreign_key_not_carried", "a"), absent("foreign_key_not_carried", "b")]
    assert list(condensed(few)) == few
