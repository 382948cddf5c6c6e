"""Every value as text: the canonical form a value takes in a text column, in JSON, and in messages."""

from __future__ import annotations

import json

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from wayfare.core.tables import Meaning
from wayfare.flow import moments, numbers, octets
from wayfare.flow.exact import Convert, Inexact, each, join

_JSON_WORDS = r"^(NaN|-?Infinity)$"


def to_text(kind: pa.DataType, meaning: Meaning) -> Convert:
    """The canonical text: digits, true/false, ISO 8601, hex digits of bytes, 8-4-4-4-12 of a UUID, JSON of a list."""
    types = pa.types
    if types.is_list(kind):
        return to_json(kind, meaning)
    if types.is_string(kind):
        return lambda array: array
    if types.is_boolean(kind):
        return lambda array: array.cast(pa.string())
    if types.is_floating(kind):
        return numbers.float_text
    if numbers.is_number(kind):
        return numbers.to_number(kind)
    if types.is_temporal(kind):
        return moments.to_text(kind)
    if meaning is Meaning.UUID:
        return octets.uuid_to_text
    return octets.hex_text


def to_json(kind: pa.DataType, meaning: Meaning) -> Convert:
    """As a JSON text: numbers and booleans bare (NaN and infinities quoted), lists in brackets, the rest as strings."""
    if pa.types.is_list(kind):
        inner = to_json(kind.value_type, meaning)
        return lambda array: _list_json(array, inner)
    text = to_text(kind, meaning)
    if meaning is Meaning.JSON or pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        return text
    if meaning is Meaning.NUMBER or pa.types.is_floating(kind):
        return lambda array: _quoted_words(text(array))
    return lambda array: _quoted(text(array))


def checked_json(array: pa.Array) -> pa.Array:
    """The same texts, each of them valid JSON. Raises Inexact."""
    for value in array.to_pylist():
        if value is not None and not _is_json(value):
            raise Inexact("not JSON")
    return array


def _is_json(text: str) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:  # orjson refuses lone surrogates and great depth: ask again
        try:
            json.loads(text, parse_constant=_refuse)
        except (ValueError, RecursionError):
            return False
    return True


def _refuse(word: str) -> object:
    raise Inexact(word)


def _list_json(array: pa.Array, inner: Convert) -> pa.Array:
    elements = inner(array.flatten()).fill_null("null")
    lengths = pc.list_value_length(array).fill_null(0).to_numpy(zero_copy_only=False)
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int32)
    lists = pa.ListArray.from_arrays(pa.array(offsets), elements)
    text = join("[", pc.binary_join(lists, ","), "]")
    return pc.if_else(array.is_valid(), text, pa.scalar(None, pa.string()))


def _quoted(text: pa.Array) -> pa.Array:
    return each(text, pa.string(), lambda v: None if v is None else orjson.dumps(v).decode())


def _quoted_words(text: pa.Array) -> pa.Array:
    words = pc.match_substring_regex(text, _JSON_WORDS)
    return pc.if_else(words, _quoted(text), text) if pc.any(words).as_py() else text
