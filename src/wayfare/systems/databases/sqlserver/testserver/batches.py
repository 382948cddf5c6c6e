"""A batch cut into its statements, each with its line, and each parsed. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from wayfare.systems.databases.sqlserver.testserver.wire import SqlError

KEPT_CHARACTERS_MAX = 10_000
_BLANK = re.compile(r"(?s)(?:\s|--[^\n]*(?:\n|$)|/\*.*?\*/)+")
_WHOLE = re.compile(r"(?is)^\s*(?:create\s+(?:or\s+alter\s+)?|alter\s+)(?:view|procedure|proc|function|trigger)\b")


def parsed(text: str) -> Any:
    """A tree of one's own. Short texts are parsed once: what comes with parameters comes often."""
    return _parse(text) if len(text) > KEPT_CHARACTERS_MAX else _remembered(text).copy()


@lru_cache(maxsize=256)
def _remembered(text: str) -> Any:
    return _parse(text)


def _parse(text: str) -> Any:
    try:
        found = sqlglot.parse_one(text, read="tsql")
    except SqlglotError as error:
        near = getattr(error, "errors", [{}])[0].get("highlight", "") if getattr(error, "errors", None) else ""
        raise SqlError(102, f"Incorrect syntax near '{near}'.", 15) from error
    if isinstance(found, exp.Command):
        raise SqlError(2812, f"Could not find stored procedure '{text.split()[0]}'.")
    return found


def statements(text: str) -> Iterator[tuple[int, str]]:
    """Those that semicolons separate: the line of each, from 1, and its text without what is blank about it."""
    for start, end in _places(text):
        piece = text[start:end]
        body = bare(piece)
        if body:
            at = start + len(piece) - len(piece[_skipped(piece) :])
            yield text.count("\n", 0, at) + 1, body


def _places(text: str) -> Iterator[tuple[int, int]]:
    if _WHOLE.match(bare(text)):
        yield 0, len(text)
        return
    start = 0
    if ";" in text.rstrip("; \r\n\t"):
        for token in sqlglot.tokenize(text, read="tsql"):
            if token.token_type.name == "SEMICOLON":
                yield start, token.start
                start = token.end + 1
    yield start, len(text)


def _skipped(text: str) -> int:
    found = _BLANK.match(text)
    return found.end() if found else 0


def bare(text: str) -> str:
    return text[_skipped(text) :].rstrip("; \r\n\t")
