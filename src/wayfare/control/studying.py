"""What an alteration would do to its cluster as that is now. Nothing there changes; the study is kept beside it."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from wayfare.access.egress import Policy
from wayfare.control import alterations, clusters
from wayfare.control.alterations import Alteration, Studied, wanted_of
from wayfare.control.clusters import Cluster
from wayfare.control.reaching import check_address
from wayfare.core.changes import Changeable, Part, Replicates, Schema
from wayfare.core.codec import encode
from wayfare.core.errors import Unavailable
from wayfare.core.ports import Executes
from wayfare.core.switches import Switches
from wayfare.schema.risk import judge
from wayfare.schema.study import Draft, Study, asked_again, fingerprint, study
from wayfare.schema.subject import MASTER
from wayfare.store.shelf import Shelf
from wayfare.store.store import Store
from wayfare.store.wanted import ALTERATIONS
from wayfare.systems.registry import open_database

HOLDS_SECONDS = 15 * 60  # tables grow: what was estimated longer ago is estimated anew


def study_now(store: Store, alteration: Alteration, policy: Policy) -> Studied:
    """Rehearse it on a clone, and ask the rows.

    Raises what its servers raise, Invalid for scripts that no longer fit.
    """
    cluster = clusters.get(store, alteration.cluster)
    with _places(cluster, policy) as (schema, rows):
        return _anew(store, alteration, cluster, schema, rows)


def study_again(store: Store, alteration: Alteration, policy: Policy) -> Studied:
    """A study of the same schema that spoke well of it, not long ago, still holds: only the rows are asked again.

    Raises as `study_now`.
    """
    cluster, known = clusters.get(store, alteration.cluster), alteration.studied
    with _places(cluster, policy) as (schema, rows):
        if known and _holds(known, schema):
            return _keep(store, alteration, cluster, asked_again(known.study, rows), known.at)
        return _anew(store, alteration, cluster, schema, rows)


def _holds(known: Studied, schema: Schema) -> bool:
    recent = time.time() - known.at < HOLDS_SECONDS
    return recent and known.study.accepted and known.study.fingerprint == fingerprint(schema)


def _anew(store: Store, alteration: Alteration, cluster: Cluster, schema: Schema, rows: Executes | None) -> Studied:
    up, down = alterations.acceptable(wanted_of(alteration, cluster))
    found = study(schema, Draft(up, down or None, cluster.environment), replica=rows)
    return _keep(store, alteration, cluster, found, time.time())


@contextmanager
def _places(cluster: Cluster, policy: Policy) -> Iterator[tuple[Schema, Executes | None]]:
    """The primary's schema, and who is asked about rows: a standby where there is one, because production's primary
    has other things to do.
    """
    standby = next((h.member for h in cluster.health if h.ok and h.part in (Part.STANDBY, Part.REPLICA)), MASTER)
    addresses = cluster.addresses()
    with ExitStack() as stack:
        primary = rows = stack.enter_context(open_database(check_address(addresses[MASTER], policy)))
        if not isinstance(primary, Changeable):
            raise Unavailable(f"the schema of {cluster.system} cannot be changed here.", where="targetDatabaseId")
        if isinstance(schema := primary.schema(), Replicates):
            writes = not isinstance(primary, Switches) or primary.takes_writes()
            clusters.refuse_copy(schema.part(), takes_writes=writes)
        if standby != MASTER:
            rows = stack.enter_context(open_database(check_address(addresses[standby], policy)))
        yield schema, rows if isinstance(rows, Executes) else None


def _keep(store: Store, alteration: Alteration, cluster: Cluster, found: Study, at: float) -> Studied:
    studied = Studied(found, judge(found, production=cluster.production, claimed=alteration.claimed), at)
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
