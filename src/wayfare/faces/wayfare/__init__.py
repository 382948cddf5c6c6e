"""Our own face: runs as plain JSON, live as events. For the web page, and for whoever writes programs."""

from wayfare.faces.http.face import Face
from wayfare.faces.wayfare.problems import MEDIA, SCHEMA, render
from wayfare.faces.wayfare.routes import router

FACE = Face(
    name="wayfare",
    service="wayfare",
    port=8000,
    router=router,
    prefixes=("/api/runs", "/ws/runs"),
    render=render,
    error_media=MEDIA,
    error_schema=SCHEMA,
    fallback=True,
)
