"""Which database this is, and how large its tables are."""

from __future__ import annotations

from collections.abc import Mapping

from wayfare.core.changes import LOCK_TABLE, REVISIONS_TABLE, Size
from wayfare.systems.databases.sqlserver.connection import Connections
from wayfare.systems.databases.sqlserver.dialect import DEFAULT_NAMESPACE

# The server by its name (with the instance's), the database by its own, and by the number that it was given when it was
# made: two containers may call themselves alike.
_IDENTITY = """
SELECT CAST(SERVERPROPERTY('ServerName') AS nvarchar(256)) AS server, d.name AS name,
    CAST(d.service_broker_guid AS nvarchar(64)) AS number
FROM sys.databases d WHERE d.name = DB_NAME()
"""
# sys.partitions needs no right beyond that on the tables, as sys.dm_db_partition_stats would. 0 is a heap, 1 the
# clustered index; the pages are those of all indexes.
_SIZES = """
SELECT s.name AS namespace, t.name AS name,
    SUM(CASE WHEN a.type = 1 AND p.index_id IN (0, 1) THEN p.rows ELSE 0 END) AS row_count,
    SUM(a.used_pages) * 8192 AS byte_count
FROM sys.tables t JOIN sys.schemas s ON s.schema_id = t.schema_id
JOIN sys.partitions p ON p.object_id = t.object_id
JOIN sys.allocation_units a ON a.container_id = CASE WHEN a.type = 2 THEN p.partition_id ELSE p.hobt_id END
WHERE t.is_ms_shipped = 0
GROUP BY s.name, t.name
"""


def identity(connections: Connections) -> str:
    with connections.use() as connection:
        row = connection.rows(_IDENTITY)[0]
    return f"{row['server']}/{row['name']}/{row['number']}"


def sizes(connections: Connections) -> Mapping[str, Size]:
    with connections.use() as connection:
        rows = connection.rows(_SIZES)
    found: dict[str, Size] = {}
    for row in rows:
        if row["name"] in (LOCK_TABLE, REVISIONS_TABLE):
            continue
        size = Size(int(row["row_count"] or 0), int(row["byte_count"] or 0))
        found[f"{row['namespace']}.{row['name']}"] = size
        if row["namespace"] == DEFAULT_NAMESPACE:
            found[row["name"]] = size
    return found
