"""`wayfare store`, `wayfare secrets` and `wayfare audit`, as people run them."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from stories.command import Wayfare
from wayfare.core.address import Address
from wayfare.core.plan import Plan
from wayfare.core.principal import LOCAL
from wayfare.settings import Settings
from wayfare.store import revisions
from wayfare.store.schema import AUDIT
from wayfare.store.store import Store


@pytest.fixture
def wayfare(tmp_path: Path) -> Wayfare:
    return Wayfare(tmp_path, tmp_path / "home")


def fill(home: Path) -> None:
    with closing(Store.open(Settings(home))) as store:
        addresses = {"source": Address.parse("postgresql://me:hidden@host/db")}
        plan = Plan("copy", {}, ())
        store.create_run(kind="copy", title="", request={}, fingerprint="", plan=plan, addresses=addresses)
        for number in range(3):
            with store.write() as connection:
                store.audit(connection, LOCAL, "connection.create", f"c{number}")


def test_a_store_is_upgraded_checked_and_taken_back(wayfare: Wayfare) -> None:
    fresh = wayfare("store", "status", "--json")
    assert fresh.json == {"revision": "", "latest": revisions.LATEST, "pending": revisions.names()}
    assert "no tables yet" in wayfare("store", "status").out
    assert wayfare("store", "upgrade", "--json").json["pending"] == []
    assert wayfare("store", "check").code == 0
    unasked = wayfare("store", "downgrade", "0001")
    assert unasked.code == 1
    assert "Everything that revisions after 0001 keep is lost" in unasked.err
    assert wayfare("store", "status", "--json").json["revision"] == revisions.LATEST
    assert wayfare("store", "downgrade", "0001", "--yes", "--json").json["revision"] == "0001"
    different = wayfare("store", "check", "--json")
    assert (different.code, bool(different.json["differences"])) == (1, True)
    unknown = wayfare("store", "downgrade", "7", "--yes", "--json")
    assert (unknown.code, unknown.json["error"]["code"]) == (3, "invalid")


def test_secrets_are_brought_under_a_new_key(wayfare: Wayfare) -> None:
    fill(wayfare.home)
    before = wayfare("secrets", "status", "--json").json
    assert list(before["by_key"].items()) == [(before["current"], 2)]
    done = wayfare("secrets", "rotate", "--json").json
    assert (done["wrapped"], done["total"], done["left"], done["unreadable"]) == (2, 2, 0, [])
    assert done["key"] != before["current"]
    young = wayfare("secrets", "rotate", "--forget-old", "--json")
    assert (young.code, young.json["error"]["code"]) == (6, "conflict")
    os.utime(wayfare.home / "key", (0, 0))
    assert wayfare("secrets", "rotate", "--forget-old", "--json").json == {"forgotten": 1}
    with closing(Store.open(Settings(wayfare.home))) as store:
        assert store.addresses(store.run("last").id)["source"].password.reveal() == "hidden"


def test_what_cannot_be_read_is_told(wayfare: Wayfare) -> None:
    fill(wayfare.home)
    (wayfare.home / "key").unlink()
    done = wayfare("secrets", "rotate")
    assert done.code == 1
    assert done.out.count("cannot be read with any key") == 2
    assert "hidden" not in done.out + done.err


def test_the_audit_log_is_listed_and_verified(wayfare: Wayfare) -> None:
    assert "Nothing was recorded yet" in wayfare("audit", "list").out
    fill(wayfare.home)
    listed = wayfare("audit", "list", "--limit", "2", "--json").json["entries"]
    assert [(e["sequence"], e["principal"], e["subject"]) for e in listed] == [(3, "local", "c2"), (2, "local", "c1")]
    assert "connection.create" in wayfare("audit", "list").out
    assert wayfare("audit", "list", "--tenant", "*").code == 3
    good = wayfare("audit", "verify")
    assert (good.code, good.out) == (0, "✓ default: 3 entries, as they were written.\n")
    with closing(Store.open(Settings(wayfare.home))) as store, store.everywhere.write() as connection:
        connection.execute(sa.update(AUDIT).where(AUDIT.c.sequence == 2).values(principal="mallory"))
    bad = wayfare("audit", "verify")
    assert (bad.code, bad.out) == (1, "✗ default: entry 2 was changed.\n")
    chains = wayfare("audit", "verify", "--tenant", "default", "--json").json["chains"]
    assert chains[0]["break"] == {"tenant": "default", "sequence": 2, "what": "was changed"}
