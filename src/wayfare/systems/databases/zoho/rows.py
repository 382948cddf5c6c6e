"""Records as batches: each value in its column's type, exactly, or refused by the name of its record. Pure."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow as pa

from wayfare.core.errors import Refused
from wayfare.core.losses import with_losses
from wayfare.core.tables import LOSS_ALLOWED, Column, Meaning, Table
from wayfare.systems.databases.zoho.types import place

Record = Mapping[str, Any]  # as a page of records gives it, or an export's cells in the same shape
_WRONG = (ValueError, TypeError, OverflowError, ArithmeticError, pa.ArrowException)
_SHOWN_MAX = 60


class Rows:
    """A callable records → RecordBatch with the schema `table.arrow()`.

    Raises Refused, naming table, column and record, for a value that its type cannot express; where that loss was
    allowed, the value becomes NULL and is counted in the batch.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._schema = table.arrow()
        self._columns = [(c, place(c), decoder(c)) for c in table.written]
        self._allowed = frozenset(dict(table.hints).get(LOSS_ALLOWED, "").split(","))

    def __call__(self, records: Sequence[Record]) -> pa.RecordBatch:
        lost: dict[str, int] = {}
        arrays = []
        for column, where, decode in self._columns:
            values = [where.value(record) for record in records]
            try:
                array = pa.array([None if v is None else decode(v) for v in values], column.type)
            except _WRONG:
                array = self._salvaged(column, decode, values, records, lost)
            arrays.append(array)
        return with_losses(pa.RecordBatch.from_arrays(arrays, schema=self._schema), lost)

    def _salvaged(
        self,
        column: Column,
        decode: Callable[[Any], Any],
        values: Sequence[Any],
        records: Sequence[Record],
        lost: dict[str, int],
    ) -> pa.Array:
        kept: list[Any] = []
        for value, record in zip(values, records, strict=True):
            try:
                kept += pa.array([None if value is None else decode(value)], column.type).to_pylist()
            except _WRONG as error:
                if column.name not in self._allowed:
                    raise _refused(self._table, column, value, record) from error
                kept.append(None)
                lost[column.name] = lost.get(column.name, 0) + 1
        return pa.array(kept, column.type)


def _refused(table: Table, column: Column, value: Any, record: Record) -> Refused:
    shown = repr(value)
    shown = shown if len(shown) <= _SHOWN_MAX else f"{shown[:_SHOWN_MAX]}…"
    return Refused(
        f"record {record.get('id')} holds {shown}, which is no {column.type} ({column.native}).",
        where=f"{table.label}.{column.name}",
        remedy=f"Correct it there, or allow the loss with --allow-loss {table.label}.{column.name}.",
    )


def decoder(column: Column) -> Callable[[Any], Any]:
    """From JSON's value, or an export's text, to what `pa.array` takes for this column."""
    if column.meaning is Meaning.JSON:
        return _json
    if column.meaning is Meaning.NUMBER:
        return _number
    for applies, decode in _DECODERS:
        if applies(column.type):
            return decode
    return _text


def _integer(value: Any) -> int:
    if isinstance(value, bool) or (isinstance(value, Decimal) and value != int(value)):
        raise ValueError(value)
    return int(value)


def _decimal(value: Any) -> Decimal:
    found = Decimal(value)
    if not found.is_finite():
        raise InvalidOperation(value)
    return found


def _number(value: Any) -> str:
    return f"{_decimal(value):f}"


def _boolean(value: Any) -> bool:
    found = {"true": True, "false": False}.get(str(value).lower())
    if found is None:
        raise ValueError(value)
    return found


def _date(value: Any) -> dt.date:
    return dt.date.fromisoformat(value)


def moment(value: Any) -> dt.datetime:
    """A time with its offset, in UTC. Raises ValueError for one without."""
    found = dt.datetime.fromisoformat(value)
    if found.tzinfo is None:
        raise ValueError(value)
    return found.astimezone(dt.UTC)


def _texts(value: Any) -> list[str | None]:
    found = value.split(";") if isinstance(value, str) else value
    return [None if one is None else _text(one) for one in found]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return _json(value) if isinstance(value, (dict, list)) else str(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=float)


_DECODERS: tuple[tuple[Callable[[pa.DataType], bool], Callable[[Any], Any]], ...] = (
    (pa.types.is_integer, _integer),
    (pa.types.is_decimal, _decimal),
    (pa.types.is_floating, float),
    (pa.types.is_boolean, _boolean),
    (pa.types.is_date, _date),
    (pa.types.is_timestamp, moment),
    (pa.types.is_list, _texts),
)
