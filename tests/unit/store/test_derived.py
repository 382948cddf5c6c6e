"""Keys for other uses than sealing."""

from __future__ import annotations

import hmac
from pathlib import Path

from wayfare.core.redacted import Redacted
from wayfare.store.derived import derived
from wayfare.store.seal import Sealer


def test_a_derived_key_is_the_same_everywhere_and_for_one_purpose_alone(tmp_path: Path) -> None:
    given = Redacted("ab" * 32)
    found = derived(Sealer(given, tmp_path / "one"), "masks")
    assert found == derived(Sealer(given, tmp_path / "other"), "masks")
    assert found != derived(Sealer(given, tmp_path), "something else")
    assert found != derived(Sealer(Redacted("ac" * 32), tmp_path), "masks")
    extracted = hmac.digest(bytes(32), bytes.fromhex("ab" * 32), "sha256")  # RFC 5869 by hand
    assert found.reveal() == hmac.digest(extracted, b"wayfare masks\x01", "sha256").hex()


def test_without_a_given_key_it_comes_of_the_file(tmp_path: Path) -> None:
    nothing = Redacted("")
    found = derived(Sealer(nothing, tmp_path), "masks")
    assert (tmp_path / "key").exists()
    assert derived(Sealer(nothing, tmp_path), "masks") == found
    assert derived(Sealer(nothing, tmp_path / "elsewhere"), "masks") != found


def test_it_stays_the_same_while_keys_are_changed(tmp_path: Path) -> None:
    sealer = Sealer(Redacted(""), tmp_path)
    before = derived(sealer, "masks")
    sealer.ring.add()
    assert derived(sealer, "masks") == before
    assert derived(Sealer(Redacted("b" * 16), tmp_path / "x", Redacted("a" * 16)), "masks") == derived(
        Sealer(Redacted("a" * 16), tmp_path / "y"), "masks"
    )
    assert derived(Sealer(Redacted("a" * 16), tmp_path), "masks") == derived(
        Sealer(Redacted("a" * 16), tmp_path / "y"), "masks"
    ), "a key file is one machine's alone"
    sealer.ring.keep_only_current()
    assert derived(sealer, "masks") != before
