"""The drivers, behind one protocol. Each loads only when a connection through it is opened."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any, Protocol, cast

import pyarrow as pa

from wayfare.core.errors import Unavailable
from wayfare.systems.databases.sqlserver.options import BROWSER_PORT, Driver, Options

_MODULES = {
    Driver.TDS: ("tds", "pytds", "wayfare[sqlserver]"),
    Driver.NATIVE: ("native", "mssql_python", "wayfare[sqlserver-native]"),
    Driver.ODBC: ("odbc", "arrow_odbc", "wayfare[sqlserver-odbc]"),
}


class Connection(Protocol):
    """One connection, for one thread, in autocommit mode. Raises the drivers' own errors."""

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """A small answer, by the names of its columns; [] for a statement without one."""
        ...

    def run(self, sql: str) -> int:
        """A batch to its end, whatever it answers. The rows that it changed, where the server tells."""
        ...

    def limit(self, seconds: float) -> None:
        """No batch may take longer from now on; 0: as long as it takes. The connection is of no use after one did."""
        ...

    def table(self, sql: str) -> pa.Table:
        """An answer in the types the driver gives it."""
        ...

    def batches(self, sql: str, wires: Sequence[pa.DataType], rows: int) -> Iterator[Sequence[pa.Array]]:
        """The arrays of at most about so many rows at a time, in these types or such as can be cast to them.

        Left early, the connection must be closed.
        """
        ...

    def close(self) -> None:
        """At once, and without waiting for an answer under way."""
        ...


def open_connection(options: Options) -> Connection:
    """Raises Unavailable, saying what to install, when the driver or what it stands on is not here."""
    name, module, extra = _MODULES[options.driver]
    try:
        import_module(module)
    except (ImportError, OSError) as error:
        remedy = f"Install it with: uv pip install '{extra}'"
        if "libodbc" in str(error) or options.driver is not Driver.TDS:
            remedy += " and the system's ODBC libraries (Debian: libodbc2 and libltdl7), or use driver=python-tds."
        text = f"the driver {options.driver} cannot be loaded: {error}"
        raise Unavailable(text, where="driver", remedy=remedy) from error
    if options.driver is not Driver.TDS:  # these look names up by themselves, a moment after this
        options.resolved(options.host, options.port or BROWSER_PORT)
    loaded = import_module(f"{__name__}.{name}")
    return cast(Connection, loaded.connect(options))
