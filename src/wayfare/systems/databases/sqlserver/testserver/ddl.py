"""CREATE TABLE as T-SQL has it, told as the catalog will. Pure. sqlglot's tokenizer does the lexing.

sqlglot's parser knows no `PRIMARY KEY CLUSTERED` of a column, nor UNIQUE NONCLUSTERED.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlglot

from wayfare.systems.databases.sqlserver.testserver.types import Declared, declared

_CONSTRAINTS = frozenset({"CONSTRAINT", "PRIMARY KEY", "PRIMARY", "UNIQUE", "FOREIGN KEY", "FOREIGN", "CHECK", "INDEX"})
_NOISE = frozenset({"CLUSTERED", "NONCLUSTERED", "ASC", "PERSISTED", "ROWGUIDCOL", "SPARSE"})


@dataclass(slots=True)
class ColumnDdl:
    name: str
    kind: Declared
    nullable: bool = True
    identity: tuple[int, int] | None = None
    default: str = ""
    default_name: str = ""
    computed: str = ""
    persisted: bool = False


@dataclass(slots=True)
class KeyDdl:
    name: str
    columns: list[tuple[str, bool]]  # name, descending
    primary: bool = False


@dataclass(slots=True)
class ForeignDdl:
    name: str
    columns: list[str]
    parent: tuple[str, str]  # schema ("" for the default), table
    parent_columns: list[str]
    on_delete: str = "NO_ACTION"
    on_update: str = "NO_ACTION"


@dataclass(slots=True)
class TableDdl:
    schema: str
    name: str
    columns: list[ColumnDdl] = field(default_factory=list)
    keys: list[KeyDdl] = field(default_factory=list)
    foreign: list[ForeignDdl] = field(default_factory=list)
    checks: list[tuple[str, str]] = field(default_factory=list)  # name, expression in parentheses


def create_table(text: str) -> TableDdl:
    """Raises ValueError where it cannot follow."""
    words = _Words(text)
    words.expect("CREATE", "TABLE")
    schema, name = words.name()
    table = TableDdl(schema, name)
    for part in words.parts():
        if part.here in _CONSTRAINTS:
            constraint(part, table)
        else:
            table.columns.append(_column(part, table))
    return table


def add(text: str, table: TableDdl) -> None:
    """The rest of ALTER TABLE … ADD, put into `table`."""
    for part in _Words(f"({text})").parts():
        if part.here in _CONSTRAINTS or part.here == "DEFAULT":
            constraint(part, table)
        else:
            table.columns.append(_column(part, table))


def column(text: str) -> ColumnDdl:
    """The rest of ALTER TABLE … ALTER COLUMN."""
    return _column(_Words(text), TableDdl("", ""))


def constraint(words: _Words, table: TableDdl, column: ColumnDdl | None = None) -> None:
    name = ""
    if words.skip("CONSTRAINT"):
        name = words.identifier()
    if words.skip("PRIMARY KEY") or words.skip("UNIQUE"):
        primary = words.past.upper().startswith("PRIMARY")
        words.skip_noise()
        columns = words.listed() if words.here == "(" else [(column.name if column else "", False)]
        words.skip_noise()
        name = name or f"{'PK' if primary else 'UQ'}__{table.name[:9]}__{len(table.keys):08X}"
        table.keys.append(KeyDdl(name, columns, primary))
    elif words.skip("FOREIGN KEY") or words.here == "REFERENCES":
        own = [c for c, _ in words.listed()] if words.here == "(" else [column.name if column else ""]
        table.foreign.append(_foreign(words, own, name or f"FK__{table.name[:9]}__{len(table.foreign):08X}"))
    elif words.skip("CHECK"):
        table.checks.append((name or f"CK__{table.name[:9]}__{len(table.checks):08X}", words.group()))
    elif words.skip("DEFAULT"):
        default = words.group() if words.here == "(" else f"({words.expression()})"
        owner = column or _named(words, table)
        owner.default, owner.default_name = default, name or f"DF__{table.name[:9]}__{len(default):08X}"
    else:
        raise ValueError(f"no constraint begins with {words.here}")


def _named(words: _Words, table: TableDdl) -> ColumnDdl:
    words.expect("FOR")
    name = words.identifier().lower()
    return next(c for c in table.columns if c.name.lower() == name)


def _foreign(words: _Words, columns: list[str], name: str) -> ForeignDdl:
    words.expect("REFERENCES")
    parent = words.name()
    found = ForeignDdl(name, columns, parent, [c for c, _ in words.listed()] if words.here == "(" else [])
    while words.skip("ON"):
        event = words.word()
        act = words.word()
        if act in ("SET", "NO"):
            act += "_" + words.word()
        if event == "DELETE":
            found.on_delete = act
        else:
            found.on_update = act
    return found


def _column(words: _Words, table: TableDdl) -> ColumnDdl:
    name = words.identifier()
    if words.skip("AS"):
        column = ColumnDdl(name, Declared("nvarchar", -1), computed=words.group())
        column.persisted = words.here == "PERSISTED"
        return column
    if words.here in (".", "SYS"):
        raise ValueError("a type with a schema")
    column = ColumnDdl(name, declared(words.type()))
    if column.kind.name == "timestamp":
        column.nullable = False
    while words.more:
        _property(words, column, table)
    return column


def _property(words: _Words, column: ColumnDdl, table: TableDdl) -> None:
    if words.skip("IDENTITY"):
        column.nullable = False
        inside = re.findall(r"-?\d+", words.group()) if words.here == "(" else ["1", "1"]
        column.identity = (int(inside[0]), int(inside[1]))
    elif words.skip("NOT"):
        words.expect("NULL")
        column.nullable = False
    elif words.skip("NULL") or words.skip_noise():
        return
    elif words.skip("COLLATE"):
        words.identifier()
    else:
        count = len(table.keys)
        constraint(words, table, column)
        if len(table.keys) > count and table.keys[-1].primary:
            column.nullable = False


class _Words:
    """A cursor over tokens, with the text they came from."""

    def __init__(self, text: str, tokens: Sequence[Any] | None = None) -> None:
        self.text = text
        self._tokens = list(tokens if tokens is not None else sqlglot.tokenize(text, read="tsql"))
        self._at = 0
        self.past = ""

    @property
    def more(self) -> bool:
        return self._at < len(self._tokens)

    @property
    def here(self) -> str:
        return self._tokens[self._at].text.upper() if self.more else ""

    def word(self) -> str:
        if not self.more:
            raise ValueError("it ends too early")
        self._at += 1
        self.past = self._tokens[self._at - 1].text
        return self.past.upper()

    def skip(self, word: str) -> bool:
        """Past the word, if it is the next; PRIMARY KEY is one word or two."""
        if self.here == word:
            self.word()
            return True
        first, _, second = word.partition(" ")
        if second and self.here == first:
            self.expect(first, second)
            self.past = first
            return True
        return False

    def skip_noise(self) -> bool:
        found = False
        while self.here in _NOISE:
            self.word()
            found = True
        return found

    def expect(self, *words: str) -> None:
        for word in words:
            if self.word() != word:
                raise ValueError(f"{word} was expected, not {self.past}")

    def identifier(self) -> str:
        self.word()
        return self.past

    def name(self) -> tuple[str, str]:
        """The last two parts of a dotted name."""
        parts = [self.identifier()]
        while self.skip("."):
            parts.append(self.identifier())
        return (parts[-2] if len(parts) > 1 else "", parts[-1])

    def type(self) -> str:
        name = self.identifier()
        return name + (self.group() if self.here == "(" else "")

    def group(self) -> str:
        """The text of a whole pair of parentheses, with them."""
        first, depth = self._tokens[self._at], 0
        while True:
            word = self.word()
            depth += (word == "(") - (word == ")")
            if depth == 0:
                return self.text[first.start : self._tokens[self._at - 1].end + 1]

    def expression(self) -> str:
        """One literal or call, as a default may be without parentheses."""
        first = self._tokens[self._at]
        if self.word() in ("-", "+"):
            self.word()
        if self.here == "(":
            self.group()
        return self.text[first.start : self._tokens[self._at - 1].end + 1]

    def listed(self) -> list[tuple[str, bool]]:
        """(name [ASC|DESC], …)"""
        self.expect("(")
        found = []
        while True:
            name = self.identifier()
            descending = self.skip("DESC")
            self.skip("ASC")
            found.append((name, descending))
            if not self.skip(","):
                self.expect(")")
                return found

    def parts(self) -> Iterator[_Words]:
        """What the commas of the next pair of parentheses separate."""
        self.expect("(")
        start, depth = self._at, 0
        while True:
            word = self.word()
            if depth == 0 and word in (",", ")"):
                yield _Words(self.text, self._tokens[start : self._at - 1])
                start = self._at
                if word == ")":
                    return
            depth += (word == "(") - (word == ")")
