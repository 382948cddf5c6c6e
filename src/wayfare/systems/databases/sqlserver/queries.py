"""What is asked of `sys.*`. Constants: names of tables never enter them, the whole database is described at once."""

from __future__ import annotations

SERVER = """
SELECT CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128)) AS version,
    CAST(SERVERPROPERTY('Edition') AS nvarchar(128)) AS edition, DB_NAME() AS name,
    (SELECT MAX(d.snapshot_isolation_state) FROM sys.databases d WHERE d.name = DB_NAME()) AS snapshots,
    HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'SELECT') AS may_select
"""

TABLES = """
SELECT s.name AS namespace, t.name AS name, t.object_id AS id, CAST(p.value AS nvarchar(4000)) AS comment
FROM sys.tables t JOIN sys.schemas s ON s.schema_id = t.schema_id
LEFT JOIN sys.extended_properties p
    ON p.class = 1 AND p.major_id = t.object_id AND p.minor_id = 0 AND p.name = 'MS_Description'
WHERE t.is_ms_shipped = 0 AND t.is_external = 0
ORDER BY s.name, t.name
"""

SIZES = """
SELECT p.object_id AS id, SUM(CASE WHEN a.type = 1 THEN p.rows ELSE 0 END) AS row_count,
    SUM(a.used_pages) * 8192 AS byte_count
FROM sys.partitions p JOIN sys.allocation_units a
    ON a.container_id = CASE WHEN a.type = 2 THEN p.partition_id ELSE p.hobt_id END
WHERE p.index_id IN (0, 1)
GROUP BY p.object_id
"""

COLUMNS = """
SELECT c.object_id AS id, c.name AS name, ut.name AS type, bt.name AS base_type, c.max_length AS max_length,
    c.[precision] AS [precision], c.scale AS scale, c.is_nullable AS is_nullable, cc.definition AS computed,
    dc.definition AS default_text, CAST(ic.seed_value AS decimal(38,0)) AS seed,
    CAST(ic.increment_value AS decimal(38,0)) AS increment, CAST(ic.last_value AS decimal(38,0)) AS last_value,
    CAST(p.value AS nvarchar(4000)) AS comment
FROM sys.columns c
JOIN sys.types ut ON ut.user_type_id = c.user_type_id
LEFT JOIN sys.types bt ON bt.user_type_id = c.system_type_id AND bt.system_type_id = c.system_type_id
LEFT JOIN sys.computed_columns cc ON cc.object_id = c.object_id AND cc.column_id = c.column_id
LEFT JOIN sys.default_constraints dc ON dc.object_id = c.default_object_id
LEFT JOIN sys.identity_columns ic ON ic.object_id = c.object_id AND ic.column_id = c.column_id
LEFT JOIN sys.extended_properties p
    ON p.class = 1 AND p.major_id = c.object_id AND p.minor_id = c.column_id AND p.name = 'MS_Description'
ORDER BY c.object_id, c.column_id
"""

# 0 is a heap; the kinds are rowstore (1, 2), XML, spatial, columnstore (5, 6) and hash.
INDEXES = """
SELECT i.object_id AS id, i.index_id AS index_id, i.name AS name, i.type AS type, i.is_unique AS is_unique,
    i.is_primary_key AS is_primary_key, i.is_unique_constraint AS is_unique_constraint,
    i.filter_definition AS filter_definition, ic.is_descending_key AS is_descending_key,
    ic.is_included_column AS is_included_column, ic.key_ordinal AS key_ordinal, c.name AS column_name
FROM sys.indexes i
JOIN sys.index_columns ic ON ic.object_id = i.object_id AND ic.index_id = i.index_id
JOIN sys.columns c ON c.object_id = ic.object_id AND c.column_id = ic.column_id
WHERE i.type > 0 AND i.is_hypothetical = 0
ORDER BY i.object_id, i.index_id, ic.is_included_column, ic.key_ordinal, ic.index_column_id
"""

FOREIGN_KEYS = """
SELECT k.parent_object_id AS id, k.name AS name, k.is_disabled AS is_disabled, ps.name AS parent_namespace,
    pt.name AS parent, oc.name AS column_name, pc.name AS parent_column,
    k.delete_referential_action_desc AS on_delete, k.update_referential_action_desc AS on_update
FROM sys.foreign_keys k
JOIN sys.foreign_key_columns kc ON kc.constraint_object_id = k.object_id
JOIN sys.columns oc ON oc.object_id = kc.parent_object_id AND oc.column_id = kc.parent_column_id
JOIN sys.columns pc ON pc.object_id = kc.referenced_object_id AND pc.column_id = kc.referenced_column_id
JOIN sys.tables pt ON pt.object_id = k.referenced_object_id
JOIN sys.schemas ps ON ps.schema_id = pt.schema_id
ORDER BY k.parent_object_id, k.name, kc.constraint_column_id
"""

CHECKS = """
SELECT k.parent_object_id AS id, k.name AS name, k.definition AS definition, k.is_disabled AS is_disabled
FROM sys.check_constraints k
ORDER BY k.parent_object_id, k.name
"""

VIEWS = """
SELECT s.name AS namespace, v.name AS name, m.definition AS definition, CAST(p.value AS nvarchar(4000)) AS comment
FROM sys.views v JOIN sys.schemas s ON s.schema_id = v.schema_id
JOIN sys.sql_modules m ON m.object_id = v.object_id
LEFT JOIN sys.extended_properties p
    ON p.class = 1 AND p.major_id = v.object_id AND p.minor_id = 0 AND p.name = 'MS_Description'
WHERE v.is_ms_shipped = 0
ORDER BY v.object_id
"""

SEQUENCES = """
SELECT s.name AS namespace, q.name AS name, CAST(q.current_value AS decimal(38,0)) AS current_value,
    CAST(q.increment AS decimal(38,0)) AS increment, CAST(q.{used} AS decimal(38,0)) AS used
FROM sys.sequences q JOIN sys.schemas s ON s.schema_id = q.schema_id
WHERE q.is_ms_shipped = 0
ORDER BY s.name, q.name
"""

UNFORCED = """
SELECT k.name AS name FROM sys.foreign_keys k WHERE k.is_disabled = 1
UNION ALL SELECT c.name FROM sys.check_constraints c WHERE c.is_disabled = 1
"""
