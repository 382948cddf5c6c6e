"""Masks: what a column carries instead of its values. Applied at the source's edge: both digests see masked values."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, replace
from enum import StrEnum

import pyarrow as pa

from wayfare.core.errors import Bug, Invalid
from wayfare.core.redacted import Redacted
from wayfare.core.tables import Column, Meaning
from wayfare.flow import texts
from wayfare.flow.exact import each

REDACTED = "***"
PURPOSE = "masks"  # of the secret that hashing masks are keyed with
NO_KEY = Redacted("")


class Kind(StrEnum):
    SHA256 = "sha256"  # hex digits of HMAC-SHA256 over the canonical text: equal values stay equal
    NULL = "null"
    REDACT = "redact"  # *** for every value, NULL stays NULL


@dataclass(frozen=True, slots=True)
class Mask:
    """A hash without a key hides nothing that can be guessed, such as an e-mail: the key is the installation's own.

    Without it, a mask can tell its column's type and nothing more.
    """

    kind: Kind
    key: Redacted = NO_KEY

    def column(self, column: Column) -> Column:
        """The column as it is once masked: what the target is asked to `land`."""
        if self.kind is Kind.NULL:
            return replace(column, nullable=True, identity=None, default="")
        length = 64 if self.kind is Kind.SHA256 else len(REDACTED)
        bare = Column(column.name, pa.string(), column.nullable, Meaning.PLAIN, length=length, comment=column.comment)
        return replace(bare, origin=column.origin)

    def apply(self, array: pa.Array, column: Column) -> pa.Array:
        """Values of `column` as values of `self.column(column)`."""
        if self.kind is Kind.NULL:
            return pa.nulls(len(array), column.type)
        if self.kind is Kind.SHA256 and not self.key:
            raise Bug("values were to be masked without a key.", where=column.name)
        text = texts.to_text(column.type, column.meaning)(array)
        return each(text, pa.string(), self._masked)

    def _masked(self, text: str | None) -> str | None:
        if text is None or self.kind is Kind.REDACT:
            return None if text is None else REDACTED
        return hmac.digest(self.key.reveal().encode(), text.encode(), "sha256").hex()


def parse_mask(text: str, key: Redacted = NO_KEY) -> tuple[str, Mask]:
    """`users.email=sha256` → the column as written, and its mask. Raises Invalid."""
    name, equals, kind = text.rpartition("=")
    if not equals or not name.strip() or kind.strip().lower() not in set(Kind):
        kinds = ", ".join(Kind)
        raise Invalid(f"{text!r} is no mask.", where="--mask", remedy=f"Write COLUMN=KIND, with one of: {kinds}.")
    return name.strip(), Mask(Kind(kind.strip().lower()), key)
