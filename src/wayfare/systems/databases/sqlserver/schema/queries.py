"""What is asked of `sys.*` to describe a schema. Constants: the whole database is described at once.

Every answer has `id`, the object that it belongs to. Views are those of SQL Server 2016
(https://learn.microsoft.com/sql/relational-databases/system-catalog-views/object-catalog-views-transact-sql).
"""

from __future__ import annotations

# Those of everybody's roles have numbers from 16384 on; dbo, guest, INFORMATION_SCHEMA and sys are 1 to 4.
SCHEMAS = "SELECT s.schema_id AS id, s.name AS name FROM sys.schemas s WHERE s.schema_id > 4 AND s.schema_id < 16384"

OBJECTS = """
SELECT o.object_id AS id, s.name AS namespace, o.name AS name, o.type AS type, o.parent_object_id AS parent,
    m.definition AS definition
FROM sys.objects o JOIN sys.schemas s ON s.schema_id = o.schema_id
LEFT JOIN sys.sql_modules m ON m.object_id = o.object_id
WHERE o.is_ms_shipped = 0 AND o.type IN ('U', 'V', 'P', 'FN', 'IF', 'TF', 'TR', 'SO', 'SN')
"""

TYPES = """
SELECT t.user_type_id AS id, s.name AS namespace, t.name AS name, b.name AS base_type, t.max_length AS max_length,
    t.[precision] AS [precision], t.scale AS scale, t.is_nullable AS is_nullable
FROM sys.types t JOIN sys.schemas s ON s.schema_id = t.schema_id
LEFT JOIN sys.types b ON b.user_type_id = t.system_type_id AND b.system_type_id = t.system_type_id
WHERE t.is_user_defined = 1
"""

COLUMNS = """
SELECT c.object_id AS id, c.name AS name, ut.name AS type, ts.name AS type_namespace,
    ut.is_user_defined AS is_user_defined, c.max_length AS max_length, c.[precision] AS [precision], c.scale AS scale,
    c.is_nullable AS is_nullable,
    c.collation_name AS collation, d.collation_name AS usual_collation,
    c.is_rowguidcol AS is_rowguidcol, c.is_sparse AS is_sparse, c.generated_always_type AS generated,
    cc.definition AS computed, cc.is_persisted AS is_persisted, dc.name AS default_name,
    dc.definition AS default_text, dc.is_system_named AS default_unnamed,
    CAST(ic.seed_value AS decimal(38,0)) AS seed, CAST(ic.increment_value AS decimal(38,0)) AS increment
FROM sys.columns c JOIN sys.tables t ON t.object_id = c.object_id
JOIN sys.types ut ON ut.user_type_id = c.user_type_id
JOIN sys.schemas ts ON ts.schema_id = ut.schema_id
JOIN sys.databases d ON d.name = DB_NAME()
LEFT JOIN sys.computed_columns cc ON cc.object_id = c.object_id AND cc.column_id = c.column_id
LEFT JOIN sys.default_constraints dc ON dc.object_id = c.default_object_id
LEFT JOIN sys.identity_columns ic ON ic.object_id = c.object_id AND ic.column_id = c.column_id
ORDER BY c.object_id, c.column_id
"""

# A heap is an index without columns, number 0.
INDEXES = """
SELECT i.object_id AS id, i.index_id AS number, i.name AS name, i.type_desc AS type, i.is_unique AS is_unique,
    i.is_disabled AS is_disabled, i.ignore_dup_key AS ignore_dup_key, i.filter_definition AS filter,
    k.type AS key_type, k.is_system_named AS unnamed, ic.is_descending_key AS is_descending_key,
    ic.is_included_column AS is_included_column, c.name AS column_name
FROM sys.indexes i
JOIN sys.index_columns ic ON ic.object_id = i.object_id AND ic.index_id = i.index_id
JOIN sys.columns c ON c.object_id = ic.object_id AND c.column_id = ic.column_id
LEFT JOIN sys.key_constraints k ON k.parent_object_id = i.object_id AND k.unique_index_id = i.index_id
WHERE i.type > 0 AND i.is_hypothetical = 0
ORDER BY i.object_id, i.index_id, ic.is_included_column, ic.key_ordinal, ic.index_column_id
"""

FOREIGN_KEYS = """
SELECT k.parent_object_id AS id, k.object_id AS number, k.name AS name, k.is_system_named AS unnamed,
    k.is_disabled AS is_disabled, k.is_not_trusted AS is_not_trusted, ps.name AS parent_namespace, pt.name AS parent,
    oc.name AS column_name, pc.name AS parent_column, k.delete_referential_action_desc AS on_delete,
    k.update_referential_action_desc AS on_update
FROM sys.foreign_keys k
JOIN sys.foreign_key_columns kc ON kc.constraint_object_id = k.object_id
JOIN sys.columns oc ON oc.object_id = kc.parent_object_id AND oc.column_id = kc.parent_column_id
JOIN sys.columns pc ON pc.object_id = kc.referenced_object_id AND pc.column_id = kc.referenced_column_id
JOIN sys.tables pt ON pt.object_id = k.referenced_object_id
JOIN sys.schemas ps ON ps.schema_id = pt.schema_id
ORDER BY k.parent_object_id, k.object_id, kc.constraint_column_id
"""

CHECKS = """
SELECT k.parent_object_id AS id, k.name AS name, k.is_system_named AS unnamed, k.is_disabled AS is_disabled,
    k.is_not_trusted AS is_not_trusted, k.definition AS definition
FROM sys.check_constraints k
"""

SEQUENCES = """
SELECT q.object_id AS id, t.name AS type, CAST(q.start_value AS decimal(38,0)) AS start,
    CAST(q.increment AS decimal(38,0)) AS increment, CAST(q.minimum_value AS decimal(38,0)) AS least,
    CAST(q.maximum_value AS decimal(38,0)) AS most, q.is_cycling AS is_cycling
FROM sys.sequences q JOIN sys.types t ON t.user_type_id = q.user_type_id
"""

SYNONYMS = "SELECT y.object_id AS id, y.base_object_name AS base FROM sys.synonyms y"

DESCRIPTIONS = """
SELECT p.major_id AS id, p.name AS name, c.name AS column_name, CAST(p.value AS nvarchar(4000)) AS said
FROM sys.extended_properties p
LEFT JOIN sys.columns c ON c.object_id = p.major_id AND c.column_id = p.minor_id
WHERE p.class = 1
"""

FULL_TEXT = """
SELECT f.object_id AS id, g.name AS catalog, f.is_enabled AS is_enabled, f.change_tracking_state_desc AS tracking,
    i.name AS key_index, c.name AS column_name, fc.language_id AS language
FROM sys.fulltext_indexes f JOIN sys.fulltext_catalogs g ON g.fulltext_catalog_id = f.fulltext_catalog_id
JOIN sys.indexes i ON i.object_id = f.object_id AND i.index_id = f.unique_index_id
JOIN sys.fulltext_index_columns fc ON fc.object_id = f.object_id
JOIN sys.columns c ON c.object_id = fc.object_id AND c.column_id = fc.column_id
ORDER BY f.object_id, fc.column_id
"""

FULL_TEXT_CATALOGS = """
SELECT g.fulltext_catalog_id AS id, g.name AS name, g.is_default AS is_default FROM sys.fulltext_catalogs g
"""
