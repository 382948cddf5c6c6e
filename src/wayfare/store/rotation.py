"""Changing the installation's key: every secret is wrapped anew, a few rows at a time, while everybody goes on.

Old keys stay in the ring, so that whatever is not yet wrapped anew can be read. A rotation that was interrupted is
brought to its end by the next one, which makes no new key while there is something to wrap under the last.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from wayfare.core.errors import Conflict, Invalid
from wayfare.store import revisions
from wayfare.store.bound import Bound
from wayfare.store.fence import TENANT
from wayfare.store.schema import METADATA
from wayfare.store.seal import MARK, Place, Sealer

ROWS_AT_ONCE = 200
UNNAMED = "unnamed"  # the key of what the first version sealed, which did not say
SETTLE_SECONDS = 60.0  # longer than any transaction that may still hold what an older key sealed


@dataclass(frozen=True, slots=True)
class Secrets:
    """How many secrets there are, and under which keys."""

    current: str  # the key's id
    by_key: Mapping[str, int]

    @property
    def total(self) -> int:
        return sum(self.by_key.values())

    @property
    def old(self) -> int:
        return self.total - self.by_key.get(self.current, 0)


@dataclass(frozen=True, slots=True)
class Rotated:
    secrets: Secrets
    wrapped: int  # in this rotation
    unreadable: Sequence[str]  # places of secrets that no key of the ring opens


def counted(store: Bound) -> Secrets:
    by_key: dict[str, int] = {}
    with store.everywhere.read() as connection:
        for column in _columns():
            for text in connection.execute(sa.select(column.column).where(column.column != "")).scalars():
                key = text.split(".")[1] if text.startswith(f"{MARK}.") else UNNAMED
                by_key[key] = by_key.get(key, 0) + 1
    return Secrets(store.sealer.ring.keys().current, by_key)


def rotate(store: Bound) -> Rotated:
    """Wrap every secret under the newest key; where all are, make one and do so. May be interrupted anywhere.

    With WAYFARE_KEY, that is the newest key, and none is made.
    """
    results = _pass(store)
    if not store.sealer.ring.given and not any(done for _, done in results):
        store.sealer.ring.add()
        results = _pass(store)
    unreadable = [f"{p.table} {p.row} of {p.tenant or 'the installation'}" for p, done in results if not done]
    return Rotated(counted(store), len(results) - len(unreadable), unreadable)


def forget_old_keys(store: Bound) -> int:
    """Remove keys that seal nothing any more; gives how many. Raises Conflict while one might be needed."""
    secrets, known = counted(store), {*store.sealer.ring.keys().by_id, UNNAMED} - {store.sealer.ring.keys().current}
    left = sum(secrets.by_key.get(key, 0) for key in known)
    if left:
        remedy = "Finish with: wayfare secrets rotate"
        raise Conflict(f"{left} secrets are still sealed with older keys.", where="--forget-old", remedy=remedy)
    age = time.time() - store.sealer.ring.changed_at()
    if age < SETTLE_SECONDS:
        raise Conflict(
            "the newest key is so young that something sealed with an older one may be on its way.",
            where="--forget-old",
            remedy=f"Ask again in {SETTLE_SECONDS - age:.0f} seconds.",
        )
    return store.sealer.ring.keep_only_current()


@dataclass(frozen=True)
class _Column:
    """A column of secrets."""

    column: sa.Column[str]

    @property
    def key(self) -> Sequence[sa.Column[Any]]:
        return list(self.column.table.primary_key.columns)

    def after(self, row: sa.Row[Any] | None, current: str) -> sa.Select[Any]:
        """The next rows whose secret is not under the current key: their key's values, `whose` and `text`."""
        columns = self.column.table.columns
        whose = columns[TENANT] if TENANT in columns else sa.literal("")
        query = sa.select(*self.key, whose.label("whose"), self.column.label("text"))
        query = query.where(self.column != "", sa.not_(self.column.startswith(f"{MARK}.{current}.")))
        if row is not None:
            query = query.where(sa.tuple_(*self.key) > sa.tuple_(*row[: len(self.key)]))
        return query.order_by(*self.key).limit(ROWS_AT_ONCE).with_for_update()

    def place(self, row: sa.Row[Any]) -> Place:
        named = [str(value) for column, value in self._keyed(row) if column.name != TENANT]
        return Place(row.whose, self.column.table.name, self.column.name, "|".join(named))

    def change(self, row: sa.Row[Any], text: str) -> sa.Update:
        where = [column == value for column, value in self._keyed(row)]
        return sa.update(self.column.table).where(*where).values({self.column.name: text})

    def _keyed(self, row: sa.Row[Any]) -> Iterator[tuple[sa.Column[Any], Any]]:
        return zip(self.key, row, strict=False)


def _pass(store: Bound) -> Sequence[tuple[Place, bool]]:
    return [result for column in _columns() for result in _wrapped(store, column)]


def _columns() -> Sequence[_Column]:
    revisions.declare()
    tables = sorted(METADATA.tables.values(), key=lambda table: table.name)
    return [_Column(column) for table in tables for column in table.columns if column.name.startswith("sealed")]


def _wrapped(store: Bound, column: _Column) -> Iterator[tuple[Place, bool]]:
    """The place of each secret that was not under the current key, and whether it is now."""
    current, last = store.sealer.ring.keys().current, None
    while True:
        with store.everywhere.write() as connection:
            rows = connection.execute(column.after(last, current)).all()
            results = [(column.place(row), _wrap(connection, store.sealer, column, row)) for row in rows]
        yield from results
        if len(rows) < ROWS_AT_ONCE:
            return
        last = rows[-1]


def _wrap(connection: sa.Connection, sealer: Sealer, column: _Column, row: sa.Row[Any]) -> bool:
    try:
        fresh = sealer.rewrap(row.text, column.place(row))
    except Invalid:
        return False
    connection.execute(column.change(row, fresh))
    return True
