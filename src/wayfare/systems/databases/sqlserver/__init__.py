"""SQL Server as a source, and its schema: over TDS by python-tds, or by Microsoft's driver or any ODBC driver."""

from wayfare.systems.registry import Adapter

ADAPTER = Adapter(
    "sqlserver",
    "SQL Server",
    "wayfare.systems.databases.sqlserver.database:SqlServer",
    "sqlserver://user:password@host:1433/database",
    aliases=("mssql",),
    drivers=("pytds",),
    extra="sqlserver",
    sql_dialect="tsql",
    port=1433,
    confined={"driver": "python-tds"},  # the others look names up themselves, and go where a server sends them
    reach="wayfare.systems.databases.sqlserver.options:reach",
    source_only=True,
)
