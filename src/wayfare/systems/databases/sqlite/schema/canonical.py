"""One spelling of a CREATE statement: the same for texts that mean the same, as far as blanks and quotes go.

SQLite keeps the text of each statement, and edits it: ALTER TABLE … RENAME puts quotes around the new name, ADD COLUMN
leaves the line as it was. So that a change and its inverse end where they began, blanks are set anew, and names that
need no quotes lose them. Comments stay: they are part of what people keep there.
"""

from __future__ import annotations

import re

from wayfare.systems.databases.sqlite.declared import Token, tokens

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
# https://www.sqlite.org/lang_keywords.html
_KEYWORDS = """
    ABORT ACTION ADD AFTER ALL ALTER ALWAYS ANALYZE AND AS ASC ATTACH AUTOINCREMENT BEFORE BEGIN BETWEEN
    BY CASCADE CASE CAST CHECK COLLATE COLUMN COMMIT CONFLICT CONSTRAINT CREATE CROSS CURRENT
    CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP DATABASE DEFAULT DEFERRABLE DEFERRED DELETE DESC DETACH
    DISTINCT DO DROP EACH ELSE END ESCAPE EXCEPT EXCLUDE EXCLUSIVE EXISTS EXPLAIN FAIL FALSE FILTER
    FIRST FOLLOWING FOR FOREIGN FROM FULL GENERATED GLOB GROUP GROUPS HAVING IF IGNORE IMMEDIATE IN
    INDEX INDEXED INITIALLY INNER INSERT INSTEAD INTERSECT INTO IS ISNULL JOIN KEY LAST LEFT LIKE LIMIT
    MATCH MATERIALIZED NATURAL NO NOT NOTHING NOTNULL NULL NULLS OF OFFSET ON OR ORDER OTHERS OUTER OVER
    PARTITION PLAN PRAGMA PRECEDING PRIMARY QUERY RAISE RANGE RECURSIVE REFERENCES REGEXP REINDEX
    RELEASE RENAME REPLACE RESTRICT RETURNING RIGHT ROLLBACK ROW ROWID ROWS SAVEPOINT SELECT SET TABLE
    TEMP TEMPORARY THEN TIES TO TRANSACTION TRIGGER TRUE UNBOUNDED UNION UNIQUE UPDATE USING VACUUM
    VALUES VIEW VIRTUAL WHEN WHERE WINDOW WITH WITHOUT
"""
KEYWORDS = frozenset(_KEYWORDS.split())
_TIGHT = {",", ")", ";", "."}  # nothing stands before these


def canonical(sql: str) -> str:
    """Pure. What comes out is still SQL that SQLite takes."""
    out: list[str] = []
    blank = False  # was there one in the text?
    previous = ""
    for token in tokens(sql):
        if token.text.isspace():
            blank = True
            continue
        text = _spelled(token, previous)
        out += _gap(previous, text, blank)
        out.append(text)
        if text.startswith("--"):
            out.append("\n")
        previous, blank = text, False
    return "".join(out).strip()


def _gap(previous: str, text: str, blank: bool) -> list[str]:
    """Between words one blank, about parentheses none, after a comma one; between signs as it was: `a>=b`, `||`."""
    if not previous or previous.startswith("--") or text in _TIGHT or previous in ("(", "."):
        return []
    if text == "(":
        return [" "] if previous.upper() in ("AS", "IN", "AND", "OR", "NOT", "CHECK", "VALUES", "ON", ",") else []
    return [" "] if blank or previous in (",", ")", ";") or text.startswith("/*") or _meet(previous, text) else []


def _meet(previous: str, text: str) -> bool:
    """A name that lost its quotes must not grow together with its neighbour."""
    return bool(re.match(r"\w", previous[-1]) and re.match(r"\w", text[0]))


def _spelled(token: Token, previous: str) -> str:
    """Without needless quotes. After DEFAULT and signs `"x"` may be a text, as SQLite once allowed; there it stays."""
    if token.text[0] not in '"`[' or len(token.text) < 2:
        return token.text
    name = token.name
    named = previous[-1:].isalnum() or previous[-1:] in ("(", ",", "_", ".")
    if (
        named
        and previous.upper() not in ("DEFAULT", "IN", "LIKE")
        and _PLAIN.match(name)
        and name.upper() not in KEYWORDS
    ):
        return name
    return '"' + name.replace('"', '""') + '"'
