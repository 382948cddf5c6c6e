"""/api/v1/databases of document 001: clusters, registered with their replicas."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, Request, Response

from wayfare.control import clusters as control
from wayfare.control.clusters import Cluster, Health, Offer, Server, environment_named
from wayfare.core.changes import Part
from wayfare.faces.http.callers import Caller
from wayfare.faces.http.threads import OneThread
from wayfare.faces.http.versions import etag
from wayfare.faces.orchestrator.callers import ReadsDatabases, WritesDatabases, cluster_of, policy
from wayfare.faces.orchestrator.connection_strings import address_of
from wayfare.faces.orchestrator.errors import printed
from wayfare.faces.orchestrator.shapes import (
    DatabaseAnswer,
    DatabaseBody,
    DatabaseChange,
    DatabaseHealthAnswer,
    DatabasesAnswer,
    HealthAnswer,
    MemberHealth,
    ReplicaBody,
)
from wayfare.faces.orchestrator.words import ENVIRONMENT, PARTS, system_named
from wayfare.schema.subject import MASTER
from wayfare.systems.registry import adapter

router = APIRouter(prefix="/api/v1/databases", tags=["databases"], route_class=OneThread)


@router.post("", status_code=201)
def register_database(
    body: DatabaseBody, caller: WritesDatabases, request: Request, response: Response
) -> DatabaseAnswer:
    """Its servers need not answer now: `health` tells how they do."""
    system = system_named(body.type)
    address = address_of(body.master_connection_string, system, "masterConnectionString", caller)
    servers = (Server(MASTER, "Master", address), *_replicas(body.replicas, system, caller))
    offer = Offer(body.name, environment_named(body.environment), servers)
    made = control.register(caller.store, caller.principal, offer, policy(request))
    response.headers["location"] = f"/api/v1/databases/db-{made.id}"
    return answer(made, response)


def _replicas(bodies: Sequence[ReplicaBody], system: str, caller: Caller) -> Sequence[Server]:
    return [
        Server(b.replica_id, b.role, address_of(b.connection_string, system, f"replicas[{i}].connectionString", caller))
        for i, b in enumerate(bodies)
    ]


@router.get("")
def list_databases(caller: ReadsDatabases, environment: str = "") -> DatabasesAnswer:
    """In the order they were registered, as they answered last."""
    chosen = environment_named(environment) if environment else ""
    found = [c for c in control.everyone(caller.store) if chosen in ("", c.environment)]
    return DatabasesAnswer(databases=[answer(cluster) for cluster in found], total=len(found))


@router.get("/{database_id}")
def get_database(database_id: str, caller: ReadsDatabases, response: Response) -> DatabaseAnswer:
    """By id, or by name."""
    return answer(cluster_of(caller, database_id), response)


@router.get("/{database_id}/health")
def health_of_database(database_id: str, caller: ReadsDatabases, request: Request) -> DatabaseHealthAnswer:
    """Every server is asked now: is it there, how many are connected, how far is it behind."""
    cluster = control.examine(caller.store, cluster_of(caller, database_id).id, policy(request))
    return DatabaseHealthAnswer(**_health(cluster).model_dump(), members=_members(cluster))


@router.put("/{database_id}")
def change_database(
    database_id: str, body: DatabaseChange, caller: WritesDatabases, request: Request, response: Response
) -> DatabaseAnswer:
    before = cluster_of(caller, database_id)
    system = system_named(body.type) if body.type else before.system
    servers = list(before.servers)
    if body.master_connection_string is not None:
        address = address_of(body.master_connection_string, system, "masterConnectionString", caller)
        servers[0] = Server(MASTER, "Master", address)
    if body.replicas is not None:
        servers = [servers[0], *_replicas(body.replicas, system, caller)]
    environment = environment_named(body.environment) if body.environment else before.environment
    offer = Offer(body.name or before.name, environment, tuple(servers))
    return answer(control.update(caller.store, caller.principal, before.id, offer, policy(request)), response)


@router.delete("/{database_id}", status_code=204)
def remove_database(database_id: str, caller: WritesDatabases) -> None:
    """Only forgotten here: its servers stay as they are."""
    control.remove(caller.store, caller.principal, cluster_of(caller, database_id).id)


def answer(cluster: Cluster, response: Response | None = None) -> DatabaseAnswer:
    if response is not None:
        response.headers["etag"] = etag(cluster.version)
    return DatabaseAnswer(
        database_id=f"db-{cluster.id}",
        name=cluster.name,
        type=adapter(cluster.system).title,
        environment=ENVIRONMENT[cluster.environment],
        health=_health(cluster),
        members=_members(cluster),
        created_at=printed(cluster.created_at),
        updated_at=printed(cluster.updated_at),
    )


def _health(cluster: Cluster) -> HealthAnswer:
    """Of the whole: healthy when every server is, the primary's clients, the greatest lag."""
    lags = [h.lag_seconds for h in cluster.health if h.lag_seconds is not None]
    master = next((h for h in cluster.health if h.member == MASTER), None)
    return HealthAnswer(
        is_healthy=bool(cluster.health) and all(h.ok for h in cluster.health),
        active_connections=(master.connections or 0) if master else 0,
        replication_lag=max(lags, default=0.0),
    )


def _members(cluster: Cluster) -> list[MemberHealth]:
    roles = {server.name: server.role for server in cluster.servers}
    return [_member(health, roles.get(health.member, "")) for health in cluster.health]


def _member(health: Health, role: str) -> MemberHealth:
    return MemberHealth(
        member=health.member,
        role=PARTS[Part(health.part)] if health.part else role,
        is_healthy=health.ok,
        active_connections=health.connections,
        replication_lag=health.lag_seconds,
        version=health.version,
        message=health.message,
        checked_at=printed(health.at),
    )
