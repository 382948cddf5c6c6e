"""Document 001: schema changes of registered databases, with replicas, approvals and phases."""

from wayfare.faces.http.face import Face
from wayfare.faces.orchestrator.errors import SCHEMA, render
from wayfare.faces.orchestrator.routes import router

FACE = Face(
    name="orchestrator",
    service="schema-migration-orchestrator",
    port=5001,
    router=router,
    prefixes=("/api/v1",),
    render=render,
    error_schema=SCHEMA,
)
