"""What a statement of MySQL, SQLite or T-SQL begins with, and what that does."""

from __future__ import annotations

from collections.abc import Callable

from wayfare.core.statements import Action, Kind
from wayfare.schema.text.altering import altered
from wayfare.schema.text.creating import created, dropped
from wayfare.schema.text.words import Reader

Read = Callable[[Reader], list[Action] | None]


def told(reader: Reader) -> list[Action] | None:
    """The actions of a statement; None where its beginning is unknown."""
    begin = reader.at
    for head, read in HEADS:
        reader.at = begin
        if reader.take(*head):
            found = read(reader)
            if found is not None:
                return found
    return None


def _plain(kind: Kind, statement: str = "") -> Read:
    details = {"statement": statement} if statement else {}
    return lambda reader: [Action(kind, details=details)]


def _alter(reader: Reader) -> list[Action] | None:
    for word in ("ONLINE", "OFFLINE", "IGNORE"):
        reader.take(word)
    if reader.take("TABLE"):
        return altered(reader)
    if reader.one_of("DATABASE", "INSTANCE", "SERVER", "RESOURCE") or reader.take("LOGFILE", "GROUP"):
        return [Action(Kind.DATABASE, details={"statement": "alter_database"})]
    if reader.take("SCHEMA") and reader.dialect == "mysql":
        return [Action(Kind.DATABASE, details={"statement": "alter_database"})]
    if reader.one_of("USER", "ROLE", "LOGIN", "AUTHORIZATION"):
        return [Action(Kind.OTHER, details={"statement": "alter_role"})]
    if reader.take("SEQUENCE"):
        return [Action(Kind.ALTER_SEQUENCE, "", _named(reader))]
    if reader.one_of("PROCEDURE", "PROC", "FUNCTION"):
        return [Action(Kind.CREATE_FUNCTION, "", reader.name(), {"replace": True})]
    if reader.take("INDEX"):
        return _alter_index(reader)
    reader.at = 1
    changed = created(reader)  # ALTER VIEW, ALTER TRIGGER, ALTER EVENT say the whole again
    return [Action(a.kind, a.table, a.name, dict(a.details) | {"replace": True}) for a in changed or []] or None


def _named(reader: Reader) -> str:
    reader.exists()
    return reader.name()


def _alter_index(reader: Reader) -> list[Action]:
    name = _named(reader)
    table = reader.name() if reader.take("ON") else ""
    online = reader.text[reader.words[0].offset :].upper().replace(" ", "")
    details = {"concurrently": "ONLINE=ON" in online}
    return [Action(Kind.REINDEX if reader.peek() == "REBUILD" else Kind.ALTER_TABLE, table, name, details)]


def _rename(reader: Reader) -> list[Action] | None:
    if not reader.one_of("TABLE", "TABLES"):
        return [Action(Kind.OTHER, details={"statement": "rename_user"})] if reader.take("USER") else None
    found = []
    for part in reader.commas():
        part.exists()
        old = part.name()
        part.take("TO")
        found.append(Action(Kind.RENAME_TABLE, old, old, {"new": part.name()}))
    return found


def _sp_rename(reader: Reader) -> list[Action] | None:
    """T-SQL: EXEC sp_rename 't.c', 'new', 'COLUMN'."""
    if reader.name().lower().rpartition(".")[2] != "sp_rename":
        return None
    parts = [p.name() for p in reader.commas()]
    old, new, what = (*parts, "", "", "")[:3]
    owner, _, last = old.rpartition(".")
    kinds = {"COLUMN": Kind.RENAME_COLUMN, "INDEX": Kind.RENAME_INDEX}
    kind = kinds.get(what.upper(), Kind.RENAME_TABLE)
    if kind is Kind.RENAME_TABLE:
        return [Action(kind, old, old, {"new": new})]
    return [Action(kind, owner, last, {"new": new})]


def _truncate(reader: Reader) -> list[Action]:
    reader.take("TABLE")
    return [Action(Kind.TRUNCATE, reader.name())]


