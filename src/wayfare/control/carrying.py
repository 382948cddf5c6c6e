"""Carrying a migration out: both connections tried first, then its run started here, or another service asked.

Every part may be repeated by another process: what is done here is a run under an id chosen by the claim. Another
service is asked once: whether it did its work when its caller died, nobody knows, so that is said and not repeated.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from wayfare.access.egress import Policy
from wayfare.access.later import refusal
from wayfare.control import calling, services
from wayfare.control.connections import tried
from wayfare.control.copies import recorded, start_fresh
from wayfare.control.leases import held
from wayfare.control.migrated import outcome
from wayfare.control.ordered import request_from
from wayfare.control.reaching import check_ends
from wayfare.copy.request import CopyRequest
from wayfare.core.errors import Busy, WayfareError
from wayfare.core.redacted import Redacted
from wayfare.core.status import ENDED, Status
from wayfare.store.claims import Migrations
from wayfare.store.database import StoreAway
from wayfare.store.shelf import Record, Shelf
from wayfare.store.store import Store
from wayfare.store.wanted import MIGRATIONS

BY_SCHEDULE = "schedule"
LOOK_SECONDS = 0.5  # how long a run at work is left alone before somebody looks at it again
BUSY_SECONDS = 2.0  # … and another run of the same copy
UNKNOWN_OUTCOME = "the process that called the service ended before its answer: whether that did its work is not known."

__all__ = ["BY_SCHEDULE", "Policies", "Record", "carry", "watched"]

NO_MAIL = Redacted("")


@dataclass(frozen=True, slots=True)
class Policies:
    """Where this process may connect to."""

    connections: Policy
    calls: Policy
    smtp: Redacted = NO_MAIL  # who sends notices


def carry(everywhere: Store, record: Record, policies: Policies, *, again: bool = False) -> None:
    """Take a claimed migration to where its run is at work, or to its end. Raises StoreAway alone.

    `again`: whoever began it is gone.
    """
    store, claims = everywhere.of(record["tenant"]), Migrations(everywhere)
    with held(record["id"], lambda: claims.renew(record)):
        try:
            if not claims.renew(record):
                return  # it waited for a thread until somebody else took it over
            if not again and (reason := _refused(store, record)):
                _end(store, claims, record, False, None, reason)
                return
            wanted = json.loads(Shelf(store, MIGRATIONS).secret(record))
            service = services.get(store, record["service"])
            if service.ours and wanted["copy"]:
                request = request_from(store, wanted["copy"], wanted["ends"])
                _here(store, claims, record, request, policies)
            elif again:
                _end(store, claims, record, False, None, UNKNOWN_OUTCOME)
            else:
                _there(store, claims, record, service.url, wanted["document"], policies)
        except StoreAway:
            raise
        except Busy:
            claims.renew(record, BUSY_SECONDS)
        except WayfareError as error:
            _end(store, claims, record, False, None, str(error))


def watched(everywhere: Store, record: Record) -> Record | None:
    """A migration whose run is recorded, ended if that has ended. None where there is no run yet."""
    store, claims = everywhere.of(record["tenant"]), Migrations(everywhere)
    run = recorded(store, record["run"]) if record["run"] else None
    if run is None:
        return None
    if run.status not in ENDED or run.asked == "rollback":
        claims.renew(record, LOOK_SECONDS)
        return record
    found = outcome(store, run)
    result = {"outcome": asdict(found), "run": run.id}
    error = "" if found.succeeded else "; ".join(found.errors) or run.reason
    return _end(store, claims, record, found.succeeded, result, error) or record


def _refused(store: Store, record: Record) -> str:
    """Why what was left to start by itself may not; "" where it may, and where somebody asks for it now."""
    return refusal(store, record["owner"], record["owner_name"]) if record["started_by"] == BY_SCHEDULE else ""


def _here(store: Store, claims: Migrations, record: Record, request: CopyRequest, policies: Policies) -> None:
    if recorded(store, record["run"]) is None:
        for end in ("source", "target"):
            check = tried(getattr(request, end), policies.connections)
            if not check.ok and not _missing_file(end, check.code):
                _end(store, claims, record, False, {"end": end}, check.message)
                return
        start_fresh(store, check_ends(request, policies.connections), record["run"])
    claims.renew(record, 0.0)  # from now on, whoever looks may end it


def _missing_file(end: str, code: str) -> bool:
    """A target that lives in a file need not be there: the copy makes it, and says so if it cannot."""
    return end == "target" and code == "not_found"


def _there(store: Store, claims: Migrations, record: Record, url: str, document: Any, policies: Policies) -> None:
    if failed := calling.failed_end(policies.calls, url, document):
        _end(store, claims, record, False, {"end": failed[0]}, failed[1])
        return
    answer = calling.migrate(policies.calls, url, document)
    result = {"answer": answer.body, "status_code": answer.status}
    _end(store, claims, record, answer.success, result, "" if answer.success else answer.problem)


def _end(store: Store, claims: Migrations, record: Record, succeeded: bool, result: Any, error: str) -> Record | None:
    status = Status.SUCCEEDED if succeeded else Status.FAILED
    ended = claims.end(record, status, json.dumps(result), error)
    if ended:
        data = {"number": record["number"], "run": record["run"], "status": status.value, "error": error}
        with store.write() as transaction:
            store.publish(transaction, f"migration.{status.value}", record["id"], data)
    return ended
