"""Applying what is pending, and taking back what was applied: one runner at a time, however many start at once."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from wayfare.core.changes import Entry, Held, Policy, Schema, Standing
from wayfare.core.errors import Conflict, Invalid, NotFound, Stopped
from wayfare.schema.carry import Change, Told, carry_out
from wayfare.schema.locked import locked
from wayfare.schema.meanwhile import unhindered
from wayfare.schema.revisions.files import Revision, order
from wayfare.schema.revisions.history import HISTORY, compare
from wayfare.schema.text.forbidden import forbidden
from wayfare.schema.text.reading import read


def whoever() -> str:
    return f"{os.environ.get('USER') or 'wayfare'}@{socket.gethostname()}:{os.getpid()}"


CLIENT_WAIT_SECONDS = 5.0  # behind a statement at work, which is ended then


@dataclass(frozen=True, slots=True)
class Options:
    environment: str = ""
    out_of_order: bool = False
    by: str = field(default_factory=whoever)
    wait_seconds: float = 60.0  # for another runner; 0: not at all
    to: str = ""  # the last version to apply, or the one to stay at; "" for all, or for one step back
    client_wait_seconds_max: float = CLIENT_WAIT_SECONDS  # 0: as long as it takes
    policy: Policy = field(default_factory=Policy)


@dataclass(frozen=True, slots=True)
class Done:
    """What this runner did itself; others may have done the rest while it waited."""

    entries: tuple[Entry, ...]
    waited_for: str = ""  # who held the lock meanwhile


def apply(schema: Schema, files: Sequence[Revision], options: Options, told: Told = lambda progress: None) -> Done:
    """Apply what is pending, in order. With nothing pending it takes no lock.

    Raises Conflict where folder and history do not fit together, Busy when another runner does not end in time, Invalid
    for a script that cannot be read (nothing is applied then), and what carrying out raises.
    """
    if not to_apply(schema, files, options):
        return Done(())
    return _carried(schema, options, told, lambda: to_apply(schema, files, options))


def apply_these(schema: Schema, chosen: Sequence[Revision], options: Options, told: Told) -> Done:
    """Apply these, in order, whoever chose them: what is applied by now is passed over. Raises as `apply` does."""

    def pending() -> Sequence[Revision]:
        applied = _versions(schema, Standing.APPLIED)
        return [revision for revision in chosen if revision.version not in applied]

    return _carried(schema, options, told, pending)


def _carried(
    schema: Schema, options: Options, told: Told, choose: Callable[[], Sequence[Revision]], *, undoing: bool = False
) -> Done:
    """What is chosen under the lock. All are read before the first is carried out: one that cannot be costs nothing."""
    with (
        locked(schema, options.by, options.wait_seconds, options.policy.stopping) as (held, waited_for),
        unhindered(schema, options.client_wait_seconds_max) as interrupted,
    ):
        changes = [change_of(schema, revision, options, undoing=undoing) for revision in choose()]
        policy = replace(options.policy, interrupted=interrupted)
        return Done(tuple(_carry_out(schema, held, change, policy, told) for change in changes), waited_for)


def _carry_out(schema: Schema, held: Held, change: Change, policy: Policy, told: Told) -> Entry:
    try:
        return carry_out(schema, held, change, policy, told)
    except Stopped as error:
        error.where = error.where or f"{change.version}_{change.name}"
        raise


def _versions(schema: Schema, *standings: Standing) -> set[str]:
    return {entry.version for entry in schema.entries(HISTORY) if entry.standing in standings}


def to_apply(schema: Schema, files: Sequence[Revision], options: Options) -> Sequence[Revision]:
    """What is pending, up to `options.to`. Raises Conflict where folder and history do not fit together, NotFound."""
    compared = compare(
        files, schema.entries(HISTORY), environment=options.environment, out_of_order=options.out_of_order
    )
    compared.refuse()
    if options.to and options.to not in {f.version for f in files}:
        remedy = "`wayfare schema status` lists them."
        raise NotFound(f"there is no revision {options.to}.", where="to", remedy=remedy)
    return [r for r in compared.pending if not options.to or order(r.version) <= order(options.to)]


def change_of(schema: Schema, revision: Revision, options: Options, *, undoing: bool = False) -> Change:
    """A revision as what is carried out. Raises Invalid, naming file and line, for a script that cannot be read."""
    text, path = (revision.down, revision.down_path) if undoing else (revision.text, revision.path)
    if text is None or path is None:
        raise Invalid(
            f"{revision.path.name} has no way back.",
            where=revision.version,
            remedy=f"Write it as {revision.path.stem}.down.sql; `wayfare schema plan` proposes it where there is one.",
        )
    try:
        statements = read(text, schema.dialect)
        if problems := forbidden(statements, schema.dialect):
            raise Invalid(problems[0].message, where=problems[0].where, remedy=problems[0].advice)
    except Invalid as error:
        raise Invalid(error.message, where=f"{path.name} {error.where}".strip(), remedy=error.remedy) from error
    return Change(
        HISTORY,
        revision.version,
        revision.name,
        revision.checksum,
        statements,
        undoing,
        environment=options.environment,
        by=options.by,
    )


def roll_back(schema: Schema, files: Sequence[Revision], options: Options, told: Told = lambda progress: None) -> Done:
    """Take back the last revision, or all after `options.to`; "0" stands for the beginning. Newest first.

    Raises as `apply` does, and Invalid where one has no way back: nothing is taken back then.
    """
    return _carried(
        schema, options, told, lambda: to_take_back(files, schema.entries(HISTORY), options.to), undoing=True
    )


def take_back_these(schema: Schema, chosen: Sequence[Revision], options: Options, told: Told) -> Done:
    """Take back those of them that are applied, newest first; nothing stops it. Raises as `roll_back` does."""

    def applied() -> Sequence[Revision]:
        versions = _versions(schema, Standing.APPLIED, Standing.UNDOING)
        return [revision for revision in reversed(chosen) if revision.version in versions]

    unstopped = replace(options, client_wait_seconds_max=0.0, policy=Policy())
    return _carried(schema, unstopped, told, applied, undoing=True)


def to_take_back(files: Sequence[Revision], entries: Sequence[Entry], to: str) -> Sequence[Revision]:
    """Pure. What was begun to be taken back comes first of all. Raises NotFound, Conflict."""
    known = {f.version: f for f in files}
    standing = {e.version: e for e in entries if e.standing in (Standing.APPLIED, Standing.UNDOING)}
    newest_first = sorted(standing, key=order, reverse=True)
    if not newest_first:
        raise Conflict("nothing is applied that could be taken back.")
    if to and to != "0" and to not in standing:
        raise NotFound(f"revision {to} is not applied.", where="to", remedy="`wayfare schema status` lists what is.")
    chosen = newest_first[:1] if not to else [v for v in newest_first if to == "0" or order(v) > order(to)]
    for version in chosen:
        if version not in known:
            told = f"the file of {version}_{standing[version].name} is not in this folder."
            raise NotFound(told, where=version, remedy="Take it back with the checkout that has it.")
        entry = standing[version]
        if entry.checksum and entry.checksum != known[version].checksum:
            told = f"{known[version].path.name} was edited after it was applied."
            raise Conflict(told, where=version, remedy="Put it back as it was: its way back may not fit any more.")
    return [known[v] for v in chosen]


def repair(schema: Schema, files: Sequence[Revision], options: Options, version: str, verb: str) -> str:
    """`accept` an edited file, `forget` an entry, or `mark` a revision as applied without running it: what was done.

    Raises NotFound for a version that is not there.
    """
    with locked(schema, options.by, options.wait_seconds, options.policy.stopping) as (held, _):
        entries = {e.version: e for e in schema.entries(HISTORY)}
        known = {f.version: f for f in files}
        if version not in (entries if verb == "forget" else known):
            raise NotFound(f"there is no revision {version}.", where=f"--{verb}", remedy="Check its number.")
        return _REPAIRS[verb](held, known.get(version), entries.get(version), options)


def _forget(held: Held, revision: Revision | None, entry: Entry | None, options: Options) -> str:
    assert entry is not None
    held.forget(HISTORY, entry.version)
    return f"{entry.version}_{entry.name} is forgotten; the schema is as it was."


def _accept(held: Held, revision: Revision | None, entry: Entry | None, options: Options) -> str:
    assert revision is not None
    if entry is None:
        raise NotFound(f"{revision.title} was never applied.", where="--accept", remedy="Apply it.")
    held.keep(replace(entry, checksum=revision.checksum, name=revision.name))
    return f"{revision.path.name} is taken for what was applied."


def _mark(held: Held, revision: Revision | None, entry: Entry | None, options: Options) -> str:
    assert revision is not None
    now = time.time()
    held.keep(
        Entry(
            HISTORY,
            revision.version,
            revision.name,
            revision.checksum,
            Standing.APPLIED,
            0,
            0,
            environment=options.environment,
            by=f"marked by {options.by}",
            started_at=now,
            ended_at=now,
        )
    )
    return f"{revision.title} counts as applied; nothing was run."


_REPAIRS: dict[str, Callable[[Held, Revision | None, Entry | None, Options], str]] = {
    "forget": _forget,
    "accept": _accept,
    "mark": _mark,
}
