"""The matrix of conversions: `value; what it becomes`. REFUSED marks a value that must not pass."""

from __future__ import annotations

import hashlib
import hmac
import threading
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from wayfare.core.errors import Bug, Invalid, LossRefused
from wayfare.core.landing import Landing, Limits, Verdict
from wayfare.core.redacted import Redacted
from wayfare.core.tables import INFINITE_DAYS, INFINITE_TICKS, Column, Meaning, Table
from wayfare.flow.cast import Cast
from wayfare.flow.mask import parse_mask

REFUSED = "REFUSED"
S, M = pa.string(), Meaning
NAN, INF = float("nan"), float("inf")
UUID, UUID_TEXT = bytes(range(16)), "00010203-0405-0607-0809-0a0b0c0d0e0f"
US, US_UTC, NS = pa.timestamp("us"), pa.timestamp("us", "UTC"), pa.timestamp("ns")
Kind = pa.DataType | tuple[pa.DataType, Meaning]

MATRIX: list[tuple[Kind, Kind, list[tuple[Any, Any]]]] = [
    (pa.int64(), pa.int16(), [(1, 1), (-32768, -32768), (32768, REFUSED)]),
    (pa.int8(), pa.uint64(), [(1, 1), (-1, REFUSED)]),
    (pa.uint64(), pa.int64(), [(2**63 - 1, 2**63 - 1), (2**63, REFUSED)]),
    (pa.uint64(), pa.decimal128(20, 0), [(2**64 - 1, Decimal(2**64 - 1))]),
    (pa.int64(), pa.decimal128(5, 2), [(999, Decimal("999.00")), (1000, REFUSED)]),
    (pa.int64(), pa.float64(), [(2**53, 2.0**53), (2**60, 2.0**60), (2**53 + 1, REFUSED), (2**63 - 1, REFUSED)]),
    (pa.bool_(), pa.int8(), [(True, 1), (False, 0)]),
    (pa.bool_(), pa.decimal128(1, 0), [(True, Decimal(1))]),
    (pa.int32(), pa.bool_(), [(0, False), (1, True), (2, REFUSED), (-1, REFUSED)]),
    (
        pa.decimal128(10, 3),
        pa.decimal128(10, 2),
        [(Decimal("1.500"), Decimal("1.50")), (Decimal("1.555"), REFUSED)],
    ),
    (pa.decimal128(38, 0), pa.decimal256(76, 38), [(Decimal(10**37), Decimal(10**37))]),
    (pa.decimal256(60, 2), pa.decimal128(10, 2), [(Decimal("1.25"), Decimal("1.25")), (Decimal(10**9), REFUSED)]),
    (pa.decimal128(10, 2), pa.int8(), [(Decimal("-3.00"), -3), (Decimal("1.50"), REFUSED), (Decimal(300), REFUSED)]),
    (
        pa.decimal128(20, 9),
        (S, M.NUMBER),
        [(Decimal("1E-9"), "0.000000001"), (Decimal("-1.5"), "-1.500000000"), (Decimal(0), "0.000000000")],
    ),
    (pa.decimal256(50, 0), (S, M.NUMBER), [(Decimal(-(10**40)), "-1" + "0" * 40)]),
    (pa.decimal128(30, 2), pa.float64(), [(Decimal("0.10"), 0.1), (Decimal("1234567890123456789012.12"), REFUSED)]),
    (
        (S, M.NUMBER),
        pa.decimal128(10, 2),
        [
            ("1.5", Decimal("1.50")),
            ("1.50" + "0" * 60, Decimal("1.50")),
            ("1e3", Decimal(1000)),
            ("1.555", REFUSED),
            ("1E-39", REFUSED),
            ("0." + "0" * 40 + "1", REFUSED),
        ],
    ),
    ((S, M.NUMBER), pa.decimal128(38, 2), [("NaN", REFUSED), ("-Infinity", REFUSED), ("1" * 40, REFUSED)]),
    ((S, M.NUMBER), pa.float64(), [("0.10", 0.1), ("-Infinity", -INF), ("0.1234567890123456789", REFUSED)]),
    ((S, M.NUMBER), S, [("1.50", "1.50"), ("NaN", "NaN")]),
    (pa.float32(), pa.float64(), [(0.5, 0.5), (-INF, -INF)]),
    (pa.float64(), pa.float32(), [(0.5, 0.5), (0.1, REFUSED), (1e300, REFUSED), (INF, INF)]),
    (pa.float64(), S, [(0.1, "0.1"), (1e20, "1e+20"), (NAN, "NaN"), (-INF, "-Infinity"), (-0.0, "-0")]),
    (pa.float32(), S, [(0.1, "0.1"), (16777216.0, "16777216")]),
    (pa.float64(), (S, M.NUMBER), [(1e20, "1" + "0" * 20), (1e-7, "0.0000001"), (NAN, "NaN")]),
    (pa.float64(), pa.decimal128(10, 2), [(0.1, Decimal("0.10")), (0.125, REFUSED), (NAN, REFUSED)]),
    (pa.float64(), pa.int32(), [(2.0, 2), (2.5, REFUSED), (NAN, REFUSED), (1e12, REFUSED)]),
    (S, pa.int32(), [("12", 12), ("-3", -3), ("12.0", 12), ("0x12", REFUSED), ("12.5", REFUSED), ("9" * 12, REFUSED)]),
    (S, pa.decimal128(5, 2), [(".50", Decimal("0.50")), ("1." + "0" * 50, Decimal(1)), (".1.", REFUSED)]),
    (pa.decimal128(5, 2), pa.float64(), [(Decimal("1.15"), 1.15), (Decimal("-0.07"), -0.07)]),
    (S, pa.bool_(), [("true", True), ("0", False), ("maybe", REFUSED)]),
    (S, pa.float64(), [("1.5", 1.5), ("x", REFUSED), ("0.1234567890123456789", REFUSED)]),
    (S, (S, M.NUMBER), [("1e5", "1e5"), ("NaN", "NaN"), ("1,5", REFUSED), ("", REFUSED)]),
    (S, pa.date32(), [("1970-01-02", 1), ("infinity", INFINITE_DAYS), ("2023-02-29", REFUSED), ("", REFUSED)]),
    (
        pa.date32(),
        S,
        [(0, "1970-01-01"), (INFINITE_DAYS, "infinity"), (-INFINITE_DAYS - 1, "-infinity"), (10**7, "29349-01-26")],
    ),
    (pa.date32(), S, [(-719_529, "-0001-12-31"), (2_932_897, "10000-01-01"), (-719_528, "0000-01-01")]),
    (pa.date32(), US, [(1, 86_400 * 10**6), (INFINITE_DAYS, INFINITE_TICKS), (10**9, REFUSED)]),
    (US, pa.date32(), [(86_400 * 10**6, 1), (5, REFUSED), (-INFINITE_TICKS - 1, -INFINITE_DAYS - 1)]),
    (NS, US, [(5000, 5), (-5000, -5), (5001, REFUSED), (INFINITE_TICKS, INFINITE_TICKS)]),
    (US, NS, [(5, 5000), (10**17, REFUSED), (-INFINITE_TICKS - 1, -INFINITE_TICKS - 1)]),
    (US_UTC, US, [(5, 5), (INFINITE_TICKS, INFINITE_TICKS)]),
    (US, pa.timestamp("s", "UTC"), [(5 * 10**6, 5), (5, REFUSED)]),
    (US, S, [(-1, "1969-12-31 23:59:59.999999"), (INFINITE_TICKS, "infinity")]),
    (pa.timestamp("s", "UTC"), S, [(0, "1970-01-01 00:00:00Z")]),
    (
        S,
        US,
        [("1970-01-01T00:00:01", 10**6), ("1970-01-01 00:00:00Z", REFUSED), ("1970-01-01 00:00:00.1234567", REFUSED)],
    ),
    (S, US_UTC, [("1970-01-01 05:30:00+05:30", 0), ("1970-01-01 00:00:00", REFUSED), ("infinity", INFINITE_TICKS)]),
    (pa.time64("us"), S, [(1, "00:00:00.000001"), (25 * 3600 * 10**6, "25:00:00.000000"), (-1, "-00:00:00.000001")]),
    (S, pa.time64("us"), [("12:00:00.5", 43200500000), ("-01:00:00", -3600 * 10**6), ("1:2:3", REFUSED)]),
    (pa.time64("ns"), pa.time64("us"), [(1000, 1), (1, REFUSED)]),
    (pa.time64("us"), (S, M.INTERVAL), [(0, "PT0S"), (93_784_500_000, "PT26H3M4.5S"), (-1, "PT-0.000001S")]),
    ((pa.binary(16), M.UUID), S, [(UUID, UUID_TEXT), (b"\xff" * 16, "ffffffff-ffff-ffff-ffff-ffffffffffff")]),
    (S, (pa.binary(16), M.UUID), [(UUID_TEXT, UUID), (UUID_TEXT.upper().replace("-", ""), UUID), ("g" * 32, REFUSED)]),
    ((pa.binary(16), M.UUID), pa.binary(), [(UUID, UUID)]),
    (pa.binary(), (pa.binary(16), M.UUID), [(UUID, UUID), (b"short", REFUSED)]),
    (pa.binary(), S, [(b"\x00\xff", "00ff"), (b"", "")]),
    (S, pa.binary(), [("ä", "ä".encode())]),
    (pa.list_(pa.int32()), (S, M.JSON), [([1, None], "[1,null]"), ([], "[]")]),
    (pa.list_(S), (S, M.JSON), [(['a"', "ä"], '["a\\"","ä"]')]),
    (pa.list_(pa.float64()), S, [([1.5, NAN], '[1.5,"NaN"]')]),
    ((pa.list_(S), M.JSON), (S, M.JSON), [(['{"a":1}'], '[{"a":1}]')]),
    (pa.list_(pa.list_(pa.int8())), (S, M.JSON), [([[1], None], "[[1],null]")]),
    (pa.list_(pa.int64()), pa.list_(pa.int8()), [([1], [1]), ([], []), ([300], REFUSED)]),
    ((pa.binary(16), M.UUID), (S, M.JSON), [(UUID, f'"{UUID_TEXT}"')]),
    (pa.bool_(), (S, M.JSON), [(True, "true")]),
    (S, (S, M.JSON), [('{"a": 1}', '{"a": 1}'), ("{", REFUSED)]),
    ((S, M.JSON), S, [('{"a": 1}', '{"a": 1}')]),
    ((S, M.ENUM), S, [("red", "red")]),
    ((S, M.BITS), S, [("0101", "0101")]),
    ((S, M.BITS), pa.int32(), [("0101", 5), ("1" * 40, REFUSED)]),
    ((S, M.BITS), pa.bool_(), [("1", True)]),
    (S, (S, M.BITS), [("01", "01"), ("012", REFUSED)]),
    (S, (S, M.INTERVAL), [("P1Y2M3DT4H5M6.7S", "P1Y2M3DT4H5M6.7S"), ("1 day", REFUSED)]),
    ((S, M.INTERVAL), S, [("P1D", "P1D")]),
    (S, (S, M.TIME_ZONED), [("23:59:59.123456+05:30", "23:59:59.123456+05:30"), ("23:59:59", REFUSED)]),
    ((S, M.TIME_ZONED), S, [("23:59:59+01", "23:59:59+01")]),
    ((S, M.OTHER), S, [("anything", "anything")]),
]


