"""The whole schema as text, by pg_dump: what it says is complete, and its order does not tell how it came about."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from wayfare.core.address import Address
from wayfare.core.changes import LOCK_TABLE, REVISIONS_TABLE
from wayfare.core.errors import Busy, SystemFailed
from wayfare.systems.databases.postgresql.connect import Connections
from wayfare.systems.databases.postgresql.dialect import DEFAULT_NAMESPACE
from wayfare.systems.databases.postgresql.errors import classified
from wayfare.systems.databases.postgresql.schema.programs import dumper, environment

LOCK_WAIT_MS = 15_000  # pg_dump reads tables' locks too: behind a change of schema it would stand for ever
REVISIONS_SEQUENCE = f"{REVISIONS_TABLE}_place_seq"

_COMMENT = re.compile(r"^--\n(?:-- .*\n)+--\n", re.MULTILINE)
_LINES = re.compile(r"^(?:\\(?:un)?restrict .*|-- Dumped (?:from|by) .*|SET transaction_timeout = 0;)\n", re.MULTILINE)
_HEAD = re.compile(r"\A\s*(?:SET \w+ = [^\n]*;\n|SELECT pg_catalog\.set_config\([^\n]*\);\n)+")
_MAPPING = re.compile(r"^CREATE (?:USER MAPPING|SERVER) .*?;\n", re.MULTILINE | re.DOTALL)
_PASSWORD = re.compile(r"(\w*pass\w* )'(?:[^']|'')*'")
_EMPTY_LINES = re.compile(r"\n{3,}")


def canonical(text: str) -> str:
    """What pg_dump wrote, without comments, psql's commands, the settings at its head, and passwords. Pure."""
    text = _MAPPING.sub(lambda found: _PASSWORD.sub(r"\1'…'", found[0]), text)
    bare = _LINES.sub("", _COMMENT.sub("", text))
    bare = _HEAD.sub("", bare)
    return _EMPTY_LINES.sub("\n\n", bare).strip() + "\n"


def dump(connections: Connections, database: str = "") -> str:
    """Canonical, without our two tables; of another database of the same server with `database`. Raises Unavailable."""
    return canonical(raw(connections, database))


def raw(connections: Connections, database: str = "") -> str:
    """As pg_dump writes it: psql can restore it."""
    program = dumper(server_version(connections))
    address = replace(connections.address, database=database) if database else connections.address
    return _run(program, environment(address), address)


def server_version(connections: Connections) -> int:
    """160004 is 16.4."""
    with connections.use() as connection:
        return connection.info.server_version


def _run(program: Path, variables: Mapping[str, str], address: Address) -> str:
    ours = [f"--exclude-table={DEFAULT_NAMESPACE}.{n}" for n in (REVISIONS_TABLE, LOCK_TABLE, REVISIONS_SEQUENCE)]
    command = [
        str(program),
        "--schema-only",
        "--no-owner",
        "--no-subscriptions",
        f"--lock-wait-timeout={LOCK_WAIT_MS}",
        *ours,
    ]
    done = subprocess.run(command, capture_output=True, text=True, env=dict(variables))  # noqa: S603
    if done.returncode:
        raise failed("pg_dump", done.stderr, address)
    return done.stdout


def failed(program: str, said: str, address: Address) -> SystemFailed:
    """Programs tell no SQLSTATE, only the server's words; two of them we know, and both can be mended."""
    text = " ".join(said.split())[-600:]
    if "lock timeout" in text:
        return Busy(f"{program}: {text}", where=address.url(), remedy="Wait until the other change of schema is over.")
    code = "42501" if "permission denied" in text else ""
    error = classified(code, f"{program}: {text}", address.url())
    assert isinstance(error, SystemFailed)
    return error
