"""Document 004, as far as it goes without accounts: the universal migration service."""

from wayfare.faces.http.face import Face
from wayfare.faces.jarvis.errors import render
from wayfare.faces.jarvis.routes import router

FACE = Face(
    name="jarvis",
    service="universal_migration_service",
    port=5010,
    router=router,
    prefixes=("/migrate", "/test-connection"),
    render=render,
)
