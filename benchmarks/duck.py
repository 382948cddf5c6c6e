"""Makes the data and loads it: run by an environment of its own that has DuckDB 1.5 and its extension wheels.

    python duck.py make FOLDER SCALE
    python duck.py expect PARQUET AGGREGATE…
    python duck.py postgresql|sqlite ADDRESS PARQUET TABLE
    python duck.py csv OUT PARQUET

It imports nothing of the project, because that environment has nothing else.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import duckdb

RICH_ROWS_AT_SCALE_ONE = 1_200_000

LI = """
select row_number() over (order by l_orderkey, l_linenumber) as id, l_orderkey, l_partkey::int as l_partkey,
  l_suppkey::int as l_suppkey, l_linenumber::int as l_linenumber, l_quantity, l_extendedprice, l_discount, l_tax,
  l_returnflag, l_linestatus, l_shipdate, l_commitdate, l_receiptdate, l_shipinstruct, l_shipmode, l_comment
from lineitem order by 1
"""

# Twenty columns, each with what makes its type hard: NULL beside the empty string, signs, quotes, tabs and
# backslashes in text, dates before 1970, microseconds, arrays with NULL, JSON with escapes.
RICH = r"""
select i::bigint as id,
  case when i%11=0 then null else (i*7919%65536-32768)::smallint end as sm,
  case when i%7=0 then null else (i*2654435761%4294967296-2147483648)::int end as i4,
  (i*7919::hugeint*1000003*(case when i%2=0 then 1 else -1 end))::bigint as i8,
  case when i%13=0 then null else i%3=0 end as b,
  case when i%17=0 then null else sin(i)*1e6/(i%97+1) end as f8,
  (cos(i)*1e3)::float as f4,
  case when i%5=0 then null
    else ((i*7919%100000000000)/100.0)::decimal(15,2)*(case when i%2=0 then 1 else -1 end) end as d2,
  (i::decimal(38,10)*123456789012.0123456789::decimal(38,10)/7)::decimal(38,10) as bign,
  date '1970-01-01'+((i*31)%40000)::int-10000 as dt,
  case when i%19=0 then null else timestamp '1950-01-01 00:00:00.123456'
    + interval (i*7777) second + interval (i*13%1000000) microsecond end as ts,
  timestamptz '1990-06-15 12:34:56.654321+00' + interval (i*2311) second as tstz,
  time '00:00:00' + interval (i*17%86400) second + interval (i%1000000) microsecond as tm,
  case when i%23=0 then null when i%29=0 then ''
    when i%31=0 then 'tab' || chr(9) || 'nl' || chr(10) || 'cr\back "dq" ''sq'' , ; €ñ漢字🙂 \N'
    when i%37=0 then '\N' when i%41=0 then 'NULL' else md5(i::varchar) end as v,
  case when i%9=0 then null else repeat(md5((i*3)::varchar)||' lorem ipsum ', (1+i%8)::int) end as tx,
  case when i%8=0 then null else '{"id": '||i||', "name": "n'||(i%1000)
    ||'", "tags": ["a", "b", null], "u": "\u00e9'||'漢'||'", "nested": {"x": '||(i%10)||'.5, "ok": true}}' end as js,
  case when i%6=0 then null else from_hex(md5(i::varchar)||printf('%02x',i%256)) end as byt,
  case when i%12=0 then null else md5(i::varchar)::uuid end as u,
  case when i%10=0 then null when i%15=0 then []::int[] else [i%100, null, -(i%1000)]::int[] end as ai,
  case when i%10=1 then null else ['a,b', 'q"'||i, '{}', '']::varchar[] end as atx
from range(1, ROWS+1) r(i)
"""


def connect(*extensions: str) -> duckdb.DuckDBPyConnection:
    """Extensions come from wheels: nothing is downloaded."""
    connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    for name in extensions:
        spec = importlib.util.find_spec(f"duckdb_extension_{name}")
        if not (spec and spec.origin):
            raise SystemExit(f"duckdb-extension-{name} is not installed")
        found = next(Path(spec.origin).parent.rglob(f"{name}.duckdb_extension"))
        connection.execute(f"load '{found}'")
    connection.execute("set timezone='UTC'")
    connection.execute("set threads=2")
    return connection


def make(folder: Path, scale: float) -> None:
    """TPC-H lineitem as `li`, and `rich`, as Parquet; with what checks expect of each."""
    connection = connect("tpch")
    connection.execute(f"call dbgen(sf={scale})")
    queries = {"li": LI, "rich": RICH.replace("ROWS", str(round(RICH_ROWS_AT_SCALE_ONE * scale)))}
    for name, query in queries.items():
        connection.execute(f"copy ({query}) to '{folder / name}.parquet'")


def expect(parquet: Path, aggregates: list[str]) -> None:
    """Print the aggregates' values as a JSON list of texts."""
    row = connect().execute(f"select {', '.join(aggregates)} from '{parquet}'").fetchone()
    assert row
    print(json.dumps([str(value) for value in row]))


def load(system: str, address: str, parquet: Path, table: str) -> None:
    """Into a table that exists."""
    connection = connect(f"{'postgres' if system == 'postgresql' else 'sqlite'}_scanner")
    kind, schema = ("postgres", "public") if system == "postgresql" else ("sqlite", "main")
    connection.execute(f"attach '{address}' as there (type {kind})")
    connection.execute(f"insert into there.{schema}.{table} select * from '{parquet}'")


def csv(out: Path, parquet: Path) -> None:
    """As LOAD DATA reads it with ESCAPED BY '': NULL is the bare word, quotes are doubled; lists become JSON."""
    connection = connect()
    described = connection.execute(f"describe select * from '{parquet}'").fetchall()
    columns = ", ".join(_spelled(name, kind) for name, kind, *_ in described)
    connection.execute(
        f"copy (select {columns} from '{parquet}') to '{out}' (format csv, header false, nullstr 'NULL',"
        " delimiter ',', quote '\"', escape '\"', force_quote *)"
    )


def _spelled(name: str, kind: str) -> str:
    if kind.endswith("[]"):
        return f"to_json({name})::varchar as {name}"
    if kind == "BOOLEAN":
        return f"{name}::tinyint as {name}"
    if kind == "BLOB":
        return f"hex({name}) as {name}"
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"strftime({name}, '%Y-%m-%d %H:%M:%S.%f') as {name}"
    return name


def main(words: list[str]) -> None:
    match words:
        case ["make", folder, scale]:
            make(Path(folder), float(scale))
        case ["expect", parquet, *aggregates]:
            expect(Path(parquet), aggregates)
        case ["csv", out, parquet]:
            csv(Path(out), Path(parquet))
        case [("postgresql" | "sqlite") as system, address, parquet, table]:
            load(system, address, Path(parquet), table)
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
