"""The demo shop: the same for everybody, whole, and never written over somebody's file."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from wayfare.copy.demo import ROWS, demo_in, make_shop
from wayfare.core.address import Address
from wayfare.core.errors import Conflict, Refused


def ask(path: Path, sql: str) -> list[tuple]:
    with closing(sqlite3.connect(path)) as shop:
        return shop.execute(sql).fetchall()


def tables(path: Path) -> list[str]:
    found = ask(path, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
    return [name for (name,) in found]


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Path:
    return make_shop(tmp_path_factory.mktemp("shop") / "shop.db")


def test_has_the_promised_rows_and_keeps_its_own_rules(shop):
    names = tables(shop)
    assert len(names) == 17
    assert sum(ask(shop, f'SELECT count(*) FROM "{name}"')[0][0] for name in names) == ROWS
    assert ask(shop, "PRAGMA foreign_key_check") == []
    assert ask(shop, "PRAGMA integrity_check") == [("ok",)]


@pytest.mark.parametrize(
    "awkward",
    [
        "SELECT 1 FROM customers WHERE note IS NULL",
        "SELECT 1 FROM customers WHERE note = ''",
        "SELECT 1 FROM customers WHERE note = 'NULL'",
        "SELECT 1 FROM product_images WHERE length(image) = 0",
        "SELECT 1 FROM payments WHERE length(amount_exact) > 38",
        "SELECT 1 FROM shipments WHERE tracking > 9007199254740992",  # beyond what a float holds
        "SELECT 1 FROM reviews WHERE body LIKE '%' || char(128512) || '%'",
        "SELECT 1 FROM categories WHERE parent_id IS NOT NULL",
        'SELECT 1 FROM "order" WHERE "customer\'s wish" = \'\'',
        "SELECT 1 FROM visits GROUP BY day, page, seconds HAVING count(*) > 1",
        "SELECT 1 FROM (SELECT count(*) AS n FROM returns) WHERE n = 0",
        "SELECT 1 FROM best_sellers",
    ],
)
def test_is_awkward(shop, awkward):
    assert ask(shop, awkward)


def test_is_the_same_for_everybody(tmp_path):
    made = [make_shop(tmp_path / f"{i}.db", 3_000) for i in range(2)]
    for name in tables(made[0]):
        assert ask(made[0], f'SELECT * FROM "{name}"') == ask(made[1], f'SELECT * FROM "{name}"')
    assert ask(made[0], "SELECT name FROM customers LIMIT 2") == [("Élodie Müller-Lüdenscheidt",), ("Łukasz Nguyễn",)]


@pytest.mark.parametrize("rows", [1_000, 1_001, 12_345])
def test_comes_in_sizes(tmp_path, rows):
    path = make_shop(tmp_path / "shop.db", rows)
    assert sum(ask(path, f'SELECT count(*) FROM "{name}"')[0][0] for name in tables(path)) == rows
    assert ask(path, "PRAGMA foreign_key_check") == []


def test_a_shop_of_that_size_is_kept_and_another_replaced(tmp_path):
    path = make_shop(tmp_path / "shop.db", 1_000)
    before = path.stat().st_mtime_ns
    assert make_shop(path, 1_000).stat().st_mtime_ns == before
    make_shop(path, 2_000)
    assert ask(path, "PRAGMA user_version") == [(2_000,)]


def test_somebodys_file_stays_untouched(tmp_path):
    path = tmp_path / "shop.db"
    for content in (b"my notes", b""):
        path.write_bytes(content)
        with pytest.raises(Conflict, match="not a demo shop"):
            make_shop(path, 1_000)
        assert path.read_bytes() == content


def test_an_unwritable_folder_is_named(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(Refused, match="cannot be written") as failure:
        make_shop(blocked / "shop.db", 1_000)
    assert str(blocked) in failure.value.where


@pytest.mark.parametrize("folder", ["wayfare-demo", "/tmp/with space & ümlaut", "#100%?"])
def test_urls_lead_to_the_files(folder):
    chosen = demo_in(Path(folder))
    assert Address.parse(chosen.source).database == str(chosen.shop)
    assert Address.parse(chosen.target).database == f"{folder}/warehouse.duckdb"
