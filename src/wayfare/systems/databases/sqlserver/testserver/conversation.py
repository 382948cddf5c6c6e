"""One client's conversation after its login: statements, calls and transactions, answered from its database."""

from __future__ import annotations

import re
import secrets
import struct
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from wayfare.systems.databases.sqlserver.testserver import definitions, translate, wire
from wayfare.systems.databases.sqlserver.testserver.catalog import Catalog
from wayfare.systems.databases.sqlserver.testserver.channel import Answer
from wayfare.systems.databases.sqlserver.testserver.databases import Databases, quoted
from wayfare.systems.databases.sqlserver.testserver.parameters import Parameter, call
from wayfare.systems.databases.sqlserver.testserver.problems import classified
from wayfare.systems.databases.sqlserver.testserver.types import Declared, encoding, of_result
from wayfare.systems.databases.sqlserver.testserver.wire import Done, SqlError, Token

ROWS_AT_ONCE = 2_000
KEPT_CHARACTERS_MAX = 10_000
_NAME = r"((?:\[(?:[^\]]|\]\])+\]|\w+)(?:\s*\.\s*(?:\[(?:[^\]]|\]\])+\]|\w+))*)"
_SETTING = re.compile(
    r"(?is)^set\s+(?:transaction\s+isolation\s+level\s+(?P<level>read\s+\w+|repeatable\s+read|snapshot|serializable)"
    r"|identity_insert\s+" + _NAME + r"\s+(?P<identity>on|off)"
    r"|(?:textsize|lock_timeout|language|dateformat|datefirst|rowcount|deadlock_priority|context_info)\s+\S+"
    r"|[\w,\s]+?\s(?:on|off))\s*"
)
_BEGIN = re.compile(r"(?i)^begin\s+tran(?:saction)?\b")
_COMMIT = re.compile(r"(?i)^(?:if\s+@@trancount\s*>\s*0\s+)?commit\b")
_ROLLBACK = re.compile(r"(?i)^(?:if\s+@@trancount\s*>\s*0\s+)?rollback\b")
_USE = re.compile(r"(?i)^use\s+" + _NAME + r"\s*$")
_IGNORED = re.compile(r"(?i)^(declare|print|checkpoint|go)\b")
_DEFINES = re.compile(r"(?i)^(create|alter|drop|exec|execute|dbcc)\b")
_WHOLE = re.compile(r"(?is)^\s*(?:--[^\n]*\n\s*|/\*.*?\*/\s*)*create\s+(?:or\s+alter\s+)?(?:view|procedure|function)\b")
_BEGIN_REQUEST, _COMMIT_REQUEST, _ROLLBACK_REQUEST = 5, 7, 8


def _parsed(text: str) -> Any:
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


def statements(text: str) -> Iterator[str]:
    """A batch's statements: those that semicolons separate."""
    if _WHOLE.match(text):
        yield text.strip()
        return
    if ";" not in text.rstrip("; \r\n\t"):
        yield _bare(text).rstrip("; \r\n\t")
        return
    start = 0
    for token in sqlglot.tokenize(text, read="tsql"):
        if token.token_type.name == "SEMICOLON":
            yield text[start : token.start].strip()
            start = token.end + 1
    yield _bare(text[start:])


def _bare(text: str) -> str:
    return re.sub(r"(?s)^(\s|--[^\n]*(\n|$)|/\*.*?\*/)+", "", text).strip()


