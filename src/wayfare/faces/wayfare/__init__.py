"""Our own face: everything as plain JSON, runs live as events. For the page at /ui, and for whoever writes programs."""

from fastapi import APIRouter

from wayfare.faces.http.face import Face
from wayfare.faces.wayfare import connections, people, routes, schedules, webhooks
from wayfare.faces.wayfare.problems import MEDIA, SCHEMA, render
from wayfare.faces.web import pages

router = APIRouter()
for part in (routes, connections, schedules, webhooks, people, pages):
    router.include_router(part.router)

FACE = Face(
    name="wayfare",
    service="wayfare",
    port=8000,
    router=router,
    prefixes=(
        *("/api/runs", "/ws/runs", "/api/systems", "/api/connections", "/api/schedules"),
        *("/api/webhooks", "/api/sign-in", "/api/me", "/api/audit", "/ui"),
    ),
    render=render,
    error_media=MEDIA,
    error_schema=SCHEMA,
    fallback=True,
)
