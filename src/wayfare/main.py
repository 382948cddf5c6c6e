"""Where everything comes together: the entry point of the `wayfare` command."""

from __future__ import annotations


def run() -> None:
    from wayfare.cli.app import app

    app(prog_name="wayfare")
