"""A PostgreSQL server as an application uses it: by the driver, without any of our own code in between."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from wayfare.core.address import Address
from wayfare.core.errors import Unavailable
from wayfare.systems.databases.postgresql import testbed
from wayfare.systems.databases.postgresql.options import parameters
from wayfare.systems.databases.postgresql.testcluster import COUNTING
from wayfare.systems.testing import Fresh


def sql(address: Address, statement: str) -> Any:
    """Its rows, where it gives any. The server sees a client of the name "shop"."""
    given = {**parameters(address), "application_name": "shop"}
    with psycopg.connect(autocommit=True, **given) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else None


@contextmanager
def counting() -> Iterator[Fresh]:
    """A server that counts its queries. Skips the test, with the reason, where it cannot be had."""
    try:
        with testbed.server(*COUNTING) as root:
            yield testbed.fresh(root)
    except Unavailable as reason:
        pytest.skip(str(reason))
