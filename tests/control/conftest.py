"""A database in a file, small enough to copy in a moment."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A SQLite file with three orders."""
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, total TEXT)")
        connection.executemany("INSERT INTO orders VALUES (?, ?)", [(1, "1.50"), (2, "2.50"), (3, "3.50")])
        connection.commit()
    return path
