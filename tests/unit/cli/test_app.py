"""The commands: what there is, and that looking at it costs nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest
import typer

from wayfare.cli.app import app

HEAVY = ("pyarrow", "dbos", "sqlalchemy", "psycopg", "numpy", "duckdb", "rich", "sqlglot")
COMMAND = """
import sys, wayfare.main, wayfare.cli.app
try:
    wayfare.cli.app.app({arguments!r}, prog_name="wayfare")
finally:
    print(*sorted(sys.modules), file=sys.stderr)
"""


def loaded(*arguments: str) -> set[str]:
    """The modules that a command has loaded by its end."""
    code = COMMAND.format(arguments=list(arguments))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("copy", "--help"), ("runs", "--help"), ("copy",)])
def test_looking_loads_nothing_heavy(arguments):
    assert not loaded(*arguments) & set(HEAVY)


def test_plan_has_the_options_of_copy():
    commands = typer.main.get_command(app).commands
    names = [{p.name for p in commands[name].params} for name in ("copy", "plan")]
    assert names[0] == names[1]


def test_every_option_says_what_it_does():
    def walk(command):
        for parameter in command.params:
            assert parameter.help, f"{command.name}: {parameter.name}"
        for inner in getattr(command, "commands", {}).values():
            assert inner.help, inner.name
            walk(inner)

    walk(typer.main.get_command(app))
