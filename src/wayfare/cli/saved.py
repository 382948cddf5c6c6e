"""What `wayfare connections` does."""

from __future__ import annotations

from rich import box
from rich.table import Table as Grid

from wayfare.access.egress import for_connections
from wayfare.cli.failures import exit_code_of
from wayfare.cli.place import opened_store
from wayfare.cli.request import address_of
from wayfare.cli.screen import console, print_json
from wayfare.control import connections
from wayfare.control.connections import Check
from wayfare.control.plain import clean
from wayfare.core.amounts import count
from wayfare.core.principal import LOCAL

HERE = for_connections(on_loopback=True)  # who sits at this machine may copy from it


def add_connection(name: str, url: str, *, as_json: bool) -> int:
    address = address_of(url, "source")
    with opened_store() as (_, store):
        made = connections.create(store, LOCAL, name, address, HERE)
    if as_json:
        print_json({"connection": made.to_json()})
    else:
        console().print(f"Saved. Use it as @{made.name}; try it with: wayfare connections test {made.name}")
    return 0


def list_connections(*, as_json: bool) -> int:
    with opened_store() as (_, store):
        found = connections.everyone(store)
    if as_json:
        print_json({"connections": [one.to_json() for one in found]})
        return 0
    grid = Grid("", "name", "where", "last test", box=box.SIMPLE_HEAD, pad_edge=False)
    for one in found:
        grid.add_row(str(one.number), f"@{one.name}", clean(one.address.url()), _told(one.checked))
    console().print(grid if found else "None is saved. Save one with: wayfare connections add NAME URL")
    return 0


def test_connection(name: str, *, as_json: bool) -> int:
    with opened_store() as (_, store):
        check = connections.test(store, name, HERE)
    if as_json:
        print_json({"check": connections.check_json(check)})
    else:
        console().print(_told(check))
        for finding in check.findings:
            console().print(f"  {finding['severity']}: {clean(finding['message'])} {clean(finding['advice'])}")
    return 0 if check.ok else exit_code_of(check.code)


def show_connection(name: str, *, tables: bool, as_json: bool) -> int:
    with opened_store() as (_, store):
        found = connections.get(store, name)
    described = connections.describe(found.address, HERE) if tables else {}
    if as_json:
        print_json({"connection": found.to_json(), **described})
        return 0
    console().print(f"@{found.name}  {clean(found.address.url())}\n{_told(found.checked)}")
    if tables:
        grid = Grid("table", "rows, about", "columns", box=box.SIMPLE_HEAD, pad_edge=False)
        for table in described["tables"]:
            columns = ", ".join(clean(c["name"]) for c in table["columns"])
            grid.add_row(clean(table["name"]), count(table["rows_estimate"]), columns)
        console().print(clean(described["version"]))
        console().print(grid)
    return 0


def remove_connection(name: str, *, as_json: bool) -> int:
    with opened_store() as (_, store):
        connections.remove(store, LOCAL, name)
    if as_json:
        print_json({"removed": name})
    else:
        console().print("Removed.")
    return 0


def _told(check: Check | None) -> str:
    if check is None:
        return "not tested yet"
    return f"{clean(check.version)}, {check.latency_ms:.0f} ms" if check.ok else f"failed: {clean(check.message)}"
