"""Document 004's words and ours."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from wayfare.core.errors import Invalid
from wayfare.core.status import Status
from wayfare.systems.registry import Adapter, adapter

STATUS: Mapping[Status, str] = MappingProxyType(
    {
        Status.QUEUED: "pending",
        Status.RUNNING: "running",
        Status.WAITING: "running",  # paused by somebody; it goes on
        Status.SUCCEEDED: "completed",
        Status.FAILED: "failed",
        Status.CANCELLED: "failed",
        Status.UNDOING: "running",
        Status.UNDONE: "failed",
    }
)
STATUS_WORDS = ("pending", "running", "completed", "failed")  # in the document's order

# The document's supported combinations, under our names of the systems. Like to like is blocked; other pairs work, too.
SUPPORTED = frozenset(
    {
        ("postgresql", "clickhouse"),
        ("postgresql", "mysql"),
        ("mysql", "clickhouse"),
        ("mysql", "postgresql"),
        ("zoho", "clickhouse"),
        ("zoho", "postgresql"),
        ("zoho", "mysql"),
        ("sqlserver", "clickhouse"),
        ("sqlserver", "postgresql"),
        ("sqlserver", "mysql"),
    }
)


def pair(source_type: str, dest_type: str) -> tuple[Adapter, Adapter]:
    """Raises Invalid for unknown systems, and for the pairs that the document blocks: like to like."""
    source, target = known(source_type, "source_type"), known(dest_type, "dest_type")
    if source.name == target.name:
        raise Invalid(
            f"{source.title} → {target.title} is blocked on this service.",
            where="dest_type",
            remedy="Use the command line, which moves any pair: `wayfare copy SOURCE TARGET`.",
        )
    if target.source_only:
        raise Invalid(f"{target.title} can be copied from, not to.", where="dest_type", remedy="Choose another.")
    return source, target


def known(system: str, where: str) -> Adapter:
    try:
        return adapter(system.strip().lower())
    except Invalid as error:
        raise Invalid(error.message, where=where, remedy=error.remedy) from error
