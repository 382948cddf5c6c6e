"""Secrets at rest."""

from __future__ import annotations

import base64
import os
import stat
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from wayfare.core.address import Address
from wayfare.core.errors import Invalid
from wayfare.core.plan import Plan
from wayfare.core.redacted import Redacted
from wayfare.settings import Settings
from wayfare.store.seal import Place, Sealer
from wayfare.store.store import Store

CANARY = "canary-7f3a-ü"
ADDRESS = Address.parse(f"postgresql://me:{CANARY}@host/db?password={CANARY}2&x=1")
HERE = Place("acme", "connections", "sealed", "7")


def test_what_is_sealed_opens_again_only_in_its_place(tmp_path: Path) -> None:
    sealer = Sealer(Redacted(""), tmp_path)
    sealed = sealer.seal(CANARY, HERE)
    assert sealer.unseal(sealed, HERE) == CANARY
    assert sealed != sealer.seal(CANARY, HERE)
    for part in ("tenant", "table", "column", "row"):
        with pytest.raises(Invalid):
            sealer.unseal(sealed, replace(HERE, **{part: "other"}))


@pytest.mark.parametrize("key", ["a passphrase of some words", (b"h" * 32).hex(), base64.b64encode(b"k" * 32).decode()])
def test_a_given_key_is_used_and_another_does_not_open(tmp_path: Path, key: str) -> None:
    sealed = Sealer(Redacted(key), tmp_path).seal(CANARY, HERE)
    assert Sealer(Redacted(key), tmp_path).unseal(sealed, HERE) == CANARY
    assert not (tmp_path / "key").exists()
    with pytest.raises(Invalid) as refused:
        Sealer(Redacted("another passphrase"), tmp_path).unseal(sealed, HERE)
    assert refused.value.where == "WAYFARE_KEY"


def test_the_key_file_is_private_and_made_once(tmp_path: Path) -> None:
    sealed: list[str] = []
    threads = [
        threading.Thread(target=lambda: sealed.append(Sealer(Redacted(""), tmp_path).seal(CANARY, HERE)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [Sealer(Redacted(""), tmp_path).unseal(s, HERE) for s in sealed] == [CANARY] * 8
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["key"]


def test_a_password_is_in_no_file_of_the_store(tmp_path: Path) -> None:
    with closing(Store.open(Settings(tmp_path))) as store:
        run = store.create_run(
            kind="copy", title=str(ADDRESS), request={"source": str(ADDRESS)}, fingerprint="f",
            plan=Plan("copy", {}, ()), addresses={"source": ADDRESS},
        )  # fmt: skip
        assert store.addresses(run.id)["source"].password.reveal() == CANARY
        assert CANARY not in repr((run, store.addresses(run.id), store.events(run.id)))
        held = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"canary-7f3a" not in held
    assert b"postgresql://me:***@host/db" in held
