"""An application's own revisions, as this server keeps them: one database, one folder, asked and applied over HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from wayfare.control.connections import address_of
from wayfare.control.reaching import milliseconds_since
from wayfare.core.address import Address
from wayfare.core.amounts import count
from wayfare.core.changes import Changeable, Entry, Examines, Holder, Schema
from wayfare.core.errors import Conflict, Unavailable, WayfareError
from wayfare.core.plan import Json, Phase, Plan, Step
from wayfare.core.ports import Database, Executes
from wayfare.core.principal import Principal
from wayfare.core.redacted import Redacted
from wayfare.core.status import Status
from wayfare.schema.revisions.files import Revision
from wayfare.schema.revisions.folder import Folder
from wayfare.schema.revisions.history import HISTORY, Compared, compare
from wayfare.schema.revisions.preview import Preview, preview
from wayfare.schema.revisions.runner import CLIENT_WAIT_SECONDS, Options, change_of, to_apply
from wayfare.schema.subject import MASTER
from wayfare.store.records import Run
from wayfare.store.store import Store
from wayfare.systems.registry import adapter, open_database

KIND = "revisions"
FINGERPRINT = "revisions of this application"
LAST = 10
AT_WORK = (Status.QUEUED, Status.RUNNING, Status.WAITING, Status.UNDOING)


@dataclass(frozen=True)
class Application:
    """Where it is. `database` is a URL, or @name of a connection; "" where nobody has said."""

    database: Redacted
    folder: Folder
    environment: str = ""

    def address(self, store: Store) -> Address:
        """Raises Conflict where none is set."""
        text = self.database.reveal()
        if not text:
            told = "no database is set whose revisions could be applied."
            raise Conflict(told, where="WAYFARE_SCHEMA_DATABASE", remedy="Set it, and start the server again.")
        return address_of(store, text, "WAYFARE_SCHEMA_DATABASE")

    def options(self, to: str = "", *, out_of_order: bool = False, client_wait: float = CLIENT_WAIT_SECONDS) -> Options:
        return Options(self.environment, out_of_order, to=to, client_wait_seconds_max=client_wait)


@dataclass(frozen=True, slots=True)
class Standing:
    """How folder and database stand."""

    compared: Compared
    last: tuple[Entry, ...]  # newest first
    holder: Holder | None
    active: Run | None  # a run of this server that applies revisions now


@contextmanager
def opened(application: Application, store: Store) -> Iterator[tuple[Database, Schema]]:
    address = application.address(store)
    with open_database(address) as database:
        if not isinstance(database, Changeable):
            told = f"the schema of {adapter(address.system).title} cannot be changed here."
            raise Unavailable(told, where="WAYFARE_SCHEMA_DATABASE", remedy="Name another database.")
        yield database, database.schema()


def standing(application: Application, store: Store) -> Standing:
    """Raises what its database raises, and NotFound or Invalid for the folder."""
    revisions = application.folder.revisions()
    with opened(application, store) as (_, schema):
        entries, holder = schema.entries(HISTORY), schema.holder()
    compared = compare(revisions, entries, environment=application.environment)
    return Standing(compared, tuple(reversed(entries[-LAST:])), holder, active(store))


def active(store: Store) -> Run | None:
    found = store.runs(kind=KIND, status=AT_WORK, limit=1)
    return found[0] if found else None


def dry_run(application: Application, store: Store, options: Options) -> Preview:
    """Raises Invalid, naming file and line, for a script that cannot be read."""
    with opened(application, store) as (database, schema):
        replica = database if isinstance(database, Executes) else None
        return preview(schema, application.folder.revisions(), options, replica)


def migrate(application: Application, store: Store, principal: Principal, options: Options) -> Run | None:
    """Record a run that applies what is pending; None when nothing is.

    Raises Conflict where folder and history do not fit together, or a run is at work, and Invalid, naming file and
    line, for a script that cannot be read.
    """
    if (running := active(store)) is not None:
        told = f"run {running.id} applies revisions already."
        raise Conflict(told, where="run", remedy="Wait for its end; GET /api/migrate/{run} tells how it stands.")
    pending = _pending(application, store, options)
    run = _recorded(application, store, replace(options, by=principal.name), pending) if pending else None
    with store.write() as transaction:
        details = {"pending": [r.version for r in pending], "to": options.to}
        store.audit(transaction, principal, "revisions.apply", run.id if run else "", details=details)
        store.publish(transaction, "revisions.applied", run.id if run else "", details)
    return run


def _pending(application: Application, store: Store, options: Options) -> Sequence[Revision]:
    """Each is read, so that a mistake is told to whoever asks, and not to a run."""
    with opened(application, store) as (_, schema):
        pending = to_apply(schema, application.folder.revisions(), options)
        for revision in pending:
            change_of(schema, revision, options)
        return pending


def _recorded(application: Application, store: Store, options: Options, pending: Sequence[Revision]) -> Run:
    kept = [_kept(revision) for revision in pending]
    subject = {
        "revisions": kept,
        "environment": options.environment,
        "by": options.by,
        "client_wait_seconds_max": options.client_wait_seconds_max,
    }
    plan = Plan(KIND, subject, (Phase("apply", (Step("schema.revise", f"apply {count(len(kept), 'revision')}"),)),))
    return store.create_run(
        kind=KIND,
        title=count(len(kept), "revision"),
        request={"to": options.to, "environment": options.environment, "revisions": [r.title for r in pending]},
        fingerprint=FINGERPRINT,
        plan=plan,
        addresses={MASTER: application.address(store)},
    )


def _kept(revision: Revision) -> dict[str, Json]:
    """As `schema.revise` reads it: the run needs no folder, and names the files in what it says."""
    files = {"file": str(revision.path), "down_file": str(revision.down_path or "")}
    return {"version": revision.version, "name": revision.name, "text": revision.text, "down": revision.down, **files}


@dataclass(frozen=True, slots=True)
class Component:
    """One part that applying needs."""

    name: str
    ok: bool
    message: str = ""
    milliseconds: float = 0.0


def health(application: Application, store: Store) -> tuple[Component, ...]:
    """Each part by itself; what one raises is told as its message."""
    parts = [_tried("migration_files", lambda: count(len(application.folder.revisions()), "revision"))]
    try:
        with opened(application, store) as (database, schema):
            parts.append(_tried("database", lambda: database.check().version))
            parts.append(_tried("lock_table", lambda: _holder(schema.holder())))
            parts.append(_tried("history_table", lambda: f"{len(schema.entries(HISTORY))} entries"))
            parts += _examined(schema)
    except WayfareError as error:
        parts.append(Component("database", False, str(error)))
    return tuple(parts)


def _examined(schema: Schema) -> Iterator[Component]:
    if isinstance(schema, Examines):
        began = time.monotonic()
        for name, problem in schema.examine().items():
            yield Component(name, not problem, problem or "works", milliseconds_since(began))


def _tried(name: str, look: Callable[[], str]) -> Component:
    began = time.monotonic()
    try:
        return Component(name, True, look(), milliseconds_since(began))
    except WayfareError as error:
        return Component(name, False, str(error), milliseconds_since(began))


def _holder(holder: Holder | None) -> str:
    return f"held by {holder.by}" if holder and holder.alive else "free"