def _insert(reader: Reader) -> list[Action] | None:
    while reader.one_of("LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "IGNORE"):
        pass
    if reader.take("OR"):
        reader.at += 1
    _top(reader)
    reader.take("INTO")
    name = reader.name()
    return [Action(Kind.INSERT, name)] if name else None


def _top(reader: Reader) -> None:
    if reader.take("TOP"):
        reader.skip_group() if reader.peek() == "(" else reader.name()
        reader.take("PERCENT")


def _update(reader: Reader) -> list[Action] | None:
    while reader.one_of("LOW_PRIORITY", "IGNORE"):
        pass
    if reader.take("OR"):
        reader.at += 1
    _top(reader)
    name = reader.name()
    return [Action(Kind.UPDATE, name, "", {"where": reader.has("WHERE")})] if name else None


def _delete(reader: Reader) -> list[Action] | None:
    while reader.one_of("LOW_PRIORITY", "QUICK", "IGNORE"):
        pass
    _top(reader)
    reader.take("FROM")
    name = reader.name()
    return [Action(Kind.DELETE, name, "", {"where": reader.has("WHERE")})] if name else None


def _select(reader: Reader) -> list[Action]:
    begin = reader.at
    if reader.has("INTO", "OUTFILE") or reader.has("INTO", "DUMPFILE"):
        return [Action(Kind.COPY, "", "", {"from": False, "file": "OUTFILE", "program": False})]
    if reader.dialect == "tsql" and reader.has("INTO"):
        while not reader.take("INTO"):
            reader.at += 1
        name = reader.name()
        return [Action(Kind.CREATE_TABLE, name, name, {"columns": [], "query": True})]
    reader.at = begin
    return [Action(Kind.SELECT)]


def _with(reader: Reader) -> list[Action]:
    """WITH … UPDATE: what follows the parts."""
    for head, read in (("INSERT", _insert), ("REPLACE", _insert), ("UPDATE", _update), ("DELETE", _delete)):
        if reader.has(head):
            while not reader.take(head):
                reader.skip_group() if reader.peek() == "(" else _pass(reader)
            return read(reader) or [Action(Kind.SELECT)]
    return [Action(Kind.SELECT)]


def _pass(reader: Reader) -> None:
    reader.at += 1


def _merge(reader: Reader) -> list[Action]:
    _top(reader)
    reader.take("INTO")
    return [Action(Kind.UPDATE, reader.name(), "", {"where": True, "statement": "merge"})]


def _load(reader: Reader) -> list[Action]:
    while not reader.over and not reader.take("TABLE"):
        reader.at += 1
    return [Action(Kind.COPY, reader.name(), "", {"from": True, "file": "INFILE", "program": False})]


def _granted(kind: Kind) -> Read:
    def read(reader: Reader) -> list[Action]:
        begin = reader.at
        while not reader.over and reader.peek() not in ("ON", "TO", "FROM"):
            reader.skip_group() if reader.peek() == "(" else _pass(reader)
        privileges = [p.strip().lower() for p in reader.between(begin).split(",")]
        if not reader.take("ON"):
            reader.at += 1
            details = {"of": "role", "privileges": privileges, "grantees": [p.rest() for p in reader.commas()]}
            return [Action(kind, "", name, details) for name in privileges]
        sort = reader.one_of("TABLE", "FUNCTION", "PROCEDURE", "OBJECT", "SCHEMA", "DATABASE").lower()
        while reader.peek() == ":":
            reader.at += 1
        name = _granted_on(reader)
        reader.at += 1
        details = {"of": sort or "table", "privileges": privileges}
        return [Action(kind, name, name, details | {"grantees": [p.rest() for p in reader.commas()]})]

    return read


def _granted_on(reader: Reader) -> str:
    begin = reader.at
    while not reader.over and reader.peek() not in ("TO", "FROM"):
        reader.at += 1
    written = reader.between(begin)
    if "*" in written:
        return written.replace("`", "")
    return Reader(reader.text, reader.words[begin : reader.at], reader.dialect).name()


def _set(reader: Reader) -> list[Action]:
    words = [reader.peek(i) for i in range(3)]
    if words[0] in ("ROLE", "PASSWORD") or words[:2] == ["DEFAULT", "ROLE"]:
        return [Action(Kind.OTHER, details={"statement": "set_role"})]
    if words[0] == "TRANSACTION" or words[1] == "TRANSACTION":
        return [Action(Kind.SET, "", "transaction")]
    shared = words[0] in ("GLOBAL", "PERSIST", "PERSIST_ONLY") or words[0].startswith(("@@GLOBAL", "@@PERSIST"))
    begin = reader.at
    while not reader.over and reader.peek() not in ("=", "ON", "OFF"):
        reader.at += 1
    return [Action(Kind.SET, "", reader.between(begin).lower(), {"global": shared})]


def _begin(reader: Reader) -> list[Action] | None:
    """BEGIN alone is a transaction; T-SQL's BEGIN … END is a block."""
    if reader.one_of("TRANSACTION", "TRAN", "WORK", "DEFERRED", "IMMEDIATE", "EXCLUSIVE") or reader.over:
        return [Action(Kind.TRANSACTION, details={"statement": "begin"})]
    return [Action(Kind.BLOCK)]


def _set_autocommit(reader: Reader) -> list[Action]:
    return [Action(Kind.TRANSACTION, details={"statement": "set_autocommit"})]


def _pragma(reader: Reader) -> list[Action]:
    name = reader.name()
    return [Action(Kind.SET, "", name.lower(), {"pragma": True, "value": reader.rest()})]


def _reindex(reader: Reader) -> list[Action]:
    return [Action(Kind.REINDEX, "", reader.name(), {"concurrently": False})]


def _optimize(statement: str) -> Read:
    def read(reader: Reader) -> list[Action]:
        reader.take("LOCAL")
        reader.one_of("TABLE", "TABLES")
        return [Action(Kind.OTHER, p.name(), "", {"statement": statement}) for p in reader.commas()]

    return read


def _exec(reader: Reader) -> list[Action]:
    name = reader.name()
    return [Action(Kind.BLOCK, "", name, {"statement": "exec"})]


HEADS: tuple[tuple[tuple[str, ...], Read], ...] = (
    (("CREATE",), created),
    (("DROP",), dropped),
    (("ALTER",), _alter),
    (("RENAME",), _rename),
    (("EXEC",), _sp_rename),
    (("EXECUTE",), _sp_rename),
    (("TRUNCATE",), _truncate),
    (("INSERT",), _insert),
    (("REPLACE",), _insert),
    (("UPDATE", "STATISTICS"), _optimize("analyze")),
    (("UPDATE",), _update),
    (("DELETE",), _delete),
    (("SELECT",), _select),
    (("VALUES",), _plain(Kind.SELECT)),
    (("(",), _plain(Kind.SELECT)),
    (("SHOW",), _plain(Kind.SELECT)),
    (("EXPLAIN",), _plain(Kind.SELECT)),
    (("DESCRIBE",), _plain(Kind.SELECT)),
    (("DESC",), _plain(Kind.SELECT)),
    (("PRINT",), _plain(Kind.SELECT)),
    (("WITH",), _with),
    (("MERGE",), _merge),
    (("LOAD",), _load),
    (("BULK", "INSERT"), lambda reader: [Action(Kind.COPY, reader.name(), "", {"from": True, "file": "BULK"})]),
    (("GRANT",), _granted(Kind.GRANT)),
    (("DENY",), _granted(Kind.REVOKE)),
    (("REVOKE",), _granted(Kind.REVOKE)),
    (("SET", "AUTOCOMMIT"), _set_autocommit),
    (("SET",), _set),
    (("PRAGMA",), _pragma),
    (("START", "TRANSACTION"), _plain(Kind.TRANSACTION, "begin")),
    (("BEGIN",), _begin),
    (("END",), _plain(Kind.TRANSACTION, "commit")),
    (("COMMIT",), _plain(Kind.TRANSACTION, "commit")),
    (("ROLLBACK",), _plain(Kind.TRANSACTION, "rollback")),
    (("SAVEPOINT",), _plain(Kind.TRANSACTION, "savepoint")),
    (("RELEASE",), _plain(Kind.TRANSACTION, "release")),
    (("SAVE",), _plain(Kind.TRANSACTION, "savepoint")),
    (("XA",), _plain(Kind.TRANSACTION, "xa")),
    (("USE",), _plain(Kind.DATABASE, "use")),
    (("ATTACH",), _plain(Kind.DATABASE, "attach")),
    (("DETACH",), _plain(Kind.DATABASE, "detach")),
    (("BACKUP",), _plain(Kind.DATABASE, "backup")),
    (("RESTORE",), _plain(Kind.DATABASE, "restore")),
    (("SHUTDOWN",), _plain(Kind.DATABASE, "shutdown")),
    (("RESTART",), _plain(Kind.DATABASE, "shutdown")),
    (("KILL",), _plain(Kind.DATABASE, "kill")),
    (("RESET",), _plain(Kind.DATABASE, "reset")),
    (("PURGE",), _plain(Kind.DATABASE, "purge")),
    (("CHANGE",), _plain(Kind.DATABASE, "change_replication")),
    (("RECONFIGURE",), _plain(Kind.DATABASE, "reconfigure")),
    (("INSTALL",), _plain(Kind.DATABASE, "install")),
    (("UNINSTALL",), _plain(Kind.DATABASE, "install")),
    (("FLUSH",), _plain(Kind.OTHER, "flush")),
    (("HANDLER",), _plain(Kind.OTHER, "handler")),
    (("CHECKSUM",), _plain(Kind.SELECT)),
    (("VACUUM",), _plain(Kind.VACUUM)),
    (("REINDEX",), _reindex),
    (("ANALYZE",), _optimize("analyze")),
    (("OPTIMIZE",), _optimize("optimize")),
    (("CHECK",), _optimize("check")),
    (("REPAIR",), _optimize("repair")),
    (("LOCK",), _optimize("lock")),
    (("UNLOCK",), _optimize("unlock")),
    (("CALL",), _exec),
    (("EXEC",), _exec),
    (("EXECUTE",), _exec),
    (("DO",), _plain(Kind.SELECT)),
    (("DECLARE",), _plain(Kind.BLOCK)),
    (("IF",), _plain(Kind.BLOCK)),
    (("WHILE",), _plain(Kind.BLOCK)),
    (("BEGIN", "NOT", "ATOMIC"), _plain(Kind.BLOCK)),
    (("DISABLE", "TRIGGER"), _plain(Kind.OTHER, "disable_trigger")),
    (("ENABLE", "TRIGGER"), _plain(Kind.OTHER, "enable_trigger")),
    (("THROW",), _plain(Kind.BLOCK)),
    (("RAISERROR",), _plain(Kind.BLOCK)),
    (("PREPARE",), _plain(Kind.BLOCK)),
    (("DEALLOCATE",), _plain(Kind.BLOCK)),
    (("SIGNAL",), _plain(Kind.BLOCK)),
)
