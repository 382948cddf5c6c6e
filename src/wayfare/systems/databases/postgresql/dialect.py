"""PostgreSQL's SQL, as pure text. Every name passes through `quote`, every value through `literal`."""

from __future__ import annotations

import hashlib

from wayfare.core.tables import Check, Column, ForeignKey, Identity, Index, Meaning, Table

NAME_BYTES_MAX = 63
DEFAULT_NAMESPACE = "public"

_SEQUENCE_TYPES = frozenset({"smallint", "integer", "bigint"})


def quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(value: int | str) -> str:
    """A constant: digits, or quoted text (standard_conforming_strings is on)."""
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"


def qualified(namespace: str, name: str) -> str:
    return f"{quote(namespace or DEFAULT_NAMESPACE)}.{quote(name)}"


def full_name(table: Table) -> str:
    return qualified(table.namespace, table.name)


def names(columns: tuple[str, ...]) -> str:
    return ", ".join(quote(c) for c in columns)


def shortened(name: str, *, ending: str = "") -> str:
    """At most 63 bytes, the longest identifier; what is cut off is replaced by a hash, so that names stay apart."""
    whole = name + ending
    if len(whole.encode()) <= NAME_BYTES_MAX:
        return whole
    digest = hashlib.sha256(whole.encode()).hexdigest()[:8]
    room = NAME_BYTES_MAX - len(digest) - 1 - len(ending.encode())
    return f"{name.encode()[:room].decode(errors='ignore')}_{digest}{ending}"


def staging_schema(run: str, namespace: str, prefix: str = "wayfare") -> str:
    """Where tables of `namespace` wait. A schema each, so that two tables of one name keep apart."""
    return shortened(f"{prefix}_{run}_{namespace or DEFAULT_NAMESPACE}")


def ledger_schema(run: str) -> str:
    return f"wayfare_{run}"


def create_table(table: Table) -> str:
    """Columns with types, defaults, computed values and identities; keys, indexes and checks come after the load."""
    lines = [column_definition(table, column) for column in table.columns]
    lines += [label_check(column) for column in table.columns if keeps_labels_by_check(column)]
    return f"create table if not exists {full_name(table)} ({', '.join(lines)})"


def column_definition(table: Table, column: Column) -> str:
    parts = [quote(column.name), column.native]
    if column.generated:
        parts.append(f"generated always as ({column.generated}) stored")
    elif column.identity and column.native in _SEQUENCE_TYPES:
        parts.append(_identity(table, column.identity))
    elif column.default and not column.identity and not draws_from_sequence(column):
        parts.append(f"default {column.default}")
    if not column.nullable:
        parts.append("not null")
    return " ".join(parts)


def draws_from_sequence(column: Column) -> bool:
    """A default that needs another object, perhaps one that is only there once its own table is in place."""
    return "nextval(" in column.default and not column.identity


def set_default(table: Table, column: Column) -> str:
    return f"alter table {full_name(table)} alter column {quote(column.name)} set default {column.default}"


def keeps_labels_by_check(column: Column) -> bool:
    """An enumeration of another system, landed as text: its labels become a check."""
    return column.meaning is Meaning.ENUM and bool(column.labels) and column.native == "text"


def label_check(column: Column) -> str:
    return f"check ({quote(column.name)} in ({', '.join(literal(label) for label in column.labels)}))"


def numbers_itself_by_default(column: Column) -> bool:
    """An identity on a type that PostgreSQL cannot number (numeric): a sequence of its own serves."""
    return column.identity is not None and column.native not in _SEQUENCE_TYPES


def sequence_name(table: Table, column: Column) -> str:
    """The name of an identity's sequence, in the table's schema."""
    given = column.identity.sequence if column.identity else ""
    return shortened(given or f"{table.name}_{column.name}", ending="" if given else "_seq")


def owned_sequence(table: Table, column: Column) -> tuple[str, ...]:
    """Statements that give a column of any numeric type a sequence, as `serial` does."""
    assert column.identity
    sequence = qualified(table.namespace, sequence_name(table, column))
    owner = f"{full_name(table)}.{quote(column.name)}"
    return (
        f"create sequence if not exists {sequence} increment {column.identity.increment}",
        f"alter table {full_name(table)} alter column {quote(column.name)} "
        f"set default nextval({literal(sequence)}::regclass)",
        f"alter sequence {sequence} owned by {owner}",
    )


