"""Approvals of document 001."""

from __future__ import annotations

from fastapi import APIRouter, Request

from wayfare.control import approvals as control
from wayfare.core.errors import Invalid
from wayfare.faces.http.threads import OneThread
from wayfare.faces.orchestrator.answers import approval_answer
from wayfare.faces.orchestrator.callers import Approves, Reads, Submits, alteration_of, policy
from wayfare.faces.orchestrator.shapes import ApprovalAnswer, ApprovalsAnswer, ReviewBody
from wayfare.faces.orchestrator.words import APPROVAL, reference

router = APIRouter(prefix="/api/v1", tags=["approvals"], route_class=OneThread)


@router.post("/migrations/{migration_id}/submit-approval", status_code=201)
def submit_for_approval(migration_id: str, caller: Submits, request: Request) -> ApprovalAnswer:
    """Studied as its database is now. Where its risk needs nobody's yes, it is approved at once."""
    alteration = alteration_of(caller, migration_id)
    return approval_answer(control.submit(caller.store, caller.principal, alteration, policy(request))[0])


@router.post("/migrations/{migration_id}/approve")
def approve_migration(migration_id: str, caller: Approves, body: ReviewBody | None = None) -> ApprovalAnswer:
    """Nobody approves a change of their own; a high risk needs two who say yes."""
    alteration = alteration_of(caller, migration_id)
    return approval_answer(control.approve(caller.store, caller.principal, alteration, body.notes if body else ""))


@router.post("/migrations/{migration_id}/reject")
def reject_migration(migration_id: str, caller: Approves, body: ReviewBody | None = None) -> ApprovalAnswer:
    """It is a draft again."""
    alteration = alteration_of(caller, migration_id)
    return approval_answer(control.reject(caller.store, caller.principal, alteration, body.notes if body else ""))


@router.get("/migrations/{migration_id}/approvals")
def approvals_of_migration(migration_id: str, caller: Reads) -> ApprovalsAnswer:
    """Newest first."""
    found = control.of(caller.store, alteration_of(caller, migration_id))
    return ApprovalsAnswer(approvals=[approval_answer(a) for a in found], total=len(found))


@router.get("/approvals")
def list_approvals(caller: Reads, status: str = "") -> ApprovalsAnswer:
    """Of all migrations, newest first."""
    if status and status not in APPROVAL.values():
        remedy = f"Choose from: {', '.join(APPROVAL.values())}."
        raise Invalid(f"there is no status {status[:40]!r}.", where="status", remedy=remedy)
    found = [a for a in control.everyone(caller.store) if status in ("", APPROVAL[a.state])]
    return ApprovalsAnswer(approvals=[approval_answer(a) for a in found], total=len(found))


@router.get("/approvals/{approval_id}")
def get_approval(approval_id: str, caller: Reads) -> ApprovalAnswer:
    return approval_answer(control.get(caller.store, reference(approval_id, "appr-", "approval")))
