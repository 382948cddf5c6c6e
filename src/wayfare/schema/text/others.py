"""What a statement of MySQL, SQLite or T-SQL does: by its words, and sqlglot's opinion where those say nothing."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

from wayfare.core.statements import Action, Kind
from wayfare.schema.text.heads import told
from wayfare.schema.text.splitting import Piece
from wayfare.schema.text.words import Reader, Word, opened, words

_OBJECTS = ("CREATE", "DROP", "ALTER")  # a word must follow that says what
_BATCH_IS_ONE = {"PROCEDURE", "PROC", "FUNCTION", "TRIGGER", "VIEW"}  # T-SQL wants them alone in their batch
_STARTS = {  # words that begin a statement of T-SQL at the begin of a line, though no semicolon divides them
    *("ALTER", "CREATE", "DROP", "INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE", "EXEC", "EXECUTE", "GRANT"),
    *("REVOKE", "DENY", "SELECT", "DECLARE", "IF", "WHILE", "BEGIN", "COMMIT", "ROLLBACK", "USE", "PRINT", "SET"),
}
_CONTINUES = {  # … unless one of these stands before it
    *(",", "(", "ON", "AS", "FOR", "AFTER", "OF", "ALTER", "ADD", "WITH", "UNION", "ALL", "EXCEPT", "INTERSECT"),
    *("THEN", "INTO", "DELETE", "UPDATE", "GRANT", "REVOKE", "DENY"),
}
_FULL_TEXT = ("fulltext index", "fulltext catalog")
_COMPOUND = re.compile(r"create\b.*?\b(?:procedure|function|trigger|event)\b.*\bbegin\b", re.IGNORECASE | re.DOTALL)
_CLOSED = re.compile(r"\bend\b[\s\w`*/]*$", re.IGNORECASE)


def understand(piece: Piece, dialect: str) -> tuple[tuple[Action, ...], bool]:
    """The actions of a statement, and whether it must run alone. Raises BadScript."""
    text = opened(piece.text) if dialect == "mysql" else piece.text
    found = words(text, dialect)
    if not found:
        return (Action(Kind.OTHER, details={"statement": "comment"}),), False
    if dialect == "mysql" and _COMPOUND.match(text) and not _CLOSED.search(text):
        remedy = "Write DELIMITER // before it, // after its END, and DELIMITER ; then."
        raise piece.bad("the body of this statement was divided at its first semicolon", 0, remedy)
    actions: list[Action] = []
    alone = False
    for part in _parts(text, found, dialect):
        actions += _one(piece, text, part, dialect)
        alone = alone or (dialect == "tsql" and bool(part) and _resumable(part))
    return tuple(actions), alone or any(_alone(a, dialect) for a in actions)


def _alone(action: Action, dialect: str) -> bool:
    """Does it refuse to run within a transaction? MySQL refuses nothing there: it commits first."""
    said = action.details.get("statement")
    if dialect == "sqlite":
        return action.kind is Kind.VACUUM or said == "detach"
    if dialect != "tsql":
        return False
    return (action.kind is Kind.DATABASE and said != "use") or str(said).endswith(_FULL_TEXT)


def _resumable(part: tuple[Word, ...]) -> bool:
    """An index build that commits as it goes: WITH (ONLINE = ON, RESUMABLE = ON)."""
    said = [w.upper for w in part]
    return not _whole(part) and any(said[i : i + 3] == ["RESUMABLE", "=", "ON"] for i in range(len(said)))


def _full_text(text: str, part: tuple[Word, ...]) -> Action | None:
    """CREATE, ALTER or DROP FULLTEXT INDEX and CATALOG: such an index has no name but its table's."""
    reader = Reader(text, part, "tsql")
    reader.at = 2
    what = reader.one_of("INDEX", "CATALOG")
    if part[0].upper not in _OBJECTS or reader.peek(-2) != "FULLTEXT" or not what:
        return None
    said = {"statement": f"{part[0].text.lower()} fulltext {what.lower()}"}
    if what == "CATALOG":
        return Action(Kind.OTHER, "", reader.name(), said)
    reader.take("ON")
    return Action(Kind.OTHER, reader.name(), "", said)


def _parts(text: str, found: tuple[Word, ...], dialect: str) -> Iterator[tuple[Word, ...]]:
    """A T-SQL batch holds several statements; elsewhere the one."""
    if dialect != "tsql" or _whole(found):
        yield found
        return
    begin, depth = 0, 0
    for i, word in enumerate(found):
        depth += {"(": 1, ")": -1}.get(word.upper, 0)
        if depth:
            continue
        if word.upper == ";":
            yield found[begin:i]
            begin = i + 1
        elif i > begin and word.upper in _STARTS and _begins(text, found, i):
            yield found[begin:i]
            begin = i
    yield found[begin:]


def _whole(found: tuple[Word, ...]) -> bool:
    """CREATE PROCEDURE and the like, and blocks: what is within them belongs to them."""
    first = [w.upper for w in found[:5]]
    return first[0] in ("CREATE", "ALTER") and bool(_BATCH_IS_ONE & set(first[1:4]))


def _begins(text: str, found: tuple[Word, ...], at: int) -> bool:
    word, before = found[at], found[at - 1]
    if "\n" not in text[before.end : word.offset]:
        return False
    if word.upper in _OBJECTS and at + 1 < len(found) and found[at + 1].upper in ("COLUMN", "CONSTRAINT", "PERIOD"):
        return False
    if word.upper == "SET" and before.kind != "sign":
        return False  # UPDATE t SET …
    if word.upper == "SELECT" and before.kind in ("sign", "word", "quoted") and _inserts(found, at):
        return False  # INSERT INTO t (a) SELECT …
    if word.upper in ("BEGIN", "IF", "SELECT", "UPDATE", "DELETE", "INSERT") and before.upper in ("AS", "ELSE", "THEN"):
        return False
    return before.upper not in _CONTINUES


def _inserts(found: tuple[Word, ...], at: int) -> bool:
    for word in reversed(found[:at]):
        if word.upper == "INSERT":
            return True
        if word.upper in _STARTS or word.upper == ";":
            return False
    return False


def _one(piece: Piece, text: str, part: tuple[Word, ...], dialect: str) -> list[Action]:
    if not part or (dialect == "tsql" and part[0].upper in ("END", "ELSE")):
        return []
    if dialect == "tsql" and (action := _full_text(text, part)):
        return [action]
    actions = told(Reader(text, part, dialect))
    if actions is not None:
        return actions
    if part[0].upper in _OBJECTS:
        at = part[1] if len(part) > 1 else part[0]
        raise piece.bad(f'syntax error at or near "{at.text}"', at.offset)
    problem = refused(text, dialect) if part[0].kind == "word" else "it is no word"
    if problem:
        remedy = "Where it is one, put it into a change of its own and tell us."
        raise piece.bad(
            f'syntax error at or near "{part[0].text}": no statement of this dialect', part[0].offset, remedy
        )
    return [Action(Kind.OTHER, details={"statement": part[0].text.lower()})]


def refused(text: str, dialect: str) -> str:
    """What sqlglot says against it; "" for nothing."""
    import sqlglot  # here, because it takes most of a second
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    with _silence():
        try:
            found = sqlglot.parse(text, dialect=dialect)
        except SqlglotError as error:
            return str(error)
    values = any(isinstance(f, exp.Condition | exp.Alias) for f in found)
    return "it is a value and no statement" if values else ""


@contextmanager
def _silence() -> Iterator[None]:
    """It warns of each statement that it only passes on."""
    logger = logging.getLogger("sqlglot")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before
