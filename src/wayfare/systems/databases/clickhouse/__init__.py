"""ClickHouse: a server over HTTP(S), or the engine inside this process (chdb) on a folder."""

from wayfare.systems.registry import Adapter

ADAPTER = Adapter(
    "clickhouse",
    "ClickHouse",
    "wayfare.systems.databases.clickhouse.database:ClickHouse",
    "clickhouse://user:password@host:8123/database or clickhouse:///folder?database=name",
    aliases=("chdb",),
    drivers=("chdb",),
    sql_dialect="clickhouse",
    port=8123,
    reach="wayfare.systems.databases.clickhouse.options:reach",
    in_a_path=True,
)
