"""A shop to try Wayfare on: a SQLite database with related tables and everything that makes copying hard.

It is the same for everybody: each value follows from its row's number and a seed.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from wayfare.copy.demo_rows import shop_rows
from wayfare.core.errors import Conflict, Refused

ROWS = 200_000
ROWS_MIN = 1_000  # fewer would leave tables empty that others refer to
_MARK = 0x57415946  # "WAYF", in the file's header: only such a file is ever replaced

_SCHEMA = """
CREATE TABLE categories (
  id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES categories (id), name VARCHAR(60) NOT NULL,
  UNIQUE (parent_id, name));
CREATE TABLE products (
  id INTEGER PRIMARY KEY, sku CHAR(9) NOT NULL UNIQUE, name VARCHAR(120) NOT NULL, description TEXT,
  category_id INTEGER NOT NULL REFERENCES categories (id), weight_kg DOUBLE, active BOOLEAN NOT NULL DEFAULT 1,
  added DATE NOT NULL, attributes JSON);
CREATE TABLE product_images (
  product_id INTEGER NOT NULL REFERENCES products (id), position INTEGER NOT NULL, media_type VARCHAR(30) NOT NULL,
  image BLOB NOT NULL, PRIMARY KEY (product_id, position));
CREATE TABLE prices (
  product_id INTEGER NOT NULL REFERENCES products (id), valid_from DATE NOT NULL, currency CHAR(3) NOT NULL,
  amount DECIMAL(12,4) NOT NULL CHECK (amount >= 0), PRIMARY KEY (product_id, valid_from, currency));
CREATE TABLE customers (
  id INTEGER PRIMARY KEY AUTOINCREMENT, name VARCHAR(80) NOT NULL, email VARCHAR(120) NOT NULL UNIQUE, born DATE,
  "favourite colour" TEXT, newsletter BOOLEAN NOT NULL, credit DECIMAL(12,2) NOT NULL DEFAULT 0, note TEXT,
  created_at TIMESTAMP NOT NULL);
CREATE TABLE addresses (
  id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers (id) ON DELETE CASCADE,
  kind VARCHAR(10) NOT NULL CHECK (kind IN ('home', 'work', 'gift')), street TEXT NOT NULL, city VARCHAR(60) NOT NULL,
  country CHAR(2) NOT NULL, latitude DOUBLE, longitude DOUBLE);
CREATE TABLE coupons (
  code VARCHAR(20) PRIMARY KEY, percent DECIMAL(5,2) NOT NULL, valid_until TIMESTAMP, terms TEXT);
CREATE TABLE "order" (
  id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers (id),
  address_id INTEGER REFERENCES addresses (id), coupon_code VARCHAR(20) REFERENCES coupons (code),
  status VARCHAR(10) NOT NULL DEFAULT 'new', ordered_at TIMESTAMP NOT NULL, "customer's wish" TEXT);
CREATE TABLE order_lines (
  order_id INTEGER NOT NULL REFERENCES "order" (id) ON DELETE CASCADE, line INTEGER NOT NULL,
  product_id INTEGER NOT NULL REFERENCES products (id), quantity INTEGER NOT NULL CHECK (quantity > 0),
  unit_price DECIMAL(12,4) NOT NULL, PRIMARY KEY (order_id, line));
CREATE TABLE payments (
  id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES "order" (id), method VARCHAR(10) NOT NULL,
  amount DECIMAL(14,2) NOT NULL, amount_exact TEXT, paid_at TIMESTAMP NOT NULL);
CREATE TABLE shipments (
  id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES "order" (id), carrier VARCHAR(30) NOT NULL,
  shipped_on DATE NOT NULL, delivered_at TIMESTAMP, tracking BIGINT NOT NULL);
CREATE TABLE reviews (
  id INTEGER PRIMARY KEY, product_id INTEGER NOT NULL REFERENCES products (id),
  customer_id INTEGER REFERENCES customers (id) ON DELETE SET NULL,
  stars SMALLINT NOT NULL CHECK (stars BETWEEN 1 AND 5),
  title TEXT NOT NULL, body TEXT, written_at TIMESTAMP NOT NULL);
