"""A script read: cut into statements, and each understood. Pure."""

from __future__ import annotations

from collections.abc import Callable

from wayfare.core.statements import Action, Statement
from wayfare.schema.text import others, postgres_actions
from wayfare.schema.text.bad import BadScript
from wayfare.schema.text.splitting import MARKS, Piece, split

SCRIPT_BYTES_MAX = 10 * 1024 * 1024
DIALECTS = tuple(MARKS)


def read(script: str, dialect: str) -> tuple[Statement, ...]:
    """The statements of a script, in order. `dialect`: "postgres", "mysql" (MariaDB too), "sqlite" or "tsql".

    A T-SQL batch is one statement with the actions of all in it. Raises BadScript, with line and column, for what is
    not SQL of the dialect, for a script over SCRIPT_BYTES_MAX, and for characters that no database takes.
    """
    script = script.removeprefix("\ufeff")
    _acceptable(script)
    understand = _reader(dialect)
    return tuple(_statement(piece, understand) for piece in split(script, dialect))


def _reader(dialect: str) -> Callable[[Piece], tuple[tuple[Action, ...], bool]]:
    if dialect not in MARKS:
        raise ValueError(f"{dialect} is none of the dialects {', '.join(DIALECTS)}")
    if dialect == "postgres":
        return postgres_actions.understand
    return lambda piece: others.understand(piece, dialect)


def _statement(piece: Piece, understand: Callable[[Piece], tuple[tuple[Action, ...], bool]]) -> Statement:
    actions, alone = understand(piece)
    return Statement(piece.text, piece.line, piece.column, actions, alone, piece.rows)


def _acceptable(script: str) -> None:
    try:
        size = len(script.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise _at(script, error.start, "half of a character that needs two", "Save the file as UTF-8.") from error
    if size > SCRIPT_BYTES_MAX:
        remedy = "Divide it, or copy its rows with `wayfare copy`."
        raise BadScript(f"the script has {size} bytes; at most {SCRIPT_BYTES_MAX} are read", 1, 1, remedy=remedy)
    if (nul := script.find("\0")) >= 0:
        raise _at(script, nul, "a NUL character, which no database takes", "Save the file as UTF-8.")


def _at(script: str, offset: int, message: str, remedy: str) -> BadScript:
    return Piece(script, 1, 1).bad(message, offset, remedy)
