"""The modules of an organisation as tables, from Zoho's metadata.

A module is a table, and so is a sub-form (its rows know their record by Parent_Id) and what links two modules many to
many. Users are a table where anything points at them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from wayfare.core.errors import Forbidden, NotFound, Refused
from wayfare.core.findings import Finding, Severity
from wayfare.core.tables import Column, ForeignKey, Table
from wayfare.systems.databases.zoho import types
from wayfare.systems.databases.zoho.client import VERSION, Client
from wayfare.systems.databases.zoho.options import Bulk, Options
from wayfare.systems.databases.zoho.types import SYSTEM, USERS, Field

THREADS = 4
EXPORT_ROWS_MIN = 50_000  # from here on an export is cheaper, where a file can hold every field
PAGES_ROWS_MAX = 90_000  # pages end at 100,000 records, and there may be more by then
KEY_NAME_MAX = 60
PATH, ROUTE, DISPLAY, OWNERS, TIMED, STATES = (
    "module",
    "route",
    "display",
    "owners",
    "timed",
    "states",
)  # hints of a table
EXPORT, PAGES, PEOPLE = "export", "pages", "users"  # routes
_NO_RECORDS = frozenset({"web", "widget"})  # kinds of modules that show something else
_MODULES = frozenset({"default", "custom"})  # kinds whose records are approved
_WITH_PARENT_ONLY = frozenset(
    {"Attachments", "Emails", "Activities"}
)  # records are given only with what they belong to

_USER_COLUMNS: tuple[tuple[str, pa.DataType, str, str], ...] = (
    ("id", pa.int64(), "bigint", "User Id"),
    ("full_name", pa.string(), "text", "Name"),
    ("first_name", pa.string(), "text", "First name"),
    ("last_name", pa.string(), "text", "Last name"),
    ("email", pa.string(), "email", "E-mail"),
    ("status", pa.string(), "text", "active, inactive or deleted"),
    ("role", pa.int64(), "lookup", "Role"),
    ("role_name", pa.string(), "name of role", "Role (name)"),
    ("profile", pa.int64(), "lookup", "Profile"),
    ("profile_name", pa.string(), "name of profile", "Profile (name)"),
    ("phone", pa.string(), "phone", "Phone"),
    ("mobile", pa.string(), "phone", "Mobile"),
    ("country", pa.string(), "text", "Country"),
    ("language", pa.string(), "text", "Language"),
    ("locale", pa.string(), "text", "Locale"),
    ("time_zone", pa.string(), "text", "Time zone"),
    ("created_time", types.UTC, "datetime", "Created"),
    ("Modified_Time", types.UTC, "datetime", "Modified"),
)


@dataclass(frozen=True, slots=True)
class Described:
    """One module and its fields."""

    name: str
    label: str
    kind: str  # default, custom, subform, linking …
    parent: str  # of a sub-form
    fields: tuple[Field, ...]
    rows: int


@dataclass(frozen=True, slots=True)
class Catalog:
    tables: tuple[Table, ...]
    findings: tuple[Finding, ...]


def read(client: Client, options: Options) -> Catalog:
    """Everything this token may see. Raises NotFound when `modules` names one that is not there."""
    answer = client.get(f"/{VERSION}/settings/modules")
    told = [m for m in answer.body.get("modules") or [] if _has_records(m)]
    chosen, findings = _chosen(told, options)
    with ThreadPoolExecutor(THREADS, thread_name_prefix="catalog") as pool:
        answers = list(pool.map(lambda module: _described(client, module), chosen))
    described = [found for found in answers if isinstance(found, Described)]
    findings += [found for found in answers if isinstance(found, Finding)]
    tables = [_table(found, described, options) for found in described]
    users: Table | None = None
    if any(_refers_to_users(found) for found in described) and _named(options, USERS):
        users, noticed = _users(client)
        findings += noticed
    tables = [*tables, users] if users else [_without(USERS, table) for table in tables]
    return Catalog(tuple(sorted(tables, key=lambda t: t.name)), tuple(findings))


def _has_records(module: Mapping[str, Any]) -> bool:
    shown = module.get("api_supported") and module.get("viewable", True)
    return bool(shown) and module.get("generated_type") not in _NO_RECORDS


def _chosen(modules: Sequence[Mapping[str, Any]], options: Options) -> tuple[list[Mapping[str, Any]], list[Finding]]:
    names = {str(m["api_name"]) for m in modules}
    if missing := sorted(set(options.modules) - names - {USERS}):
        remedy = f"There are {', '.join(sorted(names)[:20])}." if names else "This token sees no modules at all."
        raise NotFound(f"there is no module {missing[0]}.", where="modules", remedy=remedy)
    chosen = [m for m in modules if _named(options, str(m["api_name"]))]
    left_out = [m for m in chosen if m["api_name"] in _WITH_PARENT_ONLY]
    findings = [
        Finding(
            "module_not_read",
            Severity.INFO,
            f"{m['api_name']} is not copied: Zoho gives its records only one by one, with what they belong to.",
            str(m["api_name"]),
        )
        for m in left_out
    ]
    return [m for m in chosen if m not in left_out], findings


def _named(options: Options, name: str) -> bool:
    return not options.modules or name in options.modules


def _described(client: Client, module: Mapping[str, Any]) -> Described | Finding:
    """A finding for a module whose fields this token may not see."""
    name = str(module["api_name"])
    try:
        answer = client.get(f"/{VERSION}/settings/fields", {"module": name})
    except (Forbidden, NotFound, Refused) as error:
        if isinstance(error, Forbidden) and "OAUTH_SCOPE_MISMATCH" in error.message:
            raise
        message = f"{name} is not copied: its fields cannot be read. {error.message}"
        return Finding("module_not_read", Severity.WARNING, message, name, error.remedy)
    return Described(
        name=name,
        label=str(module.get("plural_label") or module.get("singular_label") or name),
        kind=str(module.get("generated_type") or "default"),
        parent=str((module.get("parent_module") or {}).get("api_name") or ""),
        fields=tuple(Field.of(told) for told in answer.body.get("fields") or [] if told.get("api_name")),
        rows=_count(client, name),
    )


def _count(client: Client, name: str) -> int:
    """How many records there are; 0 where Zoho does not count them (sub-forms, some modules of its own)."""
    try:
        return int(client.get(f"/{VERSION}/{name}/actions/count").body.get("count") or 0)
    except (Forbidden, NotFound, Refused):
        return 0


def _table(module: Described, all_modules: Sequence[Described], options: Options) -> Table:
    fields = _with_parent(module)
    columns = types.columns(fields)
    there = {m.name for m in all_modules} | {USERS}
    display = {m.name: next((f.api_name for f in m.fields if f.display), "") for m in all_modules}
    names = {f.api_name: display.get(f.module, "") for f in fields if f.data_type == "lookup"}
    plain = all(map(types.exportable, columns)) and all(names.values())
    timed = any(f.api_name == "Modified_Time" for f in fields)
    return Table(
        name=module.name,
        columns=columns,
        key=("id",),
        foreign_keys=tuple(_foreign_keys(module.name, fields, there)) if options.foreign_keys else (),
        comment=f"{module.label} (sub-form of {module.parent})" if module.kind == "subform" else module.label,
        rows_estimate=module.rows,
        origin=SYSTEM,
        hints=(
            (PATH, module.name),
            (ROUTE, EXPORT if _is_exported(module.rows, options.bulk, plain=plain) else PAGES),
            (DISPLAY, json.dumps(names)),
            (OWNERS, ",".join(f.api_name for f in fields if f.looks_up == USERS)),
            (TIMED, "1" if timed else ""),
            (STATES, _states(module)),
        ),
    )


def _is_exported(rows: int, bulk: Bulk, *, plain: bool) -> bool:
    """`plain`: can a file hold every field? The others are asked for by id, which takes more requests than pages."""
    if bulk is Bulk.AUTO:
        return rows > PAGES_ROWS_MAX or (plain and rows >= EXPORT_ROWS_MIN)
    return bulk is Bulk.ALWAYS


def _states(module: Described) -> str:
    if module.kind in _MODULES:
        return "approved,converted" if module.name == "Leads" else "approved"
    return ""


def _with_parent(module: Described) -> tuple[Field, ...]:
    """A sub-form's rows have the id of their record, also where its metadata does not mention it."""
    if not module.parent or any(f.api_name == "Parent_Id" for f in module.fields):
        return module.fields
    parent = Field("Parent_Id", "Parent", "lookup", "jsonobject", module=module.parent)
    return (parent, *module.fields)


