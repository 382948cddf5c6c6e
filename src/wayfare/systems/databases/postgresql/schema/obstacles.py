"""What is in the way of a switch: rights that are missing, and who could write to a frozen database all the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wayfare.core.findings import Finding, Severity
from wayfare.systems.databases.postgresql.connect import Connection
from wayfare.systems.databases.postgresql.schema.names import NOT_OURS_ESCAPED, texts

_SUPERUSER = "(select rolsuper from pg_roles where rolname = current_user)"
_DATABASE = "(select oid from pg_database where datname = current_database())"
_NOT_OWNED = f"""
select datname from pg_database where datname = current_database() and not {_SUPERUSER}
  and not pg_has_role(datdba, 'USAGE')
"""
_SUBSCRIPTIONS = f"""
select subname from pg_subscription where subdbid = {_DATABASE} and not {_SUPERUSER}
  and not pg_has_role(subowner, 'USAGE')
"""
_MAY_NOT_END = f"""
select distinct usename from pg_stat_activity a join pg_roles r on r.oid = a.usesysid
where datname = current_database() and backend_type = 'client backend' and not {_SUPERUSER}
  and not pg_has_role(usesysid, 'USAGE') and (r.rolsuper or not pg_has_role('pg_signal_backend', 'USAGE'))
"""
_MAY_NOT_END_ANY = f"select 'others' where not {_SUPERUSER} and not pg_has_role('pg_signal_backend', 'USAGE')"
_SEQUENCES = f"""
select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'S' and c.relpersistence <> 't' and {NOT_OURS_ESCAPED}
  and not (has_sequence_privilege(c.oid, 'SELECT') and has_sequence_privilege(c.oid, 'UPDATE'))
"""
_WRITE_BY_DEFAULT = f"""
select distinct r.rolname from pg_db_role_setting s join pg_roles r on r.oid = s.setrole, unnest(s.setconfig) c
where s.setdatabase in (0, {_DATABASE}) and split_part(c, '=', 1) = 'default_transaction_read_only'
  and split_part(c, '=', 2) not in ('on', 'true', 'yes', '1')
"""
_PREPARED = "select gid from pg_prepared_xacts where database = current_database()"


def obstacles(connection: Connection) -> Sequence[Finding]:
    return [*_rights(connection), *_ways_round(connection)]


def _rights(connection: Connection) -> Iterator[Finding]:
    user = connection.info.user
    if found := texts(connection, _NOT_OWNED):
        yield Finding(
            "switch_forbidden",
            Severity.ERROR,
            f"{user} may not alter the database {found[0]}.",
            "",
            "Let its owner do it.",
        )
    roles = texts(connection, _MAY_NOT_END) or texts(connection, _MAY_NOT_END_ANY)
    if roles:
        told = f"{user} may not end connections of {_named(roles)}."
        yield Finding(
            "switch_forbidden",
            Severity.ERROR,
            told,
            "",
            f"GRANT pg_signal_backend TO {user}; a superuser's need a superuser.",
        )
    if found := texts(connection, _SUBSCRIPTIONS):
        told = f"{user} may not alter the subscription {_named(found)}."
        yield Finding("switch_forbidden", Severity.ERROR, told, "", "Let its owner do it.")
    if found := texts(connection, _SEQUENCES):
        told = f"{user} may not read and set the sequence {_named(found)}."
        yield Finding(
            "switch_forbidden",
            Severity.ERROR,
            told,
            "",
            f"GRANT SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA … TO {user}.",
        )


def _ways_round(connection: Connection) -> Iterator[Finding]:
    if roles := texts(connection, _WRITE_BY_DEFAULT):
        told = f"{_named(roles)} would write on: these roles have default_transaction_read_only of their own."
        yield Finding("switch_unsafe", Severity.ERROR, told, "", "ALTER ROLE … RESET default_transaction_read_only.")
    if found := texts(connection, _PREPARED):
        told = f"the prepared transaction {_named(found)} can be committed at any time."
        yield Finding("switch_unsafe", Severity.ERROR, told, "", "Commit it, or roll it back.")


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more
