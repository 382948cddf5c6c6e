"""Free-standing sequences: read wherever they are, told wherever they cannot go."""

from __future__ import annotations

from pathlib import Path

import duckdb

from wayfare.copy.sequences import carry, wanted
from wayfare.core.address import Address
from wayfare.core.tables import Sequence
from wayfare.systems.registry import open_database


def test_a_source_need_not_be_able_to_make_sequences(tmp_path: Path) -> None:
    path = tmp_path / "source.duckdb"
    with duckdb.connect(str(path)) as made:
        made.execute("CREATE SEQUENCE free START 7")
    with open_database(Address("duckdb", database=str(path))) as source:
        assert [(s.name, s.next) for s in wanted(source)] == [("free", 7)]


def test_a_target_without_sequences_is_told() -> None:
    with open_database(Address("memory", host="no sequences")) as target:
        assert [f.code for f in carry((Sequence("free", next=7),), target)] == ["sequence_not_carried"]
