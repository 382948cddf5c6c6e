"""Document 004: scheduled table copies. Its main backend (port 5009), and the universal migration service beside it."""

from wayfare.faces.http.face import Face
from wayfare.faces.jarvis.errors import render
from wayfare.faces.jarvis.routes import router

FACE = Face(
    name="jarvis",
    service="jarvis-main",
    port=5009,
    router=router,
    prefixes=("/api/auth", "/api/database-master", "/api/operations", "/migrate", "/test-connection"),
    render=render,
)
