"""Secrets in documents: hidden, and kept where stars are sent."""

from __future__ import annotations

from wayfare.control.masking import merged, secrets, shown

KEPT = {
    "source": {"host": "h", "password": "p1", "refresh_token": "p2", "clientSecret": "p3", "user": "token"},
    "list": [{"api_key": "p4", "n": 1}],
    "url": "https://me:p5@host/x",
    "password": "",
}


def test_secrets_are_hidden_wherever_they_stand():
    hidden = shown(KEPT)
    assert not [p for p in ("p1", "p2", "p3", "p4", "p5") if p in str(hidden)]
    assert hidden["source"]["user"] == "token"
    assert hidden["source"]["host"] == "h"
    assert hidden["url"] == "https://me:***@host/x"
    assert hidden["password"] == ""
    assert set(secrets(KEPT)) == {"p1", "p2", "p3", "p4"}


def test_what_was_shown_can_be_sent_back():
    assert merged(shown(KEPT), KEPT) == KEPT
    changed = merged({**shown(KEPT), "source": {**shown(KEPT)["source"], "host": "other", "password": "new"}}, KEPT)
    assert changed["source"] == {**KEPT["source"], "host": "other", "password": "new"}


def test_stars_without_anything_kept_stay():
    assert merged({"password": "***"}, {}) == {"password": "***"}
    assert merged({"password": "***"}, None) == {"password": "***"}