def column(kind: Kind, name: str = "c", **more: Any) -> Column:
    kind, meaning = kind if isinstance(kind, tuple) else (kind, Meaning.PLAIN)
    return Column(name, kind, meaning=meaning, **more)


def array(values: list[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_temporal(kind):
        return pa.array(values, pa.int32() if kind.bit_width == 32 else pa.int64()).view(kind)
    return pa.array(values, kind)


def plain(result: pa.Array) -> list[Any]:
    if pa.types.is_temporal(result.type):
        return result.view(pa.int32() if result.type.bit_width == 32 else pa.int64()).to_pylist()
    return result.to_pylist()


def cast_of(source: Kind, target: Kind, limits: Limits | None = None, **more: Any) -> Cast:
    landing = Landing(column(target), limits=limits or Limits(), **more.pop("landing", {}))
    return Cast(Table("t", (column(source),), namespace="shop"), [landing], **more)


def run(cast: Cast, values: list[Any]) -> list[Any]:
    kind = cast.source.columns[0].type
    return plain(cast(pa.RecordBatch.from_arrays([array(values, kind)], schema=cast.source.arrow())).column(0))


@pytest.mark.parametrize(("source", "target", "pairs"), MATRIX, ids=lambda v: str(v) if not isinstance(v, list) else "")
def test_matrix(source: Kind, target: Kind, pairs: list[tuple[Any, Any]]) -> None:
    kept = [(a, b) for a, b in pairs if b != REFUSED]
    strict = cast_of(source, target)
    assert run(strict, [None, *(a for a, _ in kept), None]) == [None, *(b for _, b in kept), None]
    assert run(strict, []) == []
    for value, expected in pairs:
        if expected == REFUSED:
            with pytest.raises(LossRefused):
                run(strict, [None, value])
    lenient = cast_of(source, target, allow_loss=frozenset("c"))
    assert run(lenient, [a for a, _ in pairs]) == [None if b == REFUSED else b for _, b in pairs]
    refused = len(pairs) - len(kept)
    assert lenient.lost == ({"c": refused} if refused else {})


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (pa.date32(), (pa.binary(16), M.UUID)),
        (pa.float64(), pa.date32()),
        (pa.int32(), pa.list_(pa.int32())),
        (US, pa.time64("us")),
        (pa.time64("us"), (S, M.TIME_ZONED)),
    ],
)
def test_nothing_leads_there(source: Kind, target: Kind) -> None:
    with pytest.raises(Invalid, match=r"^c: .*cannot become"):
        cast_of(source, target)


