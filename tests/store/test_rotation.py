"""Keys are changed under way: every secret is brought under the new one, and none is unreadable at any moment."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from wayfare.core.address import Address
from wayfare.core.errors import Conflict, Invalid
from wayfare.core.plan import Plan
from wayfare.core.principal import LOCAL
from wayfare.core.redacted import Redacted
from wayfare.settings import Settings
from wayfare.store import revisions, rotation
from wayfare.store.schema import ADDRESSES, AUDIT_HEADS, METADATA
from wayfare.store.seal import NONCE_BYTES, Place, Sealer
from wayfare.store.store import Store

RUNS = 7
FIRST, SECOND = Redacted("the first passphrase"), Redacted("the second passphrase")


def address(number: int) -> Address:
    return Address.parse(f"postgresql://me:secret-{number}@host/db")


def fill(store: Store, runs: int = RUNS) -> list[str]:
    """Runs of two tenants, each with a secret, and an audit log in each."""
    ids = []
    for number in range(runs):
        view = store.of("ab"[number % 2])
        plan = Plan("copy", {}, ())
        run = view.create_run(
            kind="copy", title="", request={}, fingerprint="", plan=plan, addresses={"source": address(number)}
        )
        ids.append(run.id)
    for tenant in "ab":
        with store.of(tenant).write() as connection:
            store.of(tenant).audit(connection, LOCAL, "fill", "")
    return ids


def readable(store: Store, runs: list[str]) -> bool:
    opened = [store.of("ab"[n % 2]).addresses(run)["source"] for n, run in enumerate(runs)]
    return opened == [address(n) for n in range(len(runs))]


def seal_as_before(key: bytes, address: Address, bound_to: str) -> str:
    """How the first version did it."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from wayfare.store.seal import address_text

    nonce = os.urandom(NONCE_BYTES)
    sealed = AESGCM(key).encrypt(nonce, address_text(address).encode(), bound_to.encode())
    return base64.b64encode(nonce + sealed).decode()


def test_every_secret_is_brought_under_a_new_key(store: Store) -> None:
    runs = fill(store)
    before = rotation.counted(store)
    assert (before.total, before.old) == (RUNS + 2, 0)
    with store.everywhere.read() as connection:
        texts = connection.execute(sa.select(ADDRESSES.c.sealed)).scalars().all()
    done = rotation.rotate(store)
    assert (done.wrapped, done.unreadable) == (RUNS + 2, [])
    assert (done.secrets.total, done.secrets.old) == (RUNS + 2, 0)
    assert done.secrets.current != before.current
    assert readable(store, runs)
    with store.everywhere.read() as connection:
        assert not set(texts) & set(connection.execute(sa.select(ADDRESSES.c.sealed)).scalars())


def test_old_keys_are_forgotten_when_nothing_needs_them(store: Store, settings: Settings) -> None:
    runs = fill(store)
    rotation.rotate(store)
    rotation.rotate(store)
    file = settings.home / "key"
    assert len(file.read_bytes().split()) == 3
    with pytest.raises(Conflict, match="so young"):
        rotation.forget_old_keys(store)
    an_hour_ago = time.time() - 3600
    os.utime(file, (an_hour_ago, an_hour_ago))
    assert rotation.forget_old_keys(store) == 2
    assert len(file.read_bytes().split()) == 1
    assert readable(store, runs)
    assert file.stat().st_mode & 0o777 == 0o600


def test_keys_that_are_needed_are_not_forgotten(store: Store, settings: Settings) -> None:
    runs = fill(store)
    store.sealer.ring.add()
    os.utime(settings.home / "key", (0, 0))
    with pytest.raises(Conflict, match=f"{RUNS + 2} secrets"):
        rotation.forget_old_keys(store)
    assert readable(store, runs)


def test_another_process_notices_the_new_key(store: Store, settings: Settings) -> None:
    with closing(Store.open(settings)) as other:
        runs = fill(other)
        rotation.rotate(store)
        assert readable(other, runs)
        runs += fill(other, 2)[:0]
        assert rotation.counted(store).old == 0


