"""Approvals: others say yes to one digest of an alteration, for a week. Whatever changes it takes the yes away."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from wayfare.access.egress import Policy
from wayfare.control import alterations, clusters, studying
from wayfare.control.alterations import APPROVED, DRAFT, PENDING, Alteration, Studied, errors_of, tell
from wayfare.core.errors import Conflict, Invalid, NotAllowed
from wayfare.core.principal import Principal
from wayfare.store.shelf import Record, Shelf
from wayfare.store.store import Store
from wayfare.store.wanted import ALTERATIONS
from wayfare.store.wanted import APPROVALS as TABLE

HOLDS_SECONDS = 7 * 24 * 3600.0
NOTES_CHARACTERS_MAX = 10_000
POLICY = "policy"  # who approves what nobody has to
REJECTED, WITHDRAWN, EXPIRED = "rejected", "withdrawn", "expired"


@dataclass(frozen=True, slots=True)
class Review:
    """What one person said."""

    user: str  # the account's id
    name: str
    yes: bool
    notes: str
    at: float  # seconds since the epoch


@dataclass(frozen=True, slots=True)
class Approval:
    id: str
    number: int
    alteration: str
    state: str  # pending, approved, rejected, withdrawn, expired
    digest: str
    needed: int
    author: str
    author_name: str
    reviews: tuple[Review, ...]
    expires_at: float
    created_at: float
    updated_at: float
    record: Record

    @property
    def given(self) -> int:
        return sum(review.yes for review in self.reviews)

    @property
    def holds(self) -> bool:
        return self.state == APPROVED


def submit(store: Store, principal: Principal, alteration: Alteration, policy: Policy) -> tuple[Approval, Studied]:
    """Study it, and ask others for their yes where its risk needs one; else it is approved by policy.

    Submitting again what still waits, or is approved, gives that approval. Raises Invalid with the first thing that is
    wrong with it, Conflict while it is carried out.
    """
    alterations.refuse_running(store, alteration)
    studied = studying.study_again(store, alteration, policy)
    if problems := errors_of(studied):
        first = problems[0]
        raise Invalid(f"{first.where}: {first.message}", where="migrationScript", remedy=first.advice)
    alteration = alterations.get(store, alteration.id)
    _refuse_without_way_back(store, alteration, studied)
    current = latest(store, alteration)
    if current and current.state in (PENDING, APPROVED) and current.digest == alteration.digest:
        return current, studied
    return _asked(store, principal, alteration, studied, current), studied


def _refuse_without_way_back(store: Store, alteration: Alteration, studied: Studied) -> None:
    cluster = clusters.get(store, alteration.cluster)
    if cluster.production and not alteration.rollback.strip() and not studied.study.down_proved:
        raise Invalid(
            "a change of production needs a way back, and none was found that is proved.",
            where="rollbackScript",
            remedy="Write the statements that take it back.",
        )


def _asked(
    store: Store, principal: Principal, alteration: Alteration, studied: Studied, before: Approval | None
) -> Approval:
    shelf, wanted = Shelf(store, TABLE), Shelf(store, ALTERATIONS)
    needed = studied.judged.approvals
    state = PENDING if needed else APPROVED
    now = time.time()
    reviews = [] if needed else [Review(POLICY, POLICY, True, "its risk needs nobody's yes.", now)]
    values = {
        "alteration": alteration.id,
        "state": state,
        "digest": alteration.digest,
        "needed": needed,
        "author": principal.user,
        "author_name": principal.name,
        "reviews": json.dumps([asdict(r) for r in reviews]),
        "expires_at": now + HOLDS_SECONDS,
    }
    with store.write() as transaction:
        if before and before.state in (PENDING, APPROVED):
            shelf.change(transaction, before.record, {"state": WITHDRAWN})
        made = shelf.add(transaction, values)
        changed = wanted.change(
            transaction, alteration.record, {"state": state}, expected_version=alteration.record["version"]
        )
        tell(store, transaction, principal, "submit", changed, approval=made["id"], needed=needed)
    return _from(made)


def approve(store: Store, principal: Principal, alteration: Alteration, notes: str) -> Approval:
    """One yes; the last that is needed approves it.

    Raises NotAllowed for the author's own, Conflict where nothing waits for it.
    """
    return _review(store, principal, alteration, notes, yes=True)


def reject(store: Store, principal: Principal, alteration: Alteration, notes: str) -> Approval:
    """One no, and it is a draft again. Raises as `approve` does; an author may withdraw by it."""
    return _review(store, principal, alteration, notes, yes=False)


def _review(store: Store, principal: Principal, alteration: Alteration, notes: str, *, yes: bool) -> Approval:
    if len(notes) > NOTES_CHARACTERS_MAX:
        told = f"more than {NOTES_CHARACTERS_MAX} characters."
        raise Invalid(told, where="notes", remedy="Say it shorter.")
    current = latest(store, alteration)
    if current is None or current.state != PENDING:
        raise Conflict(_why_not(alteration, current), where="migration", remedy="Submit it for approval first.")
    if yes:
        _refuse_own(principal, alteration, current)
    review = Review(principal.user, principal.name, yes, notes, time.time())
    reviews = (*current.reviews, review)
    enough = sum(r.yes for r in reviews) >= current.needed
    state = (APPROVED if enough else PENDING) if yes else REJECTED
    shelf, wanted = Shelf(store, TABLE), Shelf(store, ALTERATIONS)
    with store.write() as transaction:
        values = {"state": state, "reviews": json.dumps([asdict(r) for r in reviews])}
        changed = shelf.change(transaction, current.record, values, expected_version=current.record["version"])
        if state != PENDING:
            to = APPROVED if yes else DRAFT
            wanted.change(transaction, alteration.record, {"state": to}, expected_version=alteration.version)
        verb = "approve" if yes else "reject"
        tell(store, transaction, principal, verb, alteration.record, approval=current.id, notes=notes)
    return _from(changed)


def _refuse_own(principal: Principal, alteration: Alteration, current: Approval) -> None:
    if principal.user in (alteration.author, current.author):
        raise NotAllowed("nobody approves a change of their own.", where="migration", remedy="Ask another Admin.")
    if principal.user in {review.user for review in current.reviews}:
        raise Conflict("you have said yes already.", where="migration", remedy="Another Admin has to say yes, too.")


def _why_not(alteration: Alteration, current: Approval | None) -> str:
    if current and current.state == EXPIRED:
        return "the request for approval has expired."
    if alteration.state == APPROVED:
        return "it is approved already."
    return "it was not submitted for approval, or was edited after that."


def latest(store: Store, alteration: Alteration) -> Approval | None:
    """The last one asked for, as it stands now: it is expired, or withdrawn, where the alteration has changed."""
    found = Shelf(store, TABLE).find(1, newest_first=True, alteration=alteration.id)
    if not found:
        return None
    approval = _from(found[0])
    if approval.state in (PENDING, APPROVED) and approval.digest != alteration.digest:
        return replace(approval, state=WITHDRAWN)
    return approval


def get(store: Store, reference: str | int) -> Approval:
    """By number or id. Raises NotFound."""
    return _from(Shelf(store, TABLE).get(reference))


def everyone(store: Store, **equal: Any) -> Sequence[Approval]:
    """Newest first."""
    return [_from(record) for record in Shelf(store, TABLE).find(newest_first=True, **equal)]


def of(store: Store, alteration: Alteration) -> Sequence[Approval]:
    return everyone(store, alteration=alteration.id)


def insisted(store: Store, alteration: Alteration) -> Approval:
    """The approval that lets it be carried out now. Raises Conflict where there is none that holds."""
    current = latest(store, alteration)
    if current is None or current.state == WITHDRAWN:
        raise Conflict(
            f"{alteration.title} is not approved as it stands.",
            where="migration",
            remedy="Submit it for approval: POST …/submit-approval.",
        )
    if current.state == PENDING:
        told = f"{alteration.title} has {current.given} of {current.needed} approvals."
        raise Conflict(told, where="migration", remedy="Ask an Admin, not its author, to approve it.")
    if not current.holds:
        raise Conflict(f"the approval was {current.state}.", where="migration", remedy="Submit it again.")
    return current


def drop(store: Store, principal: Principal, alteration: Alteration, why: str) -> None:
    """The approval no longer fits what it approved: it is a draft again."""
    current = latest(store, alteration)
    shelf, wanted = Shelf(store, TABLE), Shelf(store, ALTERATIONS)
    with store.write() as transaction:
        if current and current.state in (PENDING, APPROVED, WITHDRAWN):
            shelf.change(transaction, current.record, {"state": WITHDRAWN})
        record = wanted.get(alteration.id)
        wanted.change(transaction, record, {"state": DRAFT})
        tell(store, transaction, principal, "withdraw", record, reason=why)


def _from(record: Record) -> Approval:
    same = ("id", "number", "alteration", "state", "digest", "needed", "author", "author_name", "expires_at")
    reviews = tuple(Review(**r) for r in json.loads(record["reviews"]))
    approval = Approval(
        reviews=reviews, record=record, **{name: record[name] for name in (*same, "created_at", "updated_at")}
    )
    over = approval.state in (PENDING, APPROVED) and approval.expires_at < time.time()
    return replace(approval, state=EXPIRED) if over else approval
