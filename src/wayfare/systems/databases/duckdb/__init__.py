"""DuckDB: one file, owned by one process that writes or by any number that read."""

from wayfare.systems.registry import Adapter

ADAPTER = Adapter(
    "duckdb",
    "DuckDB",
    "wayfare.systems.databases.duckdb.database:DuckdbDatabase",
    "duckdb:///warehouse.duckdb",
    drivers=("duckdb",),
    sql_dialect="duckdb",
    in_a_path=True,
    confined={"external_access": "off"},
)
