"""One client's conversation after its login: batches, calls by name, and the requests of a transaction manager."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable

from wayfare.systems.databases.sqlserver.testserver import wire
from wayfare.systems.databases.sqlserver.testserver.channel import Answer
from wayfare.systems.databases.sqlserver.testserver.databases import Databases
from wayfare.systems.databases.sqlserver.testserver.parameters import Parameter, call
from wayfare.systems.databases.sqlserver.testserver.statements import Settings, Statements
from wayfare.systems.databases.sqlserver.testserver.wire import SqlError, Token

_BEGIN_REQUEST, _COMMIT_REQUEST, _ROLLBACK_REQUEST = 5, 7, 8


class Conversation:
    def __init__(self, databases: Databases, database: str) -> None:
        self._prepared: dict[int, tuple[str, list[str]]] = {}
        self.statements = Statements(databases, database)

    def close(self) -> None:
        self.statements.close()

    # ---- requests

    def batch(self, message: bytes, answer: Answer) -> None:
        text = message[struct.unpack_from("<I", message)[0] :].decode("utf-16-le", "surrogatepass")
        self.statements.run(text, {}, answer, Token.DONE)
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
                self.statements.settings.level = "snapshot"
            self.statements.begin(answer)
        elif request in (_COMMIT_REQUEST, _ROLLBACK_REQUEST):
            self.statements.end(answer, commit=request == _COMMIT_REQUEST)
            name = message[at + 2]
            if message[at + 3 + name] & 1:  # and begin the next at once
                self.statements.begin(answer)
        else:
            raise SqlError(
                3989, "New request is not allowed to start because it should come with valid transaction descriptor."
            )
        answer.write(wire.done())

    # ---- calls by number or name

    def _execute_sql(self, given: list[Parameter], answer: Answer) -> None:
        values = {p.name.lstrip("@").lower(): p.value for p in given[2:]}
        self.statements.run(str(given[0].value), values, answer, Token.DONE_IN_PROCEDURE)
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
        self.statements.run(text, values, answer, Token.DONE_IN_PROCEDURE)

    def _forget(self, given: list[Parameter], answer: Answer) -> None:
        self._prepared.pop(int(given[0].value), None)
        answer.write(b"\x79" + bytes(4))

    def _reset(self, given: list[Parameter], answer: Answer) -> None:
        self.statements.end(answer, commit=False)
        self.statements.settings = Settings()
        answer.write(b"\x79" + bytes(4))


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
