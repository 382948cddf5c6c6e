"""What each tool's user types to copy one table: a tool → a command, in the way that is best for the tool."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.data import create
from benchmarks.ends import End
from benchmarks.ends.clickhouse import MODULE, ClickHouse
from benchmarks.ends.mariadb import PASSWORD, USER, MariaDB
from benchmarks.ends.postgresql import DATABASE, SPELLING, PostgreSQL, binaries
from benchmarks.paths import BARE, OURS
from benchmarks.places import ROOT, WAYFARE

DLT = Path(__file__).parent / "dlt_copy.py"


@dataclass(frozen=True, slots=True)
class Trip:
    """One table on its way. `scratch` is an empty folder, new for each run."""

    source: End
    target: End
    table: str
    scratch: Path
    programs: Mapping[str, Path]


@dataclass(frozen=True, slots=True)
class Call:
    """A program to start. Measured with its working directory at `folder`."""

    words: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    folder: Path | None = None


Tool = Callable[[Trip], Call]


def wayfare(trip: Trip) -> Call:
    """As a user runs it: a fresh process, a fresh data directory, verification on."""
    words = [str(WAYFARE), "copy", trip.source.url, trip.target.url, "--tables", trip.table, "--json"]
    return Call(words, {"WAYFARE_HOME": str(trip.scratch / "home")}, trip.scratch)


def without_kernel(trip: Trip) -> Call:
    call = wayfare(trip)
    return Call(call.words, {**call.environment, "WAYFARE_NATIVE": "0"}, call.folder)


def psql_pipe(trip: Trip) -> Call:
    """Table, rows, then the key: the order in which psql is fastest. Debian's wrapper would cost 0.1 s a start."""
    psql = [str(binaries() / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1"]
    source, target = (shlex.join([*psql, end.url]) for end in (trip.source, trip.target))
    table = trip.table
    script = (
        f"set -e -o pipefail; {target} -c {shlex.quote(create(table, SPELLING, key=''))};"
        f" {source} -c 'copy {table} to stdout (format binary)'"
        f" | {target} -c 'copy {table} from stdin (format binary)';"
        f" {target} -c 'alter table {table} add primary key (id)'"
    )
    return Call(["bash", "-c", script])


def pgcopydb(trip: Trip) -> Call:
    filters = trip.scratch / "filters.ini"
    filters.write_text(f"[include-only-table]\npublic.{trip.table}\n")
    words = [str(trip.programs["pgcopydb"]), "clone", "--source", trip.source.url, "--target", trip.target.url]
    words += ["--filters", str(filters), "--dir", str(trip.scratch / "work"), "--table-jobs", "2", "--index-jobs", "2"]
    return Call([*words, "--no-owner", "--no-acl", "--skip-large-objects"])


def ingestr(trip: Trip) -> Call:
    words = [str(trip.programs["ingestr"]), "ingest", "--yes", "--progress", "log", "--no-load-timestamp"]
    words += ["--incremental-strategy", "replace"]
    words += ["--source-uri", _foreign(trip.source), "--source-table", f"{trip.source.schema}.{trip.table}"]
    words += ["--dest-uri", _foreign(trip.target), "--dest-table", f"{trip.target.schema}.{trip.table}"]
    return Call(words, folder=trip.scratch)


def sling(trip: Trip) -> Call:
    words = [str(trip.programs["sling"]), "run", "--mode", "full-refresh"]
    words += ["--src-conn", "BENCH_SOURCE", "--src-stream", f"{trip.source.schema}.{trip.table}"]
    words += ["--tgt-conn", "BENCH_TARGET", "--tgt-object", f"{trip.target.schema}.{trip.table}"]
    ends = {"BENCH_SOURCE": trip.source, "BENCH_TARGET": trip.target}
    return Call(words, {name: _foreign(end).replace("////", "///") for name, end in ends.items()}, trip.scratch)


def dlt(trip: Trip) -> Call:
    words = [str(trip.programs["dlt"]), str(DLT), trip.source.url, trip.source.schema]
    words += [trip.target.url, trip.target.schema, trip.table]
    return Call(words, {"HOME": str(trip.scratch)}, trip.scratch)


def _foreign(end: End) -> str:
    """The address as other tools read it: without a word about TLS they insist on it."""
    return f"{end.url}?sslmode=disable" if isinstance(end, PostgreSQL) else end.url


def pgloader(trip: Trip) -> Call:
    """Its defaults for the type of source; tables of a MySQL database go to a schema of its name, which is renamed."""
    script = trip.scratch / "copy.load"
    if isinstance(trip.source, MariaDB):
        only = (
            f"including only table names matching '{trip.table}' alter schema '{trip.source.schema}' rename to 'public'"
        )
    else:
        only = f"including only table names like '{trip.table}'"
    script.write_text(
        f"load database from {trip.source.url} into {trip.target.url.replace('postgresql:', 'pgsql:')}"
        f" with include drop, create tables, create indexes {only};\n"
    )
    return Call([str(trip.programs["pgloader"]), "--no-ssl-cert-verification", str(script)], folder=trip.scratch)


def mydumper(trip: Trip) -> Call:
    """Dump, then load, each with two threads and files of a sixth of the rows, so that both threads have work."""
    assert isinstance(trip.source, MariaDB)
    place = f"-h 127.0.0.1 -P {trip.source.port} -u {USER} -p {PASSWORD} -t 2"
    dump, load = (shlex.quote(str(trip.programs[name])) for name in ("mydumper", "myloader"))
    script = (
        f"set -e; {dump} {place} -B {trip.source.schema} -T {trip.table} -r 500000 -o dump;"
        f" {load} {place} -B {trip.target.schema} -d dump -o"
    )
    return Call(["bash", "-c", script], folder=trip.scratch)


def clickhouse(trip: Trip) -> Call:
    """ClickHouse's own table functions, in a process with the same embedded engine."""
    assert isinstance(trip.target, ClickHouse)
    source = trip.source
    if isinstance(source, PostgreSQL):
        arguments = (f"127.0.0.1:{source.port}", DATABASE, trip.table, "postgres", "bench")
        call = f"postgresql({', '.join(map(_text, arguments))})"
    elif isinstance(source, MariaDB):
        arguments = (f"127.0.0.1:{source.port}", source.schema, trip.table, USER, PASSWORD)
        call = f"mysql({', '.join(map(_text, arguments))})"
    else:
        raise NotImplementedError(f"ClickHouse does not read {source.version} by itself")
    return Call([sys.executable, "-m", MODULE, "pull", str(trip.target.folder), trip.table, call], folder=ROOT)


def _text(value: str) -> str:
    return f"'{value}'"


TOOLS: Mapping[str, Tool] = {
    OURS: wayfare,
    BARE: without_kernel,
    "psql": psql_pipe,
    "pgcopydb": pgcopydb,
    "ingestr": ingestr,
    "dlt": dlt,
    "sling": sling,
    "pgloader": pgloader,
    "mydumper": mydumper,
    "clickhouse": clickhouse,
}
# The programs a tool consists of, where they are not its own name; none for those of this environment.
PROGRAMS: Mapping[str, tuple[str, ...]] = {
    OURS: (),
    BARE: (),
    "psql": (),
    "clickhouse": (),
    "mydumper": ("mydumper", "myloader"),
}


def needs(tool: str) -> tuple[str, ...]:
    return PROGRAMS.get(tool, (tool,))
