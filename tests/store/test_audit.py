"""The audit log shows every edit, removal, move and cut."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace

import pytest
import sqlalchemy as sa

from wayfare.core.errors import Invalid
from wayfare.core.principal import LOCAL
from wayfare.core.redacted import Redacted
from wayfare.settings import Settings
from wayfare.store import audit, rotation
from wayfare.store.schema import AUDIT, AUDIT_HEADS
from wayfare.store.store import Store

ENTRIES = 12
HEAD, A = AUDIT_HEADS.c, AUDIT.c


def record(store: Store, count: int = ENTRIES, tenant: str = "a") -> None:
    view = store.of(tenant)
    for number in range(count):
        with view.write() as connection:
            view.audit(connection, LOCAL, "connection.create", f"c{number}", details={"name": f"ü {number}"})


def verified(store: Store, tenant: str = "a") -> tuple[int, str]:
    """(entries, what is wrong, with the entry's number)."""
    with store.everywhere.snapshot() as connection:
        count, found = audit.verify(connection, store.sealer, tenant)
    return count, f"{found.sequence} {found.what}" if found else ""


def tamper(store: Store, *statements: sa.Executable) -> None:
    with store.everywhere.write() as connection:
        for statement in statements:
            connection.execute(statement)


def test_what_was_recorded_is_there_in_order_and_holds(store: Store) -> None:
    record(store)
    record(store, 1, "b")
    assert (verified(store), verified(store, "b"), verified(store, "c")) == ((ENTRIES, ""), (1, ""), (0, ""))
    with store.of("a").read() as connection:
        newest = audit.entries(connection, limit=2)
        older = audit.entries(connection, limit=100, before=newest[-1].sequence)
    assert [e.sequence for e in (*newest, *older)] == list(range(ENTRIES, 0, -1))
    first = older[-1]
    assert (first.tenant, first.principal, first.action, first.subject) == ("a", "local", "connection.create", "c0")
    assert (first.outcome, first.details) == ("done", {"name": "ü 0"})
    with store.everywhere.read() as connection:
        assert audit.tenants(connection) == ["a", "b"]


EDITS = {
    "at": 1.0, "principal": "mallory", "action": "connection.test", "subject": "c9", "outcome": "refused",
    "details": "{}", "hash": "0" * 64, "previous": "f" * 64,
}  # fmt: skip


def test_an_edit_shows(store: Store) -> None:
    record(store)
    with store.everywhere.read() as connection:
        entries = connection.execute(sa.select(AUDIT).where(A.sequence.in_((1, 5, ENTRIES)))).mappings().all()
    for entry in entries:
        here = sa.update(AUDIT).where(A.tenant == "a", A.sequence == entry["sequence"])
        for column, value in EDITS.items():
            tamper(store, here.values({column: value}))
            count, wrong = verified(store)
            assert wrong.split()[0] == str(entry["sequence"]), column
            assert count <= entry["sequence"]
            tamper(store, here.values({column: entry[column]}))
    assert verified(store) == (ENTRIES, "")


@pytest.mark.parametrize("sequence", [1, 5, ENTRIES])
def test_a_removal_shows(store: Store, sequence: int) -> None:
    record(store)
    tamper(store, sa.delete(AUDIT).where(A.sequence == sequence))
    at_the_end = f", and all after it to {ENTRIES}" if sequence == ENTRIES else ""
    assert verified(store) == (sequence - 1, f"{sequence} is missing{at_the_end}")


def test_a_removal_that_is_closed_up_shows(store: Store) -> None:
    record(store)
    tamper(store, sa.delete(AUDIT).where(A.sequence == 5), *(
        sa.update(AUDIT).where(A.sequence == n).values(sequence=n - 1) for n in range(6, ENTRIES + 1)
    ))  # fmt: skip
    assert verified(store) == (4, "5 does not follow from the entry before it")


def test_a_change_of_order_shows(store: Store) -> None:
    record(store)
    move = [sa.update(AUDIT).where(A.sequence == a).values(sequence=b) for a, b in ((5, 99), (6, 5), (99, 6))]
    tamper(store, *move)
    assert verified(store) == (4, "5 does not follow from the entry before it")


@pytest.mark.parametrize("left", [0, 1, ENTRIES - 1])
def test_a_cut_at_the_end_shows(store: Store, left: int) -> None:
    record(store)
    tamper(store, sa.delete(AUDIT).where(A.sequence > left))
    assert verified(store) == (left, f"{left + 1} is missing, and all after it to {ENTRIES}")
    record(store, 1)  # whoever goes on recording does not cover it up
    assert verified(store)[1].startswith(f"{left + 1} is missing")


def test_a_chain_made_anew_without_the_key_shows(store: Store) -> None:
    record(store)
    rows, last = [], audit.NOTHING
    with store.everywhere.read() as connection:
        for row in connection.execute(sa.select(AUDIT).order_by(A.sequence)).mappings():
            forged = {**row, "principal": "mallory", "previous": last}
            last = audit._hash([forged[name] for name in audit._FIELDS])
            rows.append({**forged, "hash": last})
    tamper(store, sa.delete(AUDIT), sa.insert(AUDIT).values(rows))
    assert verified(store) == (ENTRIES, f"{ENTRIES} is not the last that was sealed")


def test_entries_added_past_the_log_show(store: Store) -> None:
    record(store)
    with store.everywhere.write() as connection:
        last = connection.execute(sa.select(AUDIT).where(A.sequence == ENTRIES)).mappings().one()
        forged = {**last, "sequence": ENTRIES + 1, "previous": last["hash"]}
        connection.execute(sa.insert(AUDIT), {**forged, "hash": audit._hash([forged[n] for n in audit._FIELDS])})
    assert verified(store) == (ENTRIES + 1, f"{ENTRIES + 1} is not the last that was sealed")


def test_a_missing_foreign_or_copied_seal_shows(store: Store) -> None:
    record(store)
    record(store, ENTRIES, "b")
    with store.everywhere.read() as connection:
        of_b = connection.execute(sa.select(HEAD.sealed).where(HEAD.tenant == "b")).scalar_one()
    tamper(store, sa.update(AUDIT_HEADS).where(HEAD.tenant == "a").values(sealed=of_b))
    assert verified(store)[1] == f"{ENTRIES} is the last, but its seal does not open with this key"
    with pytest.raises(Invalid):
        record(store, 1)
    tamper(store, sa.delete(AUDIT_HEADS).where(HEAD.tenant == "a"))
    assert verified(store)[1] == f"{ENTRIES} is the last, but its seal is missing"


def test_a_log_survives_a_new_key(store: Store) -> None:
    record(store)
    rotation.rotate(store)
    record(store, 1)
    assert verified(store) == (ENTRIES + 1, "")


def test_many_record_at_once(store: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: record(store, 5, "ab"[n % 2]), range(8)))
    assert (verified(store), verified(store, "b")) == ((20, ""), (20, ""))


