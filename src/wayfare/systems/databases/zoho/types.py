"""Zoho's fields as columns, and which part of a record each column holds. Pure.

A field is one column under its API name, except where its value is another record: then there are two, `Owner` with
that record's id and `Owner_name` with the name it goes by (and `What_module`, where it may be of several modules).
`native` tells them apart: "ownerlookup", "name of Owner", "module of What".

Ids have up to 19 digits and are integers here. Amounts that people type are decimals with the field's own digits; what
Zoho computes (formulas, roll-ups) it computes in floating point, and so it stays. A line that people type has the
field's length; that of longer texts, which may have marks in them, and of what Zoho puts together itself (Full_Name) is
not kept to, so no column relies on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from wayfare.core.tables import Column, Meaning

SYSTEM = "zoho"
USERS = "Users"  # the table that owners are looked up in
UTC = pa.timestamp("us", "UTC")
TEXTS = pa.list_(pa.string())

_NAME, _MODULE, _SHARED = "name of ", "module of ", "se_module of "
_SE_MODULE = "se_module"  # what What_Id of tasks, events and calls looks in: any module, told beside the record
_USER_LOOKUPS = frozenset({"ownerlookup", "userlookup"})
_LOOKUPS = _USER_LOOKUPS | {"lookup", "multi_module_lookup"}
_COMPUTED = frozenset({"formula", "rollup_summary"})
_ELSEWHERE = frozenset({"subform", "multiselectlookup", "multiuserlookup"})  # their rows are a module's of their own
_LINES = frozenset({"text", "email", "phone", "website", "picklist", "autonumber"})
_DIGITS_MAX = 38
_DIGITS_OF_INT32 = 9
_PLAIN: Mapping[str, pa.DataType] = {
    "boolean": pa.bool_(),
    "bigint": pa.int64(),
    "long": pa.int64(),
    "date": pa.date32(),
    "datetime": UTC,
    "multiselectpicklist": TEXTS,
}
_RETURNED: Mapping[str, pa.DataType] = {  # by formulas and roll-ups
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "datetime": UTC,
    "double": pa.float64(),
    "currency": pa.float64(),
    "decimal": pa.float64(),
    "number": pa.float64(),
    "percent": pa.float64(),
    "integer": pa.int64(),
    "bigint": pa.int64(),
}
_BY_JSON: Mapping[str, pa.DataType] = {  # of a field whose data type says nothing
    "boolean": pa.bool_(),
    "integer": pa.int64(),
    "long": pa.int64(),
    "double": pa.float64(),
}


@dataclass(frozen=True, slots=True)
class Field:
    """What the metadata of one field says that matters here."""

    api_name: str
    label: str = ""
    data_type: str = "text"
    json_type: str = "string"
    length: int | None = None  # characters, or all digits
    decimals: int | None = None
    module: str = ""  # the module that a lookup looks in
    returns: str = ""  # the type of what is computed
    typed: bool = True  # do people type it, so that its length holds?
    display: bool = False  # does a record go by this field's value?

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Field:
        currency, lookup = told.get("currency") or {}, told.get("lookup") or {}
        computed = told.get("formula") or told.get("rollup_summary") or {}
        decimals = told.get("decimal_place")
        read_only = told.get("read_only") or told.get("field_read_only") or told.get("virtual_field")
        return cls(
            api_name=str(told["api_name"]),
            label=str(told.get("display_label") or told.get("field_label") or ""),
            data_type=str(told.get("data_type") or "text"),
            json_type=str(told.get("json_type") or "string"),
            length=told.get("length"),
            decimals=currency.get("precision") if decimals is None else decimals,
            module=str((lookup.get("module") or {}).get("api_name") or ""),
            returns=str(computed.get("return_type") or "").lower(),
            typed=not read_only,
            display=bool(told.get("display_field")),
        )

    @property
    def looks_up(self) -> str:
        """The table whose rows it points at, or ""."""
        return USERS if self.data_type in _USER_LOOKUPS else self.module if self.data_type == "lookup" else ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a record a column's value is: the field, and which part of it ("", "id", "name", "module", "names")."""

    field: str
    part: str = ""

    def value(self, record: Mapping[str, Any]) -> Any:
        found = record.get(self.field)
        if not self.part or found is None:
            return found
        if self.part == "names":
            return [one.get("name") if isinstance(one, dict) else one for one in found]
        if not isinstance(found, dict):
            return found if self.part == "id" else None
        return (found.get("module") or {}).get("api_name") if self.part == "module" else found.get(self.part)


