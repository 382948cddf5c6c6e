"""ClickHouse, embedded: a folder that one process at a time opens with chdb.

python -m benchmarks.ends.clickhouse ask FOLDER SQL           prints the row as JSON
python -m benchmarks.ends.clickhouse pull FOLDER TABLE CALL   the peer: ClickHouse reads the source by itself
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.data import Dataset
from benchmarks.places import ROOT
from wayfare.core.errors import Unavailable

MODULE = "benchmarks.ends.clickhouse"


class ClickHouse:
    """See `End`. The engine allows one process a folder, so every question is asked by a process of its own."""

    schema = "default"
    pid = 0

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"clickhouse:///{folder}"
        self.version = "ClickHouse " + str(self._query("select version()")[0])
        self.clear()

    def load(self, data: Dataset) -> None:
        raise NotImplementedError("the embedded engine is only ever a target here")

    def clear(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def settle(self) -> None:
        """Nothing is left to write: the engine ends with its process."""

    def ask(self, table: str, expressions: Sequence[str]) -> tuple[Any, ...]:
        return self._query(f"select {', '.join(expressions)} from {table}")

    def _query(self, sql: str) -> tuple[Any, ...]:
        command = [sys.executable, "-m", MODULE, "ask", str(self.folder), sql]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
        if done.returncode:
            raise Unavailable(f"ClickHouse refused: {done.stderr[-500:]}")
        return tuple(json.loads(done.stdout))


def main(words: list[str]) -> None:
    from chdb import session

    match words:
        case ["ask", folder, sql]:
            with session.Session(folder) as engine:
                # Numbers as text: a float would lose digits of a sum.
                settings = "settings output_format_json_quote_decimals=1, output_format_json_quote_64bit_integers=1"
                print(str(engine.query(f"{sql} {settings}", "JSONCompactEachRow")).strip())
        case ["pull", folder, table, call]:
            with session.Session(folder) as engine:
                engine.query(f"create table {table} engine=MergeTree order by id as select * from {call}")
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
