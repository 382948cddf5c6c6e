"""A neutral text format in which one system hands rows to another without either parsing them.

Its name is `lines(int,text,datetime)`: one form for each column, in order. A row is its fields separated by tabs, ended
by a newline. NULL is backslash N. Within a field backslash, tab, newline and carriage return are escaped as backslash
and one of backslash, t, n, r, backspace as backslash b; every other byte stands for itself, in UTF-8. The COPY
text of PostgreSQL and the LOAD DATA of MySQL agree on this but for form feed and vertical tab, which the sender must
write as raw bytes.

    form       what a field looks like
    bool01     0 or 1
    int        -12
    float      shortest digits that read back to the same number: 1.5e-07, NaN, Infinity, -Infinity
    decimal    -12.50, with the digits after the point that its type has; a NUMBER may be NaN, Infinity, -Infinity
    text       the text itself
    hex        bytes as lower-case hexadecimal digits, two for each
    date       2024-02-29; also infinity, -infinity, and years before 1 as the sender prints them
    time       23:59:59.1234, with up to six digits after the point, the last of them not 0
    datetime   2024-02-29 23:59:59.1234, its fraction as a time's; infinities as with dates
    datetimez  the same, in UTC, without an offset
    json       a JSON text; an array travels as a JSON array
    uuid       8-4-4-4-12 lower-case hexadecimal digits

The form follows from the *source* column's Arrow type and meaning alone, so that both sides compute the same name. A
receiver offers the format only when each of its landed columns can take the form exactly, and must fail on a field it
cannot hold. It may also send it, when it gives back the very same bytes: then a copy is proven by the digests of the
lines, to which each row adds that of one value, its line with the newline.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from wayfare.core.tables import Column, Meaning

_MEANT = {
    Meaning.JSON: "json",
    Meaning.UUID: "uuid",
    Meaning.NUMBER: "decimal",
}


def form_of(column: Column) -> str | None:
    """The form of a source column's fields; None for values that have no neutral text."""
    kind = column.type
    if pa.types.is_list(kind):
        return "json"
    if column.meaning in _MEANT:
        return _MEANT[column.meaning]
    if pa.types.is_timestamp(kind):
        return None if kind.unit == "ns" else "datetimez" if kind.tz else "datetime"
    if pa.types.is_time(kind):
        return "time" if kind.unit == "us" else None
    tests = (
        (pa.types.is_boolean, "bool01"),
        (pa.types.is_integer, "int"),
        (pa.types.is_floating, "float"),
        (pa.types.is_decimal, "decimal"),
        (pa.types.is_date, "date"),
        (pa.types.is_string, "text"),
        (pa.types.is_binary, "hex"),
    )
    return next((form for test, form in tests if test(kind)), None)


def lines_format(columns: Sequence[Column]) -> str | None:
    """`lines(int,text)` for a source table's written columns; None when one of them has no form."""
    forms = [form_of(column) for column in columns]
    return None if not forms or None in forms else f"lines({','.join(f for f in forms if f)})"
