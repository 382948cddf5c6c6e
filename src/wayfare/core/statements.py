"""What a script of schema changes is made of, whatever its dialect: statements, and what each of them does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from wayfare.core.errors import Refused


class Kind(StrEnum):
    """The classes of actions: what rules, risks and inverses are written for."""

    CREATE_TABLE = "create_table"
    DROP_TABLE = "drop_table"
    RENAME_TABLE = "rename_table"
    TRUNCATE = "truncate"
    ATTACH_PARTITION = "attach_partition"
    DETACH_PARTITION = "detach_partition"
    ADD_COLUMN = "add_column"
    DROP_COLUMN = "drop_column"
    RENAME_COLUMN = "rename_column"
    ALTER_TYPE = "alter_type"  # of a column
    SET_DEFAULT = "set_default"
    DROP_DEFAULT = "drop_default"
    SET_NOT_NULL = "set_not_null"
    DROP_NOT_NULL = "drop_not_null"
    ADD_FOREIGN_KEY = "add_foreign_key"
    ADD_CHECK = "add_check"
    ADD_UNIQUE = "add_unique"
    ADD_PRIMARY_KEY = "add_primary_key"
    ADD_CONSTRAINT = "add_constraint"  # of another sort, such as EXCLUDE
    VALIDATE_CONSTRAINT = "validate_constraint"
    DROP_CONSTRAINT = "drop_constraint"
    RENAME_CONSTRAINT = "rename_constraint"
    ALTER_TABLE = "alter_table"  # another change of a table: storage, owner, engine …
    CREATE_INDEX = "create_index"
    DROP_INDEX = "drop_index"
    RENAME_INDEX = "rename_index"
    REINDEX = "reindex"
    CREATE_VIEW = "create_view"
    DROP_VIEW = "drop_view"
    CREATE_MATERIALIZED_VIEW = "create_materialized_view"
    DROP_MATERIALIZED_VIEW = "drop_materialized_view"
    REFRESH = "refresh"  # a materialized view
    CREATE_FUNCTION = "create_function"  # procedures too
    DROP_FUNCTION = "drop_function"
    CREATE_TRIGGER = "create_trigger"
    DROP_TRIGGER = "drop_trigger"
    CREATE_TYPE = "create_type"
    ALTER_ENUM = "alter_enum"  # a value is added to it, or renamed
    DROP_TYPE = "drop_type"
    CREATE_SEQUENCE = "create_sequence"
    ALTER_SEQUENCE = "alter_sequence"
    DROP_SEQUENCE = "drop_sequence"
    CREATE_SCHEMA = "create_schema"
    DROP_SCHEMA = "drop_schema"
    CREATE_EXTENSION = "create_extension"
    DROP_EXTENSION = "drop_extension"
    CREATE_POLICY = "create_policy"
    DROP_POLICY = "drop_policy"
    COMMENT = "comment"
    GRANT = "grant"
    REVOKE = "revoke"
    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"
    COPY = "copy"
    SELECT = "select"
    BLOCK = "block"  # DO, or an anonymous block: what it does is known only by trying
    VACUUM = "vacuum"
    SET = "set"  # a setting of the connection
    TRANSACTION = "transaction"  # BEGIN, COMMIT …
    DATABASE = "database"  # CREATE or DROP DATABASE, USE …: beyond the database that is changed
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that a statement does; ALTER TABLE may do several.

    `details` by kind, each only where it applies: "columns" (list of names), "type" (text), "default" (text),
    "volatile_default" (bool), "not_null" (bool), "expression" (text of a CHECK), "references" (table) and
    "referenced" (columns), "concurrently", "unique", "if_exists", "not_valid", "cascade", "where" (bool), "new" (the
    new name), "using" (text), "replace" (OR REPLACE), "signature" (of a function: "f(integer)"), "index" (an index that
    a constraint takes over), "generated", "first" or "after" (place of a column), "clauses" (ALGORITHM=…, LOCK=… as
    written).
    """

    kind: Kind
    table: str = ""  # the table it is about, as written but unquoted: "users", "shop.orders"
    name: str = ""  # what is made, changed or dropped: a column, index, constraint, view, function …
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a script, with its place in it. `text` has neither its delimiter nor comments around it."""

    text: str
    line: int  # of its first character, from 1
    column: int
    actions: tuple[Action, ...] = ()
    alone: bool = False  # it refuses to run within a transaction
    rows: str = ""  # what follows COPY … FROM STDIN, to the line before `\.`

    @property
    def place(self) -> str:
        """Where it stands, as errors name it."""
        return f"line {self.line}, column {self.column}"

    @property
    def kind(self) -> Kind:
        return self.actions[0].kind if self.actions else Kind.OTHER

    @property
    def tables(self) -> tuple[str, ...]:
        """All that it names, in order, each once."""
        named = (t for a in self.actions for t in (a.table, str(a.details.get("references", ""))) if t)
        return tuple(dict.fromkeys(named))


def refuse_what_ends_a_transaction(statements: Sequence[Statement], alone: str = "Carry it out alone.") -> None:
    """For those that are to be committed together with their entry. `alone` is the remedy for what refuses to run in a
    transaction at all. Raises Refused, with the place of the first.
    """
    for statement in statements:
        if statement.alone:
            why = "this statement refuses to run within a transaction, so it cannot be carried out with others."
            raise Refused(why, where=statement.place, remedy=alone)
        if any(action.kind is Kind.TRANSACTION for action in statement.actions):
            why = "the transaction is ours: its statements and its entry are committed together."
            raise Refused(why, where=statement.place, remedy="Take BEGIN, COMMIT and the like out of the script.")
