"""Scripts are divided where the systems' own clients would divide them, and places are right."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wayfare.schema.text import splitting
from wayfare.schema.text.bad import BadScript
from wayfare.schema.text.splitting import REPEATS_MAX, split

FOLDER = Path(__file__).parent / "splitting"
DIALECTS = sorted(p.stem for p in FOLDER.glob("*.txt"))


def cases() -> Iterator[object]:
    for dialect in DIALECTS:
        for i, case in enumerate((FOLDER / f"{dialect}.txt").read_text(encoding="utf-8").split("\n===\n")):
            script, _, expected = case.partition("\n---")
            yield pytest.param(dialect, script, expected.strip("\n"), id=f"{dialect}-{i}")


def told(script: str, dialect: str) -> str:
    def rows(piece: splitting.Piece) -> str:
        copied = piece.text.lower().startswith("copy")
        return f" | {piece.rows}".replace("\n", "\\n").rstrip(" ") if copied else ""

    return "\n".join(f"{p.line}:{p.column} {p.text}{rows(p)}" for p in split(script, dialect))


@pytest.mark.parametrize(("dialect", "script", "expected"), list(cases()))
def test_divided(dialect, script, expected):
    assert told(script, dialect) == expected


@pytest.mark.parametrize(("dialect", "script", "expected"), list(cases()))
def test_divided_alike_with_windows_lines(dialect, script, expected):
    """Other ends of lines move nothing."""
    places = [(p.line, p.column) for p in split(script.replace("\n", "\r\n"), dialect)]
    assert places == [(p.line, p.column) for p in split(script, dialect)]


@pytest.mark.parametrize(
    ("dialect", "script", "place"),
    [
        ("postgres", "select 1;\n select 'abc", (2, 9)),
        ("postgres", 'select "abc', (1, 8)),
        ("postgres", "select 1;\n\n/* a /* b */", (3, 1)),
        ("postgres", "do $$ begin", (1, 4)),
        ("postgres", "do $a$ begin $b$", (1, 4)),
        ("postgres", "select E'\\'", (1, 9)),
        ("postgres", "\\connect x", (1, 1)),
        ("postgres", "select 1;\n\\i other.sql\n", (2, 1)),
        ("postgres", "\\set x 1", (1, 1)),
        ("postgres", "select 1;\ncopy t from stdin;\n1\n", (2, 1)),
        ("postgres", "copy t from stdin;", (1, 1)),
        ("postgres", "create function f() returns int begin atomic select 1;", (1, 1)),
        ("mysql", "select `a", (1, 8)),
        ("mysql", "select 'a\\'", (1, 8)),
        ("mysql", "/*!50000 select", (1, 1)),
        ("mysql", "select 1;\ndelimiter\n", (2, 1)),
        ("sqlite", "select [a", (1, 8)),
        ("sqlite", "select 1;\ncreate trigger x after insert on t begin select 1;", (2, 1)),
        ("tsql", "select [a]]", (1, 8)),
        ("tsql", f"select 1\nGO {REPEATS_MAX + 1}\n", (2, 1)),
    ],
)
def test_what_has_no_end_is_refused_where_it_begins(dialect, script, place):
    with pytest.raises(BadScript) as caught:
        split(script, dialect)
    assert (caught.value.line, caught.value.column) == place
    assert str(caught.value).startswith(f"line {place[0]}, column {place[1]}: ")


# What is put together is divided again

LINES = "select 'a;b'|select \"x;y\" /* ; */ from t|update t set a = 1 where b = ';;'|insert into t values (1, '')"
MORE = {
    "postgres": "|do $$ ;'\" $$|select E'\\';'|select (1, (2; 3))"
    "|create function f() returns int begin atomic select 1; end",
    "mysql": "|select `a;`, 'b\\';'|select 1 # ;\n + 2|/*!50000 select ';' */",
    "sqlite": "|select [a;b], `c;`|create trigger x after insert on t begin select case when 1 then ';' end; end",
}


@pytest.mark.parametrize("dialect", sorted(MORE))
@given(data=st.data())
def test_statements_put_together_are_divided_again(dialect, data):
    statements = data.draw(st.lists(st.sampled_from((LINES + MORE[dialect]).split("|"))))
    blanks = data.draw(st.sampled_from([";\n", " ;\n\n", "; -- so;\n", "; /* ' */ "]))
    assert [p.text for p in split(blanks.join(statements), dialect)] == statements


@given(script=st.text("ab'\";$\\`[](){}/*-#\n\t eE!goGO0", max_size=60), dialect=st.sampled_from(DIALECTS))
def test_any_text_is_divided_or_refused(script, dialect):
    """Each piece stands in the script at its place."""
    try:
        pieces = split(script, dialect)
    except BadScript:
        return
    lines = script.split("\n")
    for piece in pieces:
        rest = "\n".join([lines[piece.line - 1][piece.column - 1 :], *lines[piece.line :]])
        assert rest.startswith(piece.text)
        assert piece.text == piece.text.strip()
