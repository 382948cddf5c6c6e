"""Addresses at rest: AES-256-GCM under the installation's key, bound to their run and role.

A sealed text moved to another row does not open. The key comes from WAYFARE_KEY (32 bytes in base64 or hexadecimal; any
other text is stretched with scrypt) or from the file `key` in the data directory, made at first use for its owner only.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import secrets
from functools import cached_property
from pathlib import Path

from wayfare.core.address import Address
from wayfare.core.errors import Invalid
from wayfare.core.redacted import Redacted

KEY_BYTES = 32
NONCE_BYTES = 12


class Sealer:
    def __init__(self, key: Redacted, home: Path) -> None:
        self._given = key
        self._file = home / "key"

    @cached_property
    def _key(self) -> bytes:
        return _from_text(self._given.reveal()) if self._given else _from_file(self._file)

    def seal(self, address: Address, bound_to: str) -> str:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # 50 ms that reading commands need not pay

        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = AESGCM(self._key).encrypt(nonce, _to_bytes(address), bound_to.encode())
        return base64.b64encode(nonce + sealed).decode()

    def unseal(self, text: str, bound_to: str) -> Address:
        """Raises Invalid when the key is not the one it was sealed with."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        data = base64.b64decode(text)
        try:
            opened = AESGCM(self._key).decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], bound_to.encode())
        except InvalidTag as error:
            remedy = f"Set WAYFARE_KEY, or restore {self._file}, as it was when the run was created."
            raise Invalid(
                "the run's addresses cannot be unsealed with this key.", where="WAYFARE_KEY", remedy=remedy
            ) from error
        return _from_bytes(opened)


def _to_bytes(address: Address) -> bytes:
    fields = [address.system, address.host, address.port, address.database, address.user, address.password.reveal()]
    return json.dumps([*fields, dict(address.options)]).encode()


def _from_bytes(data: bytes) -> Address:
    system, host, port, database, user, password, options = json.loads(data)
    return Address(system, host, port, database, user, Redacted(password), options)


def _from_text(text: str) -> bytes:
    for decode in (binascii.unhexlify, lambda t: base64.b64decode(t, validate=True)):
        try:
            if len(raw := decode(text)) == KEY_BYTES:
                return raw
        except ValueError:
            continue
    import hashlib

    return hashlib.scrypt(text.encode(), salt=b"wayfare-key", n=2**14, r=8, p=1, dklen=KEY_BYTES)


def _from_file(path: Path) -> bytes:
    """Two processes may race to make it: whoever links first wins, and a crash never leaves half a key."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(f".key-{os.getpid()}-{secrets.token_hex(4)}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    key = base64.b64decode(path.read_bytes())
    if len(key) != KEY_BYTES:
        raise Invalid(f"{path} does not hold a key.", where="key", remedy="Restore the file, or set WAYFARE_KEY.")
    return key
