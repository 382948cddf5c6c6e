"""A secret in memory: every way of printing it shows `***`; only `reveal()` gives the text."""

from __future__ import annotations


class Redacted:
    __slots__ = ("_secret",)

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def reveal(self) -> str:
        return self._secret

    def __bool__(self) -> bool:
        return bool(self._secret)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Redacted) and self._secret == other._secret

    def __hash__(self) -> int:
        return hash(self._secret)

    def __repr__(self) -> str:
        return "***" if self._secret else ""

    __str__ = __repr__
