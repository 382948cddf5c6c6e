"""What the catalog is asked. Names come out fully qualified, because the search path is empty while these run."""

from __future__ import annotations

_OURS = "^wayfare_(old_)?[0-9a-z]{16}(_|$)"

USER_RELATIONS = f"""
    c.relnamespace = n.oid and not c.relispartition
    and n.nspname <> 'information_schema' and n.nspname !~ '^pg_' and n.nspname !~ '{_OURS}'
    and not exists (select from pg_depend e
                    where e.classid = 'pg_class'::regclass and e.objid = c.oid and e.deptype = 'e')
"""

TABLES = f"""
select c.oid, n.nspname, c.relname, coalesce(obj_description(c.oid, 'pg_class'), ''),
       coalesce(s.tuples, 0)::int8, coalesce(s.bytes, 0)::int8,
       case when c.relkind = 'p' then pg_get_partkeydef(c.oid) else '' end,
       c.relhassubclass and c.relkind = 'r'
from pg_class c, pg_namespace n, lateral (
    select sum(greatest(p.reltuples, 0)) as tuples, sum(pg_table_size(p.oid)) as bytes
    from pg_class p
    where p.oid = c.oid and c.relkind = 'r'
       or c.relkind = 'p' and p.oid in (select relid from pg_partition_tree(c.oid) where isleaf)
) s
where {USER_RELATIONS} and c.relkind in ('r', 'p')
order by n.nspname collate "C", c.relname collate "C"
"""

TYPES = """
select t.oid, n.nspname = 'pg_catalog', t.typname, t.typtype::text, t.typbasetype, t.typtypmod, t.typelem,
       t.typcategory = 'A' and t.typelem <> 0 and t.typname not in ('int2vector', 'oidvector'),
       array(select e.enumlabel::text from pg_enum e where e.enumtypid = t.oid order by e.enumsortorder),
       array(select pg_get_expr(k.conbin, 0) from pg_constraint k where k.contypid = t.oid and k.contype = 'c'
             order by k.conname)
from pg_type t join pg_namespace n on n.oid = t.typnamespace
where t.typtype <> 'c' or t.typnamespace <> 'pg_catalog'::regnamespace
"""

COLUMNS = f"""
select c.oid, a.attname, a.atttypid, a.atttypmod, format_type(a.atttypid, a.atttypmod),
       a.attnotnull or t.typnotnull,
       a.attidentity::text, a.attgenerated <> '',
       coalesce(pg_get_expr(d.adbin, d.adrelid), case t.typtype when 'd' then t.typdefault end, ''),
       coalesce(col_description(c.oid, a.attnum), ''), a.attndims,
       case when a.attcollation <> t.typcollation
            then (select quote_ident(k.nspname) || '.' || quote_ident(l.collname)
                  from pg_collation l join pg_namespace k on k.oid = l.collnamespace where l.oid = a.attcollation)
       end,
       q.oid, coalesce(q.relname, ''), coalesce(s.seqincrement, 1), coalesce(quote_ident(m.nspname), '')
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join pg_type t on t.oid = a.atttypid
left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
left join pg_depend o on o.refclassid = 'pg_class'::regclass and o.refobjid = c.oid and o.refobjsubid = a.attnum
    and o.classid = 'pg_class'::regclass and o.objsubid = 0 and o.deptype in ('a', 'i')
    and exists (select from pg_sequence x where x.seqrelid = o.objid)
left join pg_class q on q.oid = o.objid
left join pg_namespace m on m.oid = q.relnamespace
left join pg_sequence s on s.seqrelid = q.oid
where {USER_RELATIONS} and c.relkind in ('r', 'p')
order by c.oid, a.attnum
"""

CONSTRAINTS = f"""
select c.oid, k.conname, k.contype::text, coalesce(pg_get_expr(k.conbin, k.conrelid), ''),
       array(select a.attname::text from unnest(k.conkey) with ordinality u(num, place)
             join pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.num order by u.place),
       coalesce(f.relname, ''), coalesce(m.nspname, ''),
       array(select a.attname::text from unnest(k.confkey) with ordinality u(num, place)
             join pg_attribute a on a.attrelid = k.confrelid and a.attnum = u.num order by u.place),
       k.confdeltype::text, k.confupdtype::text, k.condeferrable
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join pg_constraint k on k.conrelid = c.oid and k.contype in ('p', 'f', 'c') and k.conparentid = 0
left join pg_class f on f.oid = k.confrelid
left join pg_namespace m on m.oid = f.relnamespace
where {USER_RELATIONS} and c.relkind in ('r', 'p')
order by c.oid, k.conname
"""

INDEXES = f"""
select c.oid, i.relname, x.indisunique, k.contype is not null, am.amname, pg_get_indexdef(x.indexrelid),
       coalesce(pg_get_constraintdef(k.oid), ''), coalesce(pg_get_expr(x.indpred, x.indrelid), ''),
       coalesce(obj_description(i.oid, 'pg_class'), ''),
       array(select a.attname::text from unnest(x.indkey::int2[]) with ordinality u(num, place)
             left join pg_attribute a on a.attrelid = c.oid and a.attnum = u.num and u.num > 0
             where u.place <= x.indnkeyatts order by u.place),
       array(select (o & 1) = 1 from unnest(x.indoption::int2[]) with ordinality u(o, place) order by place),
       array(select pg_get_indexdef(x.indexrelid, p, true) from generate_series(1, x.indnkeyatts) p order by p)
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join pg_index x on x.indrelid = c.oid and not x.indisprimary and x.indisvalid
join pg_class i on i.oid = x.indexrelid
join pg_am am on am.oid = i.relam
left join pg_constraint k on k.conindid = i.oid and k.conrelid = c.oid and k.contype in ('u', 'x')
where {USER_RELATIONS} and c.relkind in ('r', 'p')
order by c.oid, i.relname
"""

VIEWS = f"""
select n.nspname, c.relname, pg_get_viewdef(c.oid), c.relkind = 'm', coalesce(obj_description(c.oid, 'pg_class'), ''),
       array(select a.attname::text from pg_attribute a
             where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped order by a.attnum)
from pg_class c, pg_namespace n
where {USER_RELATIONS} and c.relkind in ('v', 'm')
order by c.oid
"""

FREE_SEQUENCES = f"""
select c.oid, n.nspname, c.relname, s.seqincrement
from pg_class c join pg_sequence s on s.seqrelid = c.oid, pg_namespace n
where {USER_RELATIONS} and c.relkind = 'S'
  and not exists (select from pg_depend o where o.classid = 'pg_class'::regclass and o.objid = c.oid
                  and o.refclassid = 'pg_class'::regclass and o.refobjsubid > 0 and o.deptype in ('a', 'i'))
order by n.nspname, c.relname
"""
