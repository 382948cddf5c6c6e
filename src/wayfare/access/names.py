"""User names and e-mail addresses: how they may look, and when two are the same."""

from __future__ import annotations

import re
import unicodedata

from wayfare.core.errors import Invalid

NAME_CHARACTERS_MAX = 64
EMAIL_CHARACTERS_MAX = 254  # RFC 5321, section 4.5.3.1.3
_EMAIL = re.compile(r"[^@\s\"(),:;<>\[\]\\]{1,64}@(?:[\w-]{1,63}\.)*[\w-]{1,63}")


def user_name(text: str, email: str = "", where: str = "username") -> str:
    """As it will be kept. Raises Invalid. An address may be a user name only if it is the user's own."""
    name = unicodedata.normalize("NFKC", text).strip()
    if not name or len(name) > (EMAIL_CHARACTERS_MAX if "@" in name else NAME_CHARACTERS_MAX):
        raise Invalid(f"a user name has 1 to {NAME_CHARACTERS_MAX} characters.", where=where, remedy="Choose another.")
    if any(unicodedata.category(c)[0] in "CZ" for c in name):
        raise Invalid(
            "a user name holds no spaces and no invisible characters.", where=where, remedy="Use - or _ instead."
        )
    if "@" in name and same(name) != same(email):
        raise Invalid(
            "a user name with an @ must be the user's own e-mail address.",
            where=where,
            remedy="Use a name without one; the address, given as the user's e-mail, signs in as well.",
        )
    return name


def email_address(text: str, where: str = "email") -> str:
    """As it will be kept. Raises Invalid. Only sending something proves that an address works."""
    email = unicodedata.normalize("NFKC", text).strip()
    if len(email) > EMAIL_CHARACTERS_MAX or not _EMAIL.fullmatch(email):
        raise Invalid("this is not an e-mail address.", where=where, remedy="Write one like ada@example.com.")
    return email


def may_name(text: str) -> bool:
    """Can it be a name, address or id at all? What cannot is not looked up: no store can be asked for some of it."""
    return 0 < len(text) <= EMAIL_CHARACTERS_MAX and all(unicodedata.category(c)[0] != "C" for c in text)


def same(text: str) -> str:
    """Two names are the same when this is."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).strip()
