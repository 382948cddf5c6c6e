"""MySQL and MariaDB, spoken to in one protocol and told apart by what the server says it is."""

from wayfare.systems.registry import Adapter

ADAPTER = Adapter(
    name="mysql",
    title="MySQL / MariaDB",
    open="wayfare.systems.databases.mysql.database:MySql",
    example="mysql://user:password@host:3306/database",
    aliases=("mariadb",),
    drivers=("pymysql",),
    sql_dialect="mysql",
    port=3306,
    reach="wayfare.systems.databases.mysql.options:reach",
)
