"""What becomes of columns and of what surrounds the rows, and what is said about it."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

from wayfare.copy.existing import fit_existing
from wayfare.copy.plan import table_mode
from wayfare.copy.policy import Passage, land_columns, land_structure
from wayfare.copy.request import CopyRequest
from wayfare.core.address import Address
from wayfare.core.errors import Invalid
from wayfare.core.landing import Landing, Verdict
from wayfare.core.ports import CARRIED, Mode
from wayfare.core.tables import Check, Column, ForeignKey, Identity, Index, Table

SOURCE = Table(
    "orders",
    (
        Column("id", pa.int64(), nullable=False, native="bigint", identity=Identity(7)),
        Column("total", pa.decimal128(10, 2), native="numeric(10,2)", default="0"),
        Column("at", pa.timestamp("us"), native="timestamp", default="my_clock()"),
    ),
    key=("id",),
    namespace="public",
    indexes=(
        Index("by_total", ("total",)),
        Index("part", ("at",), where="total > 0"),
        Index("gin", ("at",), method="gin"),
    ),
    foreign_keys=(ForeignKey("fk", ("id",), "customers", ("id",)),),
    checks=(Check("positive", "(total >= (0)::numeric)"), Check("odd", "is_odd(id)")),
)
PLACES = {("public", "orders"): ("main", "orders")}
PASSAGE = Passage("one", "other", "postgres", "duckdb", CARRIED - {"partial_index"})


def land(column: Column) -> Landing:
    verdict = Verdict.LOSSY if column.name == "at" else Verdict.EXACT
    return Landing(
        replace(column, native="T", origin="other"), verdict, "fractions are cut." if verdict == "lossy" else ""
    )


def codes(findings: list) -> list[tuple[str, str]]:
    return [(f.code, f.severity.value) for f in findings]


def test_a_loss_is_refused_until_it_is_allowed() -> None:
    _, refused = land_columns(SOURCE, PASSAGE, land)
    assert codes(refused) == [("type_lossy", "error")]
    assert "--allow-loss public.orders.at" in refused[0].advice
    landings, allowed = land_columns(SOURCE, replace(PASSAGE, allow_loss=frozenset({"orders.at"})), land)
    assert codes(allowed) == [("type_lossy", "warning")]
    assert landings[2].column.nullable


def test_a_mapped_column_travels_as_the_type_asked_for() -> None:
    landings, _ = land_columns(SOURCE, replace(PASSAGE, type_map={"total": "decimal(20, 4)"}), land)
    assert landings[1].column.type == pa.decimal128(20, 4)
    with pytest.raises(Invalid, match="--map"):
        land_columns(SOURCE, replace(PASSAGE, type_map={"total": "money"}), land)


def test_what_cannot_be_carried_is_said_with_its_text() -> None:
    columns = tuple(land(c).column for c in SOURCE.columns)
    landed, findings = land_structure(SOURCE, columns, PLACES, PASSAGE)
    assert (landed.namespace, landed.name, landed.origin) == ("main", "orders", "other")
    assert [i.name for i in landed.indexes] == ["by_total"]
    assert [c.expression for c in landed.checks] == ['("total" >= (0))']
    assert landed.foreign_keys == ()
    assert [c.default for c in landed.columns] == ["", "0", ""]
    assert sorted(c for c, _ in codes(findings)) == [
        *("check_not_carried", "default_not_carried", "foreign_key_not_carried"),
        *("index_not_carried", "index_not_carried"),
    ]
    assert any("is_odd(id)" in f.message for f in findings)


def test_between_like_systems_everything_stays_as_it_is_spelt() -> None:
    passage = replace(PASSAGE, target_system="one", target_dialect="postgres", carries=CARRIED)
    landed, findings = land_structure(
        SOURCE, SOURCE.columns, {**PLACES, ("public", "customers"): ("main", "c")}, passage
    )
    assert landed.columns == SOURCE.columns
    assert landed.indexes == SOURCE.indexes
    assert landed.checks == SOURCE.checks
    assert landed.foreign_keys[0].parent == "c"
    assert findings == []


def request(**more: object) -> CopyRequest:
    here = Address("memory", host="a"), Address("memory", host="b")
    return CopyRequest(*here, **more)  # type: ignore[arg-type]


def test_an_incremental_copy_chooses_for_each_table() -> None:
    wanted = request(incremental=True, cursor="at,created")
    assert table_mode(wanted, SOURCE, SOURCE)[:2] == (Mode.MERGE, "at")
    keyless = replace(SOURCE, key=())
    mode, cursor, findings = table_mode(wanted, keyless, keyless)
    assert (mode, cursor, findings[0].code) == (Mode.REPLACE, "", "incremental_replaced")
    mode, cursor, findings = table_mode(request(incremental=True, cursor="no"), SOURCE, SOURCE)
    assert (mode, cursor, findings[0].code) == (Mode.MERGE, "", "no_cursor")


@pytest.mark.parametrize(
    "options",
    [
        {"schema_only": True, "data_only": True},
        {"incremental": True},
        {"cursor": "at"},
        {"deletes": True},
        {"workers": -1},
        {"incremental": True, "cursor": "at", "schema_only": True},
    ],
)
def test_contradictions_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(Invalid):
        request(**options)


def test_the_fingerprint_is_of_what_is_wanted_not_of_the_pace() -> None:
    assert request(workers=2).fingerprint() == request(workers=8).fingerprint()
    assert request(tables=("a",)).fingerprint() != request(tables=("b",)).fingerprint()


EXISTING = Table(
    "orders", (Column("id", pa.int64(), nullable=False, native="T"), Column("note", pa.string())), ("id",), "main"
)


def test_an_existing_table_gets_the_sources_new_columns() -> None:
    landings, _ = land_columns(SOURCE, PASSAGE, land)
    fitted = fit_existing(SOURCE, SOURCE, landings, EXISTING, Mode.MERGE, adds=True)
    assert fitted.added == ("total", "at")
    assert [f.code for f in fitted.findings] == ["column_added", "column_added", "column_removed"]
    refused = fit_existing(SOURCE, SOURCE, landings, EXISTING, Mode.MERGE, adds=False)
    assert {f.severity.value for f in refused.findings if f.code == "column_added"} == {"error"}


def test_a_table_that_has_nothing_in_common_is_refused() -> None:
    landings, _ = land_columns(SOURCE, PASSAGE, land)
    other = Table("orders", (Column("x", pa.int64(), nullable=False),), (), "main")
    codes_ = [f.code for f in fit_existing(SOURCE, SOURCE, landings, other, Mode.APPEND, adds=True).findings]
    assert "target_differs" in codes_
    assert "column_unfilled" in codes_
