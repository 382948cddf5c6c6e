"""PostgreSQL as a service should have it: through a role that row-level security applies to."""

from __future__ import annotations

from dataclasses import replace

import psycopg

from wayfare.core.address import Address
from wayfare.systems.databases.postgresql.options import parameters

ROLE = "wayfare_app"


def as_app(address: Address) -> Address:
    with psycopg.connect(autocommit=True, **parameters(address)) as connection:
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (ROLE,)).fetchone():
            connection.execute(f"CREATE ROLE {ROLE} LOGIN NOSUPERUSER NOBYPASSRLS")
        connection.execute(f"GRANT ALL ON DATABASE {address.database} TO {ROLE}")
    return replace(address, user=ROLE)