def test_labels_are_checked_unless_they_are_known() -> None:
    for meaning, good, bad in ((M.ENUM, ["red", "blue"], "green"), (M.SET, ["red,blue", ""], "red,green")):
        landing = Landing(column((S, meaning), labels=("red", "blue")))
        cast = Cast(Table("t", (column(S),)), [landing])
        assert run(cast, [*good, None]) == [*good, None]
        with pytest.raises(LossRefused, match=bad):
            run(cast, [bad])
        known = Cast(Table("t", (column((S, meaning), labels=("red",)),)), [landing])
        assert known.trivial or not known.columns[0].at_risk


LIMITED: list[tuple[Kind, Limits, list[tuple[Any, bool]]]] = [
    (pa.int32(), Limits(low=-5, high=5), [(-5, True), (5, True), (6, False), (-6, False)]),
    (pa.uint64(), Limits(high=2**63 - 1), [(2**63 - 1, True), (2**63, False), (2**64 - 1, False)]),
    (pa.date32(), Limits(low=0, infinity=False), [(0, True), (-1, False), (INFINITE_DAYS, False)]),
    (pa.date32(), Limits(low=0, high=9), [(INFINITE_DAYS, True), (-INFINITE_DAYS - 1, True), (10, False)]),
    (US, Limits(high=10**6, infinity=False), [(10**6, True), (10**6 + 1, False), (-INFINITE_TICKS - 1, False)]),
    (pa.time64("us"), Limits(low=0, high=86_399_999_999), [(0, True), (-1, False), (86_400_000_000, False)]),
    (pa.float64(), Limits(nan=False), [(1.5, True), (INF, True), (NAN, False)]),
    (pa.float32(), Limits(infinity=False), [(1.5, True), (INF, False), (-INF, False)]),
    ((S, M.NUMBER), Limits(nan=False, infinity=False), [("1", True), ("NaN", False), ("-Infinity", False)]),
    (
        (S, M.NUMBER),
        Limits(digits_max=5, fraction_digits_max=2),
        [("123.45", True), ("000123.4500", True), ("1234", False), ("0.001", False), ("1e3", False), ("12e1", True)],
    ),
    (S, Limits(nul=False), [("ok", True), ("", True), ("a\0b", False)]),
    (S, Limits(characters_max=3), [("äöü", True), ("abcd", False)]),
    (S, Limits(bytes_max=3), [("abc", True), ("äö", False)]),
    (pa.binary(), Limits(bytes_max=2, nul=False), [(b"\0\0", True), (b"abc", False)]),
    (pa.list_(S), Limits(nul=False), [(["a"], True), ([], True), (["a", "b\0"], False)]),
    ((S, M.JSON), Limits(bytes_max=4), [("[1]", True), ("[1,2]", False)]),
]


