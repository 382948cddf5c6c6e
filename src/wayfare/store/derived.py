"""Keys for other uses than sealing. Each comes of the installation's, and tells nothing of it or of the others."""

from __future__ import annotations

from wayfare.core.redacted import Redacted
from wayfare.store.keys import KEY_BYTES
from wayfare.store.seal import Sealer


def derived(sealer: Sealer, purpose: str) -> Redacted:
    """64 hexadecimal digits (HKDF with SHA-256, RFC 5869): the same in every process, until that key is forgotten.

    Of the oldest key, as what is made with it, such as masked values, must stay the same while keys are changed.
    """
    from cryptography.hazmat.primitives.hashes import SHA256  # which commands that read only need not load
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    made = HKDF(SHA256(), KEY_BYTES, salt=None, info=f"wayfare {purpose}".encode()).derive(sealer.ring.oldest())
    return Redacted(made.hex())
