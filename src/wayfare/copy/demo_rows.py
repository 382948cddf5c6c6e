"""The demo shop's rows: plain tuples, in the order of its columns.

Only `Random.random` is used, because its sequence is promised to stay the same in every version of Python.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from random import Random
from typing import Any, TypeVar

T = TypeVar("T")
Row = tuple[Any, ...]
Sizes = dict[str, int]  # rows of each table

_PRICES_PER_PRODUCT = 3
_LINES_PER_ORDER_MAX = 9
_START = datetime(2021, 3, 1)
_SECONDS = 5 * 365 * 86_400
_FIRST = (
    *("Ada", "Bjørn", "Chloé", "Dmitri", "Élodie", "François", "Grace", "Håkon", "İbrahim", "José"),
    *("Łukasz", "Mónica", "Nuño", "Ólafur", "Søren", "Zoë", "美咲", "שרה", "Ωμέγα", "अनन्या"),
)
_LAST = (
    "O'Neill",
    "Müller-Lüdenscheidt",
    "Nguyễn",
    "Łoś",
    "d'Ávila",
    'Smith "Bob"',
    "Çelik",
    "Åkesson",
    "山田",
    "Иванов",
)
_CITIES = ("Zürich", "São Paulo", "Kraków", "東京", "Αθήνα", "Reykjavík", "Montréal", "Köln", "Malmö", "Łódź")
_NOUNS = ("teapot", "lantern", "notebook", "kettle", "umbrella", "satchel", "hammock", "compass", "blanket", "mug")
_ADJECTIVES = ("blue", "quiet", "folding", "enamel", "travelling", "woollen", "brass", "feather-light", "crooked")
_PRAISE = (
    "Love it ❤️, would buy again.",
    'It\'s "fine", I guess…\nArrived late.',
    "👩‍👩‍👧‍👦 The whole family uses it! 10/10",
    "ไม่ดีเลย / 不太好 / غير جيد",
    "tab\there, back\\slash there, 100% there; DROP TABLE reviews; --",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 e\u0301 \u00e9 \U0001f600\U0010ffff",
    "",
)
_WAREHOUSES = ("north", "south", "harbour")


class _Dice:
    """Throws that are the same everywhere."""

    def __init__(self, seed: int) -> None:
        self.throw = Random(seed).random  # noqa: S311  # a demo, not a secret

    def below(self, limit: int) -> int:
        return int(self.throw() * limit)

    def one(self, items: Sequence[T]) -> T:
        return items[int(self.throw() * len(items))]

    def money(self, limit: float, digits: int) -> float:
        return round(self.throw() * limit, digits)

    def moment(self) -> str:
        """With microseconds, always six digits of them."""
        at = _START + timedelta(seconds=self.below(_SECONDS), microseconds=self.below(1_000_000))
        return f"{at:%Y-%m-%d %H:%M:%S.%f}"

    def day(self) -> str:
        return (_START.date() + timedelta(days=self.below(_SECONDS // 86_400))).isoformat()


def _category(dice: _Dice, i: int, size: Sizes) -> Row:
    return i, None if i <= 4 else 1 + dice.below(i - 1), f"{dice.one(_NOUNS)}s № {i}"


def _product(dice: _Dice, i: int, size: Sizes) -> Row:
    attributes = {
        "colour": dice.one(_ADJECTIVES),
        "größe": [dice.below(90), dice.below(90)],
        "ratio": dice.throw(),
        "emoji": "🫖",
    }
    return (
        i,
        f"SKU{i:06d}",
        f"{dice.one(_ADJECTIVES)} {dice.one(_NOUNS)}",
        None
        if i % 7 == 0
        else ""
        if i % 11 == 0
        else f"A {dice.one(_ADJECTIVES)} thing; it's {dice.below(100)} % wool.",
        1 + dice.below(size["categories"]),
        None if i % 13 == 0 else dice.throw() * 40,
        i % 9 != 0,
        dice.day(),
        None if i % 17 == 0 else json.dumps(attributes, ensure_ascii=i % 2 == 0),
    )


def _image(dice: _Dice, i: int, size: Sizes) -> Row:
    product, position = divmod(i - 1, 2)
    number = int(dice.throw() * 2**53)
    data = b"" if i % 50 == 0 else b"\x89PNG\r\n\x1a\n\x00" + number.to_bytes(7, "big") * (40 + number % 300)
    return product + 1, position + 1, "image/png", data


def _price(dice: _Dice, i: int, size: Sizes) -> Row:
    product, change = divmod(i - 1, _PRICES_PER_PRODUCT)
    currency = ("CHF", "EUR", "JPY")[change]
    return product + 1, date(2021 + change, 1, 1).isoformat(), currency, dice.money(900, 4)


def _customer(dice: _Dice, i: int, size: Sizes) -> Row:
    first, last = dice.one(_FIRST), dice.one(_LAST)
    born = None if i % 5 == 0 else date(1930 + dice.below(75), 1 + dice.below(12), 1 + dice.below(28)).isoformat()
    note = (None, "", " ", "NULL", "\\N", f"called {dice.below(9)}×")[i % 6]
    return (
        i,
        f"{first} {last}",
        f"{i}@example.org",
        born,
        dice.one(_ADJECTIVES),
        i % 3 == 0,
        dice.money(5000, 2),
        note,
        dice.moment(),
    )


def _address(dice: _Dice, i: int, size: Sizes) -> Row:
    street = f"{dice.one(_NOUNS).title()} street {dice.below(300)}"
    place = (None, None) if i % 10 == 0 else (dice.throw() * 180 - 90, dice.throw() * 360 - 180)
    kind = ("home", "work", "gift")[i % 3]
    return (
        i,
        1 + dice.below(size["customers"]),
        kind,
        street,
        dice.one(_CITIES),
        dice.one(("CH", "BR", "PL", "JP")),
        *place,
    )


def _coupon(dice: _Dice, i: int, size: Sizes) -> Row:
    until = None if i % 4 == 0 else "9999-12-31 23:59:59.999999" if i % 4 == 1 else dice.moment()
    return f"WAY-{i:04d}", dice.money(50, 2), until, dice.one(("", "once per customer", None))


def _order(dice: _Dice, i: int, size: Sizes) -> Row:
    status = dice.one(("new", "paid", "shipped", "shipped", "returned"))
    address = None if i % 19 == 0 else 1 + dice.below(size["addresses"])
    wish = None if i % 5 else dice.one(("ring twice", "don't ring", 'leave at "Café ☕"', ""))
    coupon = None if i % 6 else f"WAY-{1 + dice.below(size['coupons']):04d}"
    return i, 1 + dice.below(size["customers"]), address, coupon, status, dice.moment(), wish


def _order_lines(dice: _Dice, size: Sizes) -> Iterator[Row]:
    """Every order has lines, some many, until there are enough; the last order takes what is left."""
    orders, left = size["order"], size["order_lines"]
    counts = [1] * orders
    left -= orders
    while left > 0:
        order = dice.below(orders)
        if counts[order] < _LINES_PER_ORDER_MAX:
            counts[order] += 1
            left -= 1
    for order, lines in enumerate(counts, 1):
        for line in range(1, lines + 1):
            yield order, line, 1 + dice.below(size["products"]), 1 + dice.below(12), dice.money(900, 4)


def _payment(dice: _Dice, i: int, size: Sizes) -> Row:
    """Some are settled in units of 10⁻¹⁸, which no decimal of 38 digits holds: text, as such shops keep them."""
    exact = (
        f"{dice.below(10**9)}{dice.below(10**15):015d}{dice.below(10**15):015d}.{dice.below(10**15):015d}001"
        if i % 8 == 0
        else None
    )
    return (
        i,
        1 + dice.below(size["order"]),
        dice.one(("card", "invoice", "coin")),
        dice.money(90_000, 2),
        exact,
        dice.moment(),
    )


def _shipment(dice: _Dice, i: int, size: Sizes) -> Row:
    delivered = None if i % 6 == 0 else dice.moment()
    carrier = dice.one(("Postal Ox", "Ærlig Fragt", "快递"))
    return i, 1 + dice.below(size["order"]), carrier, dice.day(), delivered, 9_007_199_254_740_993 + i * 7_919


def _review(dice: _Dice, i: int, size: Sizes) -> Row:
    body = None if i % 14 == 0 else dice.one(_PRAISE)
    customer = None if i % 21 == 0 else 1 + dice.below(size["customers"])
    return i, 1 + dice.below(size["products"]), customer, 1 + dice.below(5), dice.one(_ADJECTIVES), body, dice.moment()


def _movement(dice: _Dice, i: int, size: Sizes) -> Row:
    return i, 1 + dice.below(size["products"]), dice.one(_WAREHOUSES), dice.below(2001) - 1000, dice.moment()


def _event(dice: _Dice, i: int, size: Sizes) -> Row:
    payload = {
        "order": dice.below(size["order"]),
        "path": f"/{dice.one(_NOUNS)}",
        "ok": i % 3 == 0,
        "depth": [None, {"x": dice.throw()}],
    }
    return i, dice.moment(), dice.one(("view", "search", "basket", "pay")), json.dumps(payload)


def _setting(dice: _Dice, i: int, size: Sizes) -> Row:
    return f"shop.{dice.one(_NOUNS)}.{i}", dice.one(("on", "off", "", "ja/nein", "1e10"))


def _visit(dice: _Dice, i: int, size: Sizes) -> Row:
    """A log without a key, where the same row may well stand twice."""
    return dice.day()[:8] + "01", f"/{dice.one(_NOUNS)}", None if dice.below(4) == 0 else dice.below(5)


_TABLES: dict[str, tuple[float, Callable[[_Dice, int, Sizes], Row] | None]] = {  # share of all rows, maker of one
    "categories": (0.0006, _category),
    "products": (0.012, _product),
    "product_images": (0.004, _image),
    "prices": (0.036, _price),
    "customers": (0.05, _customer),
    "addresses": (0.06, _address),
    "coupons": (0.002, _coupon),
    "order": (0.12, _order),
    "order_lines": (0.3, None),
    "payments": (0.12, _payment),
    "shipments": (0.1, _shipment),
    "reviews": (0.045, _review),
    "stock_movements": (0.07, _movement),
    "events": (0.06, _event),
    "settings": (0.0002, _setting),
    "visits": (0.0, _visit),  # takes what is left
}


def shop_rows(rows: int) -> Iterator[tuple[str, Iterator[Row]]]:
    """(table, its rows) for every table that has any, parents before children; `rows` in all."""
    size = {table: round(rows * share) for table, (share, _) in _TABLES.items()}
    size["visits"] = rows - sum(size.values())
    for seed, (table, (_, make)) in enumerate(_TABLES.items()):
        dice = _Dice(seed)
        yield table, _made(make, dice, size, table) if make else _order_lines(dice, size)


def _made(make: Callable[[_Dice, int, Sizes], Row], dice: _Dice, size: Sizes, table: str) -> Iterator[Row]:
    return (make(dice, i, size) for i in range(1, size[table] + 1))
