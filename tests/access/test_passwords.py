"""Passwords: rules, hashing, and what an unknown user costs."""

from __future__ import annotations

import statistics
import threading
import time

import pytest

from wayfare.access import passwords
from wayfare.access.names import email_address, same, user_name
from wayfare.core.errors import Invalid
from wayfare.core.redacted import Redacted


@pytest.mark.parametrize("text", ["pass123", "securepassword123", "Admin123!", "пароль-1", "🔑🔑🔑🔑🔑🔑", " x y z "])
def test_passwords_that_do(text):
    passwords.check_rules(Redacted(text), names=("ada", "ada@example.com"))
    hash_ = passwords.hashed(Redacted(text))
    assert hash_.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert passwords.holds(hash_, Redacted(text))
    assert not passwords.holds(hash_, Redacted(text + "x"))
    assert not passwords.outdated(hash_)


@pytest.mark.parametrize(
    "text", ["", "short", "123456", "Password1", "ada.lovelace", "ADA@example.com", "x" * 1025, "a\0bcdef"]
)
def test_passwords_that_do_not(text):
    with pytest.raises(Invalid, match="password") as refused:
        passwords.check_rules(Redacted(text), names=("ada.lovelace", "ada@example.com"))
    assert refused.value.where == "password"
    assert len(text) < 6 or text not in str(refused.value)


def test_what_is_longer_is_not_the_same():
    hash_ = passwords.hashed(Redacted("x" * passwords.BYTES_MAX))
    assert not passwords.holds(hash_, Redacted("x" * 5000))


def test_nobody_has_no_password():
    assert not passwords.holds(None, Redacted("pass123"))


def test_a_hash_of_other_parameters_still_holds_and_is_outdated():
    from argon2 import PasswordHasher

    old = PasswordHasher(1, 8192, 1).hash("pass123")
    assert passwords.holds(old, Redacted("pass123"))
    assert passwords.outdated(old)


def test_at_most_two_are_hashed_at_once(monkeypatch):
    """Check 5's reason: memory is bounded by the number of hashers at work."""
    at_work, most, lock = 0, 0, threading.Lock()
    hasher = passwords._hasher()
    real = type(hasher).hash

    def counted(self, *given, **named):
        nonlocal at_work, most
        with lock:
            at_work += 1
            most = max(most, at_work)
        try:
            return real(self, *given, **named)
        finally:
            with lock:
                at_work -= 1

    monkeypatch.setattr(type(hasher), "hash", counted)
    threads = [threading.Thread(target=passwords.hashed, args=(Redacted(f"pass-{i}"),)) for i in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 <= most <= passwords.HASHED_AT_ONCE_MAX


def test_an_unknown_user_costs_as_much_cpu_as_a_wrong_password():
    """Check 3. CPU time of this process, in turns, so that what else runs here does not matter."""
    hash_ = passwords.hashed(Redacted("pass123"))
    spent: dict[str | None, list[float]] = {hash_: [], None: []}
    passwords.holds(None, Redacted("warm"))
    for _ in range(15):
        for given, times in spent.items():
            began = time.process_time()
            assert not passwords.holds(given, Redacted("wrong-one"))
            times.append(time.process_time() - began)
    wrong, unknown = (statistics.median(times) for times in spent.values())
    assert unknown > wrong / 2, "skipping the hash would cost a thousandth"


# Names


@pytest.mark.parametrize(("text", "kept"), [("admin", "admin"), (" Ada ", "Ada"), ("Ａｄａ", "Ada"), ("Ünal", "Ünal")])
def test_user_names(text, kept):
    assert user_name(text) == kept


def test_an_address_is_a_user_name_only_for_its_owner():
    assert user_name("admin@example.com", "Admin@Example.com") == "admin@example.com"
    with pytest.raises(Invalid, match="own e-mail"):
        user_name("boss@example.com", "me@example.com")


@pytest.mark.parametrize("text", ["", "   ", "a b", "a\tb", "a\u200bb", "a\u202eb", "x" * 65, "a\0"])
def test_bad_user_names(text):
    with pytest.raises(Invalid, match="username"):
        user_name(text)


@pytest.mark.parametrize("text", ["admin@example.com", "a.b+c@sub.example.co", "ada@localhost", "ü@exämple.de"])
def test_email_addresses(text):
    assert email_address(text) == text


@pytest.mark.parametrize(
    "text", ["", "a", "a@", "@b", "a@b@c", "a b@c.de", "a@b..c", "a@b.c\nBcc: x@y.z", "x" * 255 + "@b.c"]
)
def test_bad_email_addresses(text):
    with pytest.raises(Invalid, match="email"):
        email_address(text)


def test_sameness():
    assert same("ADMIN") == same("admin") == same("Ａdmin ")
    assert same("STRASSE") == same("straße")
    assert same("ada") != same("adа"), "the second has a Cyrillic letter"
