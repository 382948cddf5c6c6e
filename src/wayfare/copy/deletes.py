"""Rows that are gone from the source: an incremental copy cannot see them by its cursor, so it compares the keys.

Only keys are read. The source's are kept as 64-bit hashes, sorted: 8 bytes a row (160 MB for 20 million). A deleted
key whose hash another key has would go unnoticed (once in a trillion deletions there); none is invented.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from wayfare.copy.subject import CopySubject, TableCopy, subject_of
from wayfare.core.errors import Unavailable
from wayfare.core.findings import Finding, Severity
from wayfare.core.landing import Landing
from wayfare.core.plan import Json, StepContext
from wayfare.core.ports import WHOLE, Database, Deletes
from wayfare.core.tables import Table
from wayfare.flow.cast import Cast
from wayfare.kernel.hashing import rows_hash

Hashes = npt.NDArray[np.uint64]


class FindDeleted:
    """Effect "copy.deletes": reports the target's rows whose key the source no longer has; removes them if asked."""

    def run(self, context: StepContext, args: Mapping[str, Json]) -> Json:
        subject = subject_of(context)
        copy = subject.tables[args["table"]]
        source, target = context.open("source"), context.open("target")
        known = _hashes(_keys(source, copy, context.stopping))
        landed = _key_columns(copy.landed, copy.landed.key)
        gone, example, removed = 0, "", 0
        for batch in target.read(landed, WHOLE):
            context.stopping()
            missing = batch.filter(pa.array(~np.isin(rows_hash(batch), known)))
            if missing.num_rows:
                gone += missing.num_rows
                example = example or ", ".join(f"{k}={v}" for k, v in missing.slice(0, 1).to_pylist()[0].items())
                removed += _remove(target, copy, missing) if subject.deletes else 0
        if gone:
            context.finding(_finding(subject, copy, gone, example))
        return {"table": args["table"], "gone": gone, "removed": removed}


def _remove(target: Database, copy: TableCopy, keys: pa.RecordBatch) -> int:
    if not isinstance(target, Deletes):
        remedy = "Leave out --deletes; the rows stay, and are reported."
        raise Unavailable(f"{target.system} cannot delete rows by key.", remedy=remedy)
    return target.delete(copy.landed, keys)


def _finding(subject: CopySubject, copy: TableCopy, gone: int, example: str) -> Finding:
    if subject.deletes:
        message = f"{gone} rows that the source no longer has were removed, such as {example}."
        return Finding("rows_removed", Severity.INFO, message, copy.target)
    message = f"{gone} rows of the target are no longer in the source, such as {example}."
    return Finding("rows_deleted_in_source", Severity.WARNING, message, copy.target, "Remove them with --deletes.")


def _key_columns(table: Table, key: tuple[str, ...]) -> Table:
    """The table seen through its key, in the key's order, so that hashes of both sides agree."""
    return replace(table, columns=tuple(table.column(name) for name in key))


def _keys(source: Database, copy: TableCopy, stopping: Callable[[], None]) -> Iterator[pa.RecordBatch]:
    key = copy.landed.key
    by_name = {n.column.name: n for n in copy.landings}
    landings: list[Landing] = [by_name[name] for name in key]
    table = _key_columns(copy.table, key)
    cast = Cast(table, landings)
    for batch in source.read(table, WHOLE):
        stopping()
        yield cast(batch)


def _hashes(batches: Iterator[pa.RecordBatch]) -> Hashes:
    found = [rows_hash(batch) for batch in batches]
    return np.sort(np.concatenate(found)) if found else np.empty(0, np.uint64)