CREATE TABLE stock_movements (
  id INTEGER PRIMARY KEY, product_id INTEGER NOT NULL REFERENCES products (id), warehouse VARCHAR(20) NOT NULL,
  quantity INTEGER NOT NULL, moved_at TIMESTAMP NOT NULL);
CREATE TABLE events (id INTEGER PRIMARY KEY, at TIMESTAMP NOT NULL, kind VARCHAR(30) NOT NULL, payload JSON NOT NULL);
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE returns (id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES "order" (id), reason TEXT);
CREATE TABLE visits (day DATE, page TEXT, seconds INTEGER);
"""

_SEAL = """
CREATE INDEX order_by_customer ON "order" (customer_id, ordered_at DESC);
CREATE INDEX lines_by_product ON order_lines (product_id);
CREATE INDEX payments_by_order ON payments (order_id);
CREATE UNIQUE INDEX shipment_tracking ON shipments (tracking);
CREATE INDEX reviews_by_product ON reviews (product_id, stars);
CREATE INDEX stock_by_product ON stock_movements (product_id);
CREATE VIEW best_sellers AS
  SELECT p.id, p.name, sum(l.quantity) AS sold FROM products p JOIN order_lines l ON l.product_id = p.id
  GROUP BY p.id, p.name ORDER BY sold DESC LIMIT 10;
"""


@dataclass(frozen=True, slots=True)
class Demo:
    """Where the demo happens. The one place outside the adapters that names systems: somebody must choose two."""

    shop: Path
    source: str  # URL
    target: str  # URL
    look: str  # a command line that shows something of the copy


def demo_in(folder: Path) -> Demo:
    shop, warehouse = folder / "shop.db", folder / "warehouse.duckdb"
    look = f"import duckdb; duckdb.connect({str(warehouse)!r}).sql('FROM best_sellers').show()"
    return Demo(
        shop, f"sqlite:///{quote(str(shop))}", f"duckdb:///{quote(str(warehouse))}", f'uv run python -c "{look}"'
    )


def make_shop(path: Path, rows: int = ROWS) -> Path:
    """Write the shop with exactly that many rows over all its tables, and give its path.

    A shop of the same size that stands there already is kept as it is, so that an interrupted demo can go on with it.
    Raises Conflict when `path` is some other file, Refused when it cannot be written.
    """
    if rows < ROWS_MIN:
        raise ValueError(f"a shop has at least {ROWS_MIN} rows")
    if path.exists():
        if _rows_of_shop(path) == rows:
            return path
        path.unlink()
    building = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        building.unlink(missing_ok=True)
        with closing(sqlite3.connect(building)) as shop:
            _fill(shop, rows)
        building.replace(path)
    except (OSError, sqlite3.Error) as error:
        raise Refused(
            f"the demo shop cannot be written: {error}.", where=str(path), remedy="Choose another --folder."
        ) from error
    return path


def _fill(shop: sqlite3.Connection, rows: int) -> None:
    shop.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA application_id = {_MARK};")
    shop.executescript(_SCHEMA)
    for table, values in shop_rows(rows):
        first = next(values, None)
        if first is None:
            continue
        insert = f'INSERT INTO "{table}" VALUES ({", ".join("?" * len(first))})'
        shop.execute(insert, first)
        shop.executemany(insert, values)
    shop.executescript(_SEAL)
    shop.execute(f"PRAGMA user_version = {rows}")  # last: a shop that has it is whole
    shop.commit()


def _rows_of_shop(path: Path) -> int:
    """How many rows the shop at `path` was made with. Raises Conflict when it is not one of ours."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as shop:
            mark = shop.execute("PRAGMA application_id").fetchone()[0]
            rows = shop.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.Error:
        mark = 0
    if mark != _MARK:
        raise Conflict(
            "this file is not a demo shop, and stays untouched.", where=str(path), remedy="Choose another --folder."
        )
    return int(rows)