class Conversation:
    def __init__(self, databases: Databases, database: str) -> None:
        self._databases = databases
        self._cursor = databases.cursor(database)
        self._database = database
        self._catalog = Catalog(self._cursor)
        self._prepared: dict[int, tuple[str, list[str]]] = {}
        self._level = ""
        self._descriptor = b""  # of the transaction that is open
        self._inserts_identity = ""

    def close(self) -> None:
        self._cursor.close()

    # ---- requests

    def batch(self, message: bytes, answer: Answer) -> None:
        text = message[struct.unpack_from("<I", message)[0] :].decode("utf-16-le", "surrogatepass")
        self._run(text, {}, answer, Token.DONE)
        answer.write(wire.done())

    def remote(self, message: bytes, answer: Answer) -> None:
        procedure, given = call(message)
        act = _PROCEDURES.get(procedure)
        if act is None:
            raise SqlError(2812, f"Could not find stored procedure '{procedure}'.")
        act(self, given, answer)
        answer.write(wire.done(token=Token.DONE_PROCEDURE))

    def transaction(self, message: bytes, answer: Answer) -> None:
        """A transaction manager's request: [MS-TDS] 2.2.6.9."""
        at = struct.unpack_from("<I", message)[0]
        request = struct.unpack_from("<H", message, at)[0]
        if request == _BEGIN_REQUEST:
            if message[at + 2] == 5:
                self._level = "snapshot"
            self._begin(answer)
        elif request in (_COMMIT_REQUEST, _ROLLBACK_REQUEST):
            self._end(answer, commit=request == _COMMIT_REQUEST)
            name = message[at + 2]
            if message[at + 3 + name] & 1:  # and begin the next at once
                self._begin(answer)
        else:
            raise SqlError(
                3989, "New request is not allowed to start because it should come with valid transaction descriptor."
            )
        answer.write(wire.done())

    # ---- calls by number or name

    def _execute_sql(self, given: list[Parameter], answer: Answer) -> None:
        values = {p.name.lstrip("@").lower(): p.value for p in given[2:]}
        self._run(str(given[0].value), values, answer, Token.DONE_IN_PROCEDURE)
        answer.write(b"\x79" + bytes(4))

    def _prepare(self, given: list[Parameter], answer: Answer, *, execute: bool) -> None:
        number = len(self._prepared) + 1
        names = re.findall(r"@(\w+)", str(given[1].value or ""))
        self._prepared[number] = (str(given[2].value), [n.lower() for n in names])
        if execute:
            self._run_prepared(number, given[3:], answer)
        handle = b"\xac" + struct.pack("<H", 0) + wire.short_text("") + b"\x01" + struct.pack("<IH", 0, 0)
        answer.write(b"\x79" + bytes(4) + handle + b"\x26\x04\x04" + struct.pack("<i", number))

    def _execute_prepared(self, given: list[Parameter], answer: Answer) -> None:
        self._run_prepared(int(given[0].value), given[1:], answer)
        answer.write(b"\x79" + bytes(4))

    def _run_prepared(self, number: int, given: list[Parameter], answer: Answer) -> None:
        if number not in self._prepared:
            raise SqlError(8179, f"Could not find prepared statement with handle {number}.")
        text, names = self._prepared[number]
        values = {n: p.value for n, p in zip(names, given, strict=False)}
        self._run(text, values, answer, Token.DONE_IN_PROCEDURE)

    def _forget(self, given: list[Parameter], answer: Answer) -> None:
        self._prepared.pop(int(given[0].value), None)
        answer.write(b"\x79" + bytes(4))

    def _reset(self, given: list[Parameter], answer: Answer) -> None:
        self._end(answer, commit=False)
        self._level = ""
        answer.write(b"\x79" + bytes(4))

    # ---- statements

    def _run(self, text: str, values: dict[str, Any], answer: Answer, token: Token) -> None:
        for statement in statements(text):
            rest = _bare(statement)
            while found := _SETTING.match(rest):
                self._set(found)
                answer.write(wire.done(None, Done.MORE, token))
                rest = _bare(rest[found.end() :])
            if rest:
                rows = self._statement(rest, values, answer)
                answer.write(wire.done(rows, Done.MORE, token))

    def _set(self, found: re.Match[str]) -> None:
        if found["level"]:
            self._level = found["level"].lower()
        if found["identity"]:
            self._inserts_identity = found[2] if found["identity"].lower() == "on" else ""

    def _statement(self, text: str, values: dict[str, Any], answer: Answer) -> int | None:
        if _BEGIN.match(text):
            self._begin(answer)
        elif _COMMIT.match(text):
            self._end(answer, commit=True)
        elif _ROLLBACK.match(text):
            self._end(answer, commit=False)
        elif found := _USE.match(text):
            self._use(found[1], answer)
        elif _IGNORED.match(text):
            return None
        elif _DEFINES.match(text):
            with classified(text):
                definitions.carry_out(text, self._cursor, self._catalog, self._databases, self._database)
        else:
            text = translate.with_globals(text, int(bool(self._descriptor)))
            with classified(text):
                return self._data(_parsed(text), values, answer)
        return None

    def _use(self, name: str, answer: Answer) -> None:
        database = name.strip("[]").replace("]]", "]")
        if not self._databases.has(database):
            raise SqlError(911, f"Database '{database}' does not exist. Make sure that the name is entered correctly.")
        self._cursor.execute(f"USE {quoted(database)}.dbo")
        answer.write(wire.environment(1, database, self._database))
        self._database = database

    def _begin(self, answer: Answer) -> None:
        if self._descriptor:
            return
        self._cursor.execute("BEGIN TRANSACTION")
        self._descriptor = secrets.token_bytes(8)
        answer.write(wire.environment_bytes(8, self._descriptor))

    def _end(self, answer: Answer, *, commit: bool) -> None:
        if not self._descriptor:
            return
        old, self._descriptor = self._descriptor, b""
        with classified("COMMIT"):
            self._cursor.execute("COMMIT" if commit else "ROLLBACK")
        answer.write(wire.environment_bytes(9 if commit else 10, b"", old))

    def _data(self, tree: exp.Expression, values: dict[str, Any], answer: Answer) -> int:
        """A statement about rows. How many there were."""
        if self._level == "snapshot" and not self._databases.allows_snapshots(self._database):
            text = "snapshot isolation is not allowed in this database. Use ALTER DATABASE to allow snapshot isolation."
            failed = f"Snapshot isolation transaction failed accessing database '{self._database}' because"
            raise SqlError(3952, f"{failed} {text}")
        if isinstance(tree, exp.Insert):
            return self._insert(tree, values)
        scope = translate.Scope.of(tree, self._catalog.declared)
        shown = scope.shown(tree)
        sql = translate.to_duckdb(tree, scope)
        self._execute(sql, values)
        if not isinstance(tree, (exp.Select, exp.Union, exp.Subquery)):
            row = self._cursor.fetchone() if self._cursor.description else None
            return int(row[0]) if row and isinstance(row[0], int) else 0
        return _rows(self._cursor, _kinds(self._cursor.description or [], shown, scope), answer)

    def _execute(self, sql: str, values: dict[str, Any]) -> None:
        used = {name: value for name, value in values.items() if re.search(rf"\${name}\b", sql)}
        if used:
            self._cursor.execute(sql, used)
        else:
            self._cursor.execute(sql)

    def _insert(self, tree: exp.Insert, values: dict[str, Any]) -> int:
        target = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
        identity = self._catalog.identity(target.db, target.name)
        given = {c.name.lower() for c in tree.this.expressions} if isinstance(tree.this, exp.Schema) else set()
        numbered = None
        if identity and identity[1].lower() in given:
            if not self._inserts_identity:
                text = f"Cannot insert explicit value for identity column in table '{target.name}'"
                raise SqlError(544, f"{text} when IDENTITY_INSERT is set to OFF.")
        elif identity:
            _, column, seed, last, step = identity
            first = seed if last is None else last + step
            numbered = (column, f"{first} + {step} * (row_number() OVER () - 1)")
        self._execute(translate.insert(tree, self._catalog.declared, numbered), values)
        row = self._cursor.fetchone()
        if identity:
            where = f"{quoted(target.db or 'dbo')}.{quoted(target.name)}"
            self._cursor.execute(
                f"UPDATE sys.identity_columns SET last_value = (SELECT max({quoted(identity[1])}) FROM {where})"
                f" WHERE object_id = {identity[0]}"
            )
        return int(row[0]) if row else 0


