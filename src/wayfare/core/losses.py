"""What a reader could not express and was allowed to lose, told beside the batch that lacks it.

A value that its own Arrow type has no room for (MySQL's 0000-00-00) is refused, or is read as NULL where its column is
named in the hint LOSS_ALLOWED. Nobody after the reader could tell such a NULL from one that was stored, so the batch
says how many there are: in its schema's metadata, which comparing schemas leaves out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import pyarrow as pa

_KEY = b"wayfare.lost"


def with_losses(batch: pa.RecordBatch, lost: Mapping[str, int]) -> pa.RecordBatch:
    """The batch, saying how many values of which columns are NULL because they could not be expressed."""
    return batch.replace_schema_metadata({_KEY: json.dumps(lost)}) if lost else batch


def losses(batch: pa.RecordBatch) -> dict[str, int]:
    """Column → how many; empty where nothing was lost in reading."""
    found = (batch.schema.metadata or {}).get(_KEY)
    return {str(name): int(count) for name, count in json.loads(found).items()} if found else {}


def without_losses(batch: pa.RecordBatch) -> pa.RecordBatch:
    return batch.replace_schema_metadata(None) if batch.schema.metadata else batch