def test_a_rotation_that_was_interrupted_is_brought_to_its_end(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = fill(store)
    monkeypatch.setattr(rotation, "ROWS_AT_ONCE", 2)
    first = rotation.counted(store).current
    column = next(c for c in rotation._columns() if c.column.table is ADDRESSES)
    new = store.sealer.ring.add()
    for _, _ in zip(range(3), rotation._wrapped(store, column), strict=False):
        pass  # … and then it is killed
    halfway = rotation.counted(store)
    assert 0 < halfway.by_key[first] < RUNS + 2
    assert readable(store, runs)
    done = rotation.rotate(store)
    assert done.secrets.current == new, "no third key"
    assert done.wrapped == halfway.by_key[first]
    assert (done.secrets.old, readable(store, runs)) == (0, True)


ADD = """
import sys
from pathlib import Path
from wayfare.core.redacted import Redacted
from wayfare.store.keys import KeyRing
ring = KeyRing(Redacted(""), Redacted(""), Path(sys.argv[1]))
for _ in range(20):
    ring.add()
"""


def test_of_keys_made_at_once_none_is_lost(tmp_path: Path) -> None:
    """What one of them has sealed by then would be lost with it."""
    started = [subprocess.Popen([sys.executable, "-c", ADD, str(tmp_path)]) for _ in range(3)]
    assert [process.wait() for process in started] == [0, 0, 0]
    keys = (tmp_path / "key").read_bytes().split()
    assert len(keys) == len(set(keys)) == 61
    assert os.listdir(tmp_path) == ["key"]


KILLED = """
import os, sys
from pathlib import Path
from wayfare.settings import Settings
from wayfare.store import rotation
from wayfare.store.store import Store
store = Store.open(Settings(Path(sys.argv[1]), sys.argv[2]))
rotation.ROWS_AT_ONCE = 3
while True:
    rotation.rotate(store)
    print("round", flush=True)
"""


def test_killed_at_any_moment_every_secret_is_readable(store: Store, settings: Settings) -> None:
    runs = fill(store, 40)
    for pause in (0.0, 0.01, 0.03):
        command = [sys.executable, "-c", KILLED, str(settings.home), settings.store_url]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout
            process.stdout.readline()
            time.sleep(pause)
            process.send_signal(signal.SIGKILL)
        assert readable(store, runs)
    done = rotation.rotate(store)
    assert (done.secrets.old, done.unreadable) == (0, [])
    assert readable(store, runs)


def test_what_is_written_meanwhile_is_not_lost(store: Store, settings: Settings) -> None:
    command = [sys.executable, "-c", KILLED, str(settings.home), settings.store_url]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        runs = fill(store, 20)
        process.send_signal(signal.SIGKILL)
    assert readable(store, runs)


def test_a_key_from_outside_is_changed_from_outside(settings: Settings) -> None:
    with closing(Store.open(replace(settings, key=FIRST))) as store:
        runs = fill(store)
        with pytest.raises(Conflict, match="given from outside"):
            store.sealer.ring.add()
        assert rotation.rotate(store).wrapped == 0
    with closing(Store.open(replace(settings, key=SECOND))) as store:
        done = rotation.rotate(store)
        assert (done.wrapped, len(done.unreadable), done.secrets.old) == (0, RUNS + 2, RUNS + 2)
    with closing(Store.open(replace(settings, key=SECOND, old_key=FIRST))) as store:
        assert readable(store, runs)
        assert rotation.rotate(store).wrapped == RUNS + 2
    with closing(Store.open(replace(settings, key=SECOND))) as store:
        assert readable(store, runs)
    assert not (settings.home / "key").exists()


def test_secrets_of_a_key_file_go_on_under_a_key_from_outside(settings: Settings) -> None:
    with closing(Store.open(settings)) as store:
        runs = fill(store)
    with closing(Store.open(replace(settings, key=FIRST))) as store:
        assert readable(store, runs)
        assert rotation.rotate(store).wrapped == RUNS + 2
    (settings.home / "key").unlink()
    with closing(Store.open(replace(settings, key=FIRST))) as store:
        assert readable(store, runs)


def test_addresses_sealed_by_the_first_version_stay_readable(store: Store) -> None:
    runs = fill(store)
    key = next(iter(store.sealer.ring.keys().by_id.values()))
    with store.everywhere.write() as connection:
        for number, run in enumerate(runs):
            old = seal_as_before(key, address(number), f"{run}|source")
            connection.execute(sa.update(ADDRESSES).where(ADDRESSES.c.run == run).values(sealed=old))
    assert readable(store, runs)
    assert rotation.counted(store).by_key["unnamed"] == RUNS
    store.sealer.ring.add()
    assert readable(store, runs)
    assert rotation.rotate(store).wrapped == RUNS + 2
    assert rotation.counted(store).old == 0
    assert readable(store, runs)


def test_a_moved_or_damaged_secret_does_not_open_and_stops_no_other(store: Store) -> None:
    runs = fill(store)
    with store.everywhere.write() as connection:
        texts = connection.execute(sa.select(ADDRESSES.c.run, ADDRESSES.c.sealed)).all()
        sealed = {row.run: row.sealed for row in texts}
        moved = {runs[0]: sealed[runs[2]], runs[2]: sealed[runs[0]], runs[4]: sealed[runs[4]][:-8] + "AAAAAAA="}
        moved[runs[6]] = "not even base64"
        for run, text in moved.items():
            connection.execute(sa.update(ADDRESSES).where(ADDRESSES.c.run == run).values(sealed=text))
    for run in moved:
        with pytest.raises(Invalid) as refused:
            store.of("a").addresses(run)
        assert "secret-" not in str(refused.value)
    done = rotation.rotate(store)
    assert len(done.unreadable) == len(moved)
    assert done.wrapped == RUNS + 2 - len(moved)
    assert store.of("b").addresses(runs[1])["source"] == address(1)


def test_places_of_secrets_are_found_by_name() -> None:
    """Whatever has secrets must be rotated with the rest: their columns are text, and their tables have keys."""
    revisions.declare()
    columns = [c.column for c in rotation._columns()]
    assert {ADDRESSES.c.sealed, AUDIT_HEADS.c.sealed} < set(columns)
    for column in columns:
        assert isinstance(column.type, sa.Text)
        assert column.table.primary_key.columns
    assert {t.name for t in METADATA.tables.values() if any("seal" in c.name for c in t.columns)} == {
        c.table.name for c in columns
    }


def test_a_secret_is_what_it_was(tmp_path: Path) -> None:
    sealer = Sealer(Redacted(""), tmp_path)
    place = Place("", "signing_keys", "sealed", "k")
    for text in ("", "ü\u0000\ud800", "x" * 100_000):
        sealed = sealer.seal(text, place)
        assert sealer.unseal(sealed, place) == text
        assert sealer.unseal(sealer.rewrap(sealed, place), place) == text
        assert sealed.isascii()
