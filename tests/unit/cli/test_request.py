"""From options to a request: patterns, modes and passwords."""

from __future__ import annotations

import pytest

from wayfare.cli.request import CopyOptions, address_of, request_of
from wayfare.core.errors import Invalid
from wayfare.core.ports import Mode

SOURCE, TARGET = "sqlite:///shop.db", "postgresql://user@host/shop"


@pytest.fixture(autouse=True)
def no_passwords(monkeypatch):
    for role in ("SOURCE", "TARGET"):
        monkeypatch.delenv(f"WAYFARE_{role}_PASSWORD", raising=False)


def test_patterns_may_be_repeated_or_joined():
    request = request_of(CopyOptions(SOURCE, TARGET, tables=["orders, sales.*", "x"], exclude=["y,"]))
    assert request.tables == ("orders", "sales.*", "x")
    assert request.exclude == ("y",)


def test_masks_are_not_split():
    assert request_of(CopyOptions(SOURCE, TARGET, masks=["a.b=replace:x,y"])).masks == ("a.b=replace:x,y",)


def test_modes():
    assert request_of(CopyOptions(SOURCE, TARGET, mode="merge")).mode is Mode.MERGE
    with pytest.raises(Invalid, match="there is no mode 'merg'") as failure:
        request_of(CopyOptions(SOURCE, TARGET, mode="merg"))
    assert "replace, append, merge" in failure.value.remedy


def test_the_map_gives_types_and_names(tmp_path):
    path = tmp_path / "map.toml"
    path.write_text('[columns]\n"a.b" = "text"\n[tables]\n"a" = "c"\n')
    request = request_of(CopyOptions(SOURCE, TARGET, type_file=path))
    assert (request.type_map, request.renames) == ({"a.b": "text"}, {"a": "c"})


def test_an_unknown_system_is_refused_before_anything_is_opened():
    with pytest.raises(Invalid, match="there is no system called 'oracel'"):
        address_of("oracel://host/db", "source")


@pytest.mark.parametrize("role", ["source", "target"])
def test_passwords_come_from_the_environment(role, monkeypatch):
    monkeypatch.setenv(f"WAYFARE_{role.upper()}_PASSWORD", "s3cret")
    assert address_of(TARGET, role).password.reveal() == "s3cret"
    assert address_of("postgresql://user:own@host/shop", role).password.reveal() == "own"
    assert "s3cret" not in str(address_of(TARGET, role))


def test_the_other_side_has_its_own_password(monkeypatch):
    monkeypatch.setenv("WAYFARE_SOURCE_PASSWORD", "s3cret")
    assert not address_of(TARGET, "target").password
