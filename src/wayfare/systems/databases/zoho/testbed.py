"""Zoho CRM for the tests: a stand-in server in this process, and one organisation for each database.

There is no variable to name a real one by: an adapter that only reads could not fill it.
"""

from __future__ import annotations

import datetime as dt
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from wayfare.core.address import Address
from wayfare.core.errors import Unavailable
from wayfare.core.tables import Column, Table
from wayfare.systems.databases.zoho.testcrm import Module, Organisation
from wayfare.systems.databases.zoho.testserver import Server, serving
from wayfare.systems.testing import Beds, Fresh, Seeding

NAME_BYTES_MAX = 100
_API_NAME = re.compile(r"[A-Za-z]\w*", re.ASCII)
_servers: dict[int, Server] = {}  # by port: `put` has only an address
_lock = threading.Lock()


@contextmanager
def launch(scratch: Path) -> Iterator[Fresh]:
    with serving() as server:
        with _lock:
            _servers[server.server_port] = server
        yield lambda: server.address(server.organisation())


def organisation_of(address: Address) -> Organisation:
    return _servers[address.port].organisations[address.options["refresh_token"]]


def put(address: Address, table: Table, batches: Iterable[pa.RecordBatch]) -> None:
    """A custom module with these records. Raises Unavailable for names that Zoho does not allow."""
    for name in (table.name, *(c.name for c in table.columns)):
        if not _API_NAME.fullmatch(name) or len(name) > NAME_BYTES_MAX:
            raise Unavailable(f"{name!r} is no API name of Zoho's.")
    if table.key != ("id",):
        raise Unavailable("a record's key is its id.")
    if any(not c.nullable for c in table.columns if c.name != "id"):
        raise Unavailable("any field but the id may be empty.")
    if any(pa.types.is_binary(c.type) for c in table.columns):
        raise Unavailable("no field holds bytes.")
    fields = [_meta(c) for c in table.columns if c.name != "id"]
    module = organisation_of(address).module(Module(table.name, table.comment or table.name, fields, "custom"))
    for batch in batches:
        module.add(*({name: _told(value) for name, value in row.items()} for row in batch.to_pylist()))


def _meta(column: Column) -> dict[str, Any]:
    kind, _, digits = column.native.rstrip(")").partition("(")
    precision, _, scale = digits.partition(",")
    return {
        "api_name": column.name,
        "display_label": column.comment or column.name,
        "data_type": kind,
        "json_type": "jsonarray" if kind == "multiselectpicklist" else "string",
        "length": int(precision) - int(scale) if digits else column.length or (9 if kind == "integer" else None),
        "decimal_place": int(scale) if digits else None,
    }


def _told(value: Any) -> Any:
    return value.isoformat() if isinstance(value, (dt.date, dt.datetime)) else value


BEDS: Beds = {"zoho": launch}
SEEDING = Seeding(put, carries=frozenset({"primary_key", "comment"}), name_bytes_max=NAME_BYTES_MAX)
