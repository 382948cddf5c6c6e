"""Subscriptions of a database, and what it offers to those of others."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from wayfare.core.errors import NotFound
from wayfare.core.switches import Feed, Offered
from wayfare.systems.databases.postgresql.connect import Connection
from wayfare.systems.databases.postgresql.dialect import quote
from wayfare.systems.databases.postgresql.schema.names import NOT_OURS, NOT_OURS_ESCAPED, TOLD, texts

COUNTS_ERRORS = 150_000  # from this version on
_HERE = "s.subdbid = (select oid from pg_database where datname = current_database())"
_ERRORS = """(select coalesce(apply_error_count, 0) + coalesce(sync_error_count, 0) from pg_stat_subscription_stats t
  where t.subid = s.oid)"""
_FEEDS = """
select s.subname, coalesce(s.subslotname, ''), s.subpublications, s.subenabled,
  exists(select from pg_stat_subscription w where w.subid = s.oid and w.relid is null and w.pid is not null), {errors}
from pg_subscription s where {here} order by 1
"""
# By its entry in the list of processes, which goes last: what it counted is written down by then.
_AT_WORK = """
select count(*) from pg_stat_activity where datname = current_database()
  and backend_type like 'logical replication%%worker'
"""
_ARRIVED = f"""
select {TOLD}, bool_and(r.srsubstate = 'r') from pg_subscription_rel r join pg_subscription s on s.oid = r.srsubid
join pg_class c on c.oid = r.srrelid join pg_namespace n on n.oid = c.relnamespace
where {_HERE} and {NOT_OURS} group by 1
"""
# A partition's rows may go under the name of the whole. What belongs to an extension, and what lives for a session, is
# not asked for. Columns are counted without those that are generated, which older servers leave out of their lists.
_OFFERED = f"""
with told as (
  select p.schemaname, p.tablename, bool_or(b.pubinsert and b.pubupdate and b.pubdelete and b.pubtruncate) whole,
    bool_or(to_jsonb(p) ->> 'rowfilter' is null) unfiltered,
    max(case when to_jsonb(p) ? 'attnames' then jsonb_array_length(to_jsonb(p) -> 'attnames') end) columns
  from pg_publication_tables p join pg_publication b on b.pubname = p.pubname
  where p.pubname = any(%s) group by 1, 2)
select {TOLD}, coalesce(through.name, {TOLD}), c.relpersistence = 'u', through.name is not null, through.whole,
  through.unfiltered, through.columns >= (select count(*) from pg_attribute a
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''),
  c.relreplident = 'n' or (c.relreplident = 'd'
    and not exists(select from pg_index i where i.indrelid = c.oid and i.indisprimary))
from pg_class c join pg_namespace n on n.oid = c.relnamespace
left join lateral (
  select case when t.schemaname = 'public' then t.tablename else t.schemaname || '.' || t.tablename end as name,
    t.whole, t.unfiltered, t.columns
  from told t join pg_class k on k.relname = t.tablename
  join pg_namespace m on m.oid = k.relnamespace and m.nspname = t.schemaname
  where k.oid = c.oid or k.oid in (select relid from pg_partition_ancestors(c.oid)) limit 1) through on true
where c.relkind = 'r' and c.relpersistence <> 't' and {NOT_OURS_ESCAPED}
  and not exists(select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
order by 1
"""


def feeds(connection: Connection) -> Sequence[Feed]:
    errors = _ERRORS if connection.info.server_version >= COUNTS_ERRORS else "null"
    rows = connection.execute(_FEEDS.format(errors=errors, here=_HERE).encode()).fetchall()
    return [Feed(name, slot, tuple(of), enabled, working, count) for name, slot, of, enabled, working, count in rows]


def feed(connection: Connection, on: bool) -> None:
    for name in texts(connection, f"select subname from pg_subscription s where {_HERE} and subenabled <> %s", on):
        connection.execute(f"alter subscription {quote(name)} {'enable' if on else 'disable'}".encode())


def at_work(connection: Connection) -> bool:
    return texts(connection, _AT_WORK) != ["0"]


def arrived(connection: Connection) -> Mapping[str, bool]:
    return dict(connection.execute(_ARRIVED.encode()).fetchall())


def offered(connection: Connection, publications: Collection[str]) -> Sequence[Offered]:
    rows = connection.execute(_OFFERED.encode(), (list(publications),)).fetchall()
    return [Offered(table, through, _problem(*facts), keyless) for table, through, *facts, keyless in rows]


def _problem(unlogged: bool, published: bool, whole: bool, unfiltered: bool, columns: bool | None) -> str:
    """`columns` is None where publications cannot leave any out."""
    if unlogged:
        return "is unlogged"
    if not published:
        return "is in none of the publications that are subscribed to"
    if not whole:
        return "is published without some of INSERT, UPDATE, DELETE and TRUNCATE"
    if not unfiltered:
        return "is published without some of its rows"
    return "is published without some of its columns" if columns is False else ""


def confirmed(connection: Connection, slot: str, position: str) -> bool:
    row = connection.execute(
        "select confirmed_flush_lsn >= %s::pg_lsn from pg_replication_slots"
        " where slot_name = %s and database = current_database()",
        (position, slot),
    ).fetchone()
    if row is None:
        raise NotFound(
            f"this database has no replication slot {slot!r}.",
            where="pg_replication_slots",
            remedy="Subscribe to this database, and to none beside it.",
        )
    return bool(row[0])
