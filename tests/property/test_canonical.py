"""The quick ways of spelling whole columns agree with the careful way of spelling one value."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from wayfare.core.tables import Column, Meaning
from wayfare.flow.canonical import Canonical, canonical_json, canonical_number


class Raw(str):
    """A number as it is written."""


NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,24})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)
SCALARS = st.none() | st.booleans() | st.text(max_size=8) | NUMBERS.map(Raw) | st.integers()
DOCUMENTS = st.recursive(
    SCALARS, lambda d: st.lists(d, max_size=4) | st.dictionaries(st.text(max_size=4), d, max_size=4)
)


def written(document: Any, spaces: str) -> str:
    if isinstance(document, Raw):
        return str(document)
    if isinstance(document, list):
        return "[" + ("," + spaces).join(written(d, spaces) for d in document) + "]"
    if isinstance(document, dict):
        pairs = (json.dumps(k) + ":" + spaces + written(v, spaces) for k, v in document.items())
        return "{" + spaces + ("," + spaces).join(pairs) + "}"
    return json.dumps(document)


def column(texts: list[str], meaning: Meaning) -> list[str]:
    batch = pa.RecordBatch.from_arrays([pa.array(texts, pa.string())], ["c"])
    return Canonical([Column("c", pa.string(), meaning=meaning)])(batch).column(0).to_pylist()


@settings(max_examples=300)
@given(st.lists(DOCUMENTS, min_size=1, max_size=4), st.sampled_from(["", " ", "\n  "]))
def test_json_columns(documents: list[Any], spaces: str) -> None:
    texts = [written(d, spaces) for d in documents]
    found = column(texts, Meaning.JSON)
    assert found == [canonical_json(t) for t in texts]
    assert found == column(found, Meaning.JSON)


@settings(max_examples=300)
@given(st.lists(NUMBERS, min_size=1, max_size=6))
def test_number_columns(texts: list[str]) -> None:
    found = column(texts, Meaning.NUMBER)
    assert found == [canonical_number(t) for t in texts]
    assert found == column(found, Meaning.NUMBER)