def _foreign_keys(table: str, fields: Iterable[Field], there: set[str]) -> Iterator[ForeignKey]:
    for field in fields:
        if field.looks_up in there:
            name = f"{table}_{field.api_name}_fkey"
            if len(name) > KEY_NAME_MAX:
                name = f"{name[: KEY_NAME_MAX - 9]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"
            yield ForeignKey(name, (field.api_name,), field.looks_up, ("id",))


def _refers_to_users(module: Described) -> bool:
    return any(f.looks_up == USERS for f in module.fields)


def _without(parent: str, table: Table) -> Table:
    return replace(table, foreign_keys=tuple(k for k in table.foreign_keys if k.parent != parent))


def _users(client: Client) -> tuple[Table | None, list[Finding]]:
    try:
        client.get(f"/{VERSION}/users", {"type": "AllUsers", "page": 1, "per_page": 1})
    except Forbidden as error:
        message = f"users are not copied, so owners stay ids and names: {error.message}"
        return None, [Finding("module_not_read", Severity.WARNING, message, USERS, error.remedy)]
    columns = tuple(
        Column(name, kind, nullable=name != "id", native=native, origin=SYSTEM, comment=label)
        for name, kind, native, label in _USER_COLUMNS
    )
    hints = ((PATH, PEOPLE), (ROUTE, PEOPLE))
    return Table(USERS, columns, ("id",), comment="Users", origin=SYSTEM, hints=hints), []
