"""What an OAuth2 client is told when it is refused (RFC 6749, 4.1.2.1 and 5.2), and how parameters are read."""

from __future__ import annotations

import re
from collections.abc import Iterable

from wayfare.core.errors import UserError

Pairs = Iterable[tuple[str, str]]

VALUE_CHARACTERS_MAX = 8192
_FOREIGN = re.compile(r"[^ !#-\[\]-~]")


class OAuthRefused(UserError):
    """`error` is the protocol's code, `status` the token endpoint's. With `redirect`, the person is sent there."""

    code = "oauth_refused"

    def __init__(self, error: str, description: str, *, status: int = 400, redirect: str = "") -> None:
        super().__init__(description, where=error)
        self.error = error
        self.status = status
        self.redirect = redirect

    def fields(self) -> dict[str, str]:
        """As the protocol names them, for JSON and for redirects."""
        return {"error": self.error, "error_description": described(self.message)}

    def sent_to(self, redirect: str) -> OAuthRefused:
        return OAuthRefused(self.error, self.message, status=self.status, redirect=redirect)


def described(text: str) -> str:
    """In the characters that the protocol allows (RFC 6749, section 5.2), whatever a name in it was made of."""
    return _FOREIGN.sub("'", text)


def once(pairs: Pairs) -> dict[str, str]:
    """Parameters by name. A parameter given twice is refused (section 3.1); an empty one counts as not given."""
    given: dict[str, str] = {}
    for name, value in pairs:
        if name in given:
            raise OAuthRefused("invalid_request", f"{name[:40]} is given twice.")
        if len(value) > VALUE_CHARACTERS_MAX:
            raise OAuthRefused("invalid_request", f"{name[:40]} is too long.")
        if value:
            given[name] = value
    return given