def _identity(table: Table, identity: Identity) -> str:
    when = "always" if identity.always else "by default"
    options = [f"increment by {identity.increment}"]
    if identity.increment < 0:
        options.append(f"minvalue {-(2**31)}")
    if identity.sequence:
        options.insert(0, f"sequence name {qualified(table.namespace, shortened(identity.sequence))}")
    return f"generated {when} as identity ({' '.join(options)})"


def primary_key(table: Table) -> str:
    name = dict(table.hints).get("primary key", "")
    constraint = f"constraint {quote(name)} " if name else ""
    return f"alter table {full_name(table)} add {constraint}primary key ({names(table.key)})"


def create_index(table: Table, index: Index, name: str) -> str:
    """An index or unique constraint, under `name`. A definition in our own words stands, but for names."""
    if index.constraint:
        what = index.definition if index.definition else f"unique ({names(index.columns)})"
        return f"alter table {full_name(table)} add constraint {quote(name)} {what}"
    unique = "unique " if index.unique else ""
    head = f"create {unique}index {quote(name)} on {full_name(table)}"
    if index.definition:
        return f"{head} {after_on(index.definition)}"
    method = f"using {index.method} " if index.method else ""
    where = f" where {index.where}" if index.where else ""
    return f"{head} {method}({_parts(index)}){where}"


def _parts(index: Index) -> str:
    if index.expression:
        return index.expression
    descending = index.descending or (False,) * len(index.columns)
    return ", ".join(quote(c) + (" desc" if d else "") for c, d in zip(index.columns, descending, strict=True))


def after_on(definition: str) -> str:
    """`USING btree (a) WHERE …` of a CREATE INDEX statement as pg_get_indexdef prints it, whatever its names hold."""
    quoted = False
    for place, character in enumerate(definition):
        if character == '"':
            quoted = not quoted
        elif not quoted and definition.startswith(" USING ", place):
            return definition[place + 1 :]
    raise ValueError(f"not an index definition: {definition}")


def add_check(table: Table, check: Check, name: str) -> str:
    return f"alter table {full_name(table)} add constraint {quote(name)} check ({check.expression})"


def add_foreign_key(table: Table, key: ForeignKey) -> str:
    parent = qualified(key.parent_namespace or table.namespace, key.parent)
    text = f"alter table {full_name(table)} add"
    text += f" constraint {quote(shortened(key.name))}" if key.name else ""
    text += f" foreign key ({names(key.columns)}) references {parent}"
    text += f" ({names(key.parent_columns)})" if key.parent_columns else ""
    text += f" on delete {key.on_delete}" if key.on_delete else ""
    text += f" on update {key.on_update}" if key.on_update else ""
    return text + (" deferrable initially deferred" if key.deferrable else "")


def comments(table: Table) -> list[str]:
    found = [f"comment on table {full_name(table)} is {literal(table.comment)}"] if table.comment else []
    for column in table.columns:
        if column.comment:
            place = f"{full_name(table)}.{quote(column.name)}"
            found.append(f"comment on column {place} is {literal(column.comment)}")
    return found


def create_enum(name: str, labels: tuple[str, ...]) -> str:
    return f"create type {name} as enum ({', '.join(literal(label) for label in labels)})"


def draft(table: Table) -> list[str]:
    """What a copy comes to, under the final names; an index whose name is taken gets the table's name before."""
    return [
        create_table(table),
        *([primary_key(table)] if table.key else []),
        *(create_index(table, index, shortened(index.name)) for index in table.indexes),
        *(add_check(table, check, shortened(check.name)) for check in table.checks),
        *(add_foreign_key(table, key) for key in table.foreign_keys),
        *comments(table),
    ]


def insert_from(target: Table, staged: Table, *, merge: bool) -> str:
    """Move the staged rows into an existing table; with `merge` a row with the same key is replaced."""
    columns = tuple(c.name for c in target.written)
    text = f"insert into {full_name(target)} ({names(columns)}) overriding system value"
    text += f" select {names(columns)} from {full_name(staged)}"
    if not merge:
        return text
    others = [c for c in columns if c not in target.key]
    action = "nothing"
    if others:
        action = f"update set {', '.join(f'{quote(c)} = excluded.{quote(c)}' for c in others)}"
    return f"{text} on conflict ({names(target.key)}) do {action}"
