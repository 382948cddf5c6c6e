"""ClickHouse's types, taken apart: `LowCardinality(Nullable(String))`, `DateTime64(6, 'UTC')`, `Enum8('a' = 1)`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "b": "\b", "f": "\f", "a": "\a", "v": "\v"}


@dataclass(frozen=True, slots=True)
class Native:
    """One level of a type: `Array(Nullable(Int8))` is "Array" with the argument text "Nullable(Int8)"."""

    name: str
    arguments: tuple[str, ...] = ()


@lru_cache(maxsize=4096)
def parse(text: str) -> Native:
    text = text.strip()
    name, bracket, rest = text.partition("(")
    if not bracket or not text.endswith(")"):
        return Native(text)
    return Native(name.strip(), split_list(rest[:-1]))


def split_list(text: str) -> tuple[str, ...]:
    """Cut at the commas outside of brackets and quotes."""
    plain = _QUOTED.sub(lambda m: "x" * len(m[0]), text)
    parts, start, depth = [], 0, 0
    for place, sign in enumerate(plain):
        if sign in "([":
            depth += 1
        elif sign in ")]":
            depth -= 1
        elif sign == "," and depth == 0:
            parts.append(text[start:place].strip())
            start = place + 1
    last = text[start:].strip()
    return (*parts, last) if last else tuple(parts)


def bare(text: str) -> tuple[str, bool]:
    """The type without its Nullable and SimpleAggregateFunction, LowCardinality kept; and whether it may be NULL."""
    native = parse(text)
    if native.name == "Nullable":
        return native.arguments[0], True
    if native.name == "SimpleAggregateFunction":
        return bare(native.arguments[-1])
    if native.name == "LowCardinality":
        inner, nullable = bare(native.arguments[0])
        return f"LowCardinality({inner})", nullable
    return text.strip(), False


def base(text: str) -> str:
    """The type without LowCardinality and Nullable too: what its values are."""
    inner, _ = bare(text)
    native = parse(inner)
    return native.arguments[0] if native.name == "LowCardinality" else inner


def labels(text: str) -> tuple[str, ...]:
    """The names of an Enum8('a' = 1, …), in the order of its declaration."""
    return tuple(unescape(m[0][1:-1]) for part in parse(text).arguments if (m := _QUOTED.match(part)))


def unescape(text: str) -> str:
    return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), text, flags=re.DOTALL)