def test_the_log_can_be_verified_while_it_grows(store: Store) -> None:
    with ThreadPoolExecutor(1) as pool:
        growing = pool.submit(record, store, 60)
        while not growing.done():
            assert verified(store)[1] == ""
        growing.result()
    assert verified(store) == (60, "")


def test_the_chain_holds_what_json_can_hold(store: Store) -> None:
    view = store.of("a")
    details = {"text": "\u0000 \ud800 ü", "numbers": [0.1, 1e300, 10**20, -0.0], "none": None}
    with view.write() as connection:
        view.audit(connection, replace(LOCAL, user="u\u200b"), "a", "s", "failed", details)
    assert verified(store) == (1, "")
    with view.read() as connection:
        assert json.dumps(audit.entries(connection)[0].details) == json.dumps(details)


def test_without_the_key_nothing_is_recorded(settings: Settings) -> None:
    with closing(Store.open(settings)) as store:
        record(store)
    another = replace(settings, key=Redacted("another key of some length"), home=settings.home / "elsewhere")
    if settings.embedded:
        another = replace(another, store_url=f"sqlite:///{settings.home / 'wayfare.db'}")
    with closing(Store.open(another)) as store:
        assert verified(store)[1] == f"{ENTRIES} is the last, but its seal does not open with this key"
        with pytest.raises(Invalid):
            record(store, 1)
