"""Copies one table with dlt: run by dlt's environment.

python dlt_copy.py SOURCE_URL SCHEMA TARGET_URL SCHEMA TABLE
"""

import os
import sys

import dlt  # type: ignore[import-not-found]
from dlt.sources.sql_database import sql_table  # type: ignore[import-not-found]

DRIVERS = {"postgresql": "postgresql+psycopg2", "mysql": "mysql+pymysql"}


def main(source: str, source_schema: str, target: str, target_schema: str, table: str) -> None:
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    to_postgres = target.startswith("postgresql")
    rows = sql_table(
        credentials=_with_driver(source),
        schema=None if source.startswith("sqlite") else source_schema,
        table=table,
        backend="connectorx",
        chunk_size=100_000,
        reflection_level="full_with_precision",
    )
    destination = (
        dlt.destinations.postgres(target) if to_postgres else dlt.destinations.sqlalchemy(_with_driver(target))
    )
    pipeline = dlt.pipeline("bench", destination=destination, dataset_name=target_schema)
    # Its PostgreSQL loader copies CSV in; other targets take the format they prefer.
    print(pipeline.run(rows, write_disposition="replace", loader_file_format="csv" if to_postgres else None))


def _with_driver(url: str) -> str:
    system, _, rest = url.partition("://")
    return f"{DRIVERS.get(system, system)}://{rest}"


if __name__ == "__main__":
    main(*sys.argv[1:])
