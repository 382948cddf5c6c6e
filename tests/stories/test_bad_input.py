"""What people get wrong, and what they are told."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

TARGET = "duckdb:///copy.duckdb"
SOURCE = "sqlite:///shop.db"


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (
            ["copy", "oracel://x/y", TARGET],
            3,
            "there is no system called 'oracel'.",
        ),
        (["copy", "shop.db", TARGET], 3, "source: this is not a database URL."),
        (["copy", SOURCE, "copy.duckdb"], 3, "target: this is not a database URL."),
        (["copy", "sqlite:///missing.db", TARGET], 3, "missing.db"),
        (["copy", "postgresql://u@127.0.0.1:1/x", TARGET], 5, "127.0.0.1"),
        (
            ["copy", "postgresql://u@127.0.0.1:port/x", TARGET],
            3,
            "source: the host or port of this URL cannot be read.",
        ),
        (["copy", SOURCE], 2, "Missing argument 'TARGET'"),
        (["copy", SOURCE, TARGET, "--mode", "upsert"], 3, "--mode: there is no mode 'upsert'."),
        (["copy", SOURCE, TARGET, "--map", "nothing.toml"], 3, "--map: there is no file nothing.toml."),
        (["copy", SOURCE, TARGET, "--workers", "-1"], 2, "--workers"),
        (
            ["copy", SOURCE, TARGET, "--schema-only", "--data-only"],
            3,
            "--schema-only and --data-only exclude each other.",
        ),
        (["copy", SOURCE, TARGET, "--incremental"], 3, "--cursor: an incremental copy needs a column"),
        (["copy", SOURCE, TARGET, "--tables", "ordr"], 3, "--tables: no table matches 'ordr'."),
        (["copy", SOURCE, TARGET, "--exclude", "nobody*"], 3, "--exclude: no table matches 'nobody*'."),
        (["copy", SOURCE, TARGET, "--mask", "customers.emial=sha256"], 3, "no copied table has a column"),
        (["copy", SOURCE, TARGET, "--allow-loss", "nowhere"], 3, "no copied table has a column"),
        (["runs", "show", "zzz"], 3, "there is no run 'zzz'."),
        (["runs", "list", "--status", "broken"], 3, "--status: there is no status 'broken'."),
        (["runs", "pause"], 3, "there is no run"),
        (["nonsense"], 2, "No such command 'nonsense'."),
    ],
    ids=lambda value: " ".join(value[:5]) if isinstance(value, list) else None,
)
def test_is_told(wayfare, shop, words, code, told):
    answer = wayfare(*words)
    assert told in answer.err
    assert answer.code == code, answer.err
    assert answer.out == ""
    assert "Traceback" not in answer.err
    assert not (wayfare.folder / "copy.duckdb").exists()


def test_close_names_are_offered(wayfare, shop):
    assert "order_lines" in wayfare("copy", SOURCE, TARGET, "--tables", "order_line").err


def test_json_mistakes_are_json(wayfare, shop):
    answer = wayfare("copy", SOURCE, TARGET, "--tables", "ordr", "--json")
    assert answer.code == 3
    assert answer.json["error"]["code"] == "not_found"
    assert answer.err == ""


def test_two_tables_that_collide(wayfare):
    with closing(sqlite3.connect(wayfare.folder / "shop.db")) as shop:
        shop.executescript(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY); CREATE TABLE customers (id INTEGER PRIMARY KEY);"
        )
    (wayfare.folder / "map.toml").write_text('[tables]\n"customers" = "ORDERS"\n')
    answer = wayfare("copy", SOURCE, TARGET, "--map", "map.toml")
    assert answer.code == 6, answer.err
    assert "orders" in answer.err.lower()
    assert not (wayfare.folder / "copy.duckdb").exists()


def test_a_home_that_is_a_file(wayfare, shop):
    wayfare.home.write_text("")
    answer = wayfare("copy", SOURCE, TARGET)
    assert answer.code == 3
    assert "WAYFARE_HOME" in answer.err
    assert "Traceback" not in answer.err


@pytest.mark.parametrize("home", ["shop.db/deeper", "/proc/wayfare"])
def test_an_unwritable_home(wayfare, shop, home):
    """Not even root can make these."""
    for words in (["copy", SOURCE, TARGET], ["runs"], ["doctor"]):
        answer = wayfare(*words, WAYFARE_HOME=home)
        told = answer.out + answer.err
        assert answer.code in (1, 3), told
        assert home in told
        assert "WAYFARE_HOME" in told
        assert "should not have" not in told


@pytest.mark.parametrize(
    ("variable", "value"),
    [("WAYFARE_WORKERS", "many"), ("WAYFARE_STORE", "mysql://x/y"), ("WAYFARE_LOG_LEVEL", "LOUD")],
)
def test_settings_that_make_no_sense(wayfare, shop, variable, value):
    answer = wayfare("copy", SOURCE, TARGET, **{variable: value})
    assert answer.code == 3
    assert variable in answer.err


def test_doctor_tells_good_from_bad(wayfare, shop):
    assert wayfare("doctor").code == 0
    answer = wayfare("doctor", SOURCE, "sqlite:///missing.db", "--json")
    states = {a["what"]: a["state"] for a in answer.json["answers"]}
    assert states["sqlite:///shop.db"] == "ok"
    assert [a["state"] for a in answer.json["answers"]].count("failed") == 1
    assert answer.code == 3


def test_systems_are_listed(wayfare):
    names = {s["name"] for s in wayfare("systems", "--json").json["systems"]}
    assert {"sqlite", "duckdb", "postgresql", "mysql", "clickhouse", "memory"} <= names
    assert "sqlite:///" in wayfare("systems").out


def test_version(wayfare):
    assert wayfare("--version").out.startswith("wayfare ")
