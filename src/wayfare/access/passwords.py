"""Passwords: argon2id, and the few rules for choosing one.

Parameters are OWASP's first choice (19 MiB, two passes, one lane). Passwords are hashed by two threads of their own:
fifty sign-ins at once then take 40 MB, not a gigabyte. A limit alone would not do: the allocator keeps what each thread
has freed, and fifty threads that take turns keep a gigabyte too.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING

from wayfare.core.errors import Invalid
from wayfare.core.redacted import Redacted

if TYPE_CHECKING:
    from argon2 import PasswordHasher

MEMORY_KIB = 19 * 1024
PASSES = 2
LANES = 1
HASHED_AT_ONCE_MAX = 2
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
LARGE_BYTES = 16 << 20  # less than what is hashed in
CHARACTERS_MIN = 6
BYTES_MAX = 1024  # of UTF-8: nobody types more, and hashing must not be made to take long

# The head of every list of leaked passwords. Longer lists refuse what documents use as examples.
WORST = frozenset(
    {
        *("123456", "1234567", "12345678", "123456789", "1234567890", "000000", "111111", "121212", "123123", "654321"),
        *("666666", "password", "password1", "passw0rd", "qwerty", "qwerty123", "qwertyuiop", "abc123", "abcdef"),
        *("iloveyou", "letmein", "welcome", "monkey", "dragon", "admin1", "admin123", "secret"),
    }
)

_hashers = ThreadPoolExecutor(HASHED_AT_ONCE_MAX, "passwords")  # starts its threads when they are needed


def check_rules(password: Redacted, *, names: tuple[str, ...] = (), where: str = "password") -> None:
    """Raises Invalid, never repeating the password. `names` (user name, e-mail address) are no passwords."""
    text = password.reveal()
    if len(text) < CHARACTERS_MIN:
        raise Invalid(
            f"the password has fewer than {CHARACTERS_MIN} characters.", where=where, remedy="Use a longer one."
        )
    if len(text.encode("utf-8", "surrogatepass")) > BYTES_MAX:
        raise Invalid(f"the password is longer than {BYTES_MAX} bytes.", where=where, remedy="Use a shorter one.")
    if "\0" in text:
        raise Invalid("the password holds a NUL character.", where=where, remedy="Leave it out.")
    if text.lower() in WORST or text.lower() in {name.lower() for name in names}:
        raise Invalid("the password is one of the first that anybody would try.", where=where, remedy="Choose another.")


def hashed(password: Redacted) -> str:
    """The hash with its parameters, as PHC strings have them. Takes about 40 ms, and waits its turn."""
    return _hashers.submit(_hasher().hash, _bytes(password)).result()


def holds(hash_: str | None, password: Redacted) -> bool:
    """Is it the password? Without a hash (there is no such user) it costs the same, and is False."""
    from argon2.exceptions import VerificationError, VerifyMismatchError

    nobodys = _nobodys()
    try:
        matches = _hashers.submit(_hasher().verify, hash_ or nobodys, _bytes(password)).result()
    except VerifyMismatchError:
        return False
    except VerificationError as error:
        raise MemoryError("argon2 could not hash a password") from error
    return matches and hash_ is not None


def outdated(hash_: str) -> bool:
    """Was it made with other parameters than are used now?"""
    return _hasher().check_needs_rehash(hash_)


def _bytes(password: Redacted) -> bytes:
    """Cut: what is longer cannot be anybody's password, and must not cost more than one that is."""
    return password.reveal().encode("utf-8", "surrogatepass")[: BYTES_MAX + 1]


@cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    _keep_nothing()
    return PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)


def _keep_nothing() -> None:
    """glibc learns from a large block that was freed to keep the next one: 19 MiB for each thread that has hashed, as
    long as we run. Told where large begins, it learns nothing. Other C libraries give back by themselves."""
    import ctypes

    if set_option := getattr(ctypes.CDLL(None), "mallopt", None):
        for option in (M_MMAP_THRESHOLD, M_TRIM_THRESHOLD):
            set_option(option, LARGE_BYTES)


@cache
def _nobodys() -> str:
    """Made once, from a text that nobody has seen."""
    import secrets

    return _hasher().hash(secrets.token_bytes(32))
