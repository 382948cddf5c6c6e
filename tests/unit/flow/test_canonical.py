"""`a | b` are two spellings of one value; `a != b` are two values."""

import pyarrow as pa
import pytest

from wayfare.core.tables import Column, Meaning
from wayfare.flow.canonical import Canonical, canonical_interval, canonical_json, canonical_number

SAME_JSON = """
{"b": 1, "a": [1, 2]} | {"a":[1,2],"b":1}
1.0 | 1
10e-1 | 1
1.50 | 1.5
-0 | 0
-0.0 | 0
1e2 | 100
12345678901234567890123 | 12345678901234567890123.0
{"ä": "\\u00e4"} | {"ä": "ä"}
"a\\/b" | "a/b"
{"a": {"d": 1.10, "c": null}} | {"a": {"c": null, "d": 1.1}}
"""
OTHER_JSON = """
12345678901234567890123 | 12345678901234567890124
0.1 | 0.10000000000000001
0.12345678901234567891 | 0.12345678901234567892
1 | "1"
[1, 2] | [2, 1]
{"a": null} | {}
"a" | "A"
true | 1
"""
SAME_NUMBER = """
1.50 | 1.5
1E+2 | 100
-0.00 | 0
+7 | 7
1e-3 | 0.001
.5 | 0.5
007.70 | 7.7
1e60 | 10e59
"""
OTHER_NUMBER = """
1.5 | 1.51
1e40 | 1e41
100000000000000000000000000000000000000000000001 | 100000000000000000000000000000000000000000000002
NaN | 0
Infinity | -Infinity
0.1 | 0.10000000000000000000000000000000000000000000001
"""
SAME_INTERVAL = """
P1Y2M | P14M
PT90M | PT1H30M
PT1.5S | PT1.500S
P2W | P14D
-P1D | P-1D
P0D | PT0S
"""
OTHER_INTERVAL = """
P1M | P30D
P1D | PT24H
PT1S | PT1.000001S
"""


def pairs(text: str) -> list[tuple[str, str]]:
    return [tuple(line.split(" | ")) for line in text.strip().splitlines()]  # type: ignore[misc]


SPELLINGS = (canonical_json, canonical_number, canonical_interval)
SAME_TEXTS = (SAME_JSON, SAME_NUMBER, SAME_INTERVAL)
OTHER_TEXTS = (OTHER_JSON, OTHER_NUMBER, OTHER_INTERVAL)
SAME = [(s, *pair) for s, text in zip(SPELLINGS, SAME_TEXTS, strict=True) for pair in pairs(text)]
OTHER = [(s, *pair) for s, text in zip(SPELLINGS, OTHER_TEXTS, strict=True) for pair in pairs(text)]


@pytest.mark.parametrize(("spell", "first", "second"), SAME)
def test_equal_values_are_spelt_alike(spell, first: str, second: str) -> None:
    assert spell(first) == spell(second)


@pytest.mark.parametrize(("spell", "first", "second"), OTHER)
def test_other_values_are_spelt_otherwise(spell, first: str, second: str) -> None:
    assert spell(first) != spell(second)


@pytest.mark.parametrize("text", ["{", "", "not json", '"\\ud800"', "NaN is none"])
def test_what_cannot_be_read_is_left_alone(text: str) -> None:
    assert canonical_json(text) == text


DOCUMENTS = [pair for line in (*pairs(SAME_JSON), *pairs(OTHER_JSON)) for pair in line]
DOCUMENTS += [
    "0.5",
    "0.001",
    "0.0001",
    "123456789.25",
    "[1.05, 100, 0]",
    "100.001",
    "1.000001",
    "0",
    "-1.5",
    "99999999999999",
]


@pytest.mark.parametrize("text", DOCUMENTS)
def test_documents_that_need_no_care_come_out_the_same_without_it(text: str) -> None:
    column = Canonical([Column("j", pa.string(), meaning=Meaning.JSON)])
    batch = pa.RecordBatch.from_arrays([pa.array([text])], ["j"])
    assert column(batch).column(0).to_pylist() == [canonical_json(text)]


@pytest.mark.parametrize(
    "text", [n for line in (*pairs(SAME_NUMBER), *pairs(OTHER_NUMBER)) for n in line] + ["1.00", "0.0"]
)
def test_number_columns_are_spelt_as_single_numbers(text: str) -> None:
    column = Canonical([Column("n", pa.string(), meaning=Meaning.NUMBER)])
    for others in ([], ["1.50", None, "x"]):
        batch = pa.RecordBatch.from_arrays([pa.array([text, *others])], ["n"])
        assert column(batch).column(0).to_pylist()[0] == canonical_number(text)


def test_huge_exponents_are_not_written_out() -> None:
    assert len(canonical_json("1e999999999")) < 50
    assert len(canonical_number("1e-999999999")) < 50


def test_batches_change_only_where_spelling_matters() -> None:
    columns = [
        Column("t", pa.string()),
        Column("j", pa.string(), meaning=Meaning.JSON),
        Column("n", pa.list_(pa.string()), meaning=Meaning.NUMBER),
    ]
    arrays = [
        pa.array(["1.0", None, "x"]),
        pa.array(['{"b":1.0,"a":0}', None, "[ ]"]),
        pa.array([["1.50", None], None, []], pa.list_(pa.string())),
    ]
    batch = pa.RecordBatch.from_arrays(arrays, ["t", "j", "n"])
    assert Canonical(columns[:1])(batch) is batch
    assert Canonical(columns)(batch.slice(0)).to_pydict() == {
        "t": ["1.0", None, "x"],
        "j": ['{"a":0,"b":1}', None, "[]"],
        "n": [["1.5", None], None, []],
    }
