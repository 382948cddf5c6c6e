"""Every path of document 001, and those that its users would expect beside them."""

from __future__ import annotations

from fastapi import APIRouter

from wayfare.faces.orchestrator import accounts, approvals, authoring, databases, executions, migrations

router = APIRouter()
for part in (accounts, authoring, migrations, approvals, executions, databases):
    router.include_router(part.router)
