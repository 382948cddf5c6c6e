"""The mildest way in which a server changes a table: ALGORITHM × LOCK, tried from mild to harsh. Pure.

https://mariadb.com/kb/en/innodb-online-ddl-overview/ and https://dev.mysql.com/doc/refman/9.0/en/alter-table.html: a
server refuses a combination it cannot keep, before it does anything. So the first that it accepts is the mildest, and
pinned to the real statement it makes sure that nothing harsher happens there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from wayfare.core.changes import Blocks
from wayfare.core.statements import Kind, Statement

MARIADB = (
    ("INSTANT", "NONE"),
    ("NOCOPY", "NONE"),
    ("INSTANT", "EXCLUSIVE"),
    ("INPLACE", "NONE"),
    ("INPLACE", "SHARED"),
    ("COPY", "NONE"),  # since 11.2
    ("COPY", "SHARED"),
    ("INPLACE", "EXCLUSIVE"),
    ("COPY", "EXCLUSIVE"),
)
MYSQL = (("INSTANT", ""), *((a, m) for a, m in MARIADB if a not in ("INSTANT", "NOCOPY")))
_BLOCKS = {"": Blocks.NOTHING, "NONE": Blocks.NOTHING, "SHARED": Blocks.WRITES, "EXCLUSIVE": Blocks.EVERYTHING}
_INDEXES = {Kind.CREATE_INDEX, Kind.DROP_INDEX}
_WORDS = re.compile(r"(ALGORITHM|LOCK)\s*=?\s*(\w+)", re.IGNORECASE)


def ladder(statement: Statement, maria: bool) -> Sequence[str]:
    """Clauses to try; none where the statement takes none, or says one itself."""
    first = statement.text.split(None, 2)[:2]
    alters = [w.upper() for w in first] in (["ALTER", "TABLE"], ["ALTER", "ONLINE"], ["ALTER", "IGNORE"])
    indexes = bool(statement.actions) and all(a.kind in _INDEXES for a in statement.actions)
    if not (alters or indexes) or written(statement):
        return ()
    return [spelled(a, m) for a, m in (MARIADB if maria else MYSQL)]


def spelled(algorithm: str, mode: str) -> str:
    return f"ALGORITHM={algorithm}" + (f", LOCK={mode}" if mode else "")


def written(statement: Statement) -> str:
    """The clauses that somebody wrote."""
    said = (a.details.get("clauses") for a in statement.actions)
    return next((", ".join(s) if isinstance(s, (list, tuple)) else str(s) for s in said if s), "")


def parts(clause: str) -> tuple[str, str]:
    """(ALGORITHM, LOCK) of a clause; "" for what it does not say."""
    found = {word.upper(): value.upper() for word, value in _WORDS.findall(clause)}
    return found.get("ALGORITHM", ""), found.get("LOCK", "")


def blocks(clause: str) -> Blocks:
    return _BLOCKS.get(parts(clause)[1], Blocks.EVERYTHING)
