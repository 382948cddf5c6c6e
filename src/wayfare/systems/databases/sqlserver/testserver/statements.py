"""What one connection runs, statement by statement: settings, transactions, definitions, rows."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from wayfare.systems.databases.sqlserver.testserver import definitions, dynamic, translate, wire
from wayfare.systems.databases.sqlserver.testserver.batches import bare, parsed, statements
from wayfare.systems.databases.sqlserver.testserver.catalog import Catalog
from wayfare.systems.databases.sqlserver.testserver.channel import Answer
from wayfare.systems.databases.sqlserver.testserver.databases import Databases, quoted
from wayfare.systems.databases.sqlserver.testserver.locking import Owner
from wayfare.systems.databases.sqlserver.testserver.place import Place
from wayfare.systems.databases.sqlserver.testserver.problems import classified
from wayfare.systems.databases.sqlserver.testserver.types import Declared, encoding, of_result
from wayfare.systems.databases.sqlserver.testserver.wire import Done, SqlError, Token

ROWS_AT_ONCE = 2_000
_NAME = r"((?:\[(?:[^\]]|\]\])+\]|\w+)(?:\s*\.\s*(?:\[(?:[^\]]|\]\])+\]|\w+))*)"
_SETTING = re.compile(
    r"(?is)^set\s+(?:transaction\s+isolation\s+level\s+(?P<level>read\s+\w+|repeatable\s+read|snapshot|serializable)"
    r"|identity_insert\s+" + _NAME + r"\s+(?P<identity>on|off)"
    r"|lock_timeout\s+(?P<timeout>-?\d+)|xact_abort\s+(?P<abort>on|off)|nocount\s+(?P<nocount>on|off)"
    r"|(?:textsize|language|dateformat|datefirst|rowcount|deadlock_priority|context_info)\s+\S+"
    r"|[\w,\s]+?\s(?:on|off))\s*"
)
_BEGIN = re.compile(r"(?i)^begin\s+tran(?:saction)?\b")
_COMMIT = re.compile(r"(?i)^(?:if\s+@@trancount\s*>\s*0\s+)?commit\b")
_ROLLBACK = re.compile(r"(?i)^(?:if\s+@@trancount\s*>\s*0\s+)?rollback\b")
_USE = re.compile(r"(?i)^use\s+" + _NAME + r"\s*$")
_DECLARE = re.compile(r"(?i)^declare\s+@(\w+)\s+\w+$")
_APPLOCK = re.compile(r"(?is)^exec(?:ute)?\s+(?:@(\w+)\s*=\s*)?(?:sys\.)?sp_(?:get|release)applock\b(.*)$")
_IF = re.compile(r"(?is)^if\s+(.+?)\s+((?:insert|update|delete|create|drop|alter|exec|select|begin\s+tran)\b.*)$")
_IGNORED = re.compile(r"(?i)^(declare|print|checkpoint|go|grant|revoke)\b")
_KILL = re.compile(r"(?i)^kill\s+(\d+)$")
_DEFINES = re.compile(r"(?i)^(create|alter|drop|exec|execute|dbcc|truncate)\b")
_KEPT_BY_HINTS = {
    **dict.fromkeys(("HOLDLOCK", "REPEATABLEREAD", "SERIALIZABLE", "TABLOCK"), "S"),
    "UPDLOCK": "U",
    **dict.fromkeys(("XLOCK", "TABLOCKX"), "X"),
}


@dataclass(slots=True)
class Settings:
    """What SET says, as a connection begins."""

    level: str = ""
    inserts_identity: str = ""
    lock_timeout: int = -1
    xact_abort: bool = False
    counts: bool = True  # NOCOUNT OFF

    def set(self, found: re.Match[str]) -> None:
        if found["level"]:
            self.level = found["level"].lower()
        if found["identity"]:
            self.inserts_identity = found[2] if found["identity"].lower() == "on" else ""
        if found["timeout"]:
            self.lock_timeout = int(found["timeout"])
        if found["abort"]:
            self.xact_abort = found["abort"].lower() == "on"
        if found["nocount"]:
            self.counts = found["nocount"].lower() == "off"


class Statements:
    """Belongs to one connection."""

    def __init__(self, databases: Databases, database: str) -> None:
        self.settings = Settings()
        self.owner: Owner = databases.locks.join()
        self._databases = databases
        self._cursor = databases.cursor(database)
        self._database = database
        self._catalog = Catalog(self._cursor)
        self._descriptor = b""  # of the transaction that is open
        self._depth = 0
        self._changed = 0  # @@ROWCOUNT

    def close(self) -> None:
        """What was not committed is undone before anybody else gets its locks."""
        self._cursor.close()
        self._databases.locks.leave(self.owner)

    def run(self, text: str, values: dict[str, Any], answer: Answer, token: Token) -> None:
        """Raises SqlError, with the line of the batch."""
        values = dict(values)
        for line, statement in statements(text):
            rest = statement
            try:
                while found := _SETTING.match(rest):
                    self.settings.set(found)
                    answer.write(wire.done(None, Done.MORE, token))
                    rest = bare(rest[found.end() :])
                rows = self._statement(rest, values, answer) if rest else None
            except SqlError as problem:
                problem.line = line
                if self.settings.xact_abort:
                    self.end(answer, commit=False)
                raise
            finally:
                self._databases.locks.end_statement(self.owner, within=bool(self._descriptor))
            self._changed = rows or 0
            if rest:
                command = wire.COMMANDS.get(rest[:6].upper(), wire.SELECTED)
                answer.write(wire.done(rows if self.settings.counts else None, Done.MORE, token, command))

    def _statement(self, text: str, values: dict[str, Any], answer: Answer) -> int | None:
        if _BEGIN.match(text):
            self.begin(answer)
        elif _COMMIT.match(text):
            self.end(answer, commit=True)
        elif _ROLLBACK.match(text):
            self.end(answer, commit=False)
        elif found := _USE.match(text):
            self._use(found[1], answer)
        elif found := _DECLARE.match(text):
            values[found[1].lower()] = None
        elif found := _APPLOCK.match(text):
            returned = dynamic.applock(found[2], self._databases.locks, self.owner, self._database)
            if found[1]:
                values[found[1].lower()] = returned
        elif found := _KILL.match(text):
            self._databases.kill(int(found[1]))
        elif found := _IF.match(text):
            return self._statement(found[2], values, answer) if self._holds(found[1], values) else None
        elif _IGNORED.match(text):
            return None
        elif _DEFINES.match(text):
            with classified(text), self._whole():
                place = Place(self._cursor, self._catalog, self._databases, self._database, self._lock)
                definitions.carry_out(place, text, within=self._depth > 0)
        else:
            with classified(text):
                return self._data(parsed(self._known(text)), values, answer)
        return None

    def _known(self, text: str) -> str:
        """With what only the connection knows."""
        state = {"@@TRANCOUNT": self._depth, "@@SPID": self.owner.number, "@@ROWCOUNT": self._changed}
        text = translate.with_globals(text, {name: str(value) for name, value in state.items()})
        text = re.sub(r"(?i)\bxact_state\s*\(\s*\)", str(int(bool(self._depth))), text)
        return dynamic.with_applocks(text, self._databases.locks, self.owner, self._database)

    def _holds(self, condition: str, values: dict[str, Any]) -> bool:
        tree = parsed(self._known(f"SELECT CASE WHEN {condition} THEN 1 ELSE 0 END AS holds"))
        self._execute(translate.to_duckdb(tree, translate.Scope.of(tree, self._catalog.declared)), values)
        row = self._cursor.fetchone()
        return bool(row and row[0])

    def _use(self, name: str, answer: Answer) -> None:
        database = name.strip("[]").replace("]]", "]")
        if not self._databases.has(database):
            raise SqlError(911, f"Database '{database}' does not exist. Make sure that the name is entered correctly.")
        self._cursor.execute(f"USE {quoted(database)}.dbo")
        answer.write(wire.environment(1, database, self._database))
        self._database = database

    # ---- transactions and locks

    def begin(self, answer: Answer) -> None:
        self._depth += 1
        if self._depth > 1:
            return
        self._cursor.execute("BEGIN TRANSACTION")
        self._descriptor = secrets.token_bytes(8)
        answer.write(wire.environment_bytes(8, self._descriptor))

    def end(self, answer: Answer, *, commit: bool) -> None:
        """COMMIT of one within another ends nothing; ROLLBACK ends all of them."""
        if not self._descriptor:
            return
        self._depth = self._depth - 1 if commit else 0
        if self._depth:
            return
        old, self._descriptor = self._descriptor, b""
        try:
            with classified("COMMIT"):
                self._cursor.execute("COMMIT" if commit else "ROLLBACK")
        finally:
            self._databases.locks.end_statement(self.owner, within=False)
        answer.write(wire.environment_bytes(9 if commit else 10, b"", old))

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """A definition writes in several places: all of it, or nothing."""
        if self._descriptor:
            yield
            return
        self._cursor.execute("BEGIN TRANSACTION")
        try:
            yield
        except BaseException:
            self._cursor.execute("ROLLBACK")
            raise
        self._cursor.execute("COMMIT")

    def _lock(self, schema: str, name: str, mode: str) -> None:
        resource = (self._database.lower(), (schema or "dbo").lower(), name.lower())
        self._databases.locks.take(self.owner, resource, mode, self.settings.lock_timeout)

    def _lock_all(self, tree: Any) -> None:
        """Before anything is read, so that a transaction that waited sees what it waited for."""
        target = tree.this if isinstance(tree, (exp.Insert, exp.Update, exp.Delete, exp.Merge)) else None
        written: Any = target.this if isinstance(target, exp.Schema) else target
        for table in tree.find_all(exp.Table):
            if table.db.lower() == "sys":
                continue
            if table is written:
                self._lock(table.db, table.name, "IX" if isinstance(tree, exp.Insert) else "X")
                continue
            hints = " ".join(hint.sql("tsql").upper() for hint in table.args.get("hints") or [])
            kept = [mode for word, mode in _KEPT_BY_HINTS.items() if word in hints]
            if self.settings.level in ("repeatable read", "serializable"):
                kept.append("S")
            for mode in kept or ["Sch-S"]:
                self._lock(table.db, table.name, mode)

    # ---- rows

    def _data(self, tree: Any, values: dict[str, Any], answer: Answer) -> int:
        """A statement about rows. How many there were."""
        if self.settings.level == "snapshot" and not self._databases.allows_snapshots(self._database):
            text = "snapshot isolation is not allowed in this database. Use ALTER DATABASE to allow snapshot isolation."
            failed = f"Snapshot isolation transaction failed accessing database '{self._database}' because"
            raise SqlError(3952, f"{failed} {text}")
        self._lock_all(tree)
        if isinstance(tree, exp.Insert):
            return self._insert(tree, values)
        number = self._databases.number(self._database)
        dynamic.with_views(tree, self._databases.locks, self._database, number, self._catalog.object)
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
        target: Any = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
        if not target.name.startswith("#") and self._catalog.object(target.db, target.name) is None:
            raise SqlError(208, f"Invalid object name '{target.name}'.")
        identity = self._catalog.identity(target.db, target.name)
        given = {c.name.lower() for c in tree.this.expressions} if isinstance(tree.this, exp.Schema) else set()
        numbered = None
        if identity and identity[1].lower() in given:
            if not self.settings.inserts_identity:
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
