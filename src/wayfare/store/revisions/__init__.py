"""The store's history: each module `r0002_….py` holds one revision; they are found in this folder, and apply in order.

Each is an Alembic script, and the same statements run without Alembic where a store is opened, because its import takes
longer than many a command. To add one, take the next number, in the name and in the module:

    revision = "0005"
    down_revision = "0004"
    DECLARED_IN = "wayfare.control.things"  # the module that has the tables for SQLAlchemy

    STATEMENTS = ("CREATE TABLE things (id TEXT NOT NULL PRIMARY KEY, tenant TEXT NOT NULL)", *fenced("things"))
    UNDO = ("DROP TABLE things",)

    def upgrade() -> None:
        by_alembic(STATEMENTS)

    def downgrade() -> None:
        by_alembic(UNDO)

Statements are understood by SQLite (3.35) and PostgreSQL alike, or are marked `OnPostgreSQL` or `OnSQLite`. Declare the
same tables, with their indexes, on `schema.METADATA`: tests compare both. A table with tenants' data has a column
`tenant` and is `fenced`; a column that holds secrets has a name that begins with `sealed`.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlalchemy as sa

EVERYTHING = "*"  # in place of a tenant, in PostgreSQL's setting: all rows
SETTING = "wayfare.tenant"


class OnPostgreSQL(str):
    """A statement for PostgreSQL alone."""


class OnSQLite(str):
    """A statement for SQLite alone."""


def fenced(*tables: str) -> tuple[OnPostgreSQL, ...]:
    """Row-level security: without the setting `wayfare.tenant`, nobody but a superuser sees or makes a row."""
    setting = f"current_setting('{SETTING}', true)"
    ours = f"tenant = {setting} OR {setting} = '{EVERYTHING}'"
    return tuple(
        OnPostgreSQL(statement)
        for table in tables
        for statement in (
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
            f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
            f"CREATE POLICY tenants ON {table} USING ({ours}) WITH CHECK ({ours})",
        )
    )


def unfenced(*tables: str) -> tuple[OnPostgreSQL, ...]:
    """What takes `fenced` back, for tables that stay."""
    return tuple(
        OnPostgreSQL(statement)
        for table in tables
        for statement in (
            f"DROP POLICY tenants ON {table}",
            f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY",
            f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
        )
    )


def run(connection: sa.Connection, statements: Sequence[str]) -> None:
    foreign = OnSQLite if connection.dialect.name == "postgresql" else OnPostgreSQL
    for statement in statements:
        if not isinstance(statement, foreign):
            connection.exec_driver_sql(statement)


def by_alembic(statements: Sequence[str]) -> None:
    from alembic import op

    run(op.get_bind(), statements)


def names() -> list[str]:
    """In order."""
    return sorted(m.name for m in iter_modules(__path__) if m.name.startswith("r"))


def in_order() -> list[ModuleType]:
    return [import_module(f"{__name__}.{name}") for name in names()]


def declare() -> None:
    """See to it that `schema.METADATA` has the tables of every package."""
    for module in in_order():
        import_module(getattr(module, "DECLARED_IN", "wayfare.store.schema"))


LATEST = names()[-1][1:5]
