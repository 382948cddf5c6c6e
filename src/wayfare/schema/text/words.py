"""A statement of MySQL, SQLite or T-SQL as words: tolerant, for what begins it and what a table's change says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_CODE = re.compile(r"/\*M?!\d*(.*?)\*/", re.DOTALL)
_PARTS = r"""
      (?P<blank>\s+|/\*.*?\*/|{comment})
    | (?P<string>[NnBbXx]?{string})
    | (?P<quoted>{quoted})
    | (?P<number>\d[\w.]*)
    | (?P<word>[^\W\d][\w$\#@]*|[@\#][\w$\#@]*)
    | (?P<sign>[<>=!]+|.)
"""
_SINGLE = {True: r"'(?:[^'\\]|\\.|'')*+'?", False: r"'(?:[^']|'')*+'?"}
_DOUBLE = {True: r'"(?:[^"\\]|\\.|"")*+"?', False: r'"(?:[^"]|"")*+"?'}
_NAMES = {"mysql": "`", "sqlite": '`"[', "tsql": '"['}
_NAME = {"`": r"`(?:[^`]|``)*+`?", '"': _DOUBLE[False], "[": r"\[(?:[^\]]|\]\])*+\]?"}


def _pattern(dialect: str) -> re.Pattern[str]:
    escapes = "\\" if dialect == "mysql" else ""
    comment = r"--(?=\s|\Z)[^\n]*|\#[^\n]*" if escapes else r"--[^\n]*"
    string = _SINGLE[bool(escapes)] + (f"|{_DOUBLE[True]}" if escapes else "")
    quoted = "|".join(_NAME[q] for q in _NAMES[dialect])
    return re.compile(_PARTS.format(comment=comment, string=f"(?:{string})", quoted=quoted), re.DOTALL | re.VERBOSE)


_PATTERNS = {dialect: _pattern(dialect) for dialect in _NAMES}


@dataclass(frozen=True, slots=True)
class Word:
    """`upper` is for comparisons: empty for what is quoted."""

    text: str
    offset: int
    kind: str  # "word", "quoted", "string", "number", "sign"
    upper: str = ""

    @property
    def end(self) -> int:
        return self.offset + len(self.text)


def opened(text: str) -> str:
    """Code in comments without their signs, at the same places: `/*!50100 PARTITION … */`."""

    def blanked(found: re.Match[str]) -> str:
        before, after = found.start(1) - found.start(), found.end() - found.end(1)
        return " " * before + found.group(1) + " " * after

    return _CODE.sub(blanked, text)


def words(text: str, dialect: str) -> tuple[Word, ...]:
    found = []
    for m in _PATTERNS[dialect].finditer(text):
        kind = m.lastgroup or "sign"
        if kind != "blank":
            plain = m.group()
            found.append(Word(plain, m.start(), kind, plain.upper() if kind in ("word", "sign") else ""))
    return tuple(found)


def unquoted(text: str) -> str:
    """A name or string without its quotes."""
    for begin, end in ("``", '""', "''", "[]"):
        if len(text) > 1 and text[0] == begin and text[-1] == end:
            return text[1:-1].replace(end * 2, end)
    return text


class Reader:
    """Goes through words."""

    def __init__(self, text: str, found: Sequence[Word], dialect: str) -> None:
        self.text = text
        self.words = found
        self.dialect = dialect
        self.at = 0

    def peek(self, ahead: int = 0) -> str:
        """The word in capitals; "" at the end, or where it is quoted."""
        at = self.at + ahead
        return self.words[at].upper if at < len(self.words) else ""

    @property
    def over(self) -> bool:
        return self.at >= len(self.words)

    def take(self, *sequence: str) -> bool:
        """Pass these words, if all of them are next."""
        if all(self.peek(i) == word for i, word in enumerate(sequence)):
            self.at += len(sequence)
            return True
        return False

    def one_of(self, *choices: str) -> str:
        """Pass a word that is one of these, and return it."""
        found = self.peek()
        if found and found in choices:
            self.at += 1
            return found
        return ""

    def exists(self) -> dict[str, bool]:
        if self.take("IF", "NOT", "EXISTS"):
            return {"if_not_exists": True}
        return {"if_exists": True} if self.take("IF", "EXISTS") else {}

    def name(self) -> str:
        """A dotted name without quotes; "" where no name is next."""
        parts: list[str] = []
        while not self.over and self.words[self.at].kind in ("word", "quoted", "string"):
            parts.append(unquoted(self.words[self.at].text))
            self.at += 1
            if not self.take("."):
                break
            while self.take("."):  # T-SQL's db..table
                pass
        return ".".join(parts)

    def group(self) -> list[str]:
        """Pass what stands in parentheses, if they are next; the names between its commas, and no expressions."""
        if self.peek() != "(":
            return []
        begin = self.at
        self.skip_group()
        inside = Reader(self.text, self.words[begin + 1 : self.at - 1], self.dialect)
        found = []
        for part in inside.commas():
            name = part.name()
            if self.dialect == "mysql" or part.peek() != "(":  # MySQL's b(10) is the begin of a column
                found.append(name)
        return [f for f in found if f]

    def skip_group(self) -> None:
        depth = 0
        while not self.over:
            depth += {"(": 1, ")": -1}.get(self.peek(), 0)
            self.at += 1
            if depth <= 0:
                return

    def commas(self) -> list[Reader]:
        """The rest, divided at its commas outside of parentheses."""
        parts, depth, begin = [], 0, self.at
        for i in range(self.at, len(self.words)):
            sign = self.words[i].upper
            depth += {"(": 1, ")": -1}.get(sign, 0)
            if sign == "," and depth == 0:
                parts.append(Reader(self.text, self.words[begin:i], self.dialect))
                begin = i + 1
        parts.append(Reader(self.text, self.words[begin:], self.dialect))
        self.at = len(self.words)
        return parts

    def rest(self) -> str:
        """All that is left, as written."""
        if self.over:
            return ""
        begin, end = self.words[self.at].offset, self.words[-1].end
        self.at = len(self.words)
        return self.text[begin:end]

    def between(self, begin: int) -> str:
        """What was passed since, as written."""
        if begin >= self.at:
            return ""
        return self.text[self.words[begin].offset : self.words[self.at - 1].end]

    def has(self, *sequence: str) -> bool:
        """Are these words anywhere in the rest, outside of parentheses?"""
        depth = 0
        for i in range(self.at, len(self.words)):
            depth += {"(": 1, ")": -1}.get(self.words[i].upper, 0)
            if depth == 0 and all(
                i + k < len(self.words) and self.words[i + k].upper == word for k, word in enumerate(sequence)
            ):
                return True
        return False
