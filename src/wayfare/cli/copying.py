"""`wayfare copy` and `wayfare plan`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeVar

from rich.text import Text

from wayfare.cli.ending import conduct
from wayfare.cli.place import opened_store
from wayfare.cli.plan_text import print_plan
from wayfare.cli.request import CopyOptions, asking_passwords, request_of
from wayfare.cli.screen import console, errors_console, print_json
from wayfare.control.copies import plan_copy, start_copy
from wayfare.copy.request import CopyRequest
from wayfare.core.errors import Invalid
from wayfare.core.plan import plan_to_json

T = TypeVar("T")


def copy(options: CopyOptions, *, as_json: bool) -> int:
    request = request_of(options)
    with opened_store() as (settings, store):
        run, resumed = asking_passwords(request, lambda r: looking_at(r, partial(start_copy, store)))
        if resumed and not as_json:
            console().print(f"Going on with run {run.id}.")
        paced = replace(settings, workers=request.workers) if request.workers else settings
        return conduct(paced, store, run, as_json=as_json)


def plan(options: CopyOptions, *, as_json: bool) -> int:
    """Exits with Invalid's code when the plan has an error that would stop the copy."""
    request = request_of(options)
    made = asking_passwords(request, lambda r: looking_at(r, partial(plan_copy, probe=True)))
    if as_json:
        print_json({**plan_to_json(made), "digest": made.digest(), "blocked": made.blocked})
    else:
        print_plan(console(), made)
    return Invalid.exit_code if made.blocked else 0


def looking_at(request: CopyRequest, act: Callable[[CopyRequest], T]) -> T:
    """Do `act` beside a sign of life; on standard error, so that standard output holds nothing but answers."""
    with errors_console().status(Text(f"Looking at {request.source} and {request.target}")):
        return act(request)
