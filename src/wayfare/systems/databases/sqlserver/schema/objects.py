"""What a database's schema consists of, as texts that are the same for the same schema.

Names that the server made up (PK__orders__3213E83F…) are left out: they are others each time, and nobody's choice. So
is where an identity or a sequence stands: that belongs to the rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, TypeAlias

from wayfare.core.changes import LOCK_TABLE, REVISIONS_TABLE
from wayfare.core.statements import Action, Statement
from wayfare.systems.databases.sqlserver.dialect import DEFAULT_NAMESPACE, literal, quote
from wayfare.systems.databases.sqlserver.schema import queries
from wayfare.systems.databases.sqlserver.schema.tables import Row, grouped, made, typed

Ask: TypeAlias = Callable[[str], list[Row]]

_ORDER = ("schema", "type", "catalog", "sequence", "synonym", "table", "index", "module", "description")
_OURS = (LOCK_TABLE, REVISIONS_TABLE)
_MODULES = ("V", "P", "FN", "IF", "TF", "TR")


@dataclass(frozen=True, slots=True)
class Thing:
    kind: str  # one of _ORDER
    namespace: str
    name: str
    table: str  # what an index, trigger or description belongs to, with its namespace
    text: str

    @property
    def names(self) -> frozenset[str]:
        """All that a statement may call it or its table, in lower case; dbo goes without saying."""
        own = (f"{self.namespace}.{self.name}" if self.namespace else self.name).lower()
        found = {own, self.table.lower()} - {""}
        return frozenset(found | {n.removeprefix(f"{DEFAULT_NAMESPACE}.") for n in found})


def things(ask: Ask) -> list[Thing]:
    """In their order. Without our own tables."""
    rows = [row for row in ask(queries.OBJECTS) if row["name"] not in _OURS]
    labels = {row["id"]: f"{row['namespace']}.{row['name']}" for row in rows}
    found = [
        *(Thing("schema", "", r["name"], "", f"CREATE SCHEMA {quote(r['name'])}") for r in ask(queries.SCHEMAS)),
        *_types(ask),
        *_named(ask, rows),
        *_tables(ask, [row for row in rows if _kind(row) == "U"]),
        *_modules(rows, labels),
        *_descriptions(ask, labels),
        *_full_text(ask, labels),
    ]
    return sorted(found, key=lambda t: (_ORDER.index(t.kind), t.table, t.namespace, t.name, t.text))


def dump(ask: Ask) -> str:
    return "".join(f"{thing.text};\n" for thing in things(ask))


def shape(ask: Ask, statement: Statement) -> str:
    """A digest of all that the statement names, or of everything where it names nothing, as EXEC does."""
    abouts = [_about(action) for action in statement.actions]
    names = frozenset().union(*abouts) if abouts and all(abouts) else None
    texts = [f"{t.kind} {t.text}" for t in things(ask) if names is None or t.names & names]
    return hashlib.sha256("\n".join(texts).encode("utf-8", "surrogatepass")).hexdigest()


def _about(action: Action) -> frozenset[str]:
    """The names that an action may change, in lower case."""
    space = action.table.rpartition(".")[0]
    named = [action.table, action.name, str(action.details.get("new", ""))]
    named += [f"{space}.{n}" for n in named[1:] if n and space]
    return frozenset(n.lower().removeprefix(f"{DEFAULT_NAMESPACE}.") for n in named if n)


def _kind(row: Row) -> str:
    """sys.objects.type is char(2)."""
    return str(row["type"]).strip()


def _types(ask: Ask) -> Iterator[Thing]:
    for row in ask(queries.TYPES):
        null = "" if row["is_nullable"] else " NOT NULL"
        base = f"FROM {typed(row, row['base_type'])}{null}" if row["base_type"] else "AS TABLE"
        text = f"CREATE TYPE {quote(row['namespace'])}.{quote(row['name'])} {base}"
        yield Thing("type", row["namespace"], row["name"], "", text)


def _named(ask: Ask, rows: Sequence[Row]) -> Iterator[Thing]:
    """Sequences and synonyms."""
    places = {row["id"]: row for row in rows}
    for sequence in ask(queries.SEQUENCES):
        if place := places.get(sequence["id"]):
            text = (
                f"CREATE SEQUENCE {_label(place)} AS {sequence['type']} START WITH {int(sequence['start'])}"
                f" INCREMENT BY {int(sequence['increment'])} MINVALUE {int(sequence['least'])}"
                f" MAXVALUE {int(sequence['most'])}{' CYCLE' if sequence['is_cycling'] else ''}"
            )
            yield Thing("sequence", place["namespace"], place["name"], "", text)
    for synonym in ask(queries.SYNONYMS):
        if place := places.get(synonym["id"]):
            text = f"CREATE SYNONYM {_label(place)} FOR {synonym['base']}"
            yield Thing("synonym", place["namespace"], place["name"], "", text)


def _label(row: Row) -> str:
    return f"{quote(row['namespace'])}.{quote(row['name'])}"


def _tables(ask: Ask, rows: Sequence[Row]) -> Iterator[Thing]:
    columns, indexes = grouped(ask(queries.COLUMNS)), grouped(ask(queries.INDEXES))
    foreign, checks = grouped(ask(queries.FOREIGN_KEYS)), grouped(ask(queries.CHECKS))
    for row in rows:
        number, label = row["id"], _label(row)
        table, others = made(label, columns[number], indexes[number], foreign[number], checks[number])
        yield Thing("table", row["namespace"], row["name"], "", table)
        for name, text in others:
            yield Thing("index", row["namespace"], name, f"{row['namespace']}.{row['name']}", text)


def _modules(rows: Sequence[Row], labels: dict[int, str]) -> Iterator[Thing]:
    """Views, procedures, functions and triggers, in the words that made them."""
    for row in rows:
        if _kind(row) in _MODULES:
            text = row["definition"] or f"-- {_label(row)} is encrypted"
            yield Thing(
                "module", row["namespace"], row["name"], labels.get(row["parent"], ""), text.strip().rstrip(";")
            )


def _descriptions(ask: Ask, labels: dict[int, str]) -> Iterator[Thing]:
    for row in ask(queries.DESCRIPTIONS):
        if label := labels.get(row["id"]):
            at = f"{label}.{row['column_name']}" if row["column_name"] else label
            text = f"-- {row['name']} of {at}: {literal(row['said'] or '')}"
            yield Thing("description", "", row["name"], label, text)


def _full_text(ask: Ask, labels: dict[int, str]) -> Iterator[Thing]:
    for row in ask(queries.FULL_TEXT_CATALOGS):
        default = " AS DEFAULT" if row["is_default"] else ""
        yield Thing("catalog", "", row["name"], "", f"CREATE FULLTEXT CATALOG {quote(row['name'])}{default}")
    for number, parts in groupby(ask(queries.FULL_TEXT), key=lambda row: int(row["id"])):
        columns = list(parts)
        listed = ", ".join(f"{quote(c['column_name'])} LANGUAGE {c['language']}" for c in columns)
        text = f"CREATE FULLTEXT INDEX ON {labels.get(number, number)} ({listed})" + _of_full_text(columns[0])
        yield Thing("index", "", "", labels.get(number, ""), text)


def _of_full_text(row: dict[str, Any]) -> str:
    state = "" if row["is_enabled"] else " -- disabled"
    return f" KEY INDEX {quote(row['key_index'])} ON {quote(row['catalog'])} CHANGE_TRACKING {row['tracking']}{state}"
