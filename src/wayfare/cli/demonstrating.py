"""`wayfare demo`: a shop of its own, the ordinary way of copying it, and what to try next."""

from __future__ import annotations

import time
from pathlib import Path

from wayfare.cli.ending import conduct
from wayfare.cli.place import opened_store
from wayfare.cli.request import CopyOptions, request_of
from wayfare.cli.screen import console
from wayfare.cli.summary import command
from wayfare.control.copies import start_copy
from wayfare.copy.demo import demo_in, make_shop
from wayfare.core.amounts import count, duration, size


def demo(folder: Path, rows: int, *, as_json: bool) -> int:
    chosen = demo_in(folder)
    began = time.monotonic()
    make_shop(chosen.shop, rows)
    if not as_json:
        took = duration(time.monotonic() - began)
        told = f"A shop of {count(rows, 'row')}, {size(chosen.shop.stat().st_size)}, made in {took}: {chosen.shop}"
        console().print(told, soft_wrap=True)
    with opened_store() as (settings, store):
        run, _ = start_copy(store, request_of(CopyOptions(chosen.source, chosen.target)))
        advice = [("look", chosen.look), ("again", command("verify", chosen.source, chosen.target))]
        return conduct(settings, store, run, as_json=as_json, advice=advice)
