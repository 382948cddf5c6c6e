"""Every path of document 004."""

from __future__ import annotations

from fastapi import APIRouter

from wayfare.faces.jarvis import accounts, executing, migrating, operations, services

router = APIRouter()
for part in (accounts, services, executing, operations, migrating):
    router.include_router(part.router)
