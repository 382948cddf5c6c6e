"""Copying a database from the command line: the plan, the run, Ctrl-C, the proof."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

SOURCE, TARGET = "sqlite:///shop.db", "duckdb:///copy.duckdb"
SLOWLY = ("--rows-per-second", "500")  # ten seconds for the shop


def change(path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path)) as shop:
        shop.executescript(sql)


def copied(folder: Path, sql: str) -> list[tuple]:
    with duckdb.connect(str(folder / "copy.duckdb"), read_only=True) as copy:
        return copy.sql(sql).fetchall()


def test_plan_changes_nothing_and_tells_every_statement(wayfare, shop):
    answer = wayfare("plan", SOURCE, TARGET)
    assert answer.code == 0, answer.err
    assert "CREATE TABLE" in answer.out
    assert "17 tables" in answer.out
    assert not (wayfare.folder / "copy.duckdb").exists()
    assert wayfare("runs", "list", "--json").json == {"runs": []}


def test_plan_and_dry_run_are_one(wayfare, shop):
    plans = [wayfare(*words, SOURCE, TARGET, "--json") for words in (["plan"], ["copy", "--dry-run"])]
    assert plans[0].json["digest"] == plans[1].json["digest"]
    assert plans[0].json["blocked"] is False


def test_copy_some_tables(wayfare, shop):
    answer = wayfare(
        "copy", SOURCE, TARGET, "--tables", "order,customers,coup*,addresses", "--exclude", "coupons", "--json"
    )
    assert answer.code == 0, answer.out + answer.err
    assert sorted(t["source"] for t in answer.json["tables"]) == ["addresses", "customers", "order"]
    assert Path(answer.json["report"]).exists()


def test_the_report_stands_as_json_too(wayfare, shop):
    answer = wayfare("copy", SOURCE, TARGET, "--tables", "settings", "--json")
    kept = json.loads(Path(answer.json["report"]).with_suffix(".json").read_text())
    assert kept["run"] == answer.json["run"]
    assert kept["tables"] == answer.json["tables"]


def test_ctrl_c_pauses_and_the_same_command_goes_on(wayfare, shop):
    started = wayfare.start("copy", SOURCE, TARGET, *SLOWLY)
    wayfare.until(lambda: wayfare.status() == "running")
    started.interrupt()
    paused = started.end()
    assert paused.code == 130, paused.err
    assert "Paused. The same command goes on" in paused.out
    assert wayfare.status() == "waiting"
    again = wayfare("copy", SOURCE, TARGET)
    assert again.code == 0, again.err
    assert "Going on with run" in again.out
    assert "5,000 rows: equal on both sides" in again.out
    assert copied(wayfare.folder, "SELECT count(*) FROM order_lines") == [(1500,)]
    assert len(wayfare("runs", "list", "--json").json["runs"]) == 1


def test_paused_from_another_terminal(wayfare, shop):
    started = wayfare.start("copy", SOURCE, TARGET, *SLOWLY)
    wayfare.until(lambda: wayfare.status() == "running")
    asked = wayfare("runs", "pause")
    assert asked.code == 0, asked.err
    assert "Paused. Go on with: wayfare runs resume" in asked.out
    assert started.end().code == 130
    resumed = wayfare("runs", "resume", "--json")
    assert resumed.code == 0, resumed.err
    assert resumed.json["status"] == "succeeded"


def test_cancelled_while_paused_and_taken_back(wayfare, shop):
    started = wayfare.start("copy", SOURCE, TARGET, *SLOWLY)
    wayfare.until((wayfare.folder / "copy.duckdb").exists)
    started.interrupt()
    started.end()
    asked = wayfare("runs", "cancel")
    assert asked.code == 0, asked.err
    assert "Cancelled." in asked.out
    assert wayfare.status() == "cancelled"
    undone = wayfare("runs", "rollback")
    assert undone.code == 0, undone.err
    assert copied(wayfare.folder, "SELECT table_name FROM duckdb_tables()") == []


def test_a_killed_command_is_taken_up_again(wayfare, shop):
    started = wayfare.start("copy", SOURCE, TARGET, *SLOWLY)
    wayfare.until(lambda: wayfare.status() == "running")
    started.process.kill()
    started.end()
    again = wayfare("copy", SOURCE, TARGET)
    assert again.code == 0, again.err
    assert "5,000 rows: equal on both sides" in again.out


def test_a_second_command_hands_its_run_to_the_first(wayfare, shop):
    first = wayfare.start("copy", SOURCE, TARGET, *SLOWLY)
    wayfare.until(lambda: wayfare.status() == "running")
    second = wayfare.start("copy", SOURCE, "duckdb:///other.duckdb", "--tables", "settings")
    told = f"Process {first.process.pid} carries this out"
    assert second.process.stdout.readline().startswith(told)
    wayfare.until(lambda: (wayfare.folder / "other.duckdb").exists())
    assert second.end().code == 0
    assert first.end().code == 0


def test_rolled_back_while_it_runs(wayfare, shop):
    started = wayfare.start("copy", SOURCE, TARGET, *SLOWLY)
    wayfare.until((wayfare.folder / "copy.duckdb").exists)
    asked = wayfare("runs", "cancel", "--undo")
    assert asked.code == 0, asked.err
    assert started.end().code == 7
    assert wayfare.status() == "undone"
    assert copied(wayfare.folder, "SELECT table_name FROM duckdb_tables()") == []


def test_kept_tables_can_be_rolled_back_after_the_end(wayfare, shop):
    assert wayfare("copy", SOURCE, TARGET, "--tables", "visits").code == 0
    before = copied(wayfare.folder, "SELECT count(*) FROM visits")
    change(shop, "DELETE FROM visits")
    assert wayfare("copy", SOURCE, TARGET, "--tables", "visits", "--keep-replaced").code == 0
    assert copied(wayfare.folder, "SELECT count(*) FROM visits") == [(0,)]
    answer = wayfare("runs", "rollback")
    assert answer.code == 0, answer.err
    assert copied(wayfare.folder, "SELECT count(*) FROM visits") == before


def test_verify_finds_one_changed_character(wayfare, shop):
    assert wayfare("copy", SOURCE, TARGET).code == 0
    assert wayfare("verify", SOURCE, TARGET, "--tables", "reviews").code == 0
    change(shop, "UPDATE reviews SET title = title || '!' WHERE id = 7")
    answer = wayfare("verify", SOURCE, TARGET, "--tables", "reviews", "--rows")
    assert answer.code == 1
    assert "1 of 1 table differ: reviews" in answer.out
    assert "title" in answer.out
    assert "7" in answer.out
    found = wayfare("verify", SOURCE, TARGET, "--tables", "reviews", "--rows", "--json").json
    assert found["outcome"] == "different"
    assert found["tables"][0]["differences"][0]["column"] == "title"


def test_runs_can_be_looked_at(wayfare, shop):
    run = wayfare("copy", SOURCE, TARGET, "--tables", "settings", "--json").json["run"]
    assert run in wayfare("runs").out
    shown = wayfare("runs", "show", run[:8])
    assert "settings" in shown.out
    assert "equal" in shown.out
    assert "succeeded" in wayfare("runs", "logs", run).out
    events = wayfare("runs", "logs", run, "--json").json["events"]
    assert [e["sequence"] for e in events] == list(range(1, len(events) + 1))
    assert wayfare("runs", "list", "--status", "failed", "--json").json == {"runs": []}


def test_a_worker_stops_when_asked(wayfare):
    started = wayfare.start("worker")
    wayfare.until(lambda: (wayfare.home / "lock").exists() and bool((wayfare.home / "lock").read_text()))
    started.process.terminate()
    answer = started.end()
    assert answer.code == 0, answer.err


@pytest.mark.parametrize("secret", ["s3cret-source"])
def test_secrets_are_nowhere(wayfare, secret):
    """A password in a URL or the environment is in no output and no file."""
    url = f"postgresql://somebody:{secret}@127.0.0.1:1/shop"
    outputs = [wayfare("copy", url, TARGET), wayfare("plan", url, TARGET, "--json"), wayfare("doctor", url)]
    outputs.append(wayfare("verify", "postgresql://somebody@127.0.0.1:1/shop", TARGET, WAYFARE_SOURCE_PASSWORD=secret))
    for answer in outputs:
        assert answer.code == 5, answer.err
        assert secret not in answer.out + answer.err
    assert not [p for p in wayfare.home.rglob("*") if p.is_file() and secret.encode() in p.read_bytes()]
