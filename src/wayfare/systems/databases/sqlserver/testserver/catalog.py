"""`sys.*` of one database: plain DuckDB tables and views, filled as statements that define something pass by."""

from __future__ import annotations

import re
from typing import Any

import duckdb

from wayfare.systems.databases.sqlserver.testserver.ddl import ColumnDdl, ForeignDdl, KeyDdl, TableDdl
from wayfare.systems.databases.sqlserver.testserver.types import SYSTEM_TYPES
from wayfare.systems.databases.sqlserver.testserver.wire import SqlError

TABLES = (
    "CREATE SEQUENCE sys.ids START 1000001",
    "CREATE SEQUENCE sys.rowversions START 2001",
    "CREATE TABLE sys.schemas (name VARCHAR, schema_id INTEGER, principal_id INTEGER)",
    "CREATE TABLE sys.types (name VARCHAR, system_type_id UTINYINT, user_type_id INTEGER, schema_id INTEGER,"
    " max_length SMALLINT, precision UTINYINT, scale UTINYINT, is_user_defined BOOLEAN, is_assembly_type BOOLEAN,"
    " is_nullable BOOLEAN DEFAULT true)",
    "CREATE TABLE sys.objects (name VARCHAR, object_id INTEGER, schema_id INTEGER, parent_object_id INTEGER,"
    " type VARCHAR, type_desc VARCHAR, is_ms_shipped BOOLEAN, create_date TIMESTAMP DEFAULT current_timestamp)",
    "CREATE TABLE sys.columns (object_id INTEGER, name VARCHAR, column_id INTEGER, system_type_id UTINYINT,"
    " user_type_id INTEGER, max_length SMALLINT, precision UTINYINT, scale UTINYINT, collation_name VARCHAR,"
    " is_nullable BOOLEAN, is_identity BOOLEAN, is_computed BOOLEAN, default_object_id INTEGER, is_hidden BOOLEAN,"
    " generated_always_type UTINYINT, is_sparse BOOLEAN, declared VARCHAR, is_rowguidcol BOOLEAN DEFAULT false)",
    "CREATE TABLE sys.computed_columns (object_id INTEGER, column_id INTEGER, name VARCHAR, definition VARCHAR,"
    " is_persisted BOOLEAN)",
    "CREATE TABLE sys.identity_columns (object_id INTEGER, column_id INTEGER, name VARCHAR, seed_value DECIMAL(38,0),"
    " increment_value DECIMAL(38,0), last_value DECIMAL(38,0))",
    "CREATE TABLE sys.default_constraints (name VARCHAR, object_id INTEGER, parent_object_id INTEGER,"
    " parent_column_id INTEGER, definition VARCHAR, is_system_named BOOLEAN)",
    "CREATE TABLE sys.check_constraints (name VARCHAR, object_id INTEGER, parent_object_id INTEGER,"
    " parent_column_id INTEGER, definition VARCHAR, is_disabled BOOLEAN, is_not_trusted BOOLEAN,"
    " is_system_named BOOLEAN)",
    "CREATE TABLE sys.key_constraints (name VARCHAR, object_id INTEGER, parent_object_id INTEGER, type VARCHAR,"
    " unique_index_id INTEGER, is_system_named BOOLEAN)",
    "CREATE TABLE sys.indexes (object_id INTEGER, name VARCHAR, index_id INTEGER, type UTINYINT, type_desc VARCHAR,"
    " is_unique BOOLEAN, is_primary_key BOOLEAN, is_unique_constraint BOOLEAN, has_filter BOOLEAN,"
    " filter_definition VARCHAR, is_disabled BOOLEAN, is_hypothetical BOOLEAN, ignore_dup_key BOOLEAN DEFAULT false)",
    "CREATE TABLE sys.index_columns (object_id INTEGER, index_id INTEGER, index_column_id INTEGER, column_id INTEGER,"
    " key_ordinal UTINYINT, is_descending_key BOOLEAN, is_included_column BOOLEAN)",
    "CREATE TABLE sys.foreign_keys (name VARCHAR, object_id INTEGER, parent_object_id INTEGER,"
    " referenced_object_id INTEGER, delete_referential_action_desc VARCHAR, update_referential_action_desc VARCHAR,"
    " is_disabled BOOLEAN, is_not_trusted BOOLEAN, is_system_named BOOLEAN)",
    "CREATE TABLE sys.foreign_key_columns (constraint_object_id INTEGER, constraint_column_id INTEGER,"
    " parent_object_id INTEGER, parent_column_id INTEGER, referenced_object_id INTEGER, referenced_column_id INTEGER)",
    "CREATE TABLE sys.extended_properties (class UTINYINT, major_id INTEGER, minor_id INTEGER, name VARCHAR,"
    " value VARCHAR)",
    "CREATE TABLE sys.sequences (name VARCHAR, object_id INTEGER, schema_id INTEGER, start_value DECIMAL(38,0),"
    " increment DECIMAL(38,0), current_value DECIMAL(38,0), last_used_value DECIMAL(38,0), is_ms_shipped BOOLEAN,"
    " minimum_value DECIMAL(38,0) DEFAULT -9223372036854775808, maximum_value DECIMAL(38,0) DEFAULT"
    " 9223372036854775807, is_cycling BOOLEAN DEFAULT false, user_type_id INTEGER DEFAULT 127)",
    "CREATE TABLE sys.synonyms (object_id INTEGER, name VARCHAR, base_object_name VARCHAR)",
    "CREATE TABLE sys.fulltext_catalogs (fulltext_catalog_id INTEGER, name VARCHAR, is_default BOOLEAN)",
    "CREATE TABLE sys.fulltext_indexes (object_id INTEGER, unique_index_id INTEGER, fulltext_catalog_id INTEGER,"
    " is_enabled BOOLEAN, change_tracking_state_desc VARCHAR)",
    "CREATE TABLE sys.fulltext_index_columns (object_id INTEGER, column_id INTEGER, language_id INTEGER)",
    "CREATE TABLE sys.index_resumable_operations (object_id INTEGER, index_id INTEGER, name VARCHAR, state UTINYINT)",
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
_MADE_UP = re.compile(r"(?:PK|UQ|FK|CK|DF)__.*__[0-9A-F]{8}")  # as ddl.py names what has no name
_OF_OBJECT = (
    *("objects", "columns", "computed_columns", "identity_columns", "indexes", "index_columns", "sql_modules"),
    *("sequences", "synonyms", "default_constraints", "check_constraints", "key_constraints", "foreign_keys"),
    *("fulltext_indexes", "fulltext_index_columns"),
)
_OF_PARENT = (
    *("objects", "default_constraints", "check_constraints", "key_constraints", "foreign_keys"),
    "foreign_key_columns",
)
_TEXTS = frozenset({"char", "varchar", "text", "nchar", "nvarchar", "ntext", "sysname"})


def build(cursor: duckdb.DuckDBPyConnection) -> None:
    """An empty database's catalog, in the database that the cursor uses."""
    for schema in ("sys", "dbo"):
        cursor.execute(f"CREATE SCHEMA {schema}")
    cursor.execute("; ".join(TABLES))
    cursor.execute("INSERT INTO sys.schemas VALUES ('dbo', 1, 1), ('guest', 2, 2), ('sys', 4, 4)")
    seen = "name, object_id, schema_id, parent_object_id, type, type_desc, is_ms_shipped"  # by OBJECT_ID
    cursor.execute(
        f"INSERT INTO sys.objects ({seen}) VALUES ('index_resumable_operations', -1, 4, 0, 'V', 'VIEW', true)"
    )
    rows = [
        f"('{name}', {system}, {user}, 4, {size}, {precision}, {scale}, false, {system == 240})"
        for name, (system, user, size, precision, scale) in SYSTEM_TYPES.items()
    ]
    columns = "name, system_type_id, user_type_id, schema_id, max_length, precision, scale, is_user_defined"
    cursor.execute(f"INSERT INTO sys.types ({columns}, is_assembly_type) VALUES {', '.join(rows)}")


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
        """Each column's name and type as declared; empty for what is no table of a user."""
        if schema.lower() == "sys":
            return []  # a query of the catalog names a dozen of these
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

    def add(self, view: str, **values: Any) -> None:
        """A row of sys.`view`."""
        marks = ", ".join(["?"] * len(values))
        self.run(f"INSERT INTO sys.{view} ({', '.join(values)}) VALUES ({marks})", *values.values())

    def new_object(self, schema: int, name: str, kind: str, described: str, parent: int = 0) -> int:
        number = int(self.one("SELECT nextval('sys.ids')"))
        of = {"schema_id": schema, "parent_object_id": parent}
        self.add("objects", name=name, object_id=number, type=kind, type_desc=described, is_ms_shipped=False, **of)
        return number

    def add_table(self, table: TableDdl) -> None:
        schema = self.schema(table.schema)
        number = self.new_object(schema, table.name, "U", "USER_TABLE")
        for position, column in enumerate(table.columns, 1):
            self.add_column(schema, number, position, column)
        self.add_constraints(table)

    def add_column(self, schema: int, table: int, position: int, column: ColumnDdl) -> None:
        place = {"object_id": table, "column_id": position, "name": column.name}
        default = self.add_default(schema, table, position, column)
        self.add("columns", **place, **_typed(column), default_object_id=default, is_hidden=False, is_sparse=False)
        if column.computed:
            self.add("computed_columns", **place, definition=column.computed, is_persisted=column.persisted)
        if column.identity:
            seed, step = column.identity
            self.add("identity_columns", **place, seed_value=seed, increment_value=step)

    def add_default(self, schema: int, table: int, position: int, column: ColumnDdl) -> int:
        if not column.default:
            return 0
        name = column.default_name
        number = self.new_object(schema, name, "D", "DEFAULT_CONSTRAINT", table)
        place = {"parent_object_id": table, "parent_column_id": position, "object_id": number}
        self.add("default_constraints", **_named(name), **place, definition=column.default)
        return number

    def add_constraints(self, table: TableDdl, trusted: bool = True) -> None:
        """Keys, foreign keys and checks, of a table that is there."""
        schema, number = self.schema(table.schema), self.table(table.schema, table.name)
        for key in table.keys:
            self._key(schema, number, key)
        for foreign in table.foreign:
            self._foreign(schema, number, foreign, trusted)
        for name, text in table.checks:
            made = self.new_object(schema, name, "C", "CHECK_CONSTRAINT", number)
            place = {"object_id": made, "parent_object_id": number, "parent_column_id": 0}
            state = {"is_disabled": False, "is_not_trusted": not trusted}
            self.add("check_constraints", **_named(name), **place, **state, definition=text)

    def _key(self, schema: int, table: int, key: KeyDdl) -> None:
        kind = ("PK", "PRIMARY_KEY_CONSTRAINT") if key.primary else ("UQ", "UNIQUE_CONSTRAINT")
        made = self.new_object(schema, key.name, *kind, table)
        index = self.add_index(
            table, key.name, key.columns, unique=True, primary=key.primary, constraint=not key.primary
        )
        place = {"object_id": made, "parent_object_id": table, "unique_index_id": index}
        self.add("key_constraints", **_named(key.name), **place, type=kind[0])

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
        if self.one("SELECT 1 FROM sys.indexes WHERE object_id = ? AND lower(name) = lower(?)", table, name):
            text = "The operation failed because an index or statistics with name '{}' already exists on this table."
            raise SqlError(1913, text.format(name))
        following = "SELECT greatest(coalesce(max(index_id), 1), 1) + 1 FROM sys.indexes WHERE object_id = ?"
        index = 1 if primary else int(self.one(following, table))
        kind = (1, "CLUSTERED") if primary else method
        place = {"object_id": table, "index_id": index}
        said = {"is_unique": unique, "is_primary_key": primary, "is_unique_constraint": constraint}
        said |= {"has_filter": where is not None, "is_disabled": False, "is_hypothetical": False}
        self.add("indexes", **place, name=name, type=kind[0], type_desc=kind[1], filter_definition=where, **said)
        parts = [(c, place, d, False) for place, (c, d) in enumerate(columns, 1)] + [
            (c, 0, False, True) for c in included
        ]
        for number, (column, ordinal, descending, extra) in enumerate(parts, 1):
            at = {"index_column_id": number, "column_id": self.column(table, column), "key_ordinal": ordinal}
            self.add("index_columns", **place, **at, is_descending_key=descending, is_included_column=extra)
        return index

    def _foreign(self, schema: int, table: int, key: ForeignDdl, trusted: bool) -> None:
        parent = self.table(*key.parent)
        made = self.new_object(schema, key.name, "F", "FOREIGN_KEY_CONSTRAINT", table)
        acts = {
            "delete_referential_action_desc": key.on_delete,
            "update_referential_action_desc": key.on_update,
            "is_disabled": False,
            "is_not_trusted": not trusted,
        }
        place = {"object_id": made, "parent_object_id": table, "referenced_object_id": parent}
        self.add("foreign_keys", **_named(key.name), **place, **acts)
        for number, (own, other) in enumerate(zip(key.columns, key.parent_columns, strict=True), 1):
            self.add(
                "foreign_key_columns",
                constraint_object_id=made,
                constraint_column_id=number,
                parent_object_id=table,
                parent_column_id=self.column(table, own),
                referenced_object_id=parent,
                referenced_column_id=self.column(parent, other),
            )

    def forget(self, number: int) -> None:
        """An object that was dropped, with all that was said of it, or that belonged to it."""
        for view in _OF_OBJECT:
            self.run(f"DELETE FROM sys.{view} WHERE object_id = ?", number)
        for view in _OF_PARENT:
            self.run(f"DELETE FROM sys.{view} WHERE parent_object_id = ?", number)
        self.run("DELETE FROM sys.foreign_key_columns WHERE constraint_object_id = ?", number)
        self.run("DELETE FROM sys.extended_properties WHERE major_id = ?", number)

    def forget_index(self, table: int, index: int) -> None:
        for view in ("indexes", "index_columns"):
            self.run(f"DELETE FROM sys.{view} WHERE object_id = ? AND index_id = ?", table, index)


def _named(name: str) -> dict[str, Any]:
    return {"name": name, "is_system_named": bool(_MADE_UP.fullmatch(name))}


def _typed(column: ColumnDdl) -> dict[str, Any]:
    """What sys.columns says of its type."""
    system, user, size, precision, scale = column.kind.numbers()
    return {
        "system_type_id": system,
        "user_type_id": user,
        "max_length": size,
        "precision": precision,
        "scale": scale,
        "collation_name": _COLLATION if column.kind.name in _TEXTS else None,
        "is_nullable": column.nullable,
        "is_identity": column.identity is not None,
        "is_computed": bool(column.computed),
        "generated_always_type": 0,
        "declared": spelling(column.kind.name, column.kind.size, column.kind.scale),
    }


def spelling(name: str, size: int | None, scale: int | None) -> str:
    if size is None:
        return name
    first = "max" if size == -1 else str(size)
    return f"{name}({first})" if scale is None else f"{name}({first},{scale})"
