"""What `wayfare store`, `wayfare secrets` and `wayfare audit` do."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

import typer
from rich import box
from rich.table import Table as Grid

from wayfare.cli.place import make_home, opened_store
from wayfare.cli.screen import console, print_json
from wayfare.core.errors import Mismatch
from wayfare.settings import Settings
from wayfare.store import audit, rotation

if TYPE_CHECKING:
    from wayfare.store.upgrades import Standing


def store_status(*, as_json: bool) -> int:
    from wayfare.store import upgrades

    return _tell_standing(upgrades.standing, as_json=as_json)


def store_upgrade(*, as_json: bool) -> int:
    from wayfare.store import upgrades

    return _tell_standing(upgrades.upgrade, as_json=as_json)


def store_downgrade(revision: str, *, yes: bool, as_json: bool) -> int:
    from wayfare.store import upgrades

    if not yes:
        typer.confirm(f"Everything that revisions after {revision} keep is lost. Go on?", abort=True, err=True)
    return _tell_standing(lambda settings: upgrades.downgrade(settings, revision), as_json=as_json)


def store_check(*, as_json: bool) -> int:
    from wayfare.store import upgrades

    found = upgrades.differences(_settings())
    if as_json:
        print_json({"differences": list(found)})
    else:
        for difference in found:
            console().print(f"✗ {difference}", soft_wrap=True, markup=False)
        if not found:
            console().print("✓ The store is as it should be.")
    return Mismatch.exit_code if found else 0


def secrets_status(*, as_json: bool) -> int:
    with opened_store() as (_, store):
        secrets = rotation.counted(store)
    if as_json:
        print_json({"current": secrets.current, "by_key": dict(secrets.by_key)})
        return 0
    console().print(f"{secrets.total} secrets; the current key is {secrets.current}.")
    for key, count in sorted(secrets.by_key.items()):
        console().print(f"  {key}: {count}")
    return 0


def secrets_rotate(*, as_json: bool) -> int:
    """1 where a secret can be read with no key that is here: it stays as it is."""
    with opened_store() as (_, store):
        done = rotation.rotate(store)
    left = done.secrets.old
    if as_json:
        told = {"key": done.secrets.current, "wrapped": done.wrapped, "total": done.secrets.total, "left": left}
        print_json({**told, "unreadable": list(done.unreadable)})
    else:
        out = console()
        out.print(f"{done.wrapped} secrets were brought under the key {done.secrets.current}: {left} are left.")
        for place in done.unreadable:
            out.print(f"✗ {place} cannot be read with any key that is here.", soft_wrap=True, markup=False)
    return 1 if left else 0


def secrets_forget(*, as_json: bool) -> int:
    with opened_store() as (_, store):
        forgotten = rotation.forget_old_keys(store)
    if as_json:
        print_json({"forgotten": forgotten})
    else:
        console().print(f"{forgotten} older keys were removed.")
    return 0


def audit_list(tenant: str, limit: int, *, as_json: bool) -> int:
    with opened_store() as (_, store), store.of(tenant).read() as connection:
        found = audit.entries(connection, limit=limit)
    if as_json:
        print_json({"entries": [asdict(entry) for entry in found]})
        return 0
    grid = Grid(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("number", "time", "who", "what", "to", "outcome"):
        grid.add_column(name, overflow="fold")
    for entry in found:
        at = datetime.fromtimestamp(entry.at).astimezone().isoformat(" ", "seconds")
        grid.add_row(str(entry.sequence), at, entry.principal, entry.action, entry.subject, entry.outcome)
    console().print(grid if found else "Nothing was recorded yet.")
    return 0


def audit_verify(tenant: str, *, as_json: bool) -> int:
    with opened_store() as (_, store), store.everywhere.snapshot() as connection:
        tenants = [tenant] if tenant else audit.tenants(connection)
        results = {name: audit.verify(connection, store.sealer, name) for name in tenants}
    broken = {name: found for name, (_, found) in results.items() if found}
    if as_json:
        chains = [{"tenant": n, "entries": c, "break": asdict(b) if b else None} for n, (c, b) in results.items()]
        print_json({"chains": chains})
        return Mismatch.exit_code if broken else 0
    for name, (count, found) in results.items():
        if found:
            told = f"✗ {name}: entry {found.sequence} {found.what}."
        else:
            told = f"✓ {name}: {count} entries, as they were written."
        console().print(told, soft_wrap=True, markup=False)
    if not results:
        console().print("Nothing was recorded yet.")
    return Mismatch.exit_code if broken else 0


def _settings() -> Settings:
    settings = Settings.read(os.environ)
    make_home(settings.home)
    return settings


def _tell_standing(act: Callable[[Settings], Standing], *, as_json: bool) -> int:
    standing = act(_settings())
    if as_json:
        print_json(asdict(standing))
        return 0
    have = f"revision {standing.revision}" if standing.revision else "no tables yet"
    console().print(f"The store has {have}; this Wayfare knows revisions up to {standing.latest}.")
    if standing.revision > standing.latest:
        console().print("It was written by a newer Wayfare: update this one.")
    for name in standing.pending:
        console().print(f"  pending: {name}", markup=False)
    return 0
