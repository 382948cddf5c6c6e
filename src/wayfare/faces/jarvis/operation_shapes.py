"""The JSON of document 004's operations, and how it comes of a migration of ours."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from wayfare.control.migrated import Outcome
from wayfare.control.migrations import Migration
from wayfare.core.status import Status
from wayfare.faces.jarvis.clock import lasting, printed, printed_or_none
from wayfare.faces.jarvis.shapes import Shape, Text, Variety, migrate_answer
from wayfare.faces.jarvis.words import STATUS, STATUS_WORDS

CONFIG_BYTES_MAX = 64 << 10
ENDED_WORDS = ("completed", "failed")


def _bounded(config: dict[str, Any]) -> dict[str, Any]:
    if len(json.dumps(config)) > CONFIG_BYTES_MAX:
        raise ValueError(f"it has more than {CONFIG_BYTES_MAX} bytes")
    return config


Config = Annotated[dict[str, Any], AfterValidator(_bounded)]
Number = Annotated[int, Field(ge=0, le=2**31 - 1)]


class NewOperation(Shape):
    source_id: Number = Field(description="The id of a database master.")
    schedule: Text = Field(description="Indian time (UTC+05:30), unless it names a zone.")
    operation_type: Variety | None = Field(default=None, description="As config_data says, or full.")
    config_data: Config = Field(description="What /migrate of the service takes.")


class OperationChange(Shape):
    """What is left out stays. `***` stands for a secret that is kept."""

    source_id: Number | None = None
    schedule: Text | None = None
    operation_type: Variety | None = None
    config_data: Config | None = None


class OperationAnswer(Shape):
    """Times are Indian, without a zone."""

    id: int
    source_id: int
    source_name: str | None
    user_id: int
    username: str
    schedule: str | None
    status: str
    operation_type: str
    config_data: dict[str, Any] = Field(description="Without secrets.")
    result_data: dict[str, Any] | None
    error_message: str | None
    created_at: str
    updated_at: str
    started_at: str | None
    completed_at: str | None


class MadeAnswer(Shape):
    message: str
    operation: OperationAnswer


class OneAnswer(Shape):
    operation: OperationAnswer


class AllAnswer(Shape):
    operations: list[OperationAnswer]


class ExecutedAnswer(Shape):
    message: str
    operation: OperationAnswer
    microservice_response: dict[str, Any] | None = None
    status_code: int | None = Field(default=None, description="The status that the service answered with.")


class Results(Shape):
    success: bool
    total_tables: int
    tables_migrated_count: int
    tables_failed_count: int
    tables_migrated: list[Any]
    tables_failed: list[Any]
    total_records: int
    errors: list[Any]


class StatusAnswer(Shape):
    operation_id: int
    status: str
    is_completed: bool
    is_success: bool
    operation_type: str
    source_name: str | None
    schedule_time: str | None
    started_at: str | None
    completed_at: str | None
    created_at: str
    error_message: str | None
    duration_seconds: int | None
    duration_formatted: str | None
    migration_results: Results | None


class RecentAnswer(Shape):
    id: int
    status: str
    operation_type: str
    source_name: str | None
    created_at: str
    completed_at: str | None


class SummaryAnswer(Shape):
    total_operations: int
    by_status: dict[str, int]
    by_type: dict[str, int]
    recent_operations: list[RecentAnswer]


def operation_answer(migration: Migration, source_name: str | None, user: int) -> OperationAnswer:
    return OperationAnswer(
        id=migration.number,
        source_id=migration.service,
        source_name=source_name,
        user_id=user,
        username=migration.owner_name,
        schedule=printed_or_none(migration.due_at),
        status=STATUS[migration.status],
        operation_type=migration.variety,
        config_data=migration.document,
        result_data=result_data(migration),
        error_message=error_message(migration),
        created_at=printed(migration.created_at),
        updated_at=printed(migration.updated_at),
        started_at=printed_or_none(migration.started_at),
        completed_at=printed_or_none(migration.ended_at),
    )


def result_data(migration: Migration) -> dict[str, Any] | None:
    """What /migrate answered, ours or another's; None before that, and where it was never asked."""
    result = migration.result or {}
    if "outcome" in result:
        return migrate_answer(Outcome(**result["outcome"]), result["run"]).model_dump()
    answer: dict[str, Any] | None = result.get("answer")
    return answer


def failed_end(migration: Migration) -> str:
    """ "Source" or "Destination" where its connection could not be made; "" otherwise."""
    return {"source": "Source", "target": "Destination"}.get((migration.result or {}).get("end", ""), "")


def error_message(migration: Migration) -> str | None:
    end = failed_end(migration)
    return (f"{end} connection failed: {migration.error}" if end else migration.error) or None


def status_answer(migration: Migration, source_name: str | None) -> StatusAnswer:
    word = STATUS[migration.status]
    seconds = None
    if word in ENDED_WORDS and migration.started_at is not None and migration.ended_at is not None:
        seconds = math.ceil(migration.ended_at - migration.started_at)
    return StatusAnswer(
        operation_id=migration.number,
        status=word,
        is_completed=word in ENDED_WORDS,
        is_success=word == "completed",
        operation_type=migration.variety,
        source_name=source_name,
        schedule_time=printed_or_none(migration.due_at),
        started_at=printed_or_none(migration.started_at),
        completed_at=printed_or_none(migration.ended_at),
        created_at=printed(migration.created_at),
        error_message=error_message(migration),
        duration_seconds=seconds,
        duration_formatted=None if seconds is None else lasting(seconds),
        migration_results=_results(migration) if word in ENDED_WORDS else None,
    )


def summary_answer(
    tally: Mapping[tuple[Status, str], int], recent: list[Migration], names: Mapping[int, str | None]
) -> SummaryAnswer:
    by_status = dict.fromkeys(STATUS_WORDS, 0)
    by_type = {"full": 0, "incremental": 0}
    for (status, variety), number in tally.items():
        by_status[STATUS[status]] += number
        by_type[variety] += number
    return SummaryAnswer(
        total_operations=sum(tally.values()),
        by_status=by_status,
        by_type=by_type,
        recent_operations=[
            RecentAnswer(
                id=m.number,
                status=STATUS[m.status],
                operation_type=m.variety,
                source_name=names[m.service],
                created_at=printed(m.created_at),
                completed_at=printed_or_none(m.ended_at),
            )
            for m in recent
        ],
    )


def _results(migration: Migration) -> Results:
    """Another service's answer is read with care: it may lack fields, or have them in another shape."""
    found = result_data(migration) or {}
    migrated, failed, errors = (_list(found.get(k)) for k in ("tables_migrated", "tables_failed", "errors"))
    records = [table.get("records") for table in migrated if isinstance(table, dict)]
    total = found.get("total_tables")
    told = error_message(migration)
    return Results(
        success=migration.status is Status.SUCCEEDED,
        total_tables=total if isinstance(total, int) else len(migrated) + len(failed),
        tables_migrated_count=len(migrated),
        tables_failed_count=len(failed),
        tables_migrated=migrated,
        tables_failed=failed,
        total_records=sum(r for r in records if isinstance(r, int)),
        errors=errors or ([told] if told else []),
    )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
