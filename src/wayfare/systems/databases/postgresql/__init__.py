"""PostgreSQL, 12 and later: COPY BINARY in and out, exported snapshots, transactional staging."""

from wayfare.systems.registry import Adapter

ADAPTER = Adapter(
    name="postgresql",
    title="PostgreSQL",
    open="wayfare.systems.databases.postgresql.database:PostgreSQL",
    example="postgresql://user:password@host:5432/database",
    aliases=("postgres", "pg"),
    drivers=("psycopg",),
    sql_dialect="postgres",
    port=5432,
    reach="wayfare.systems.databases.postgresql.options:reach",
)
