"""What somebody wants copied: the input of the planner, as one frozen value."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from wayfare.core.address import Address
from wayfare.core.errors import Invalid
from wayfare.core.ports import Mode
from wayfare.core.redacted import Redacted

_PACE = frozenset({"workers", "rows_per_second", "rows_per_chunk"})  # how fast, not what: left out of the fingerprint
_NO_KEY = Redacted("")
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class CopyRequest:
    source: Address
    target: Address
    tables: tuple[str, ...] = ()  # patterns: "orders", "sales.*"; none means all
    exclude: tuple[str, ...] = ()
    schema_only: bool = False
    data_only: bool = False
    mode: Mode = Mode.REPLACE
    incremental: bool = False
    cursor: str = ""  # what an incremental copy continues by: a column, or several in order of preference
    since: str = ""  # where it starts; empty: where the last one ended
    workers: int = 0  # 0: as set
    rows_per_second: int = 0  # 0: no limit
    type_map: Mapping[str, str] = field(default_factory=lambda: _NOTHING)  # "orders.total" → "decimal(12,2)"
    renames: Mapping[str, str] = field(default_factory=lambda: _NOTHING)  # "old" → "new"
    allow_loss: tuple[str, ...] = ()  # columns, "orders.total" or "total"
    masks: tuple[str, ...] = ()  # "customers.email=sha256"
    mask_key: Redacted = _NO_KEY  # for who verifies; a run asks its installation. In no record and no fingerprint
    keep_replaced: bool = False
    deletes: bool = False  # an incremental copy also removes rows that are gone from the source
    rows_per_chunk: int = 0  # 0: chosen by the size of the rows

    def __post_init__(self) -> None:
        """Raises Invalid, naming the option, for choices that contradict each other."""
        if self.schema_only and self.data_only:
            raise Invalid("--schema-only and --data-only exclude each other.", remedy="Give one of them, or neither.")
        if self.incremental and not self.cursor:
            raise Invalid(
                "an incremental copy needs a column to continue by.",
                where="--cursor",
                remedy="Name one that only grows, such as --cursor updated_at.",
            )
        if (self.cursor or self.since) and not self.incremental:
            raise Invalid("--cursor and --since belong to an incremental copy.", remedy="Add --incremental.")
        if self.incremental and self.schema_only:
            raise Invalid("an incremental copy moves rows; --schema-only moves none.", remedy="Leave one of them out.")
        if self.deletes and not self.incremental:
            raise Invalid("a full copy leaves no deleted rows behind.", where="--deletes", remedy="Leave it out.")
        for name in ("workers", "rows_per_second", "rows_per_chunk"):
            if getattr(self, name) < 0:
                raise Invalid("must not be negative.", where="--" + name.replace("_", "-"), remedy="Give 0 or more.")

    def to_json(self) -> dict[str, Any]:
        """For records and people: addresses without their secrets."""
        return {
            "source": self.source.url(),
            "target": self.target.url(),
            "tables": list(self.tables),
            "exclude": list(self.exclude),
            "schema_only": self.schema_only,
            "data_only": self.data_only,
            "mode": self.mode.value,
            "incremental": self.incremental,
            "cursor": self.cursor,
            "since": self.since,
            "workers": self.workers,
            "rows_per_second": self.rows_per_second,
            "type_map": dict(self.type_map),
            "renames": dict(self.renames),
            "allow_loss": list(self.allow_loss),
            "masks": list(self.masks),
            "keep_replaced": self.keep_replaced,
            "deletes": self.deletes,
            "rows_per_chunk": self.rows_per_chunk,
        }

    def fingerprint(self) -> str:
        """Equal for requests that want the same: the same command finds its unfinished run by it. 16 hex digits."""
        wanted = {k: v for k, v in self.to_json().items() if k not in _PACE}
        return hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def title(self) -> str:
        return f"{self.source} → {self.target}"

    @property
    def cursors(self) -> tuple[str, ...]:
        """The columns an incremental copy may continue by; each table uses the first that it has."""
        return tuple(name.strip() for name in self.cursor.split(",") if name.strip())
