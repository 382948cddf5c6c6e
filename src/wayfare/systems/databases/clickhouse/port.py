"""The one thing that differs between a server and the embedded engine: how statements and bytes get there and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

import pyarrow as pa

# What every statement of ours runs under, whatever the server's or user's profile says.
SETTINGS: Mapping[str, str] = {
    "session_timezone": "UTC",  # a timestamp without zone is its wall clock, in UTC
    "async_insert": "0",  # an insert that returned is in the table
    "input_format_null_as_default": "0",  # a NULL never turns into a default silently
    "mutations_sync": "2",
    "output_format_arrow_string_as_string": "1",
}


class Engine(Protocol):
    """Any call may come from any thread. Raises what `errors.classify` makes of the engine's words, and Unreachable."""

    where: str  # how messages call it: "localhost:8123" or the folder

    def command(self, sql: str, settings: Mapping[str, str] | None = None) -> None:
        """Run a statement to its end."""
        ...

    def query(self, sql: str) -> Iterator[pa.RecordBatch]:
        """The rows of a SELECT, as they come; the first item is there once the types are known, and may be empty.

        Closing the iterator ends the query.
        """
        ...

    def insert(self, sql: str, form: str, blocks: Iterable[bytes]) -> None:
        """Run `INSERT INTO … (…)` with the rows in the blocks, written in ClickHouse's format `form`.

        An exception from the blocks passes through, and ends the insert; rows already sent may stay.
        """
        ...

    def close(self) -> None: ...
