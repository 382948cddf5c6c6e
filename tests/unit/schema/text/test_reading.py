"""What statements do, told action by action: pairs in `actions/<dialect>.txt`; and what is refused, with its place."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from wayfare.core.errors import Invalid
from wayfare.core.statements import Action, Kind, Statement
from wayfare.schema.text.bad import BadScript
from wayfare.schema.text.reading import SCRIPT_BYTES_MAX, read

FOLDER = Path(__file__).parent / "actions"
LACKING = {  # kinds that a dialect has no statement for
    "mysql": "attach_partition detach_partition validate_constraint rename_constraint add_constraint reindex"
    " create_materialized_view drop_materialized_view refresh create_type alter_enum drop_type create_schema"
    " drop_schema create_extension drop_extension create_policy drop_policy comment vacuum",
    "sqlite": "truncate attach_partition detach_partition alter_type set_default drop_default"
    " add_constraint validate_constraint rename_constraint rename_index create_materialized_view"
    " drop_materialized_view refresh create_function drop_function create_type alter_enum drop_type create_sequence"
    " alter_sequence drop_sequence create_schema drop_schema create_extension drop_extension create_policy drop_policy"
    " comment grant revoke copy block alter_table add_primary_key add_unique",
    "tsql": "attach_partition detach_partition drop_default set_not_null drop_not_null add_constraint"
    " rename_constraint create_materialized_view drop_materialized_view refresh alter_enum"
    " create_extension drop_extension create_policy drop_policy comment vacuum",
}


def pairs(dialect: str) -> Iterator[tuple[str, str]]:
    """A statement, and below it, further in, what is told of it."""
    for case in (FOLDER / f"{dialect}.txt").read_text(encoding="utf-8").split("\n\n"):
        lines = case.strip("\n").splitlines()
        script = [line for line in lines if not line.startswith("    ")]
        yield "\n".join(script), "\n".join(line.strip() for line in lines if line.startswith("    "))


DIALECTS = sorted(p.stem for p in FOLDER.glob("*.txt"))
CASES = [pytest.param(d, *pair, id=f"{d}-{pair[0][:60]}") for d in DIALECTS for pair in pairs(d)]


def told(action: Action) -> str:
    shown = [f"{k}={_short(v)}" for k, v in action.details.items() if v not in (False, "", [], ())]
    return " ".join(word for word in (action.kind, action.table or "-", action.name or "-", *shown))


def _short(value: object) -> str:
    if isinstance(value, list):
        return "[" + "; ".join(told(v) if isinstance(v, Action) else str(v) for v in value) + "]"
    return str(value)


def telling(statement: Statement) -> Iterator[str]:
    if statement.alone:
        yield "alone"
    yield from map(told, statement.actions)


@pytest.mark.parametrize(("dialect", "script", "expected"), CASES)
def test_actions(dialect, script, expected):
    (statement,) = read(script, dialect)
    assert "\n".join(telling(statement)) == expected


@pytest.mark.parametrize("dialect", DIALECTS)
def test_each_kind_is_read(dialect):
    seen = {a.kind for script, _ in pairs(dialect) for s in read(script, dialect) for a in s.actions}
    assert set(Kind) - seen == {Kind(k) for k in LACKING.get(dialect, "").split()}


@pytest.mark.parametrize(
    ("dialect", "script", "message"),
    [
        ("postgres", "select 1;\n\n  alter tabel x", 'line 3, column 9: syntax error at or near "tabel"'),
        ("postgres", "select 'äö€', frm x y z", 'line 1, column 21: syntax error at or near "y"'),
        ("postgres", "create table t (a int,)", 'line 1, column 23: syntax error at or near ")"'),
        ("postgres", "select (1;\nselect 2", 'line 1, column 10: syntax error at or near ";"'),
        ("postgres", "-- one\nselect 1 as", "line 2, column 12: syntax error at end of input"),
        ("mysql", "select 1;\nalter tabel x", 'line 2, column 7: syntax error at or near "tabel"'),
        ("mysql", "selec 1", 'line 1, column 1: syntax error at or near "selec"'),
        (
            "mysql",
            "create procedure p()\nbegin select 1; end;",
            "line 1, column 1: the body of this statement was divided",
        ),
        ("sqlite", "create tabel t (a)", 'line 1, column 8: syntax error at or near "tabel"'),
        ("sqlite", ".mode csv", 'line 1, column 1: syntax error at or near "."'),
        ("tsql", "select 1\nGO\n drop tabel x", 'line 3, column 7: syntax error at or near "tabel"'),
        ("postgres", "select '\0'", "line 1, column 9: a NUL character"),
        ("sqlite", "select 1;\nselect '\0'", "line 2, column 9: a NUL character"),
        ("postgres", "select '\ud800'", "line 1, column 9: half of a character"),
        ("postgres", "\\connect x", r"line 1, column 1: \connect is a command of psql. Leave the line out"),
    ],
)
def test_refused_where_it_is_wrong(dialect, script, message):
    with pytest.raises(BadScript) as caught:
        read(script, dialect)
    assert str(caught.value).startswith(message)
    assert isinstance(caught.value, Invalid)
    assert f"line {caught.value.line}, column {caught.value.column}" == caught.value.where


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_script_has_a_size(dialect):
    blank = " " * (SCRIPT_BYTES_MAX - 8)
    assert len(read(blank + "select 1", dialect)) == 1
    with pytest.raises(BadScript, match=f"{SCRIPT_BYTES_MAX + 1} bytes"):
        read(blank + "select 1;", dialect)
    with pytest.raises(BadScript, match="bytes"):
        read("ä" * (SCRIPT_BYTES_MAX // 2 + 1), dialect)


def test_a_mark_of_byte_order_is_passed():
    (statement,) = read("\ufeffselect 1", "postgres")
    assert (statement.text, statement.column) == ("select 1", 1)


def test_rows_of_a_copy_belong_to_it():
    statement, after = read("copy t from stdin;\n1\t;\n\\.\nselect 1", "postgres")
    assert statement.rows == "1\t;\n"
    assert after.line == 4


def test_nobody_hears_what_sqlglot_warns_of(caplog):
    with caplog.at_level(logging.WARNING):
        read("fetch t", "mysql")
    assert not caplog.records


def test_tables_are_all_that_are_named():
    (statement,) = read("alter table a add constraint f foreign key (x) references s.b", "postgres")
    assert statement.tables == ("a", "s.b")