def columns(fields: Iterable[Field]) -> tuple[Column, ...]:
    """The columns of a module: `id` first, then each field in the order of its metadata."""
    told = [f for f in fields if f.data_type not in _ELSEWHERE and f.api_name != "id"]
    taken = {"id", *(f.api_name.casefold() for f in told)}
    found = [Column("id", pa.int64(), nullable=False, native="bigint", origin=SYSTEM, comment="Record Id")]
    for field in told:
        found += _columns(field, taken)
    return tuple(found)


def place(column: Column) -> Place:
    """The inverse of `columns`."""
    if column.native.startswith(_SHARED):
        return Place(f"${_SE_MODULE}")
    for prefix, part in ((_NAME, "name"), (_MODULE, "module")):
        if column.native.startswith(prefix):
            return Place(column.native.removeprefix(prefix), part)
    kind = column.native.partition("(")[0]
    return Place(column.name, "id" if kind in _LOOKUPS else "names" if kind == "tags" else "")


def exportable(column: Column) -> bool:
    """Does an export tell its value as a page of records does? Structures it tells in another way, or not at all."""
    return column.meaning is not Meaning.JSON and not column.native.startswith(
        (_MODULE, _SHARED, "tags", "multi_module")
    )


def _columns(field: Field, taken: set[str]) -> list[Column]:
    if field.data_type in _LOOKUPS or (field.data_type == "bigint" and field.json_type == "jsonobject"):
        return _looked_up(field, taken)
    kind, meaning, native = _type(field)
    held = meaning is Meaning.PLAIN and field.typed and field.data_type in _LINES
    length = field.length if held and pa.types.is_string(kind) else None
    return [_column(field.api_name, kind, native, field.label, meaning, length or None)]


def _looked_up(field: Field, taken: set[str]) -> list[Column]:
    native = f"lookup({field.module})" if field.module else field.data_type
    if field.data_type not in _LOOKUPS:
        native = "lookup"
    name = _free(f"{field.api_name}_name", taken)
    found = [
        _column(field.api_name, pa.int64(), native, field.label),
        _column(name, pa.string(), f"{_NAME}{field.api_name}", f"{field.label} (name)"),
    ]
    if field.data_type == "multi_module_lookup" or field.module == _SE_MODULE:
        prefix = _SHARED if field.module == _SE_MODULE else _MODULE
        module = _free(f"{field.api_name}_module", taken)
        found.append(_column(module, pa.string(), f"{prefix}{field.api_name}", f"{field.label} (module)"))
    return found


def _free(name: str, taken: set[str]) -> str:
    while name.casefold() in taken:
        name += "_"
    taken.add(name.casefold())
    return name


def _type(field: Field) -> tuple[pa.DataType, Meaning, str]:
    """Arrow type, meaning and native spelling of a field that is one column."""
    if field.api_name == "Tag" and field.json_type == "jsonarray":
        return TEXTS, Meaning.PLAIN, "tags"
    if field.data_type in _COMPUTED:
        return _RETURNED.get(field.returns, pa.string()), Meaning.PLAIN, f"{field.data_type}({field.returns})"
    if field.data_type in _PLAIN:
        return _PLAIN[field.data_type], Meaning.PLAIN, field.data_type
    if field.json_type in ("jsonobject", "jsonarray"):
        return pa.string(), Meaning.JSON, field.data_type
    if field.data_type == "integer":
        short = field.length is not None and field.length <= _DIGITS_OF_INT32
        return pa.int32() if short else pa.int64(), Meaning.PLAIN, "integer"
    if field.data_type in ("currency", "double", "percent", "decimal"):
        return _amount(field)
    return _BY_JSON.get(field.json_type, pa.string()), Meaning.PLAIN, field.data_type


def _amount(field: Field) -> tuple[pa.DataType, Meaning, str]:
    if field.decimals is None or not field.length:
        return pa.string(), Meaning.NUMBER, field.data_type
    digits = min(field.length + field.decimals, _DIGITS_MAX)
    return pa.decimal128(digits, field.decimals), Meaning.PLAIN, f"{field.data_type}({digits},{field.decimals})"


def _column(
    name: str,
    kind: pa.DataType,
    native: str,
    label: str,
    meaning: Meaning = Meaning.PLAIN,
    length: int | None = None,
) -> Column:
    return Column(name, kind, meaning=meaning, native=native, origin=SYSTEM, length=length, comment=label)
