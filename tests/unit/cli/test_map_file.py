"""The file of --map, well and badly written."""

from __future__ import annotations

import pytest

from wayfare.cli.map_file import parse, read
from wayfare.core.errors import Invalid, NotFound


def test_reads_columns_and_tables():
    found = parse('[columns]\n"orders.total" = "decimal(12,2)"\n[tables]\n"old.name" = "new.name"\n')
    assert found.columns == {"orders.total": "decimal(12,2)"}
    assert found.tables == {"old.name": "new.name"}


@pytest.mark.parametrize("text", ["", "[columns]", "# nothing yet"])
def test_may_be_empty(text):
    assert not parse(text).columns


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[column]\na = "b"', "[column] is unknown; there are [columns] and [tables]"),
        ('[columns]\norders.total = "text"', 'write orders and what follows its dot in quotes, "orders.total"'),
        ('[columns]\n"orders.total" = 5', '"orders.total" must be a text, in quotes'),
        ('[tables]\n"orders" = ""', '"orders" must be a text, in quotes'),
        ("columns = 3", "columns must be a section, [columns]"),
        ('[columns]\n"a" = b', "line 2"),
    ],
)
def test_says_what_is_wrong(text, told):
    with pytest.raises(ValueError) as failure:
        parse(text)
    assert told in str(failure.value)


def test_missing(tmp_path):
    with pytest.raises(NotFound, match="there is no file"):
        read(tmp_path / "types.toml")


def test_not_text(tmp_path):
    path = tmp_path / "types.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(Invalid, match="cannot be read"):
        read(path)


def test_wrong_file_names_itself_and_the_page(tmp_path):
    path = tmp_path / "types.toml"
    path.write_text("[x]")
    with pytest.raises(Invalid) as failure:
        read(path)
    assert str(path) in failure.value.message
    assert "docs/map.md" in failure.value.remedy
