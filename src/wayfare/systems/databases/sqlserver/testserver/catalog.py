"""`sys.*` of one database: plain DuckDB tables and views, filled as statements that define something pass by."""

from __future__ import annotations

from typing import Any

import duckdb

from wayfare.systems.databases.sqlserver.testserver.ddl import ForeignDdl, KeyDdl, TableDdl
from wayfare.systems.databases.sqlserver.testserver.types import SYSTEM_TYPES
from wayfare.systems.databases.sqlserver.testserver.wire import SqlError

TABLES = (
    "CREATE SEQUENCE sys.ids START 1000001",
    "CREATE SEQUENCE sys.rowversions START 2001",
    "CREATE TABLE sys.schemas (name VARCHAR, schema_id INTEGER, principal_id INTEGER)",
    "CREATE TABLE sys.types (name VARCHAR, system_type_id UTINYINT, user_type_id INTEGER, schema_id INTEGER,"
    " max_length SMALLINT, precision UTINYINT, scale UTINYINT, is_user_defined BOOLEAN, is_assembly_type BOOLEAN)",
    "CREATE TABLE sys.objects (name VARCHAR, object_id INTEGER, schema_id INTEGER, parent_object_id INTEGER,"
    " type VARCHAR, type_desc VARCHAR, is_ms_shipped BOOLEAN, create_date TIMESTAMP DEFAULT current_timestamp)",
    "CREATE TABLE sys.columns (object_id INTEGER, name VARCHAR, column_id INTEGER, system_type_id UTINYINT,"
    " user_type_id INTEGER, max_length SMALLINT, precision UTINYINT, scale UTINYINT, collation_name VARCHAR,"
    " is_nullable BOOLEAN, is_identity BOOLEAN, is_computed BOOLEAN, default_object_id INTEGER, is_hidden BOOLEAN,"
    " generated_always_type UTINYINT, is_sparse BOOLEAN, declared VARCHAR)",
    "CREATE TABLE sys.computed_columns (object_id INTEGER, column_id INTEGER, name VARCHAR, definition VARCHAR,"
    " is_persisted BOOLEAN)",
    "CREATE TABLE sys.identity_columns (object_id INTEGER, column_id INTEGER, name VARCHAR, seed_value DECIMAL(38,0),"
    " increment_value DECIMAL(38,0), last_value DECIMAL(38,0))",
    "CREATE TABLE sys.default_constraints (name VARCHAR, object_id INTEGER, parent_object_id INTEGER,"
    " parent_column_id INTEGER, definition VARCHAR)",
    "CREATE TABLE sys.check_constraints (name VARCHAR, object_id INTEGER, parent_object_id INTEGER,"
    " parent_column_id INTEGER, definition VARCHAR, is_disabled BOOLEAN, is_not_trusted BOOLEAN)",
    "CREATE TABLE sys.key_constraints (name VARCHAR, object_id INTEGER, parent_object_id INTEGER, type VARCHAR,"
    " unique_index_id INTEGER)",
    "CREATE TABLE sys.indexes (object_id INTEGER, name VARCHAR, index_id INTEGER, type UTINYINT, type_desc VARCHAR,"
    " is_unique BOOLEAN, is_primary_key BOOLEAN, is_unique_constraint BOOLEAN, has_filter BOOLEAN,"
    " filter_definition VARCHAR, is_disabled BOOLEAN, is_hypothetical BOOLEAN)",
    "CREATE TABLE sys.index_columns (object_id INTEGER, index_id INTEGER, index_column_id INTEGER, column_id INTEGER,"
    " key_ordinal UTINYINT, is_descending_key BOOLEAN, is_included_column BOOLEAN)",
    "CREATE TABLE sys.foreign_keys (name VARCHAR, object_id INTEGER, parent_object_id INTEGER,"
    " referenced_object_id INTEGER, delete_referential_action_desc VARCHAR, update_referential_action_desc VARCHAR,"
    " is_disabled BOOLEAN, is_not_trusted BOOLEAN)",
    "CREATE TABLE sys.foreign_key_columns (constraint_object_id INTEGER, constraint_column_id INTEGER,"
    " parent_object_id INTEGER, parent_column_id INTEGER, referenced_object_id INTEGER, referenced_column_id INTEGER)",
    "CREATE TABLE sys.extended_properties (class UTINYINT, major_id INTEGER, minor_id INTEGER, name VARCHAR,"
    " value VARCHAR)",
    "CREATE TABLE sys.sequences (name VARCHAR, object_id INTEGER, schema_id INTEGER, start_value DECIMAL(38,0),"
    " increment DECIMAL(38,0), current_value DECIMAL(38,0), last_used_value DECIMAL(38,0), is_ms_shipped BOOLEAN)",
    "CREATE TABLE sys.sql_modules (object_id INTEGER, definition VARCHAR)",
    "CREATE VIEW sys.tables AS SELECT *, false AS is_external, 0 AS temporal_type, false AS is_memory_optimized"
    " FROM sys.objects WHERE type = 'U'",
    "CREATE VIEW sys.views AS SELECT * FROM sys.objects WHERE type = 'V'",
    "CREATE VIEW sys.partitions AS SELECT o.object_id, 1 AS index_id, 1 AS partition_number,"
    " o.object_id::BIGINT AS partition_id, o.object_id::BIGINT AS hobt_id, t.estimated_size::BIGINT AS rows"
    " FROM sys.objects o JOIN sys.schemas s ON s.schema_id = o.schema_id JOIN duckdb_tables() t ON"
    " t.database_name = current_database() AND t.schema_name = s.name AND t.table_name = o.name WHERE o.type = 'U'",
    "CREATE VIEW sys.allocation_units AS SELECT 1 AS type, hobt_id AS container_id,"
    " (rows // 100 + 1)::BIGINT AS used_pages, (rows // 100 + 1)::BIGINT AS total_pages FROM sys.partitions",
    "CREATE VIEW sys.dm_db_partition_stats AS SELECT object_id, index_id, partition_id, rows AS row_count,"
    " (rows // 100 + 1)::BIGINT AS used_page_count FROM sys.partitions",
)
DEFAULT_SCHEMA = 1
_COLLATION = "SQL_Latin1_General_CP1_CI_AS"
_TEXTS = frozenset({"char", "varchar", "text", "nchar", "nvarchar", "ntext", "sysname"})


