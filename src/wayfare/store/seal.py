"""Secrets at rest: AES-256-GCM in an envelope, bound to the place where they are kept.

Each text is sealed with a data key of its own, and that key with the installation's. Changing the installation's key
therefore wraps data keys anew, and never touches a text. Both seals name the tenant, table, column and row, so that a
sealed text moved elsewhere does not open.
"""

from __future__ import annotations

import base64
import binascii
import json
import secrets
from dataclasses import dataclass
from pathlib import Path

from wayfare.core.address import Address
from wayfare.core.errors import Invalid
from wayfare.core.redacted import Redacted
from wayfare.store.keys import KEY_BYTES, KeyRing

NONCE_BYTES = 12
MARK = "w1"  # of envelopes; what was sealed before there were any has none
NO_KEY = Redacted("")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sealed text is kept. `row` is the row's primary key, its values joined by "|", without the tenant."""

    tenant: str  # "" in a table without tenants
    table: str
    column: str
    row: str

    def bytes(self) -> bytes:
        return f"{self.tenant}|{self.table}|{self.column}|{self.row}".encode()


class Sealer:
    """Thread-safe."""

    def __init__(self, key: Redacted, home: Path, old_key: Redacted = NO_KEY) -> None:
        self.ring = KeyRing(key, old_key, home)

    def seal(self, text: str, place: Place) -> str:
        keys = self.ring.keys()
        data_key = secrets.token_bytes(KEY_BYTES)
        sealed = _encrypt(data_key, text.encode("utf-8", "surrogatepass"), place.bytes())
        return _envelope(keys.current, _encrypt(keys.by_id[keys.current], data_key, place.bytes()), sealed)

    def unseal(self, text: str, place: Place) -> str:
        """Raises Invalid when the key is not there that it was sealed with, or it was sealed for another place."""
        if not text.startswith(f"{MARK}."):
            return self._unseal_bare(text, place)
        _, data_key, sealed = self._opened(text, place)
        return _decrypt(data_key, sealed, place.bytes(), place).decode("utf-8", "surrogatepass")

    def is_current(self, text: str) -> bool:
        return text.startswith(f"{MARK}.{self.ring.keys().current}.")

    def rewrap(self, text: str, place: Place) -> str:
        """The same under the current key. Raises as `unseal` does."""
        if not text.startswith(f"{MARK}."):
            return self.seal(self._unseal_bare(text, place), place)
        keys = self.ring.keys()
        _, data_key, sealed = self._opened(text, place)
        _decrypt(data_key, sealed, place.bytes(), place)  # nothing that cannot be read is passed on as if it could
        return _envelope(keys.current, _encrypt(keys.by_id[keys.current], data_key, place.bytes()), sealed)

    def _opened(self, text: str, place: Place) -> tuple[str, bytes, bytes]:
        """(key id, data key, sealed text)."""
        try:
            _, key_id, wrapped, sealed = text.split(".")
            envelope = base64.b64decode(wrapped, validate=True), base64.b64decode(sealed, validate=True)
        except (ValueError, binascii.Error) as error:
            raise _unreadable(place, "it is damaged") from error
        key = self.ring.keys().by_id.get(key_id)
        if key is None:
            raise _unreadable(place, f"it was sealed with the key {key_id}, which is not here")
        return key_id, _decrypt(key, envelope[0], place.bytes(), place), envelope[1]

    def _unseal_bare(self, text: str, place: Place) -> str:
        """What the first version sealed: addresses of runs, with the installation's key, bound to run and role."""
        keys = list(self.ring.keys().by_id.values())
        try:
            sealed = base64.b64decode(text, validate=True)
        except binascii.Error as error:
            raise _unreadable(place, "it is damaged") from error
        for key in keys[:-1]:
            try:
                return _decrypt(key, sealed, place.row.encode(), place).decode()
            except Invalid:
                continue
        return _decrypt(keys[-1], sealed, place.row.encode(), place).decode()


def address_text(address: Address) -> str:
    fields = [address.system, address.host, address.port, address.database, address.user, address.password.reveal()]
    return json.dumps([*fields, dict(address.options)])


def address_from(text: str) -> Address:
    system, host, port, database, user, password, options = json.loads(text)
    return Address(system, host, port, database, user, Redacted(password), options)


def _envelope(key_id: str, wrapped: bytes, sealed: bytes) -> str:
    return ".".join([MARK, key_id, base64.b64encode(wrapped).decode(), base64.b64encode(sealed).decode()])


def _encrypt(key: bytes, data: bytes, bound_to: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # 50 ms that reading commands need not pay

    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, data, bound_to)


def _decrypt(key: bytes, data: bytes, bound_to: bytes, place: Place) -> bytes:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        return AESGCM(key).decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], bound_to)
    except (InvalidTag, ValueError) as error:
        raise _unreadable(place, "it was sealed with another key, or for another place") from error


def _unreadable(place: Place, why: str) -> Invalid:
    remedy = "Set WAYFARE_KEY, or restore the file key in WAYFARE_HOME, as it was when it was sealed."
    return Invalid(
        f"a secret ({place.table}.{place.column}) cannot be unsealed: {why}.", where="WAYFARE_KEY", remedy=remedy
    )
