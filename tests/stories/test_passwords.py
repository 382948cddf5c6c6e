"""A server that wants a password: from the environment, from a prompt, or wrong."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import subprocess
import termios
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from beds import running
from moving import run_script
from prepared import COMMAND
from stories.command import SECONDS_MAX, Wayfare
from wayfare.core.address import Address
from wayfare.core.redacted import Redacted

TARGET = "duckdb:///copy.duckdb"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """A database with one table, on a server that asks for a password."""
    with running("mariadb", tmp_path_factory.mktemp("mariadb")) as fresh:
        address = fresh()
        run_script(address, "CREATE TABLE orders (id INT PRIMARY KEY); INSERT INTO orders VALUES (1), (2);")
        yield address


def without_password(address: Address) -> str:
    return replace(address, password=Redacted("")).url()


def test_from_the_environment(wayfare, guarded):
    secret = guarded.password.reveal()
    answer = wayfare("copy", without_password(guarded), TARGET, WAYFARE_SOURCE_PASSWORD=secret)
    assert answer.code == 0, answer.err
    assert "1 table, 2 rows: equal on both sides" in answer.out
    assert secret not in answer.out
    assert not [p for p in wayfare.home.rglob("*") if p.is_file() and secret.encode() in p.read_bytes()]


@pytest.mark.parametrize("password", [None, "wrong"])
def test_refused_where_nobody_can_be_asked(wayfare, guarded, password):
    environ = {"WAYFARE_SOURCE_PASSWORD": password} if password else {}
    answer = wayfare("copy", without_password(guarded), TARGET, **environ)
    assert answer.code == 4, answer.err
    assert password is not None or "WAYFARE_SOURCE_PASSWORD" in answer.err


def typed(wayfare: Wayfare, words: list[str], answers: list[str]) -> tuple[int, str]:
    """Run the command on a terminal of its own, and type each answer when a password is asked for."""
    ours, theirs = pty.openpty()
    environ = {**wayfare.environ(), "TERM": "xterm"}
    process = subprocess.Popen(
        [*COMMAND, *words],
        cwd=wayfare.folder,
        env=environ,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown, asked, deadline = "", 0, time.monotonic() + SECONDS_MAX
    while time.monotonic() < deadline:
        if select.select([ours], [], [], 0.1)[0]:
            try:
                shown += os.read(ours, 65536).decode(errors="replace")
            except OSError:  # the terminal is closed: the command has ended
                break
        if shown.count("Password for the source") > asked:
            os.write(ours, answers[asked].encode() + b"\n")
            asked += 1
    os.close(ours)
    return process.wait(SECONDS_MAX), shown


def _take_terminal() -> None:
    """A session of its own, led from its terminal: getpass asks there, whatever standard input is."""
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def test_from_a_prompt_without_echo(wayfare, guarded):
    secret = guarded.password.reveal()
    code, shown = typed(wayfare, ["copy", without_password(guarded), TARGET], ["wrong", secret])
    assert code == 0, shown
    assert "equal on both sides" in shown
    assert secret not in shown


def test_three_wrong_answers_are_enough(wayfare, guarded):
    code, shown = typed(wayfare, ["plan", without_password(guarded), TARGET], ["a", "b", "c"])
    assert code == 4, shown
    assert not Path(wayfare.folder / "copy.duckdb").exists()
