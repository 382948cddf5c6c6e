"""The commands of `wayfare schema`."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from wayfare.cli import altering_text as text
from wayfare.cli.request import address_of
from wayfare.cli.screen import print_json
from wayfare.core.changes import Changeable, Policy, Schema
from wayfare.core.codec import encode
from wayfare.core.errors import Invalid, NotFound, Unavailable
from wayfare.core.findings import Severity
from wayfare.core.ports import Database, Executes
from wayfare.schema.revisions import files, runner
from wayfare.schema.revisions.files import Revision
from wayfare.schema.revisions.history import HISTORY, Compared, compare
from wayfare.schema.revisions.runner import CLIENT_WAIT_SECONDS, Done, Options
from wayfare.systems.registry import adapter, open_database

LAST = 10
PROBLEMS = 1
DISAGREES = 6


@dataclass(frozen=True, slots=True)
class ApplyOptions:
    """As they stand on the command line."""

    database: str
    folder: Path
    environment: str = ""
    to: str = ""
    out_of_order: bool = False
    wait: float = 60.0
    lock_wait: float = 60.0
    client_wait: float = CLIENT_WAIT_SECONDS

    def runner(self) -> Options:
        return Options(
            environment=self.environment.strip().lower(),
            out_of_order=self.out_of_order,
            wait_seconds=self.wait,
            to=self.to,
            client_wait_seconds_max=self.client_wait,
            policy=Policy(lock_wait_seconds_max=self.lock_wait),
        )


@contextmanager
def opened(url: str) -> Iterator[tuple[Database, Schema]]:
    """Raises Unavailable for a system whose schema cannot be changed here. A version is named by its option."""
    address = address_of(url, "target")
    with open_database(address) as database:
        if not isinstance(database, Changeable):
            told = f"the schema of {adapter(address.system).title} cannot be changed here."
            raise Unavailable(told, where="DATABASE", remedy="`wayfare systems` says where it can.")
        try:
            yield database, database.schema()
        except NotFound as error:
            error.where = "--to" if error.where == "to" else error.where
            raise


def new(name: str, folder: Path, *, as_json: bool) -> int:
    known = [r.version for r in files.read_folder(folder)] if folder.is_dir() else []
    up, down = files.create(folder, name, known)
    if as_json:
        print_json({"up": str(up), "down": str(down)})
    else:
        text.made(up, down)
    return 0


def status(url: str, folder: Path, environment: str, *, as_json: bool) -> int:
    revisions = files.read_folder(folder)
    with opened(url) as (_, schema):
        entries = schema.entries(HISTORY)
        holder = schema.holder()
    compared = compare(revisions, entries, environment=environment.strip().lower())
    if as_json:
        print_json(status_json(compared, entries, holder))
    else:
        text.status(compared, entries[-LAST:], holder, time.time())
    return DISAGREES if any(f.severity is Severity.ERROR for f in compared.findings) else 0


def status_json(compared: Compared, entries: Sequence[Any], holder: Any) -> dict[str, Any]:
    return {
        "current": compared.current,
        "pending": [{"version": r.version, "name": r.name, "checksum": r.checksum} for r in compared.pending],
        "lock": encode(holder) if holder else None,
        "last": [encode(e) for e in reversed(entries[-LAST:])],
        "findings": [encode(f) for f in compared.findings],
    }


def lint_files(url: str, folder: Path, dialect: str, *, everything: bool, as_json: bool) -> int:
    from wayfare.schema.lint.facts import Facts
    from wayfare.schema.lint.linting import lint
    from wayfare.schema.text.reading import DIALECTS, read

    if not url and dialect not in DIALECTS:
        remedy = f"Give a DATABASE, or --dialect with one of: {', '.join(DIALECTS)}."
        raise Invalid("whose dialect is it?", where="--dialect", remedy=remedy)
    revisions = files.read_folder(folder)
    if url:
        with opened(url) as (_, schema):
            dialect = dialect or schema.dialect
            pending = compare(revisions, schema.entries(HISTORY)).pending
        revisions = revisions if everything else pending
    found = []
    for revision in revisions:
        try:
            statements = read(revision.text, dialect)
        except Invalid as error:
            raise Invalid(error.message, where=f"{revision.path.name} {error.where}", remedy=error.remedy) from error
        found += [replace(f, where=f"{revision.path.name} {f.where}") for f in lint(statements, Facts(dialect))]
    if as_json:
        print_json({"files": len(revisions), "findings": [encode(f) for f in found]})
    else:
        text.linted(len(revisions), found)
    return PROBLEMS if any(f.severity is Severity.ERROR for f in found) else 0


def plan(options: ApplyOptions, *, as_json: bool) -> int:
    from wayfare.schema.revisions.preview import preview

    with opened(options.database) as (database, schema):
        replica = database if isinstance(database, Executes) else None
        found = preview(schema, files.read_folder(options.folder), options.runner(), replica)
    if as_json:
        print_json(found.to_json())
    else:
        text.planned(found)
    return PROBLEMS if found.refused else 0


def apply(options: ApplyOptions, *, as_json: bool) -> int:
    return _changed(options, runner.apply, "applied", as_json=as_json)


def roll_back(options: ApplyOptions, *, as_json: bool) -> int:
    return _changed(options, runner.roll_back, "taken back", as_json=as_json)


def _changed(options: ApplyOptions, act: Any, verb: str, *, as_json: bool) -> int:
    revisions: Sequence[Revision] = files.read_folder(options.folder)
    began = time.monotonic()
    with opened(options.database) as (_, schema), text.progress(quiet=as_json) as told:
        done: Done = act(schema, revisions, options.runner(), told)
    seconds = time.monotonic() - began
    if as_json:
        entries = [encode(e) for e in done.entries]
        print_json({"done": entries, "waited_for": done.waited_for, "seconds": round(seconds, 3)})
    else:
        text.done(done, verb, seconds)
    return 0


def adopt_history(options: ApplyOptions, tool: str, *, as_json: bool) -> int:
    from wayfare.schema.revisions.adopt import adopt

    revisions = files.read_folder(options.folder) if options.folder.is_dir() else ()
    with opened(options.database) as (database, schema):
        if not isinstance(database, Executes):
            raise Unavailable("this system's tables cannot be asked here.", where="DATABASE")
        name, fresh = adopt(schema, database, revisions, options.runner(), tool)
    if as_json:
        print_json({"from": name, "adopted": [encode(e) for e in fresh]})
    else:
        text.adopted(name, fresh)
    return 0


def repair_history(url: str, folder: Path, chosen: Mapping[str, str], *, as_json: bool) -> int:
    wanted = [(verb, version) for verb, version in chosen.items() if version]
    if len(wanted) != 1:
        remedy = "Give one of --accept, --forget and --mark, with a version."
        raise Invalid("what is to be repaired?", where="--accept", remedy=remedy)
    verb, version = wanted[0]
    with opened(url) as (_, schema):
        told = runner.repair(schema, files.read_folder(folder), Options(), version, verb)
    if as_json:
        print_json({"done": told})
    else:
        text.say(told)
    return 0