@pytest.mark.parametrize(("kind", "limits", "pairs"), LIMITED)
def test_limits(kind: Kind, limits: Limits, pairs: list[tuple[Any, bool]]) -> None:
    strict = cast_of(kind, kind, limits)
    fine = [value for value, holds in pairs if holds]
    assert run(strict, [None, *fine]) == [None, *fine]
    for value, holds in pairs:
        if not holds:
            with pytest.raises(LossRefused):
                run(strict, [*fine, value])
    lenient = cast_of(kind, kind, limits, allow_loss=frozenset("c"))
    assert run(lenient, [None, *(v for v, _ in pairs)]) == [None, *(v if holds else None for v, holds in pairs)]
    assert lenient.lost == {"c": sum(not holds for _, holds in pairs)}


def test_limits_hold_on_slices() -> None:
    cast = cast_of(S, S, Limits(nul=False, characters_max=3))
    whole = pa.RecordBatch.from_arrays([pa.array(["a\0", "abcd", "ok", None])], schema=cast.source.arrow())
    assert cast(whole.slice(2)).column(0).to_pylist() == ["ok", None]


def test_a_refusal_names_column_count_example_and_remedy() -> None:
    cast = cast_of(pa.int64(), pa.int16())
    with pytest.raises(LossRefused) as caught:
        run(cast, [1, 70_000, 80_000, None])
    text = str(caught.value)
    assert caught.value.where == "shop.t.c"
    for part in ("shop.t.c", "2 values", "70000", "int16", "--allow-loss shop.t.c"):
        assert part in text


