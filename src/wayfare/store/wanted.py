"""The tables of what people keep and plan: connections, services, migrations, schema changes, schedules, webhooks.

Each row has a UUIDv7, a number that counts 1, 2, 3 … in its tenant, and a version that every change raises.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Index, Integer, Table, Text
from sqlalchemy.sql.schema import SchemaItem

from wayfare.store.schema import METADATA, Word, tenant_column


def _shelf(name: str, *items: SchemaItem) -> Table:
    return Table(
        name,
        METADATA,
        Column("id", Text, primary_key=True),
        tenant_column(),
        Column("number", BigInteger, nullable=False),
        Column("version", Integer, nullable=False),
        Column("created_at", Double, nullable=False),
        Column("updated_at", Double, nullable=False),
        *items,
        Index(f"{name}_by_number", "tenant", "number", unique=True),
    )


CONNECTIONS = _shelf(
    "connections",
    Column("name", Text, nullable=False),
    Column("system", Text, nullable=False),
    Column("sealed", Text, nullable=False),  # the whole address
    Column("checked", Text, nullable=False),  # JSON: how the last check ended; "" before the first
    Index("connections_by_name", "tenant", "name", unique=True),
)
SERVICES = _shelf(
    "services",
    Column("name", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("ours", Integer, nullable=False),  # 1: this installation does itself what it is asked
    Column("taken", Integer, nullable=False),  # 0: known from the beginning, and nobody has registered it yet
)
MIGRATIONS = _shelf(
    "migrations",
    Column("owner", Text, nullable=False),  # the account's id
    Column("owner_name", Text, nullable=False),
    Column("service", BigInteger, nullable=False),  # its number
    Column("variety", Text, nullable=False),  # full, incremental
    Column("sealed", Text, nullable=False),  # JSON: what is wanted, with secrets
    Column("due_at", Double),  # NULL: when somebody asks
    Column("status", Word, nullable=False),
    Column("run", Text, nullable=False),  # the run that carries it out, also before that is recorded; "" for none
    Column("started_by", Text, nullable=False),  # "schedule", or an account's id
    Column("lease_until", Double, nullable=False),  # until then whoever began it is at work
    Column("attempts", Integer, nullable=False),
    Column("result", Text, nullable=False),  # JSON
    Column("error", Text, nullable=False),
    Column("started_at", Double),
    Column("ended_at", Double),
    Index("migrations_by_due", "status", "due_at"),
    Index("migrations_by_owner", "tenant", "owner", "number"),
)
CLUSTERS = _shelf(
    "clusters",  # a database and its replicas, registered so that its schema can be changed
    Column("name", Text, nullable=False),
    Column("system", Text, nullable=False),
    Column("environment", Text, nullable=False),  # production, staging …
    Column("sealed", Text, nullable=False),  # JSON: the address of each member
    Column("members", Text, nullable=False),  # JSON: name and role of each, the primary first
    Column("health", Text, nullable=False),  # JSON: how they answered last
    Column("active", Text, nullable=False),  # the run that changes it, or did last; "" for none
    Index("clusters_by_name", "tenant", "name", unique=True),
)
ALTERATIONS = _shelf(
    "alterations",  # schema changes that somebody wants
    Column("title", Text, nullable=False),
    Column("cluster", Text, nullable=False),  # its id
    Column("state", Text, nullable=False),  # draft, pending, approved; once there is a run, that says more
    Column("author", Text, nullable=False),  # the account's id
    Column("author_name", Text, nullable=False),
    Column("strategy", Text, nullable=False),
    Column("claimed", Text, nullable=False),  # the risk that its author sees
    Column("tags", Text, nullable=False),  # JSON
    Column("sealed", Text, nullable=False),  # JSON: what it is for, its script and the way back
    Column("studied", Text, nullable=False),  # JSON: what the last study found; "" before it
    Column("digest", Text, nullable=False),  # of what an approval approves; "" before a study
    Column("run", Text, nullable=False),  # the last that carried it out; "" for none
    Index("alterations_by_cluster", "tenant", "cluster", "number"),
)
APPROVALS = _shelf(
    "approvals",
    Column("alteration", Text, nullable=False),
    Column("state", Text, nullable=False),  # pending, approved, rejected, withdrawn
    Column("digest", Text, nullable=False),
    Column("needed", Integer, nullable=False),  # how many have to say yes
    Column("author", Text, nullable=False),
    Column("author_name", Text, nullable=False),
    Column("reviews", Text, nullable=False),  # JSON: who said what, and when
    Column("expires_at", Double, nullable=False),
    Index("approvals_by_alteration", "alteration", "number"),
)
SCHEDULES = _shelf(
    "schedules",
    Column("name", Text, nullable=False),
    Column("cron", Text, nullable=False),  # "" for one time
    Column("at", Double),
    Column("note", Text, nullable=False),  # what clocks do to that one time
    Column("zone", Text, nullable=False),
    Column("missed", Text, nullable=False),
    Column("paused", Integer, nullable=False),
    Column("next_at", Double),  # NULL: never again
    Column("owner", Text, nullable=False),
    Column("owner_name", Text, nullable=False),
    Column("wanted", Text, nullable=False),  # JSON: the copy, without secrets
    Column("sealed", Text, nullable=False),  # JSON: the URLs of its ends, or names of connections
    Index("schedules_by_name", "tenant", "name", unique=True),
    Index("schedules_by_next", "paused", "next_at"),
)
STARTS = Table(
    "starts",  # a row for each time a schedule was due: its key is what lets one of many workers through
    METADATA,
    Column("schedule", Text, primary_key=True),
    Column("due_at", Double, primary_key=True),
    tenant_column(),
    Column("state", Text, nullable=False),  # claimed, started, failed, passed
    Column("run", Text, nullable=False),  # its id, chosen with the claim
    Column("attempts", Integer, nullable=False),
    Column("lease_until", Double, nullable=False),
    Column("passed_over", BigInteger, nullable=False),  # earlier times that this one stands for
    Column("reason", Text, nullable=False),
    Column("at", Double, nullable=False),
    Index("starts_by_state", "state", "lease_until"),
)
WEBHOOKS = _shelf(
    "webhooks",
    Column("kind", Text, nullable=False),  # http, mail
    Column("url", Text, nullable=False),
    Column("topics", Text, nullable=False),  # JSON: patterns
    Column("sealed", Text, nullable=False),  # the signing key
    Column("seen", BigInteger, nullable=False),  # the sequence of the outbox up to which deliveries are made
)
DELIVERIES = Table(
    "deliveries",
    METADATA,
    Column("id", Text, primary_key=True),
    tenant_column(),
    Column("webhook", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),  # in the outbox: one webhook hears of things in this order
    Column("topic", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("state", Text, nullable=False),  # waiting, delivered, dead
    Column("attempts", Integer, nullable=False),
    Column("next_at", Double, nullable=False),
    Column("lease_until", Double, nullable=False),
    Column("reason", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("ended_at", Double),
    Index("deliveries_once", "webhook", "sequence", unique=True),
    Index("deliveries_by_state", "state", "next_at"),
)
