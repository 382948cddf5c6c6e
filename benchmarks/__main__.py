"""The one command: `uv run python -m benchmarks [PART…]`."""

from __future__ import annotations

import argparse
import os
import sys

from benchmarks import memory, paths
from benchmarks.data import TABLES
from benchmarks.fleet import Fleet
from benchmarks.parts import PARTS, Bench, Wish, write_document

BUSY_LOAD = 0.5  # above this, somebody else is using the machine


def wish(words: list[str]) -> Wish:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure Wayfare beside its peers.")
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"of {', '.join([*PARTS, 'document'])}; all by default"
    )
    parser.add_argument("--paths", default=",".join(paths.NAMES), help="of %(default)s")
    parser.add_argument("--table", choices=TABLES, default=paths.TABLE, help="%(default)s by default")
    parser.add_argument("--scale", type=float, help="of TPC-H; 0.5 (3 million rows) by default, 0.05 with --quick")
    parser.add_argument("--rounds", type=int, help="3 by default, 1 with --quick")
    parser.add_argument("--everybody", action="store_true", help="also the peers no requirement names: they are slow")
    parser.add_argument("--quick", action="store_true", help="small and once: does it run? docs/ stays as it is")
    given = parser.parse_args(words)
    chosen, all_parts = tuple(given.parts or PARTS), {*PARTS, "document"}
    if unknown := sorted({*chosen} - all_parts | {*given.paths.split(",")} - {*paths.NAMES}):
        parser.error(f"unknown: {', '.join(unknown)}")
    return Wish(
        parts=chosen,
        paths=tuple(given.paths.split(",")),
        table=given.table,
        scale=given.scale or (0.05 if given.quick else 0.5),
        rounds=given.rounds or (1 if given.quick else 3),
        memory_rows=tuple(n // 10 for n in memory.ROWS) if given.quick else memory.ROWS,
        everybody=given.everybody,
        quick=given.quick,
    )


def main() -> int:
    """0 when everything required was met, else 1."""
    wished = wish(sys.argv[1:])
    if "document" in wished.parts:
        write_document(wished)
        return 0
    if (load := os.getloadavg()[0]) > BUSY_LOAD:
        print(f"This machine is busy (load {load:.1f}): figures will be worse than they are.", file=sys.stderr)
    with Fleet() as fleet:
        met = Bench(wished, fleet, lambda line: print(line, flush=True)).run()
    print(f"Results: {wished.document}")
    return 0 if met else 1


if __name__ == "__main__":
    raise SystemExit(main())
