"""Alterations: schema changes that somebody wants, from the draft to the study that tells what they would do."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wayfare.access.egress import Policy
from wayfare.control import clusters
from wayfare.control.clusters import Cluster
from wayfare.control.reaching import check_address
from wayfare.core.changes import Changeable, Part, Replicates
from wayfare.core.codec import decode, encode
from wayfare.core.errors import Conflict, Invalid, Unavailable
from wayfare.core.findings import Finding, Severity
from wayfare.core.plan import Json
from wayfare.core.ports import Executes
from wayfare.core.principal import Principal
from wayfare.core.statements import Statement
from wayfare.core.switches import Switches
from wayfare.schema.lint.facts import Facts
from wayfare.schema.lint.linting import lint
from wayfare.schema.plan import Strategy, checksum_of
from wayfare.schema.risk import Judged, Risk, judge
from wayfare.schema.study import Draft, Study, study
from wayfare.schema.subject import MASTER
from wayfare.schema.text.forbidden import forbidden
from wayfare.schema.text.reading import SCRIPT_BYTES_MAX, read
from wayfare.store.shelf import Record, Shelf
from wayfare.store.store import Store
from wayfare.store.wanted import ALTERATIONS
from wayfare.systems.registry import adapter, open_database

NAME = re.compile(r"[a-z0-9_]{1,200}")
DRAFT, PENDING, APPROVED = "draft", "pending", "approved"
TAGS_MAX = 50


@dataclass(frozen=True, slots=True)
class Wanted:
    """A schema change as its author asks for it. `rollback` "" where the way back is to be found."""

    title: str
    description: str
    cluster: Cluster
    script: str
    rollback: str
    strategy: Strategy
    risk: Risk
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Studied:
    """The last study of an alteration, as it is kept: everything that people are shown, and that a plan is made of."""

    study: Study
    judged: Judged
    at: float


@dataclass(frozen=True, slots=True)
class Alteration:
    id: str
    number: int
    version: int
    title: str
    description: str
    cluster: str  # its id
    state: str
    author: str
    author_name: str
    strategy: Strategy
    claimed: Risk
    tags: tuple[str, ...]
    script: str
    rollback: str
    studied: Studied | None
    digest: str
    run: str
    created_at: float
    updated_at: float
    record: Record

    @property
    def checksum(self) -> str:
        return checksum_of(self.script, self.rollback)


def create(store: Store, principal: Principal, wanted: Wanted) -> Alteration:
    """A draft. Raises Invalid for a name, script or strategy that cannot be; nothing is opened."""
    acceptable(wanted)
    shelf = Shelf(store, ALTERATIONS)
    values = {**_values(wanted), "author": principal.user, "author_name": principal.name, **_FRESH}
    with store.write() as transaction:
        made = shelf.add(transaction, values, secret=_secret(wanted))
        tell(store, transaction, principal, "create", made)
    return _from(shelf, made)


def get(store: Store, reference: str | int) -> Alteration:
    """By number or id. Raises NotFound."""
    shelf = Shelf(store, ALTERATIONS)
    return _from(shelf, shelf.get(reference))


def everyone(store: Store, **equal: Any) -> Sequence[Alteration]:
    """Newest first."""
    shelf = Shelf(store, ALTERATIONS)
    return [_from(shelf, record) for record in shelf.find(newest_first=True, **equal)]


def update(store: Store, principal: Principal, alteration: Alteration, wanted: Wanted) -> Alteration:
    """An edited alteration is a draft again: what was approved was another text. Raises Invalid, Conflict, Stale."""
    refuse_running(store, alteration)
    acceptable(wanted)
    shelf = Shelf(store, ALTERATIONS)
    with store.write() as transaction:
        values = {**_values(wanted), **_FRESH}
        changed = shelf.change(
            transaction, alteration.record, values, secret=_secret(wanted), expected_version=alteration.version
        )
        tell(store, transaction, principal, "update", changed)
    return _from(shelf, changed)


def remove(store: Store, principal: Principal, alteration: Alteration) -> None:
    """Raises Conflict while it is at work."""
    refuse_running(store, alteration)
    with store.write() as transaction:
        Shelf(store, ALTERATIONS).remove(transaction, alteration.record)
        tell(store, transaction, principal, "remove", alteration.record)


def refuse_running(store: Store, alteration: Alteration) -> None:
    if clusters.active_run(store, alteration.run):
        told = f"{alteration.title} is being carried out, by run {alteration.run}."
        raise Conflict(told, where="migration", remedy="Wait for its end, or roll it back.")


def acceptable(wanted: Wanted) -> tuple[tuple[Statement, ...], tuple[Statement, ...]]:
    """Its statements, up and down. Raises Invalid, naming the field, with line and column in a script."""
    if not NAME.fullmatch(wanted.title):
        remedy = "Use small letters, digits and underscores: add_users_email_index."
        raise Invalid(f"{wanted.title[:80]!r} cannot name a change.", where="name", remedy=remedy)
    if len(wanted.tags) > TAGS_MAX:
        raise Invalid(f"more than {TAGS_MAX} tags.", where="tags", remedy="Leave some out.")
    dialect = adapter(wanted.cluster.system).sql_dialect
    up = script_of(wanted.script, dialect, "migrationScript")
    down = script_of(wanted.rollback, dialect, "rollbackScript") if wanted.rollback.strip() else ()
    if not up:
        told = "the script has no statement."
        raise Invalid(told, where="migrationScript", remedy="Write what is to change.")
    return up, down


def script_of(text: str, dialect: str, where: str) -> tuple[Statement, ...]:
    """Raises Invalid for what cannot be read, is too long, or may not be in a change."""
    if len(text.encode(errors="replace")) > SCRIPT_BYTES_MAX:
        remedy = "Move rows with a copy, and keep the script to changes of the schema."
        raise Invalid(f"it has more than {SCRIPT_BYTES_MAX // 1024**2} MB.", where=where, remedy=remedy)
    try:
        statements = read(text, dialect)
    except Invalid as error:
        told = f"SQL syntax error at {error.where}: {error.message}"
        raise Invalid(told, where=where, remedy=error.remedy) from error
    if problems := forbidden(statements, dialect):
        told = f"{problems[0].where}: {problems[0].message}"
        raise Invalid(told, where=where, remedy=problems[0].advice)
    return statements


def noticed(wanted: Wanted) -> Sequence[Finding]:
    """What can be said of the script without asking any server."""
    up, _ = acceptable(wanted)
    return lint(up, Facts(adapter(wanted.cluster.system).sql_dialect, wanted.cluster.environment))


def study_now(store: Store, alteration: Alteration, policy: Policy) -> Studied:
    """Rehearse it on its cluster as that is now; nothing there changes. Kept for whoever looks later.

    Raises what its servers raise, Invalid for scripts that no longer fit.
    """
    cluster = clusters.get(store, alteration.cluster)
    wanted = wanted_of(alteration, cluster)
    up, down = acceptable(wanted)
    found = _studied(cluster, Draft(up, down or None, cluster.environment), policy)
    judged = judge(found, production=cluster.production, claimed=alteration.claimed)
    return keep(store, alteration, found, judged)


def _studied(cluster: Cluster, draft: Draft, policy: Policy) -> Study:
    """The rows are asked on a standby where there is one: production's primary has other things to do."""
    standby = next((h.member for h in cluster.health if h.ok and h.part in (Part.STANDBY, Part.REPLICA)), MASTER)
    addresses = cluster.addresses()
    with open_database(check_address(addresses[MASTER], policy)) as primary:
        if not isinstance(primary, Changeable):
            raise Unavailable(f"the schema of {cluster.system} cannot be changed here.", where="targetDatabaseId")
        if isinstance(schema := primary.schema(), Replicates):
            writes = not isinstance(primary, Switches) or primary.takes_writes()
            clusters.refuse_copy(schema.part(), takes_writes=writes)
        if standby == MASTER:
            return study(schema, draft, replica=primary if isinstance(primary, Executes) else None)
        with open_database(check_address(addresses[standby], policy)) as replica:
            return study(schema, draft, replica=replica if isinstance(replica, Executes) else None)


