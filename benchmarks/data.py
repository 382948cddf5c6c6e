"""The data: TPC-H lineitem as `li`, and `rich` with twenty awkward types. Made once for each scale, kept as Parquet."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from benchmarks import peers
from benchmarks.places import cache
from wayfare.core.errors import Unavailable

_DUCK = Path(__file__).parent / "duck.py"

# Types as SQL has them everywhere; the words in capitals are spelled by each end in its own way.
_COLUMNS: Mapping[str, str] = {
    "li": """
        id bigint not null; l_orderkey bigint not null; l_partkey int not null; l_suppkey int not null;
        l_linenumber int not null; l_quantity decimal(15,2) not null; l_extendedprice decimal(15,2) not null;
        l_discount decimal(15,2) not null; l_tax decimal(15,2) not null; l_returnflag char(1) not null;
        l_linestatus char(1) not null; l_shipdate date not null; l_commitdate date not null;
        l_receiptdate date not null; l_shipinstruct varchar(25) not null; l_shipmode varchar(10) not null;
        l_comment varchar(44) not null
    """,
    "rich": """
        id bigint not null; sm smallint; i4 int; i8 bigint; b boolean; f8 DOUBLE; f4 REAL; d2 decimal(15,2);
        bign decimal(38,10); dt date; ts TIMESTAMP; tstz TIMESTAMPTZ; tm TIME; v varchar(100); tx TEXT; js JSON;
        byt BYTES; u UUID; ai INTS; atx TEXTS
    """,
}
TABLES = tuple(_COLUMNS)
# What a copy must have kept; each must mean the same on every system (text here is ASCII, so a byte is a character).
AGGREGATES: Mapping[str, Sequence[str]] = {
    "li": (
        "count(*)", "sum(id)", "sum(l_orderkey)", "sum(l_partkey)", "sum(l_quantity)", "sum(l_extendedprice)",
        "sum(l_discount)", "min(l_shipdate)", "max(l_receiptdate)", "sum(length(l_comment))",
        "count(distinct l_shipmode)",
    ),
    "rich": (
        "count(*)", "sum(id)", "sum(sm)", "sum(i4)", "sum(d2)", "sum(bign)", "min(dt)", "max(dt)", "count(b)",
        "count(ts)", "count(v)", "count(js)", "count(byt)", "count(u)", "count(ai)", "count(atx)",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Dataset:
    """One table's rows."""

    name: str
    parquet: Path
    expected: tuple[Any, ...]  # the values of AGGREGATES, made plain

    @property
    def rows(self) -> int:
        return int(self.expected[0])


def columns(table: str, spelling: Mapping[str, str]) -> dict[str, str]:
    """The table's columns: name → type, with the words of `spelling` replaced."""
    pairs = (column.strip().partition(" ") for column in _COLUMNS[table].split(";"))
    return {name: spelling.get(kind, kind) for name, _, kind in pairs}


def create(table: str, spelling: Mapping[str, str], key: str = "primary key (id)") -> str:
    """The statement that makes the table; without a key when `key` is empty."""
    parts = [f"{name} {kind}" for name, kind in columns(table, spelling).items()]
    return f"create table {table} ({', '.join([*parts, key] if key else parts)})"


def dataset(name: str, scale: float) -> Dataset:
    """Raises Unavailable when DuckDB cannot be had."""
    folder = cache() / "data" / f"scale-{scale:g}"
    parquet = folder / f"{name}.parquet"
    if not parquet.exists():
        folder.mkdir(parents=True, exist_ok=True)
        duck("make", str(folder), str(scale))
    values = json.loads(duck("expect", str(parquet), *AGGREGATES[name]))
    return Dataset(name, parquet, tuple(plain(v) for v in values))


def duck(*words: str) -> str:
    """Run duck.py in its environment; gives what it printed."""
    peer = peers.have(peers.DUCK)
    if not peer.program:
        raise Unavailable(f"the data cannot be made: {peer.missing}")
    done = subprocess.run([str(peer.program), str(_DUCK), *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unavailable(f"duck.py {words[0]} failed: {done.stderr[-1000:]}")
    return done.stdout


def plain(value: Any) -> Any:
    """A value that compares across systems: numbers to a hundredth, dates as ISO text without a time of midnight."""
    if isinstance(value, datetime | date):
        return value.isoformat()[:10]
    try:
        return Decimal(str(value)).quantize(Decimal("0.01"))
    except InvalidOperation:
        return str(value)[:10]
