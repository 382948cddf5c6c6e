"""Who asks, in which tenant, and what they may do."""

from __future__ import annotations

import re
from dataclasses import dataclass

from wayfare.core.errors import Invalid

DEFAULT_TENANT = "default"  # of an installation that knows no others, and of the command line
ADMIN = "admin"  # the scope that includes every other
_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody, or something with a key, as known for the length of one request."""

    user: str  # the account's id
    name: str  # as people call it
    tenant: str
    scopes: frozenset[str]  # "migrations:read", …

    def may(self, scope: str) -> bool:
        return scope in self.scopes or ADMIN in self.scopes


LOCAL = Principal("local", "local", DEFAULT_TENANT, frozenset({ADMIN}))  # who sits at this machine


def tenant_id(text: str, where: str = "tenant") -> str:
    """The same text, as it can name a tenant. Raises Invalid: it stands in settings of databases and in file names."""
    if not _TENANT.fullmatch(text):
        raise Invalid(
            f"{text[:80]!r} cannot name a tenant.",
            where=where,
            remedy="Use 1 to 64 letters, digits, dots, dashes and underscores, beginning with a letter or digit.",
        )
    return text