def test_identical_columns_cost_nothing() -> None:
    table = Table("t", (column(pa.int64(), "a"), column(S, "b")))
    cast = Cast(table, [Landing(c) for c in table.columns])
    batch = pa.RecordBatch.from_arrays([pa.array([1]), pa.array(["x"])], schema=table.arrow())
    assert cast.trivial
    assert cast(batch) is batch


def test_columns_may_be_renamed_and_computed_ones_are_passed_over() -> None:
    columns = (column(pa.int64(), "a"), column(pa.int64(), "twice", generated="a * 2"), column(S, "b"))
    landed = [Landing(Column(c.name.upper(), c.type)) for c in columns]
    batch = pa.RecordBatch.from_arrays([pa.array([1]), pa.array(["x"])], ["a", "b"])
    for given in (landed, [landed[0], landed[2]]):
        result = Cast(Table("t", columns), given)(batch)
        assert result.to_pylist() == [{"A": 1, "B": "x"}]
    with pytest.raises(Bug):
        Cast(Table("t", columns), landed[:1])


ROUNDED: list[tuple[Kind, Kind, list[tuple[Any, Any]], int]] = [
    (pa.decimal128(10, 3), pa.decimal128(10, 2), [(Decimal("1.555"), Decimal("1.56")), (Decimal(1), Decimal(1))], 1),
    (pa.decimal128(30, 2), pa.float64(), [(Decimal("1234567890123456789012.12"), 1.2345678901234568e21)], 1),
    (NS, US, [(5001, 5), (-1, -1), (5000, 5)], 2),
    (pa.float64(), pa.float32(), [(0.5, 0.5), (NAN, None), (0.1, pa.scalar(0.1, pa.float32()).as_py())], 1),
    ((S, M.NUMBER), pa.decimal128(10, 2), [("1.555", Decimal("1.56")), ("NaN", None), ("7", Decimal(7))], 2),
    ((S, M.NUMBER), pa.float64(), [("0.1234567890123456789", 0.12345678901234568), ("0.5", 0.5)], 1),
]


