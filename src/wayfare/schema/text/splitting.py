"""A script cut into its statements: one scanner; dialects are a small table of differences.

The time grows with the length of the script and nothing else: expressions jump from one token to the next, and none of
them looks back.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property

from wayfare.schema.text.bad import BadScript

REPEATS_MAX = 1000  # of GO 1000


@dataclass(frozen=True, slots=True)
class Piece:
    """One statement as text, with the place of its first character. `rows` follow COPY … FROM STDIN."""

    text: str
    line: int
    column: int
    rows: str = ""

    def bad(self, message: str, offset: int = 0, remedy: str = "") -> BadScript:
        """`offset` is of the character at fault in `text`."""
        before = self.text[:offset]
        newline = before.rfind("\n")
        column = self.column + offset if newline < 0 else offset - newline
        return BadScript(message, self.line + before.count("\n"), column, remedy=remedy)


@dataclass(frozen=True, slots=True)
class Marks:
    """How a dialect differs."""

    quotes: str = "'\""
    escapes: str = ""  # quotes within which a backslash hides the next character
    comment: str = r"--[^\n]*"  # to the end of the line
    nested: bool = False  # do block comments nest?
    code: str = r"(?!)"  # block comments that are code: MySQL's /*!50100 … */
    dollars: bool = False  # $tag$ … $tag$ and E'…'
    parentheses: bool = False  # a delimiter within them is none: CREATE RULE … DO (a; b)
    commands: str = r"(?!)"  # a line that is for the client, where a statement could begin
    batches: bool = False  # only GO divides
    bodies: str = r"(?!)"  # the head of a statement that has delimiters within its body


_ROUTINE = r"create\s+(?:or\s+replace\s+)?(?:function|procedure)\b"
_GO = r"[ \t]*(?i:go)(?:[ \t]+(?P<times>\d+))?[ \t]*;?[ \t]*(?:--[^\n]*)?\r?$"
MARKS = {
    "postgres": Marks(
        nested=True, dollars=True, parentheses=True, commands=r"\\(?P<command>\S*)[^\n]*", bodies=_ROUTINE
    ),
    "mysql": Marks(
        quotes="'\"`",
        escapes="'\"",
        comment=r"--(?=\s|\Z)[^\n]*|\#[^\n]*",
        code=r"/\*M?!",
        commands=r"delimiter[ \t]+(?P<delimiter>[^\s\\]+)[^\n]*|delimiter[ \t]*\r?$",
    ),
    "sqlite": Marks(quotes="'\"`[", bodies=r"create\s+(?:temp(?:orary)?\s+)?trigger\b"),
    "tsql": Marks(quotes="'\"[", nested=True, commands=_GO, batches=True),
}
_FLAGS = re.IGNORECASE | re.MULTILINE | re.DOTALL
_CLOSERS = {"'": r"[^']*+(?:''[^']*+)*+'", '"': r'[^"]*+(?:""[^"]*+)*+"'} | {
    "`": r"[^`]*+(?:``[^`]*+)*+`",
    "[": r"[^\]]*+(?:\]\][^\]]*+)*+\]",
}
_ESCAPING = {
    "'": r"[^'\\]*+(?:(?:\\.|'')[^'\\]*+)*+'",
    '"': r'[^"\\]*+(?:(?:\\.|"")[^"\\]*+)*+"',
}
_ROWS_END = re.compile(r"^\\\.[ \t\r]*$", re.MULTILINE)
_COPY = re.compile(r"copy\b.*\bfrom\s+stdin\b", _FLAGS)
_SKIPPED = {".", "restrict", "unrestrict"}  # the last two stand in every new dump, and bind only psql


@cache
def tokens(dialect: str, delimiter: str, words: bool) -> re.Pattern[str]:
    """What may end a statement, or hide its end. `words`: those that a body begins and ends with, too."""
    marks = MARKS[dialect]
    parts = [
        f"(?P<comment>{marks.comment})",
        f"(?P<code>{marks.code})",
        r"(?P<block>/\*)",
    ]
    if marks.dollars:
        parts.append(r"(?P<dollar>\$(?:[^\W\d]\w*)?\$)")
    parts.append(f"(?P<quote>[{re.escape(marks.quotes)}])")
    if marks.parentheses:
        parts += [r"(?P<open>\()", r"(?P<close>\))"]
    if words:
        parts.append(r"(?<![\w.$])(?i:(?P<atomic>begin\s+atomic)|(?P<case>case)|(?P<over>end))(?![\w$])")
    parts.append(rf"(?P<go>^{_GO})" if marks.batches else f"(?P<end>{re.escape(delimiter)})")
    # Not IGNORECASE: it would cost the search its jump to the next character that may begin one of them.
    return re.compile("|".join(parts), re.MULTILINE | re.DOTALL)


@cache
def closing(quote: str, escapes: bool) -> re.Pattern[str]:
    return re.compile((_ESCAPING if escapes else _CLOSERS)[quote], re.DOTALL)


class Scanner:
    """Goes once through a script."""

    def __init__(self, script: str, dialect: str) -> None:
        self.script = script
        self.dialect = dialect
        self.marks = MARKS[dialect]
        self.delimiter = ";"
        self.at = 0
        self._commands = re.compile(self.marks.commands, _FLAGS & ~re.DOTALL)
        self._bodies = re.compile(self.marks.bodies, _FLAGS)
        self._blank = re.compile(rf"(?:\s++|(?:{self.marks.comment}))*+", _FLAGS)

    @cached_property
    def _newlines(self) -> list[int]:
        return [m.start() for m in re.finditer("\n", self.script)]

    def place(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self._newlines, offset - 1)
        return line + 1, offset - (self._newlines[line - 1] if line else -1)

    def bad(self, message: str, offset: int, remedy: str = "") -> BadScript:
        return BadScript(message, *self.place(offset), remedy=remedy)

    def pieces(self) -> Iterator[Piece]:
        while True:
            self._pass_blank()
            if self.at >= len(self.script):
                return
            if self._pass_command():
                continue
            start = self.at
            solid, times = self._pass_statement(start)
            if solid == start:
                continue  # a delimiter alone
            text = self.script[start:solid]
            rows = self._rows(start) if self.marks.dollars and _COPY.match(text) else ""
            line, column = self.place(start)
            yield from [Piece(text, line, column, rows)] * times

    def _pass_blank(self) -> None:
        """Space and comments before a statement."""
        code = tokens(self.dialect, self.delimiter, False)
        while True:
            found = self._blank.match(self.script, self.at)
            self.at = found.end() if found else self.at
            token = code.match(self.script, self.at)
            if token is None or token.lastgroup != "block":
                return
            self.at = self._after_comment(token)

    def _pass_command(self) -> bool:
        """A line for the client, where there is one here."""
        found = self._commands.match(self.script, self.at)
        if not found or self.script[self.script.rfind("\n", 0, self.at) + 1 : self.at].strip():
            return False
        named = found.groupdict()
        if named.get("command") is not None and named["command"] not in _SKIPPED:
            remedy = "Leave the line out: only SQL is carried out here."
            raise self.bad(f"\\{named['command']} is a command of psql", self.at, remedy)
        if "delimiter" in named:
            if not named["delimiter"]:
                raise self.bad("DELIMITER needs one", self.at, "Write DELIMITER // or DELIMITER ;")
            self.delimiter = named["delimiter"]
        self.at = found.end()
        return True

    def _pass_statement(self, start: int) -> tuple[int, int]:
        """To behind its delimiter. Returns where its text ends, and how often it is to be carried out."""
        script, solid = self.script, start
        body = Body(self.dialect, bool(self._bodies.match(script, start)), start)
        pattern = tokens(self.dialect, self.delimiter, body.words)
        while token := pattern.search(script, self.at):
            solid = _solid(script, self.at, token.start(), solid)
            if token.lastgroup in ("comment", "block"):
                self.at = token.end() if token.lastgroup == "comment" else self._after_comment(token)
                continue
            if token.group().startswith("\n") or token.lastgroup in ("go", "times"):
                self.at = token.end()
                return solid, self._times(token)
            if token.lastgroup == "end" and body.closed(script, token.start()):
                self.at = token.end()
                return solid, 1
            self.at = solid = self._after(token)
            body.saw(token)
        solid = _solid(script, self.at, len(script), solid)
        if body.unfinished(script):
            raise self.bad("the body that begins in this statement has no END", start, "Add END; after it.")
        self.at = len(script)
        return solid, 1

    def _times(self, token: re.Match[str]) -> int:
        times = int(token["times"] or 1)
        if times > REPEATS_MAX:
            raise self.bad(f"GO {times} is more than GO {REPEATS_MAX}", token.start(), "Write a loop instead.")
        return times

    def _after(self, token: re.Match[str]) -> int:
        """The end of what a token begins."""
        kind, at = token.lastgroup, token.end()
        if kind == "quote":
            quote = token.group()
            found = closing(quote, quote in self.marks.escapes or self._escaped(token)).match(self.script, at)
            if not found:
                raise self.bad(f"the quotation that {quote} begins has no end", token.start())
            return found.end()
        if kind == "dollar":
            if self._continues(token.start()):
                return token.start() + 1  # a$b$c is a name
            end = self.script.find(token.group(), at)
            if end < 0:
                raise self.bad(f"the quotation that {token.group()} begins has no end", token.start())
            return end + len(token.group())
        return self._after_comment(token) if kind == "code" else at

    def _continues(self, at: int) -> bool:
        """Does a word go on there?"""
        before = self.script[at - 1 : at]
        return before.isalnum() or before in ("_", "$")

    def _escaped(self, token: re.Match[str]) -> bool:
        """PostgreSQL: E'…'."""
        at = token.start() - 1
        return (
            self.marks.dollars and token.group() + self.script[at : at + 1] in ("'e", "'E") and not self._continues(at)
        )

    def _after_comment(self, token: re.Match[str]) -> int:
        depth = 0
        for mark in re.compile(r"/\*|\*/").finditer(self.script, token.start()):
            if mark.group() == "*/":
                depth -= 1
            elif self.marks.nested or mark.start() == token.start():
                depth += 1
            if depth == 0:
                return mark.end()
        raise self.bad("the comment that /* begins has no end", token.start(), "Add */ after it.")

    def _rows(self, start: int) -> str:
        """What follows COPY … FROM STDIN, to the line before `\\.`."""
        begin = self.script.find("\n", self.at) + 1
        found = _ROWS_END.search(self.script, begin) if begin else None
        if not found:
            raise self.bad("COPY … FROM STDIN has no rows", start, r"Its rows follow it, and end with a line \.")
        self.at = found.end()
        return self.script[begin : found.start()]


def _solid(script: str, begin: int, end: int, before: int) -> int:
    """Where the text ends that is neither space nor comment, when it goes on from `begin` to `end`."""
    text = script[begin:end].rstrip()
    return begin + len(text) if text else before


class Body:
    """Whether a delimiter stands within parentheses or the body of a routine or trigger."""

    def __init__(self, dialect: str, has_one: bool, start: int) -> None:
        self.atomic = has_one and dialect == "postgres"
        self.trigger = has_one and not self.atomic
        self.words = self.atomic
        self.parentheses = 0
        self.depth = 0
        self.since = start  # the last delimiter that ended nothing

    def saw(self, token: re.Match[str]) -> None:
        kind = token.lastgroup
        if kind == "open":
            self.parentheses += 1
        elif kind == "close":
            self.parentheses = max(0, self.parentheses - 1)
        elif kind == "atomic" or (kind == "case" and self.depth):
            self.depth += 1
        elif kind == "over" and self.depth:
            self.depth -= 1
        elif kind == "end":
            self.since = token.end()

    def closed(self, script: str, at: int) -> bool:
        """Does a delimiter there end the statement? A trigger ends with `; END;`, as SQLite itself decides it."""
        if self.trigger:
            return bool(_END.fullmatch(script, self.since, at))
        return not self.depth and not self.parentheses

    def unfinished(self, script: str) -> bool:
        return self.depth > 0 or (self.trigger and not _END.fullmatch(script, self.since, len(script)))


_END = re.compile(r"(?:\s++|--[^\n]*|/\*.*?\*/)*+end(?:\s++|--[^\n]*|/\*.*?\*/)*+", _FLAGS)


def split(script: str, dialect: str) -> tuple[Piece, ...]:
    """The statements of a script in order. Raises BadScript where a quotation, comment or body has no end."""
    return tuple(Scanner(script, dialect).pieces())
