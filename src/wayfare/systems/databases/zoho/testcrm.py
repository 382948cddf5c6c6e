"""An organisation in a stand-in for Zoho CRM, for the tests: modules, records and users in memory. See `testserver`."""

from __future__ import annotations

import csv
import datetime as dt
import io
import threading
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

Record = dict[str, Any]
SCOPES = frozenset({"ZohoCRM.modules.READ", "ZohoCRM.settings.READ", "ZohoCRM.users.READ", "ZohoCRM.bulk.READ"})


@dataclass
class Module:
    """`records` are kept by id; keys that begin with an underscore are never shown."""

    name: str
    label: str
    fields: list[dict[str, Any]]
    kind: str = "default"
    parent: str = ""
    records: dict[int, Record] = field(default_factory=dict)
    gone: list[Record] = field(default_factory=list)  # what /deleted tells
    counted: bool = True
    readable: bool = True

    def add(self, *records: Record) -> None:
        for record in records:
            self.records[int(record["id"])] = record

    def delete(self, identity: int, moment: str) -> None:
        self.records.pop(identity)
        self.gone.append({"id": str(identity), "type": "recycle", "deleted_time": moment})

    def meta(self) -> dict[str, Any]:
        parent = {"api_name": self.parent, "id": "1"} if self.parent else {}
        kind = self.kind
        told = {"api_name": self.name, "plural_label": self.label, "generated_type": kind, "parent_module": parent}
        return {**told, "api_supported": True, "viewable": True, "id": str(abs(hash(self.name)) % 10**15)}


@dataclass(frozen=True)
class Fault:
    """What a request meets instead of an answer: a status, or with 0 a connection that breaks in mid-answer."""

    status: int
    body: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Rules:
    """What the organisation's edition allows; small numbers make the limits testable."""

    token_seconds: float = 3600.0
    tokens_max: int = 10  # in ten minutes
    calls_at_once: int = 10
    pages_end: int = 100_000  # records, by page tokens
    export_records: int = 200_000
    export_looks: int = 2  # how often one looks before an export is ready
    export_fails: bool = False


@dataclass
class Organisation:
    client_id: str
    client_secret: str
    refresh_token: str
    scopes: frozenset[str] = SCOPES
    api_domain: str = "https://www.zohoapis.com"
    rules: Rules = field(default_factory=Rules)
    modules: dict[str, Module] = field(default_factory=dict)
    users: list[Record] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)  # the next requests meet them, in this order
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)  # (method, path, parameters)
    before: Callable[[str, dict[str, str]], None] | None = None  # called with each request: to change things midway
    tokens: dict[str, float] = field(default_factory=dict)  # → when it ends
    made: list[float] = field(default_factory=list)  # when tokens were made
    exports: dict[str, dict[str, Any]] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    at_once: int = 0
    at_once_most: int = 0

    def module(self, module: Module) -> Module:
        self.modules[module.name] = module
        return module

    def paths(self, part: str = "") -> list[str]:
        return [path for _, path, _ in self.asked if part in path]


def shown(record: Record, fields: Sequence[str]) -> Record:
    """As a page of records has it: fields that a record lacks are null."""
    return {"id": str(record["id"]), **{f: record.get(f) for f in fields if f != "id"}}


def modified(record: Record) -> dt.datetime:
    return dt.datetime.fromisoformat(str(record.get("Modified_Time") or "1970-01-01T00:00:00+00:00"))


def archive(organisation: Organisation, module: Module, fields: Sequence[str], records: Sequence[Record]) -> bytes:
    """A zip of one CSV, as an export's result."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(fields)
    for record in records:
        writer.writerow([_cell(organisation, module, record, name) for name in fields])
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("export.csv", text.getvalue().encode())
    return data.getvalue()


def _cell(organisation: Organisation, module: Module, record: Record, name: str) -> str:
    name, dot, further = name.partition(".")
    value = record.get(name)
    if dot and isinstance(value, dict):
        told = next(f for f in module.fields if f["api_name"] == name)
        other = organisation.modules[told["lookup"]["module"]["api_name"]]
        value = other.records.get(int(value["id"]), {}).get(further)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return str(value["id"])
    return ";".join(value) if isinstance(value, list) else f"{value:f}" if isinstance(value, Decimal) else str(value)
