"""A script that cannot be read, and where."""

from __future__ import annotations

from wayfare.core.errors import Invalid


class BadScript(Invalid):
    """The text is not a script of this dialect. `line` and `column` count from 1, columns in characters."""

    def __init__(self, message: str, line: int, column: int, *, remedy: str = "") -> None:
        super().__init__(
            f"{message}." if remedy and not message.endswith(".") else message,
            remedy=remedy,
            where=f"line {line}, column {column}",
        )
        self.line = line
        self.column = column
