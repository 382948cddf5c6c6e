"""Does a target have everything around its rows that it should have? Pure: two descriptions in, findings out.

Indexes, unique constraints, foreign keys and checks are known by what they do, not by their names, which systems choose
freely. Expressions are rewritten by servers, so they are told apart by their plain text and, failing that, counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from wayfare.core.findings import Finding, Severity
from wayfare.core.tables import Check, Column, ForeignKey, Identity, Index, Table

TABLE_MISSING = "table_missing"
KEY_LOST = "primary_key_lost"
INDEX_LOST = "index_lost"
UNIQUE_LOST = "unique_lost"
FOREIGN_KEY_LOST = "foreign_key_lost"
FOREIGN_KEY_CHANGED = "foreign_key_changed"
CHECK_LOST = "check_lost"
COLUMN_MISSING = "column_missing"
COLUMN_EXTRA = "column_extra"
COLUMN_ORDER = "column_order_changed"
TYPE_CHANGED = "column_type_changed"
NULLABILITY_CHANGED = "column_nullability_changed"
DEFAULT_LOST = "default_lost"
IDENTITY_LOST = "identity_lost"
SEQUENCE_BEHIND = "sequence_behind"


def compare_structures(expected: Sequence[Table], actual: Sequence[Table]) -> tuple[Finding, ...]:
    """Every expected (landed) table against the one of the same label."""
    present = {table.label: table for table in actual}
    return tuple(
        finding
        for table in expected
        for finding in (
            compare_structure(table, present[table.label])
            if table.label in present
            else (Finding(TABLE_MISSING, Severity.ERROR, "the table is missing.", table.label, "Copy it again."),)
        )
    )


def compare_structure(expected: Table, actual: Table) -> tuple[Finding, ...]:
    """What `actual` lacks, or has otherwise than `expected`, which is spoken in the same system's terms."""
    parts = (_columns, _key, _indexes, _foreign_keys, _checks)
    return tuple(finding for part in parts for finding in part(expected, actual))


# -- columns ----------------------------------------------------------------------------------------------------------


def _columns(expected: Table, actual: Table) -> Iterator[Finding]:
    present = {c.name: c for c in actual.columns}
    wanted = {c.name for c in expected.columns}
    for column in expected.columns:
        where = f"{expected.label}.{column.name}"
        if column.name not in present:
            yield Finding(COLUMN_MISSING, Severity.ERROR, "the column is missing.", where)
            continue
        yield from column_changes(column, present[column.name], where)
        yield from _extras(column, present[column.name], where)
    for name in present:
        if name not in wanted:
            message = "the target has a column that the source does not have."
            yield Finding(COLUMN_EXTRA, Severity.WARNING, message, f"{expected.label}.{name}")
    common = [n for n in present if n in wanted]
    if common != [c.name for c in expected.columns if c.name in present]:
        yield Finding(COLUMN_ORDER, Severity.INFO, "the columns stand in another order.", expected.label)


def column_changes(expected: Column, actual: Column, where: str) -> Iterator[Finding]:
    """Another type, a shorter length, or other nullability. A computed column's type is its own affair."""
    spelt_alike = expected.native and expected.native == actual.native
    same = spelt_alike or (expected.type, expected.meaning) == (actual.type, actual.meaning)
    if not expected.generated and not same:
        message = f"the type is {_type(actual)}, not {_type(expected)}."
        yield Finding(TYPE_CHANGED, Severity.ERROR, message, where)
    elif actual.length is not None and (expected.length is None or actual.length < expected.length):
        wanted = "any length" if expected.length is None else f"length {expected.length}"
        yield Finding(TYPE_CHANGED, Severity.ERROR, f"it holds length {actual.length}, not {wanted}.", where)
    if expected.nullable != actual.nullable:
        word, wanted = ("NOT NULL", "NULL") if expected.nullable else ("NULL", "NOT NULL")
        severity = Severity.ERROR if expected.nullable else Severity.WARNING
        yield Finding(NULLABILITY_CHANGED, severity, f"the column is {word}, not {wanted}.", where)


def _type(column: Column) -> str:
    return column.native or f"{column.type} ({column.meaning})"


def _extras(expected: Column, actual: Column, where: str) -> Iterator[Finding]:
    if expected.default and not actual.default and not actual.identity:
        yield Finding(DEFAULT_LOST, Severity.ERROR, f"the default {expected.default} is missing.", where)
    if expected.identity:
        yield from _identity(expected.identity, actual.identity, where)


