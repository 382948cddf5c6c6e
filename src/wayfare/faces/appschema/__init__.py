"""Document 000: an application's own revisions: their status, a dry run, health, and the manual trigger."""

from wayfare.faces.appschema.errors import SCHEMA, render
from wayfare.faces.appschema.routes import router
from wayfare.faces.http.face import Face

FACE = Face(
    name="appschema",
    service="migrations",
    port=8001,
    router=router,
    prefixes=("/api/migrations", "/api/migrate"),
    render=render,
    error_schema=SCHEMA,
)
