"""SQLite: one file, through the sqlite3 module of Python. Values carry their type, columns only suggest one."""

from wayfare.systems.registry import Adapter

ADAPTER = Adapter(
    "sqlite",
    "SQLite",
    "wayfare.systems.databases.sqlite.database:SqliteDatabase",
    "sqlite:///shop.db",
    aliases=("sqlite3",),
    drivers=("sqlite3",),
    sql_dialect="sqlite",
    in_a_path=True,
    confined={},
)