@pytest.mark.parametrize(("source", "target", "pairs", "lost"), ROUNDED)
def test_a_lossy_landing_gives_the_nearest_value(source: Kind, target: Kind, pairs: Any, lost: int) -> None:
    lossy = {"landing": {"verdict": Verdict.LOSSY}}
    with pytest.raises(LossRefused):
        run(cast_of(source, target, **lossy), [a for a, _ in pairs])
    cast = cast_of(source, target, allow_loss=frozenset("c"), **lossy)
    result = run(cast, [a for a, _ in pairs])
    assert [None if v != v else v for v in result] == [b for _, b in pairs]
    assert cast.lost == {"c": lost}


def test_losses_are_counted_over_threads() -> None:
    cast = cast_of(pa.int64(), pa.int8(), allow_loss=frozenset("c"))
    threads = [threading.Thread(target=lambda: [run(cast, [1, 300, 400]) for _ in range(20)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cast.lost == {"c": 4 * 20 * 2}


def masked(kind: Kind, mask: str, values: list[Any]) -> list[Any]:
    name, parsed = parse_mask(f"c={mask}", Redacted("pepper"))
    source = column(kind)
    landing = Landing(parsed.column(source))
    return run(Cast(Table("t", (source,)), [landing], masks={name: parsed}), values)


def test_masks() -> None:
    digest = hmac.new(b"pepper", b"ann@example.org", hashlib.sha256).hexdigest()
    assert masked(S, "sha256", ["ann@example.org", None]) == [digest, None]
    number = hmac.new(b"pepper", b"1.50", hashlib.sha256).hexdigest()
    assert masked(pa.decimal128(5, 2), "SHA256", [Decimal("1.50")]) == [number]
    assert masked(pa.int64(), "null", [1, 2]) == [None, None]
    assert masked(pa.int64(), "redact", [1, None]) == ["***", None]


def test_a_hashing_mask_without_a_key_masks_nothing() -> None:
    """A plain hash of an e-mail can be guessed. The column's type is known without the key."""
    _, mask = parse_mask("c=sha256")
    assert mask.column(column(S)).length == 64
    with pytest.raises(Bug, match="without a key"):
        mask.apply(pa.array(["ann@example.org"]), column(S))
    assert "pepper" not in repr(parse_mask("c=sha256", Redacted("pepper")))


@pytest.mark.parametrize("text", ["email", "email=rot13", "=sha256", "email="])
def test_a_mask_that_is_none(text: str) -> None:
    with pytest.raises(Invalid, match="sha256, null, redact"):
        parse_mask(text)


def test_a_masked_value_never_shows_in_a_refusal() -> None:
    _, mask = parse_mask("c=sha256", Redacted("pepper"))
    source = column(S)
    landing = Landing(mask.column(source), limits=Limits(characters_max=5))
    with pytest.raises(LossRefused) as caught:
        run(Cast(Table("t", (source,)), [landing], masks={"c": mask}), ["my secret"])
    assert "my secret" not in str(caught.value)
