"""The other tools: each in a virtual environment of its own, or from Debian; never in the project's environment."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.places import cache, environment
from wayfare.core.errors import Unavailable
from wayfare.systems import testing

PYTHON = "3.11"
DUCK = "duck"  # not a peer: DuckDB with its extension wheels, which makes and loads the data

_EXTENSIONS = ("tpch", "postgres-scanner", "mysql-scanner", "sqlite-scanner")

# ingestr 1.1.22 and sling 1.4.11 are the last wheels that carry their binary, so that nothing is fetched at run time.
ENVIRONMENTS: Mapping[str, tuple[str, ...]] = {
    "ingestr": ("ingestr==1.1.22",),
    "sling": ("sling==1.4.11", "sling-linux-amd64==1.4.11"),
    "dlt": ("dlt[postgres,sql_database,sqlalchemy]>=1.31,<2", "psycopg2-binary", "pymysql", "connectorx", "pyarrow"),
    DUCK: ("duckdb==1.5.5", *(f"duckdb-extension-{name}==1.5.5" for name in _EXTENSIONS)),
}
PROGRAMS: Mapping[str, str] = {
    "ingestr": "bin/ingestr",
    "sling": "lib/python3.11/site-packages/sling_linux_amd64/bin/sling-linux-amd64",
    "dlt": "bin/python",
    DUCK: "bin/python",
}
DEBIAN: Mapping[str, str] = {
    "pgloader": "pgloader",
    "pgcopydb": "pgcopydb",
    "mydumper": "mydumper",
    "myloader": "mydumper",
}
_VERSION_WORDS: Mapping[str, tuple[str, ...]] = {
    "dlt": ("-c", "import dlt; print(dlt.__version__)"),
    DUCK: ("-c", "import duckdb; print(duckdb.__version__)"),
}


@dataclass(frozen=True, slots=True)
class Peer:
    """A program that is here, or the reason why it is not."""

    name: str
    program: Path | None
    version: str = ""
    missing: str = ""


def have(name: str) -> Peer:
    """The peer `name`, installed when it is missing. Never raises: a peer that cannot be had says why."""
    try:
        program = _in_environment(name) if name in ENVIRONMENTS else Path(testing.debian(name, DEBIAN[name]))
    except Unavailable as error:
        return Peer(name, None, missing=str(error))
    return Peer(name, program, _version(name, program))


def have_all(names: Iterable[str]) -> dict[str, Peer]:
    return {name: have(name) for name in names}


def _in_environment(name: str) -> Path:
    """Made once for these requirements: the folder's marker names them, and another list makes it anew."""
    folder = cache() / "peers" / name
    program, marker = folder / PROGRAMS[name], folder / "requirements"
    wanted = "\n".join(ENVIRONMENTS[name])
    if not (marker.exists() and marker.read_text() == wanted and program.exists()):
        _uv("venv", "--clear", "--python", PYTHON, str(folder))
        _uv("pip", "install", "--compile-bytecode", "--python", str(folder / "bin/python"), *ENVIRONMENTS[name])
        marker.write_text(wanted)
    if not program.exists():
        raise Unavailable(f"{name} was installed without its program {PROGRAMS[name]}.")
    program.chmod(program.stat().st_mode | 0o111)
    return program


def _uv(*words: str) -> None:
    done = subprocess.run(["uv", "--quiet", "--no-config", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unavailable(f"uv {words[0]} failed: {done.stderr.strip()[-500:]}")


def _version(name: str, program: Path) -> str:
    """The first dotted number in what the program says about itself."""
    command = [str(program), *_VERSION_WORDS.get(name, ("--version",))]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment())
    found = re.search(r"\d+\.\d+(\.\d+)*", done.stdout) or re.search(r"\d+\.\d+(\.\d+)*", done.stderr)
    return found[0] if found else "?"
