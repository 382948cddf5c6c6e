"""What became of a statement whose runner was lost, read from the catalog.

`shape` is a digest over everything the catalog says about the objects that the statement names, so it is another one
once the statement has done what it does.
"""

from __future__ import annotations

import hashlib

from wayfare.core.changes import Outcome
from wayfare.core.statements import Action, Kind, Statement
from wayfare.systems.databases.postgresql.connect import Connection, Connections
from wayfare.systems.databases.postgresql.schema import halves
from wayfare.systems.databases.postgresql.schema.halves import BUILDS
from wayfare.systems.databases.postgresql.schema.names import oids
from wayfare.systems.databases.postgresql.schema.settings import AT_WORK

SEEN_CHARACTERS = 100  # of a statement: what the server shows of one at work is cut somewhere behind

# Of relations %(tables)s, with their columns, indexes, constraints, triggers, policies; statistics left out.
_RELATIONS = """
select 'class', to_jsonb(c) - '{relpages,reltuples,relallvisible,relallfrozen,relfrozenxid,relminmxid,relhasindex,
  relhastriggers}'::text[] from pg_class c where c.oid = any(%(tables)s)
union all select 'attribute', to_jsonb(a) - '{attstattarget,attmissingval,attcacheoff}'::text[]
  from pg_attribute a where a.attrelid = any(%(tables)s) and a.attnum > 0
union all select 'default', jsonb_build_array(adrelid, adnum, pg_get_expr(adbin, adrelid))
  from pg_attrdef where adrelid = any(%(tables)s)
union all select 'index', jsonb_build_array(i.indisvalid, i.indisreplident, i.indisclustered, c.relfilenode,
  pg_get_indexdef(i.indexrelid)) from pg_index i join pg_class c on c.oid = i.indexrelid
  where i.indrelid = any(%(tables)s) or i.indexrelid = any(%(tables)s)
union all select 'constraint', jsonb_build_array(conname, convalidated, pg_get_constraintdef(oid))
  from pg_constraint where conrelid = any(%(tables)s)
union all select 'trigger', jsonb_build_array(tgenabled, pg_get_triggerdef(oid))
  from pg_trigger where tgrelid = any(%(tables)s) and not tgisinternal
union all select 'policy', to_jsonb(p) from pg_policy p where polrelid = any(%(tables)s)
union all select 'inherits', to_jsonb(h) from pg_inherits h
  where inhrelid = any(%(tables)s) or inhparent = any(%(tables)s)
union all select 'view', to_jsonb(pg_get_viewdef(oid)) from pg_class
  where oid = any(%(tables)s) and relkind in ('v', 'm')
union all select 'sequence', to_jsonb(s) from pg_sequence s where seqrelid = any(%(tables)s)
union all select 'comment', to_jsonb(d) from pg_description d where objoid = any(%(tables)s)
"""
# Of what else is called %(names)s, without its namespace.
_OTHERS = """
union all select 'function', jsonb_build_array(oid::regprocedure::text, proacl, proowner,
  case when prokind in ('f', 'p') then pg_get_functiondef(oid) end, obj_description(oid, 'pg_proc'))
  from pg_proc where proname = any(%(names)s) and pronamespace <> 'pg_catalog'::regnamespace
union all select 'type', jsonb_build_array(oid::regtype::text, typtype, typnotnull, typdefault, typacl, typowner,
  (select jsonb_agg(enumlabel order by enumsortorder) from pg_enum where enumtypid = t.oid),
  obj_description(oid, 'pg_type')) from pg_type t where typname = any(%(names)s)
union all select 'namespace', to_jsonb(n) from pg_namespace n where nspname = any(%(names)s)
union all select 'extension', to_jsonb(e) from pg_extension e where extname = any(%(names)s)
union all select 'database', to_jsonb(datname) from pg_database where datname = any(%(names)s)
"""
_SHAPE = f"""
select coalesce(string_agg(w || ' ' || r::text, e'\\n' order by w, r::text), '')
from ({_RELATIONS} {_OTHERS}) s(w, r)
"""
_PENDING = """
select i.inhparent::regclass::text, i.inhrelid::regclass::text from pg_inherits i
where i.inhdetachpending and i.inhrelid = any(%s)
"""
_WORKING = f"""
select exists(select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
  and application_name like '{AT_WORK}%%' and state = 'active'
  and left(query, {SEEN_CHARACTERS}) = left(%s, {SEEN_CHARACTERS}))
"""
DETACHES_CONCURRENTLY = 140_000  # from this version on


def shape(connections: Connections, statement: Statement) -> str:
    """64 hexadecimal digits; for a build of an index also the invalid indexes that are there already: "…;4711,4712"."""
    with connections.transaction() as connection:
        before = halves.invalid(connection, statement)
        return ";".join([_digest(connection, statement), ",".join(str(oid) for oid in sorted(before))])


def outcome(connections: Connections, statement: Statement, intent: str) -> Outcome:
    """Removes halves. Repeatable: what is removed is gone, and the rest is only read."""
    with connections.use() as connection:
        if _at_work(connection, statement):
            return Outcome.AT_WORK
        if any(action.kind in BUILDS for action in statement.actions):
            before = intent.partition(";")[2]
            halves.remove(connection, statement, frozenset(int(oid) for oid in before.split(",") if oid))
        if _finish_detaching(connection, statement):
            return Outcome.DONE
        drops = [action.name for action in statement.actions if action.kind is Kind.DROP_INDEX]
        if drops:  # one that is interrupted leaves its index, which is another by then: INVALID
            return Outcome.NOT_DONE if oids(connection, drops) else Outcome.DONE
        same = _digest(connection, statement) == intent.partition(";")[0]
        return Outcome.NOT_DONE if same else Outcome.DONE


def _at_work(connection: Connection, statement: Statement) -> bool:
    row = connection.execute(_WORKING, (statement.text,)).fetchone()
    return bool(row and row[0])


def _digest(connection: Connection, statement: Statement) -> str:
    names = [name for action in statement.actions for name in _names(action)]
    tables = list(oids(connection, names).values())
    bare = [name.rpartition(".")[2] for name in names]
    row = connection.execute(_SHAPE, {"tables": tables, "names": bare}).fetchone()
    return hashlib.sha256(str(row[0] if row else "").encode()).hexdigest()


def _names(action: Action) -> list[str]:
    """All that the action may change, as written. An index is in its table's namespace."""
    signature = str(action.details.get("signature", "")).partition("(")[0]
    new = str(action.details.get("new", ""))
    space = action.table.rpartition(".")[0]
    beside = [f"{space}.{action.name}"] if space and action.name else []
    return [n for n in (action.table, action.name, signature, new, *beside) if n]


def _finish_detaching(connection: Connection, statement: Statement) -> bool:
    """DETACH PARTITION CONCURRENTLY that was interrupted half way can only be finished."""
    if statement.kind is not Kind.DETACH_PARTITION or connection.info.server_version < DETACHES_CONCURRENTLY:
        return False
    places = list(oids(connection, [n for a in statement.actions for n in _names(a)]).values())
    rows = connection.execute(_PENDING, (places,)).fetchall()
    for parent, part in rows:
        connection.execute(f"alter table {parent} detach partition {part} finalize")
    return bool(rows)