def build(cursor: duckdb.DuckDBPyConnection) -> None:
    """An empty database's catalog, in the database that the cursor uses."""
    for schema in ("sys", "dbo"):
        cursor.execute(f"CREATE SCHEMA {schema}")
    cursor.execute("; ".join(TABLES))
    cursor.execute("INSERT INTO sys.schemas VALUES ('dbo', 1, 1), ('guest', 2, 2), ('sys', 4, 4)")
    rows = [
        f"('{name}', {system}, {user}, 4, {size}, {precision}, {scale}, false, {system == 240})"
        for name, (system, user, size, precision, scale) in SYSTEM_TYPES.items()
    ]
    cursor.execute(f"INSERT INTO sys.types VALUES {', '.join(rows)}")


class Catalog:
    """Writes into the catalog of the database that the cursor uses."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self._cursor = cursor

    def one(self, sql: str, *values: Any) -> Any:
        row = self._cursor.execute(sql, list(values)).fetchone()
        return row[0] if row else None

    def run(self, sql: str, *values: Any) -> None:
        self._cursor.execute(sql, list(values))

    # ---- finding

    def schema(self, name: str) -> int:
        found = self.one("SELECT schema_id FROM sys.schemas WHERE lower(name) = lower(?)", name or "dbo")
        if found is None:
            raise SqlError(
                2760,
                f'The specified schema name "{name}" either does not exist or you do not have permission to use it.',
            )
        return int(found)

    def object(self, schema: str, name: str) -> int | None:
        sql = "SELECT object_id FROM sys.objects WHERE schema_id = ? AND lower(name) = lower(?)"
        found = self.one(sql, self.schema(schema), name)
        return None if found is None else int(found)

    def table(self, schema: str, name: str) -> int:
        found = self.object(schema, name)
        if found is None:
            raise SqlError(
                4902, f'Cannot find the object "{name}" because it does not exist or you do not have permissions.'
            )
        return found

    def column(self, table: int, name: str) -> int:
        found = self.one(
            "SELECT column_id FROM sys.columns WHERE object_id = ? AND lower(name) = lower(?)", table, name
        )
        if found is None:
            raise SqlError(1911, f"Column name '{name}' does not exist in the target table or view.")
        return int(found)

    def declared(self, schema: str, name: str) -> list[tuple[str, str]]:
        """Each column's name and type as declared; empty for what is no table."""
        sql = (
            "SELECT c.name, c.declared FROM sys.columns c JOIN sys.objects o USING (object_id) JOIN sys.schemas s"
            " USING (schema_id) WHERE lower(s.name) = lower(?) AND lower(o.name) = lower(?) ORDER BY column_id"
        )
        rows: list[tuple[str, str]] = self._cursor.execute(sql, [schema or "dbo", name]).fetchall()
        return rows

    def identity(self, schema: str, name: str) -> tuple[int, str, int, int | None, int] | None:
        """object_id, column, seed, last value and increment."""
        sql = "SELECT object_id, name, seed_value, last_value, increment_value FROM sys.identity_columns"
        sql += " WHERE object_id = ?"
        found = self._cursor.execute(sql, [self.object(schema, name)]).fetchone()
        if found is None:
            return None
        last = None if found[3] is None else int(found[3])
        return int(found[0]), str(found[1]), int(found[2]), last, int(found[4])

    # ---- defining

    def new_object(self, schema: int, name: str, kind: str, described: str, parent: int = 0) -> int:
        number = int(self.one("SELECT nextval('sys.ids')"))
        sql = "INSERT INTO sys.objects VALUES (?, ?, ?, ?, ?, ?, false, current_timestamp)"
        self.run(sql, name, number, schema, parent, kind, described)
        return number

    def add_table(self, table: TableDdl) -> None:
        schema = self.schema(table.schema)
        number = self.new_object(schema, table.name, "U", "USER_TABLE")
        for position, column in enumerate(table.columns, 1):
            system, user, size, precision, scale = column.kind.numbers()
            spelt = _spelling(column.kind.name, column.kind.size, column.kind.scale)
            default = self._default(number, schema, position, column.default_name, column.default)
            collation = _COLLATION if column.kind.name in _TEXTS else None
            self.run(
                "INSERT INTO sys.columns VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, false, 0, false, ?)",
                *(number, column.name, position, system, user, size, precision, scale, collation, column.nullable),
                *(column.identity is not None, bool(column.computed), default, spelt),
            )
            if column.computed:
                sql = "INSERT INTO sys.computed_columns VALUES (?, ?, ?, ?, ?)"
                self.run(sql, number, position, column.name, column.computed, column.persisted)
            if column.identity:
                sql = "INSERT INTO sys.identity_columns VALUES (?, ?, ?, ?, ?, NULL)"
                self.run(sql, number, position, column.name, *column.identity)
        self.add_constraints(table)

    def _default(self, table: int, schema: int, position: int, name: str, text: str) -> int:
        if not text:
            return 0
        number = self.new_object(schema, name, "D", "DEFAULT_CONSTRAINT", table)
        self.run("INSERT INTO sys.default_constraints VALUES (?, ?, ?, ?, ?)", name, number, table, position, text)
        return number

    def add_constraints(self, table: TableDdl) -> None:
        """Keys, foreign keys and checks, of a table that is there."""
        schema, number = self.schema(table.schema), self.table(table.schema, table.name)
        for key in table.keys:
            self._key(schema, number, key)
        for foreign in table.foreign:
            self._foreign(schema, number, foreign)
        for name, text in table.checks:
            made = self.new_object(schema, name, "C", "CHECK_CONSTRAINT", number)
            self.run("INSERT INTO sys.check_constraints VALUES (?, ?, ?, 0, ?, false, false)", name, made, number, text)

    def _key(self, schema: int, table: int, key: KeyDdl) -> None:
        kind = ("PK", "PRIMARY_KEY_CONSTRAINT") if key.primary else ("UQ", "UNIQUE_CONSTRAINT")
        made = self.new_object(schema, key.name, *kind, table)
        index = self.add_index(
            table, key.name, key.columns, unique=True, primary=key.primary, constraint=not key.primary
        )
        self.run("INSERT INTO sys.key_constraints VALUES (?, ?, ?, ?, ?)", key.name, made, table, kind[0], index)

    def add_index(
        self,
        table: int,
        name: str,
        columns: list[tuple[str, bool]],
        *,
        unique: bool = False,
        primary: bool = False,
        constraint: bool = False,
        included: tuple[str, ...] = (),
        where: str | None = None,
        method: tuple[int, str] = (2, "NONCLUSTERED"),
    ) -> int:
        index = 1 if primary else int(self.one("SELECT count(*) + 2 FROM sys.indexes WHERE object_id = ?", table))
        kind = (1, "CLUSTERED") if primary else method
        sql = "INSERT INTO sys.indexes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, false, false)"
        self.run(sql, table, name, index, *kind, unique, primary, constraint, where is not None, where)
        parts = [(c, place, d, False) for place, (c, d) in enumerate(columns, 1)] + [
            (c, 0, False, True) for c in included
        ]
        for place, (column, ordinal, descending, extra) in enumerate(parts, 1):
            position = self.column(table, column)
            sql = "INSERT INTO sys.index_columns VALUES (?, ?, ?, ?, ?, ?, ?)"
            self.run(sql, table, index, place, position, ordinal, descending, extra)
        return index

    def _foreign(self, schema: int, table: int, key: ForeignDdl) -> None:
        parent = self.table(*key.parent)
        made = self.new_object(schema, key.name, "F", "FOREIGN_KEY_CONSTRAINT", table)
        sql = "INSERT INTO sys.foreign_keys VALUES (?, ?, ?, ?, ?, ?, false, false)"
        self.run(sql, key.name, made, table, parent, key.on_delete, key.on_update)
        for place, (own, other) in enumerate(zip(key.columns, key.parent_columns, strict=True), 1):
            numbers = (made, place, table, self.column(table, own), parent, self.column(parent, other))
            self.run("INSERT INTO sys.foreign_key_columns VALUES (?, ?, ?, ?, ?, ?)", *numbers)

    def forget(self, number: int) -> None:
        """An object that was dropped, with all that was said of it."""
        of_object = (
            "columns",
            "computed_columns",
            "identity_columns",
            "indexes",
            "index_columns",
            "sql_modules",
            "sequences",
        )
        of_parent = (
            "objects",
            "default_constraints",
            "check_constraints",
            "key_constraints",
            "foreign_keys",
            "foreign_key_columns",
        )
        for name in (*of_object, "objects"):
            self.run(f"DELETE FROM sys.{name} WHERE object_id = ?", number)
        for name in of_parent:
            self.run(f"DELETE FROM sys.{name} WHERE parent_object_id = ?", number)
        self.run("DELETE FROM sys.extended_properties WHERE major_id = ?", number)


def _spelling(name: str, size: int | None, scale: int | None) -> str:
    if size is None:
        return name
    first = "max" if size == -1 else str(size)
    return f"{name}({first})" if scale is None else f"{name}({first},{scale})"