def keep(store: Store, alteration: Alteration, found: Study, judged: Judged) -> Studied:
    studied = Studied(found, judged, time.time())
    shelf = Shelf(store, ALTERATIONS)
    values = {"studied": json.dumps(encode(studied)), "digest": digest(alteration, found)}
    with store.write() as transaction:
        shelf.change(transaction, shelf.get(alteration.id), values)
    return studied


def digest(alteration: Alteration, found: Study) -> str:
    """What an approval approves: both scripts, where they go and how, and the schema they were studied on."""
    parts = [alteration.checksum, alteration.cluster, alteration.strategy, found.fingerprint]
    parts += [s.text for s in found.down]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def wanted_of(alteration: Alteration, cluster: Cluster) -> Wanted:
    return Wanted(
        alteration.title,
        alteration.description,
        cluster,
        alteration.script,
        alteration.rollback,
        alteration.strategy,
        alteration.claimed,
        alteration.tags,
    )


_FRESH: Mapping[str, Json] = {"state": DRAFT, "studied": "", "digest": "", "run": ""}


def _values(wanted: Wanted) -> dict[str, Any]:
    return {
        "title": wanted.title,
        "cluster": wanted.cluster.id,
        "strategy": wanted.strategy.value,
        "claimed": wanted.risk.name,
        "tags": json.dumps(list(wanted.tags)),
    }


def _secret(wanted: Wanted) -> str:
    return json.dumps({"description": wanted.description, "script": wanted.script, "rollback": wanted.rollback})


def _from(shelf: Shelf, record: Record) -> Alteration:
    sealed = json.loads(shelf.secret(record))
    same = ("id", "number", "version", "title", "cluster", "state", "author", "author_name", "digest", "run")
    return Alteration(
        strategy=Strategy(record["strategy"]),
        claimed=Risk[record["claimed"]],
        tags=tuple(json.loads(record["tags"])),
        studied=decode(Studied, json.loads(record["studied"])) if record["studied"] else None,
        record=record,
        **sealed,
        **{name: record[name] for name in (*same, "created_at", "updated_at")},
    )


def tell(store: Store, transaction: Any, principal: Principal, verb: str, record: Record, **more: Json) -> None:
    """In the audit log, and to whoever listens."""
    details = {"name": record["title"], "number": record["number"], **more}
    store.audit(transaction, principal, f"alterations.{verb}", record["id"], details=details)
    store.publish(transaction, f"alteration.{_TOLD.get(verb, f'{verb}d')}", record["id"], details)


_TOLD = {"submit": "submitted", "reject": "rejected", "start": "started", "withdraw": "withdrawn"}


def errors_of(studied: Studied) -> Sequence[Finding]:
    return [f for f in studied.study.findings if f.severity is Severity.ERROR]
