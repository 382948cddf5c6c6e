"""Frozen dataclasses ↔ plain JSON, by their annotations: plans, tables and landings must survive a store and a crash.

Understands dataclasses, enums, tuples, mappings, optionals, unions of int/str/None, and Arrow types (as text).
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from enum import Enum
from functools import lru_cache
from typing import Any, TypeVar

import pyarrow as pa

T = TypeVar("T")


def encode(value: Any) -> Any:
    """To JSON. Fields that hold their default are left out, so that wide tables stay small."""
    if isinstance(value, pa.DataType):
        return type_text(value)
    if isinstance(value, Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            f.name: encode(getattr(value, f.name))
            for f in dataclasses.fields(value)
            if f.default is dataclasses.MISSING or getattr(value, f.name) != f.default
        }
    if isinstance(value, (tuple, list)):
        return [encode(v) for v in value]
    if isinstance(value, Mapping):
        return {k: encode(v) for k, v in value.items()}
    return value


def decode(kind: type[T], data: Any) -> T:
    """From JSON; `kind` is a dataclass. Raises KeyError or TypeError for what `encode` never wrote."""
    return typing.cast(T, _decode(kind, data))


@lru_cache(maxsize=128)
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _decode(kind: Any, data: Any) -> Any:
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        return None if data is None else _decode(_only_complex(typing.get_args(kind)), data)
    if origin is tuple:
        inner = typing.get_args(kind)
        if len(inner) == 2 and inner[1] is Ellipsis:
            return tuple(_decode(inner[0], v) for v in data)
        return tuple(_decode(t, v) for t, v in zip(inner, data, strict=True))
    if origin is not None and issubclass(origin, Mapping):
        value_kind = typing.get_args(kind)[1]
        return {k: _decode(value_kind, v) for k, v in data.items()}
    if kind is pa.DataType:
        return type_from_text(data)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(data)
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        hints = _hints(kind)
        return kind(**{k: _decode(hints[k], v) for k, v in data.items()})
    return data


def _only_complex(members: tuple[Any, ...]) -> Any:
    """Of `X | None` the X; of `int | str | None` anything, as JSON keeps those apart by itself."""
    return next((m for m in members if dataclasses.is_dataclass(m)), object)


_SIMPLE: dict[str, pa.DataType] = {
    str(t): t
    for t in (
        pa.bool_(),
        *(pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
        *(pa.float32(), pa.float64(), pa.string(), pa.binary(), pa.date32()),
        *(pa.time64("us"), pa.time64("ns")),
        *(pa.timestamp(u) for u in ("s", "ms", "us", "ns")),
        *(pa.timestamp(u, "UTC") for u in ("s", "ms", "us", "ns")),
    )
}


def type_text(kind: pa.DataType) -> str:
    """`decimal128(10, 2)`, `fixed_size_binary[16]`, `list<int32>`: one spelling for each type that travels."""
    if pa.types.is_list(kind):
        return f"list<{type_text(kind.value_type)}>"
    return str(kind)


def type_from_text(text: str) -> pa.DataType:
    """The inverse of `type_text`. Raises ValueError for a type that does not travel (see `core.tables`)."""
    if text in _SIMPLE:
        return _SIMPLE[text]
    if text.startswith("list<"):
        return pa.list_(type_from_text(text[5:-1]))
    if text.startswith("fixed_size_binary["):
        return pa.binary(int(text[18:-1]))
    if text.startswith("decimal"):
        name, _, rest = text.partition("(")
        precision, scale = (int(n) for n in rest[:-1].split(","))
        return pa.decimal128(precision, scale) if name == "decimal128" else pa.decimal256(precision, scale)
    raise ValueError(f"no such type travels: {text}")
