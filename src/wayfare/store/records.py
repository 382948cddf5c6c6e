"""What the store hands out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from wayfare.core.plan import Json
from wayfare.core.principal import DEFAULT_TENANT
from wayfare.core.status import Status
from wayfare.store.schema import RUNS


@dataclass(frozen=True, slots=True)
class Run:
    """One carrying-out of one plan. Times are seconds since the epoch."""

    id: str
    kind: str
    title: str
    status: Status
    asked: str  # "", "pause", "cancel", "rollback": a wish the engine has not yet fulfilled
    reason: str  # why the status is what it is, where that is not plain
    request: Json
    fingerprint: str
    plan_digest: str
    created_at: float
    started_at: float | None
    ended_at: float | None
    executor: str  # the process that conducts it, or did last: "host:pid"
    round: int = 1  # how often somebody set it going
    tenant: str = DEFAULT_TENANT


RUN_COLUMNS = [RUNS.c[name] for name in Run.__dataclass_fields__]


def run_from(row: sa.Row[*tuple[Any, ...]]) -> Run:
    values = dict(row._mapping)
    return Run(**{**values, "status": Status(values["status"]), "request": json.loads(values["request"])})


def dumps(value: Json) -> str:
    return json.dumps(value, separators=(",", ":"))