def _identity(expected: Identity, actual: Identity | None, where: str) -> Iterator[Finding]:
    if actual is None:
        yield Finding(IDENTITY_LOST, Severity.ERROR, "the column no longer numbers itself.", where)
    elif (actual.next < expected.next) if expected.increment > 0 else (actual.next > expected.next):
        message = f"the next number would be {actual.next}, but must be {expected.next} or beyond."
        yield Finding(SEQUENCE_BEHIND, Severity.ERROR, message, where, "Set the sequence before rows are added.")


# -- what holds a table together --------------------------------------------------------------------------------------


def _key(expected: Table, actual: Table) -> Iterator[Finding]:
    if expected.key and expected.key != actual.key:
        have = f"it is ({', '.join(actual.key)})" if actual.key else "there is none"
        message = f"the primary key should be ({', '.join(expected.key)}), but {have}."
        yield Finding(KEY_LOST, Severity.ERROR, message, expected.label)


def _indexes(expected: Table, actual: Table) -> Iterator[Finding]:
    present = Counter(_does(index) for index in actual.indexes)
    if actual.key:
        present[(actual.key, True, "", "")] += 1
    wanted = {_does(index) for index in expected.indexes}
    rewritten = Counter(i.unique for i in actual.indexes if (i.expression or i.where) and _does(i) not in wanted)
    for index in expected.indexes:
        does = _does(index)
        if present[does]:
            continue
        if (index.expression or index.where) and rewritten[index.unique]:
            rewritten[index.unique] -= 1
            continue
        kind, code = ("unique constraint", UNIQUE_LOST) if index.unique else ("index", INDEX_LOST)
        parts = index.expression or ", ".join(index.columns)
        message = f"the {kind} {index.name} on ({parts}) is missing."
        yield Finding(code, Severity.ERROR, message.replace("  ", " "), expected.label)


def _does(index: Index) -> tuple[tuple[str, ...], bool, str, str]:
    return index.columns, index.unique, plain(index.expression), plain(index.where)


def _foreign_keys(expected: Table, actual: Table) -> Iterator[Finding]:
    present = {_leads(k): k for k in actual.foreign_keys}
    for key in expected.foreign_keys:
        parent = f"{key.parent} ({', '.join(key.parent_columns)})"
        what = f"the foreign key ({', '.join(key.columns)}) → {parent}"
        found = present.get(_leads(key))
        if found is None:
            yield Finding(FOREIGN_KEY_LOST, Severity.ERROR, f"{what} is missing.", expected.label)
        elif _rules(found) != _rules(key):
            message = f"{what} acts otherwise: {_words(found)}, not {_words(key)}."
            yield Finding(FOREIGN_KEY_CHANGED, Severity.ERROR, message, expected.label)


def _leads(key: ForeignKey) -> tuple[tuple[str, ...], str, tuple[str, ...]]:
    return key.columns, key.parent, key.parent_columns


def _rules(key: ForeignKey) -> tuple[str, str]:
    """NO ACTION and RESTRICT differ only in when they refuse; some systems know but one."""
    weak = {"NO ACTION": "", "RESTRICT": ""}
    return weak.get(key.on_delete, key.on_delete), weak.get(key.on_update, key.on_update)


def _words(key: ForeignKey) -> str:
    return f"ON DELETE {key.on_delete or 'NO ACTION'} ON UPDATE {key.on_update or 'NO ACTION'}"


def _checks(expected: Table, actual: Table) -> Iterator[Finding]:
    lost, other = _unmatched(expected.checks, actual.checks), _unmatched(actual.checks, expected.checks)
    names = {check.name for check in other}
    nameless = sum(check.name not in {c.name for c in lost} for check in other)  # perhaps rewritten and renamed
    for check in lost:
        if check.name in names:
            continue
        if nameless:
            nameless -= 1
            continue
        message = f"the check {check.name} ({check.expression}) is missing."
        yield Finding(CHECK_LOST, Severity.ERROR, message, expected.label)


def _unmatched(checks: Sequence[Check], others: Sequence[Check]) -> list[Check]:
    texts = {plain(check.expression) for check in others}
    return [check for check in checks if plain(check.expression) not in texts]


def plain(expression: str) -> str:
    """An expression without what servers add: parentheses, quotes, spaces, capitals."""
    return "".join(c for c in expression.lower() if c not in "()[]\"`' \t\n")