def _row(row: Sequence[Any], encoders: Sequence[Callable[[Any], bytes]]) -> bytes:
    """A ROW, or an NBCROW, which leaves out the NULLs that it has."""
    if None not in row:
        return b"\xd1" + b"".join([encode(value) for encode, value in zip(encoders, row, strict=True)])
    nulls = sum(1 << place for place, value in enumerate(row) if value is None).to_bytes((len(row) + 7) // 8, "little")
    held = [encode(value) for encode, value in zip(encoders, row, strict=True) if value is not None]
    return b"\xd2" + nulls + b"".join(held)


def _kinds(described: Sequence[Any], shown: list[Declared | None] | None, scope: translate.Scope) -> list[Declared]:
    """What each column of a result is: as declared where it is a table's column or a cast, else as computed."""
    found = []
    for place, (name, kind, *_) in enumerate(described):
        plain = scope.columns.get(("", name.lower())) if shown is None else shown[place]
        found.append(plain if plain and plain.storage == str(kind) else of_result(str(kind)))
    return found


def _rows(cursor: Any, kinds: list[Declared], answer: Answer) -> int:
    encodings = [encoding(kind) for kind in kinds]
    names = [str(d[0]) for d in cursor.description or []]
    answer.write(wire.columns([(name, info) for name, (info, _) in zip(names, encodings, strict=True)]))
    encoders: list[Callable[[Any], bytes]] = [encode for _, encode in encodings]
    count = 0
    while rows := cursor.fetchmany(ROWS_AT_ONCE):
        count += len(rows)
        for row in rows:
            answer.write(_row(row, encoders))
    return count


_PROCEDURES: dict[int | str, Callable[[Conversation, list[Parameter], Answer], None]] = {}
for _number, _name, _act in (
    (10, "sp_executesql", Conversation._execute_sql),
    (11, "sp_prepare", lambda c, g, a: c._prepare(g, a, execute=False)),
    (12, "sp_execute", Conversation._execute_prepared),
    (13, "sp_prepexec", lambda c, g, a: c._prepare(g, a, execute=True)),
    (15, "sp_unprepare", Conversation._forget),
    (-1, "sp_reset_connection", Conversation._reset),
):
    _PROCEDURES[_number] = _PROCEDURES[_name] = _act
