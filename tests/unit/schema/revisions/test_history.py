"""Folder against history: every way in which they can disagree has a finding of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from wayfare.core.changes import Entry, Standing
from wayfare.core.errors import Conflict
from wayfare.core.findings import Severity
from wayfare.schema.revisions.files import Revision
from wayfare.schema.revisions.history import compare


def revision(version: str, text: str = "select 1;") -> Revision:
    return Revision(version, f"r{version}", Path(f"{version}_r{version}.sql"), text)


def entry(version: str, text: str = "select 1;", standing: Standing = Standing.APPLIED, **more: object) -> Entry:
    found = revision(version, text)
    made = Entry("revisions", version, found.name, found.checksum, standing, 1, 1)
    return replace(made, **more)  # type: ignore[arg-type]


FILES = [revision("1"), revision("2"), revision("3")]


def test_what_is_not_applied_is_pending_in_order() -> None:
    compared = compare(FILES, [entry("1")])
    assert (compared.current, [r.version for r in compared.pending]) == ("1", ["2", "3"])
    assert not compared.findings


def test_what_was_taken_back_is_pending_again() -> None:
    compared = compare(FILES, [entry("1"), entry("2", standing=Standing.UNDONE)])
    assert [r.version for r in compared.pending] == ["2", "3"]


def test_another_history_in_the_same_table_is_nobodys_business() -> None:
    assert compare(FILES, [entry("1", history="changes")]).current == ""


@pytest.mark.parametrize(
    ("entries", "code", "part"),
    [
        ([entry("1", "select 2;")], "revision_edited", "was edited"),
        ([entry("2")], "revision_out_of_order", "comes before 2"),
        ([entry("1"), entry("9")], "checkout_old", "does not know yet"),
        ([entry("0"), entry("1")], "revision_missing", "its file is gone"),
        ([entry("1", environment="staging")], "history_shared", "that of staging"),
        ([entry("1", standing=Standing.UNDOING)], "revision_undoing", "being taken back"),
    ],
)
def test_disagreements_are_refused(entries: list[Entry], code: str, part: str) -> None:
    compared = compare(FILES, entries, environment="production")
    found = next(f for f in compared.findings if f.code == code)
    assert part in found.message
    assert found.advice
    with pytest.raises(Conflict):
        compared.refuse()


def test_a_half_applied_revision_goes_on_but_may_not_be_edited() -> None:
    half = entry("1", standing=Standing.FAILED, done=1, total=2, error="it was refused.")
    compared = compare(FILES, [half])
    assert [(f.code, f.severity) for f in compared.findings] == [("revision_unfinished", Severity.WARNING)]
    compared.refuse()
    edited = compare([revision("1", "select 9;"), *FILES[1:]], [half])
    assert "revision_edited" in {f.code for f in edited.findings}


def test_one_that_failed_at_its_first_statement_may_be_corrected() -> None:
    failed = entry("1", standing=Standing.FAILED, done=0, total=2)
    compared = compare([revision("1", "select 9;"), *FILES[1:]], [failed])
    assert {f.code for f in compared.findings} == {"revision_unfinished"}


def test_out_of_order_can_be_allowed() -> None:
    compared = compare(FILES, [entry("2")], out_of_order=True)
    assert [r.version for r in compared.pending] == ["1", "3"]
    assert not compared.findings


def test_adopted_entries_need_no_file() -> None:
    adopted = entry("app.0001_initial", by="adopted from django", checksum="")
    compared = compare(FILES, [adopted], out_of_order=True)
    assert not compared.findings
    assert len(compared.pending) == 3
