"""Saved connections: their secrets, their checks, their tenants."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from wayfare.access.egress import for_connections
from wayfare.control import connections
from wayfare.core.address import Address
from wayfare.core.errors import Conflict, Invalid, NotFound
from wayfare.core.principal import LOCAL
from wayfare.store.store import Store
from wayfare.store.versions import Stale
from wayfare.store.wanted import CONNECTIONS

CANARY = "canary-3f9a"
HERE = for_connections(on_loopback=True)
ABROAD = for_connections(on_loopback=False)
SHOP = Address.parse(f"postgresql://ada:{CANARY}@127.0.0.1:1/shop?sslpassword={CANARY}2&application_name=x")


def made(store: Store, name: str = "shop", address: Address = SHOP) -> connections.Connection:
    return connections.create(store, LOCAL, name, address, HERE)


def test_a_connection_is_found_by_name_number_and_id(store: Store) -> None:
    first, second = made(store), made(store, "warehouse")
    assert (first.number, second.number) == (1, 2)
    for reference in ("shop", 1, "1", first.id):
        assert connections.get(store, reference) == first
    assert connections.everyone(store) == [first, second]
    assert first.address == SHOP
    assert connections.address_of(store, "@shop") == SHOP
    assert connections.address_of(store, "sqlite:///x.db").system == "sqlite"


def test_numbers_are_not_given_twice(store: Store) -> None:
    made(store)
    connections.remove(store, LOCAL, "shop")
    assert made(store).number == 2


def test_no_secret_is_shown_or_kept_in_the_clear(store: Store) -> None:
    found = made(store)
    assert CANARY not in str(found.to_json())
    assert found.to_json()["password"] == "***"
    assert found.to_json()["options"] == {"sslpassword": "***", "application_name": "x"}
    with store.everywhere.read() as transaction:
        assert CANARY not in str(transaction.execute(sa.select(CONNECTIONS)).all())
    assert CANARY not in str(store.published())
    assert [p.topic for p in store.published()] == ["connection.created"]


def test_stars_keep_the_secret(store: Store) -> None:
    made(store)
    same = Address.parse("postgresql://eve:***@127.0.0.1:1/other?sslpassword=***&application_name=x")
    changed = connections.update(store, LOCAL, "shop", HERE, address=same)
    assert changed.version == 2
    assert (changed.address.user, changed.address.database) == ("eve", "other")
    assert changed.address.password.reveal() == CANARY
    assert changed.address.options["sslpassword"] == CANARY + "2"


@pytest.mark.parametrize(
    "elsewhere",
    [
        "postgresql://ada:***@127.0.0.2:1/shop?application_name=x",
        "postgresql://ada:***@127.0.0.1:2/shop?application_name=x",
        "mysql://ada:***@127.0.0.1:1/shop?application_name=x",
        "postgresql://ada:***@127.0.0.1:1/shop?hostaddr=127.0.0.3",
    ],
)
def test_a_kept_secret_is_not_sent_elsewhere(store: Store, elsewhere: str) -> None:
    made(store)
    with pytest.raises(Invalid, match="another place"):
        connections.update(store, LOCAL, "shop", HERE, address=Address.parse(elsewhere))
    assert connections.get(store, "shop").address == SHOP


def test_stars_are_no_secret_of_their_own(store: Store) -> None:
    with pytest.raises(Invalid, match=r"\*\*\* stands for"):
        made(store, address=Address.parse("postgresql://a:***@127.0.0.1/b"))


@pytest.mark.parametrize("name", ["", "12", "a b", "-x", "x" * 65, "a/b", "@x", "ü"])
def test_names_that_cannot_be(store: Store, name: str) -> None:
    with pytest.raises(Invalid):
        made(store, name)


def test_a_name_is_taken_once_in_each_tenant(store: Store) -> None:
    made(store)
    with pytest.raises(Conflict, match="called 'shop' already"):
        made(store)
    other = made(store, "other")
    with pytest.raises(Conflict):
        connections.update(store, LOCAL, other.number, HERE, name="shop")
    assert made(store.of("acme")).number == 1


def test_another_tenant_finds_nothing(store: Store) -> None:
    found = made(store)
    acme = store.of("acme")
    for reference in ("shop", 1, found.id):
        with pytest.raises(NotFound):
            connections.get(acme, reference)
        with pytest.raises(NotFound):
            connections.remove(acme, LOCAL, reference)
    assert connections.everyone(acme) == []
    assert connections.get(store, 1) == found


def test_a_change_from_an_old_version_is_refused(store: Store) -> None:
    first = made(store)
    connections.update(store, LOCAL, "shop", HERE, name="store", expected_version=first.version)
    with pytest.raises(Stale):
        connections.update(store, LOCAL, "store", HERE, name="again", expected_version=first.version)


def test_where_connections_lead_is_checked(store: Store) -> None:
    for url in ("postgresql://169.254.169.254/x", "mysql://[fe80::1]/x"):
        with pytest.raises(Invalid, match="an address that Wayfare connects to"):
            made(store, address=Address.parse(url))
    for url in ("postgresql://localhost/x", "sqlite:////etc/passwd"):
        with pytest.raises(Invalid):
            connections.create(store, LOCAL, "x", Address.parse(url), ABROAD)
    assert connections.create(store, LOCAL, "x", Address.parse("postgresql://10.1.2.3/x"), ABROAD).number == 1
    with pytest.raises(Invalid, match="no system called"):
        made(store, address=Address.parse("oracle://h/x"))


def test_a_test_is_kept(store: Store, shop: Path) -> None:
    made(store)
    failed = connections.test(store, "shop", HERE)
    assert (failed.ok, failed.code) == (False, "unreachable")
    assert CANARY not in failed.message
    assert connections.get(store, "shop").checked == failed
    connections.create(store, LOCAL, "file", Address.parse(f"sqlite:///{shop}"), HERE)
    good = connections.test(store, "file", HERE)
    assert good.ok
    assert "SQLite" in good.version
    assert good.latency_ms > 0
    assert connections.get(store, "file").to_json()["checked"]["version"] == good.version


def test_a_description_has_tables_and_columns(store: Store, shop: Path) -> None:
    found = connections.describe(Address.parse(f"sqlite:///{shop}"), HERE)
    (orders,) = found["tables"]
    assert (orders["name"], orders["key"]) == ("orders", ["id"])
    assert [c["name"] for c in orders["columns"]] == ["id", "total"]
    assert {"rows_estimate", "bytes_estimate"} <= set(orders)
