"""Records that people name, list, change and remove: one table, as one tenant sees it.

Whatever changes a record takes the transaction it belongs to, so that what is told and audited commits with it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from wayfare.core.errors import Conflict, NotFound
from wayfare.core.ids import new_record_id
from wayfare.store.bound import Bound
from wayfare.store.seal import Place
from wayfare.store.versions import update_versioned

Record = Mapping[str, Any]  # column → value

_NUMBER = sa.text(
    "INSERT INTO counters (name, value) VALUES (:name, 1)"
    " ON CONFLICT (name) DO UPDATE SET value = counters.value + 1 RETURNING value"
)


@dataclass(frozen=True)
class Shelf:
    """`store` says whose records these are. The table has the columns of `wanted._shelf`."""

    store: Bound
    table: sa.Table

    @property
    def noun(self) -> str:
        return self.table.name.removesuffix("s")

    def add(self, connection: sa.Connection, values: Mapping[str, Any], secret: str | None = None) -> Record:
        """With the next number. Raises Conflict when the name is taken."""
        record = new_record_id()
        tenant, now = self.store.one_tenant, time.time()
        number = connection.execute(_NUMBER, {"name": f"{self.table.name} of {tenant}"}).scalar_one()
        row = {"id": record, "tenant": tenant, "number": number, "version": 1, "created_at": now, "updated_at": now}
        if secret is not None:
            row["sealed"] = self._sealed(record, secret)
        try:
            connection.execute(sa.insert(self.table), {**row, **values})
        except IntegrityError as error:
            raise self._taken(values) from error
        return self._read(connection, record)

    def get(self, reference: str | int) -> Record:
        """By number, id, or name where the table has names. Raises NotFound."""
        with self.store.read() as connection:
            row = connection.execute(sa.select(self.table).where(self._named(reference))).mappings().one_or_none()
        if row is None:
            raise NotFound(f"there is no {self.noun} {str(reference)[:80]!r}.", where=self.noun)
        return dict(row)

    def find(self, limit: int = 1000, newest_first: bool = False, **equal: Any) -> Sequence[Record]:
        """In the order of their numbers."""
        by = self.table.c.number.desc() if newest_first else self.table.c.number
        query = sa.select(self.table).where(*(self.table.c[k] == v for k, v in equal.items())).order_by(by).limit(limit)
        with self.store.read() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def count(self, *by: str, **equal: Any) -> Mapping[tuple[Any, ...], int]:
        """How many there are of each combination of values in these columns."""
        columns = [self.table.c[name] for name in by]
        query = sa.select(*columns, sa.func.count()).where(*(self.table.c[k] == v for k, v in equal.items()))
        with self.store.read() as connection:
            return {tuple(row[:-1]): row[-1] for row in connection.execute(query.group_by(*columns))}

    def change(
        self,
        connection: sa.Connection,
        record: Record,
        values: Mapping[str, Any],
        *,
        secret: str | None = None,
        expected_version: int | None = None,
    ) -> Record:
        """Raises Stale where that is not its version, Conflict when the name is taken, NotFound when it is gone."""
        values = {**values, "updated_at": time.time()}
        if secret is not None:
            values["sealed"] = self._sealed(record["id"], secret)
        try:
            update_versioned(connection, self.table, record["id"], expected_version, values)
        except IntegrityError as error:
            raise self._taken(values) from error
        return self._read(connection, record["id"])

    def remove(self, connection: sa.Connection, record: Record) -> None:
        """Raises NotFound when it is gone by now."""
        if not connection.execute(sa.delete(self.table).where(self.table.c.id == record["id"])).rowcount:
            raise NotFound(f"there is no {self.noun} {record['number']}.", where=self.noun)

    def secret(self, record: Record) -> str:
        """What was sealed with it. Raises Invalid when the key has changed."""
        return self.store.sealer.unseal(
            record["sealed"], Place(record["tenant"], self.table.name, "sealed", record["id"])
        )

    def ever(self) -> bool:
        """Has there ever been one, gone by now or not?"""
        query = sa.text("SELECT value FROM counters WHERE name = :name")
        with self.store.read() as connection:
            return (
                connection.execute(query, {"name": f"{self.table.name} of {self.store.one_tenant}"}).first() is not None
            )

    def _sealed(self, record: str, secret: str) -> str:
        return self.store.sealer.seal(secret, Place(self.store.one_tenant, self.table.name, "sealed", record))

    def _named(self, reference: str | int) -> sa.ColumnElement[bool]:
        columns = self.table.c
        text = str(reference)
        if text.isascii() and text.isdecimal() and len(text) < 19:
            return columns.number == int(text)
        by_id: sa.ColumnElement[bool] = columns.id == text
        return sa.or_(by_id, columns.name == text) if "name" in columns else by_id

    def _read(self, connection: sa.Connection, record: str) -> Record:
        return dict(connection.execute(sa.select(self.table).where(self.table.c.id == record)).mappings().one())

    def _taken(self, values: Mapping[str, Any]) -> Conflict:
        return Conflict(
            f"there is a {self.noun} called {str(values.get('name', ''))[:80]!r} already.",
            where="name",
            remedy="Choose another name, or change that one.",
        )
