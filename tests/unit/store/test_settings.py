from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path

import pytest

from wayfare.core.errors import Invalid
from wayfare.settings import Settings


def test_without_variables_everything_has_a_default() -> None:
    settings = Settings.read({})
    assert settings.home.is_absolute()
    assert settings.home.name == "wayfare"
    assert settings.workers == max(2, min(4, os.cpu_count() or 1))
    assert (settings.per_source, settings.store_url, settings.log_level) == (4, "", "INFO")
    assert settings.embedded
    assert len(fields(Settings)) <= 25


def test_what_is_set_is_read(tmp_path: Path) -> None:
    environ = {"WAYFARE_HOME": str(tmp_path), "WAYFARE_STORE": "postgresql://u@h/db", "WAYFARE_WORKERS": "9"}
    settings = Settings.read(
        {**environ, "WAYFARE_PER_SOURCE": "2", "WAYFARE_KEY": "k" * 32, "WAYFARE_LOG_LEVEL": "debug"}
    )
    assert settings.home == tmp_path
    assert not settings.embedded
    assert (settings.workers, settings.per_source, settings.log_level) == (9, 2, "DEBUG")
    assert settings.key.reveal() == "k" * 32
    assert "kkk" not in repr(settings)


def test_an_empty_variable_counts_as_unset() -> None:
    assert Settings.read({"WAYFARE_WORKERS": " ", "WAYFARE_HOME": ""}) == Settings.read({})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WAYFARE_HOME", __file__),
        ("WAYFARE_HOME", "/tmp/what?"),
        ("WAYFARE_STORE", "mysql://u:secret@h/db"),
        ("WAYFARE_STORE", "store.db"),
        ("WAYFARE_WORKERS", "0"),
        ("WAYFARE_WORKERS", "-1"),
        ("WAYFARE_WORKERS", "four"),
        ("WAYFARE_PER_SOURCE", "1025"),
        ("WAYFARE_KEY", "short"),
        ("WAYFARE_LOG_LEVEL", "loud"),
    ],
)
def test_a_bad_value_is_refused_by_the_variable_s_name(name: str, value: str) -> None:
    with pytest.raises(Invalid) as refused:
        Settings.read({name: value})
    assert refused.value.where == name
    assert name in refused.value.remedy
    assert "secret" not in str(refused.value)
