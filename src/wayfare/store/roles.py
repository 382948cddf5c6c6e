"""Which role of PostgreSQL may serve several tenants: one that row-level security applies to."""

from __future__ import annotations

import sqlalchemy as sa

from wayfare.core.errors import Invalid


def refuse_superuser(connection: sa.Connection) -> None:
    """Raises Invalid. On SQLite there are no roles."""
    if connection.dialect.name != "postgresql":
        return
    query = "SELECT rolname, rolsuper, rolbypassrls FROM pg_catalog.pg_roles WHERE rolname = current_user"
    role = connection.exec_driver_sql(query).one()
    if role.rolsuper or role.rolbypassrls:
        what = "a superuser" if role.rolsuper else "allowed to bypass row-level security"
        raise Invalid(
            f"the role {role.rolname} is {what}, so PostgreSQL would not keep tenants apart.",
            where="WAYFARE_STORE",
            remedy="Give the store a role of its own: CREATE ROLE wayfare LOGIN NOSUPERUSER NOBYPASSRLS.",
        )
