"""squawk is asked where it is installed, and says what our rules do not."""

from __future__ import annotations

import shutil
import sys

import pytest

from wayfare.core.findings import Severity
from wayfare.schema.lint.squawk import squawk

needed = pytest.mark.skipif(not shutil.which("squawk", path=f"{sys.prefix}/bin"), reason="squawk-cli is not installed")


@needed
def test_what_only_squawk_knows():
    first, second = squawk("select 1;\nalter table t drop constraint c;\ncreate domain d as int check (value > 0);")
    assert (first.code, first.severity, first.where) == ("squawk", Severity.WARNING, "line 2")
    assert first.message.startswith("ban-drop-constraint: ")
    assert second.message.startswith("ban-create-domain-with-constraint: ")


@needed
def test_what_our_rules_say_is_not_said_twice():
    assert not squawk("create index i on t (a); alter table t add a int not null; drop table t;")


def test_without_it_that_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    (found,) = squawk("select 1")
    assert found.severity is Severity.INFO
    assert "not installed" in found.message
