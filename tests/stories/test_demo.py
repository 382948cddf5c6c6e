"""A newcomer's first minute."""

from __future__ import annotations

import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest


@pytest.fixture
def wayfare(wayfare):
    return replace(wayfare, from_nothing=True)


def test_the_demo_moves_a_shop_and_proves_it(wayfare):
    answer = wayfare("demo")
    assert answer.code == 0, answer.err
    assert answer.err == ""
    assert "17 tables, 200,000 rows: equal on both sides" in answer.out
    assert "\x1b" not in answer.out
    with duckdb.connect(str(wayfare.folder / "wayfare-demo" / "warehouse.duckdb"), read_only=True) as copy:
        assert copy.sql("SELECT count(*) FROM order_lines").fetchall() == [(60_000,)]
        assert copy.sql("SELECT max(tracking) FROM shipments").fetchall() == [(9_007_199_254_740_993 + 20_000 * 7_919,)]
        assert copy.sql("SELECT count(*) FROM reviews WHERE body = ''").fetchall()[0][0] > 0
        assert len(copy.sql("FROM best_sellers").fetchall()) == 10
    page = next(line.split()[-1] for line in answer.out.splitlines() if line.strip().startswith("report"))
    assert "Source and target are equal" in Path(page).read_text()


def test_what_the_demo_suggests_works(wayfare):
    answer = wayfare("demo", "--rows", "2000")
    leads = dict(line.strip().split(maxsplit=1) for line in answer.out.splitlines() if line.startswith("  "))
    words = shlex.split(leads["look"])
    assert words[:3] == ["uv", "run", "python"]
    shown = subprocess.run([sys.executable, *words[3:]], cwd=wayfare.folder, capture_output=True, text=True, check=True)
    assert "sold" in shown.stdout
    words = shlex.split(leads["again"])
    assert words[0] == "wayfare"
    assert wayfare(*words[1:]).code == 0


def test_again_gives_the_same(wayfare):
    for _ in range(2):
        answer = wayfare("demo", "--rows", "2000", "--folder", "here", "--json")
        assert answer.code == 0, answer.out
        assert answer.json["outcome"] == "equal"
        assert answer.json["rows"] == 2000
        assert answer.json["status"] == "succeeded"
        assert len(answer.json["tables"]) == 17


def test_somebodys_shop_is_left_alone(wayfare):
    (wayfare.folder / "shop.db").write_text("mine")
    answer = wayfare("demo", "--folder", ".")
    assert answer.code == 6
    assert "not a demo shop" in answer.err
    assert (wayfare.folder / "shop.db").read_text() == "mine"


@pytest.mark.parametrize("rows", ["0", "-5", "many"])
def test_sizes_that_make_no_sense(wayfare, rows):
    assert wayfare("demo", "--rows", rows).code == 2
