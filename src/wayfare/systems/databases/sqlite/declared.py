"""What only the text of a CREATE statement tells: checks, names of constraints, computed columns, collations, comments.

SQLite has no pragma for these. A tokenizer of ten lines reads every statement SQLite accepted, whatever its type
names are, and gives expressions back verbatim.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from wayfare.systems.databases.sqlite.dialect import COMMENT

_TOKEN = re.compile(
    r"""--[^\n]*|/\*.*?(?:\*/|\Z)|'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|[\w$]+|\s+|.""", re.DOTALL
)
_TABLE_CONSTRAINTS = frozenset({"CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"})


@dataclass(frozen=True, slots=True)
class Token:
    text: str
    start: int
    end: int

    @property
    def word(self) -> str:
        return self.text.upper()

    @property
    def name(self) -> str:
        """As an identifier, without its quotes."""
        if self.text[0] in "\"`'":
            return self.text[1:-1].replace(self.text[0] * 2, self.text[0])
        return self.text[1:-1] if self.text[0] == "[" else self.text

    @property
    def silent(self) -> bool:
        return self.text.isspace() or self.text.startswith(("--", "/*"))


@dataclass(slots=True)
class Declared:
    checks: list[tuple[str, str]] = field(default_factory=list)  # name or "", expression
    uniques: dict[tuple[str, ...], str] = field(default_factory=dict)  # lower-case columns → name
    references: list[tuple[str, bool]] = field(default_factory=list)  # name or "", deferrable; in order
    generated: dict[str, str] = field(default_factory=dict)  # lower-case column → expression
    collations: dict[str, str] = field(default_factory=dict)
    comments: dict[str, str] = field(default_factory=dict)
    comment: str = ""
    autoincrement: bool = False


def tokens(sql: str) -> list[Token]:
    return [Token(m.group(), m.start(), m.end()) for m in _TOKEN.finditer(sql)]


def table(sql: str) -> Declared:
    """Read a CREATE TABLE statement as sqlite_master keeps it."""
    found = Declared()
    every = tokens(sql)
    opening = next((i for i, t in enumerate(every) if t.text == "("), len(every))
    found.comment = _comment(every[:opening])
    for clause in _clauses(every[opening + 1 :]):
        loud = [t for t in clause if not t.silent]
        if not loud:
            continue
        column = "" if loud[0].word in _TABLE_CONSTRAINTS else loud[0].name.lower()
        if column and (said := _comment(clause)):
            found.comments[column] = said
        _constraints(sql, column, loud[1:] if column else loud, found)
    return found


def index(sql: str) -> tuple[str, str]:
    """The parts of a CREATE INDEX as text, and its predicate ("" without one)."""
    loud = [t for t in tokens(sql) if not t.silent]
    opening = next(i for i, t in enumerate(loud) if t.text == "(")
    closing = _closing(loud, opening)
    parts = sql[loud[opening].end : loud[closing].start].strip()
    rest = loud[closing + 1 :]
    return parts, sql[rest[0].end :].strip() if rest and rest[0].word == "WHERE" else ""


def view(sql: str) -> str:
    """The SELECT of a CREATE VIEW: what follows the first AS outside parentheses."""
    depth = 0
    for token in tokens(sql):
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        if depth == 0 and token.word == "AS":
            return sql[token.end :].strip()
    return sql


def _clauses(body: Sequence[Token]) -> Iterator[list[Token]]:
    depth = 0
    clause: list[Token] = []
    for token in body:
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        if depth < 0:
            break
        if depth == 0 and token.text == ",":
            yield clause
            clause = []
        else:
            clause.append(token)
    yield clause


def _closing(loud: Sequence[Token], opening: int) -> int:
    depth = 0
    for i in range(opening, len(loud)):
        depth += {"(": 1, ")": -1}.get(loud[i].text, 0)
        if depth == 0:
            return i
    return len(loud) - 1


def _constraints(sql: str, column: str, loud: Sequence[Token], found: Declared) -> None:
    """Walk one definition outside its parentheses. `column` is "" for a constraint of the table."""
    name, i = "", 0
    while i < len(loud):
        word = loud[i].word
        following = loud[i + 1] if i + 1 < len(loud) else None
        closing = _closing(loud, i + 1) if following and following.text == "(" else i
        inside = loud[i + 2 : closing]
        text = sql[loud[i + 1].end : loud[closing].start].strip() if closing > i else ""
        if word == "CONSTRAINT" and following:
            name, i = following.name, i + 2
            continue
        if word == "CHECK":
            found.checks.append((name, text))
        elif word == "UNIQUE":
            found.uniques[_names(inside) if not column else (column,)] = name
        elif word == "REFERENCES":
            found.references.append((name, _deferrable(loud[i:])))
        elif word == "AS" and column:
            found.generated[column] = text
        elif word == "COLLATE" and column and following:
            found.collations[column] = following.name
        found.autoincrement |= word == "AUTOINCREMENT"
        if word in {"CHECK", "UNIQUE", "REFERENCES", "PRIMARY", "NULL", "DEFAULT", "AS"}:
            name = ""
        i = max(closing, i) + 1


def _names(inside: Sequence[Token]) -> tuple[str, ...]:
    firsts = [clause[0].name.lower() for clause in _clauses(inside) if clause]
    return tuple(firsts)


def _deferrable(rest: Sequence[Token]) -> bool:
    """SQLite defers a key only when it says DEFERRABLE INITIALLY DEFERRED; all else is checked at once."""
    words = [t.word for t in rest]
    at = words.index("DEFERRABLE") if "DEFERRABLE" in words else 0
    return bool(at) and words[at - 1] != "NOT" and words[at + 1 : at + 3] == ["INITIALLY", "DEFERRED"]


def _comment(part: Sequence[Token]) -> str:
    return "\n".join(t.text[len(COMMENT) :] for t in part if t.text.startswith(COMMENT))
