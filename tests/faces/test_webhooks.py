"""Webhooks over HTTP: made, changed, tried, told, given up, told again; and nobody else's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from control.scheduling import POLICIES
from control.test_webhooks import HERE, Receiver, hurry, publish, receiver, until
from wayfare.access.entrance import Entrance
from wayfare.access.scopes import Role
from wayfare.control import hooks
from wayfare.control.scheduler import Scheduler
from wayfare.core.principal import LOCAL
from wayfare.core.redacted import Redacted
from wayfare.faces.http.access import Access
from wayfare.faces.http.app import create_app
from wayfare.faces.http.face import faces
from wayfare.settings import Settings
from wayfare.store import audit
from wayfare.store.store import Store

__all__ = ["receiver"]

Ask = Callable[..., httpx2.Response]


PEOPLE = {"dev": (Role.DEVELOPER, "default"), "dba": (Role.DBA, "default"), "eve": (Role.ADMIN, "acme")}


@contextmanager
def asking(store: Store, access: Access) -> Iterator[Ask]:
    """`ask(who, method, path, json, **headers)`, where everybody has to sign in."""
    entrance: Entrance = access.entrance
    entrance.tenants.add(LOCAL, "acme")
    tokens = {}
    for who, (role, tenant) in PEOPLE.items():
        tokens[who] = entrance.sign_in.of(entrance.accounts.add(LOCAL, who, role=role, tenant=tenant)).token
    with TestClient(create_app(store, faces(), access)) as client:

        def asked(who: str, method: str, path: str = "", json: Any = None, **headers: str) -> httpx2.Response:
            headers = {name.replace("_", "-"): value for name, value in headers.items()}
            sent = {"Authorization": f"Bearer {tokens[who]}", **headers}
            found: Any = client.request(method, f"/api/webhooks{path}", json=json, headers=sent)
            return found

        yield asked


@pytest.fixture
def ask(store: Store, settings: Settings) -> Iterator[Ask]:
    with asking(store, replace(Access.to(store, settings, enabled=True), calls=HERE)) as asked:
        yield asked


def made(ask: Ask, url: str, *topics: str, who: str = "dev") -> dict[str, Any]:
    answer = ask(who, "POST", json={"url": url, "topics": list(topics)})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/api/webhooks/{found['webhook']['number']}"
    return found


def actions(store: Store) -> list[str]:
    with store.read() as connection:
        return [e.action for e in reversed(audit.entries(connection)) if e.action.startswith("webhooks.")]


def test_a_key_is_shown_once(ask: Ask, store: Store, receiver: Receiver) -> None:
    found = made(ask, receiver.url, "run.*")
    webhook, key = found["webhook"], found["key"]
    assert key.startswith("whsec_")
    for who in ("dev", "dba"):
        for answer in (ask(who, "GET"), ask(who, "GET", f"/{webhook['id']}"), ask(who, "GET", "/1")):
            assert answer.status_code == 200
            assert key not in answer.text
    assert ask("dev", "GET").json() == {"webhooks": [webhook]}
    assert ask("dba", "POST", json={"url": receiver.url}).status_code == 403
    assert ask("dev", "DELETE", "/1").status_code == 204
    gone = ask("dev", "GET", "/1")
    assert (gone.status_code, gone.json()["code"], gone.json()["where"]) == (404, "not_found", "webhook")
    assert actions(store) == ["webhooks.create", "webhooks.remove"]


def test_a_change_names_the_version_it_was_made_from(ask: Ask, store: Store, receiver: Receiver) -> None:
    made(ask, receiver.url)
    tag = ask("dev", "GET", "/1").headers["etag"]
    body = {"url": f"{receiver.url}/2", "topics": ["run.failed"]}
    changed = ask("dev", "PUT", "/1", body, If_Match=tag)
    assert (changed.status_code, changed.json()["topics"], changed.headers["etag"]) == (200, ["run.failed"], '"2"')
    stale = ask("dev", "PUT", "/1", body, If_Match=tag)
    assert (stale.status_code, stale.json()["code"]) == (412, "stale")
    assert stale.json()["remedy"]
    assert ask("dev", "POST", "/1/rotate", If_Match=tag).status_code == 412
    assert ask("dev", "PUT", "/1", body).json()["version"] == 3
    assert actions(store) == ["webhooks.create", *["webhooks.update"] * 2]


@pytest.mark.parametrize(
    ("body", "where", "code"),
    [
        ({"url": "http://169.254.169.254/"}, "url", "address_refused"),
        ({"url": "http://10.0.0.1/"}, "url", "address_refused"),
        ({"url": "file:///etc/passwd"}, "url", "invalid"),
        ({"url": "http://u:p@127.0.0.1/"}, "url", "invalid"),
        ({"url": "mailto:ops@example.com"}, "url", "invalid"),
        ({"url": "http://127.0.0.1/", "topics": ["DROP"]}, "topics", "invalid"),
        ({"url": "http://127.0.0.1/", "seen": 0}, "seen", "invalid"),
        ({}, "url", "invalid"),
    ],
)
def test_what_cannot_be_told(ask: Ask, receiver: Receiver, body: dict[str, Any], where: str, code: str) -> None:
    made(ask, receiver.url)
    for method, path in (("POST", ""), ("PUT", "/1")):
        answer = ask("dev", method, path, body)
        assert answer.status_code == 400
        told = answer.json()
        assert (told["where"].rpartition(".")[2], told["code"]) == (where, code), told
        assert told["remedy"]
    assert ask("dev", "GET", "/1").json()["version"] == 1


def test_a_test_tells_how_it_was_answered(ask: Ask, receiver: Receiver) -> None:
    made(ask, receiver.url)
    assert ask("dev", "POST", "/1/test").json() == {"arrived": True, "reason": ""}
    assert '"type":"webhook.test"' in receiver.heard[0][1]
    receiver.status = 500
    answer = ask("dev", "POST", "/1/test")
    assert (answer.status_code, answer.json()["arrived"]) == (200, False)
    assert "500" in answer.json()["reason"]


def test_a_repeated_request_makes_one(ask: Ask, receiver: Receiver) -> None:
    body = {"url": receiver.url}
    first, again = (ask("dev", "POST", json=body, Idempotency_Key="once") for _ in range(2))
    assert first.json() == again.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert len(ask("dev", "GET").json()["webhooks"]) == 1


def test_mail_has_no_key(store: Store, settings: Settings) -> None:
    smtp = Redacted("smtp://127.0.0.1:1?from=wayfare@example.com")
    access = Access.to(store, replace(settings, smtp=smtp), enabled=True)
    with asking(store, access) as ask:
        assert made(ask, "mailto:ops@example.com", "run.failed")["key"] == ""
        assert ask("dev", "POST", "/1/test").json()["arrived"] is False
        assert ask("dev", "POST", "/1/rotate").status_code == 409


def test_dead_letters_one_and_all(ask: Ask, store: Store, receiver: Receiver) -> None:
    receiver.status = 503
    made(ask, receiver.url)

    def states() -> list[str]:
        return [one["state"] for one in ask("dev", "GET", "/1/deliveries").json()["deliveries"]]

    with Scheduler(store, POLICIES, look_seconds=0.05):
        publish(store, 0, 1, 2)
        until(lambda: hurry(store) or states() == ["dead"] * 3)
        dead = ask("dba", "GET", "/1/deliveries?state=dead&limit=2").json()["deliveries"]
        assert [one["attempts"] for one in dead] == [len(hooks.WAITS_SECONDS)] * 2
        assert (dead[0]["topic"], dead[0]["reason"], dead[0]["next_at"]) == (
            "run.succeeded",
            "it answers with status 503.",
            None,
        )
        older = ask("dev", "GET", f"/1/deliveries?before={dead[-1]['sequence']}").json()["deliveries"]
        assert len(older) == 1
        receiver.status = 204
        assert ask("dev", "POST", f"/1/deliveries/{dead[0]['id']}/replay").json() == {"waiting": 1}
        until(lambda: receiver.numbers() == [2])
        until(lambda: states() == ["delivered", "dead", "dead"])
        assert ask("dev", "POST", f"/1/deliveries/{dead[0]['id']}/replay").status_code == 409
        assert ask("dev", "POST", "/1/deliveries/msg_0/replay").json()["where"] == "delivery"
        assert ask("dev", "POST", "/1/replay").json() == {"waiting": 2}
        until(lambda: receiver.numbers() == [2, 0, 1])
        until(lambda: states() == ["delivered"] * 3)
    assert ask("dev", "POST", "/1/replay").status_code == 409
    assert actions(store) == ["webhooks.create", *["webhooks.replay"] * 2]


def test_what_waits_leaves_under_the_new_key_and_to_the_new_place(ask: Ask, store: Store, receiver: Receiver) -> None:
    old = made(ask, "http://127.0.0.1:1/nobody")["key"]
    with Scheduler(store, POLICIES, look_seconds=0.05):
        publish(store, 0, 1)
        until(
            lambda: [d["reason"] for d in ask("dev", "GET", "/1/deliveries").json()["deliveries"]][:1] not in ([], [""])
        )
        answer = ask("dev", "POST", "/1/rotate")
        new = answer.json()["key"]
        assert (new != old, answer.headers["etag"]) == (True, '"2"')
        assert ask("dev", "PUT", "/1", {"url": receiver.url}).status_code == 200
        until(lambda: hurry(store) or receiver.numbers() == [0, 1])
    for headers, body in receiver.heard:
        text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body}"
        assert headers["webhook-signature"] == f"v1,{hooks.signed(Redacted(new), text)}"
    assert actions(store) == ["webhooks.create", "webhooks.rotate", "webhooks.update"]


def test_what_others_have_is_not_there(ask: Ask, store: Store, receiver: Receiver) -> None:
    """Also not by way of one's own: a delivery belongs to its webhook."""
    receiver.status = 503
    made(ask, receiver.url)
    theirs = made(ask, receiver.url, who="eve")["webhook"]
    with Scheduler(store, POLICIES, look_seconds=0.05):
        publish(store.of("acme"), 1)
        until(lambda: hurry(store) or [d["state"] for d in deliveries(ask, "eve")] == ["dead"])
    (letter,) = deliveries(ask, "eve")
    body = {"url": receiver.url}
    place = f"/{theirs['id']}"
    for method, path, sent in (
        *(("GET", "", None), ("PUT", "", body), ("DELETE", "", None), ("GET", "/deliveries", None)),
        *(("POST", "/test", None), ("POST", "/rotate", None), ("POST", "/replay", None)),
        ("POST", f"/deliveries/{letter['id']}/replay", None),
    ):
        assert ask("dev", method, place + path, sent).status_code == 404, path
    assert ask("dev", "POST", f"/1/deliveries/{letter['id']}/replay").status_code == 404
    assert deliveries(ask, "eve") == [letter]
    assert ask("eve", "GET").json()["webhooks"] == [theirs]


def deliveries(ask: Ask, who: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask(who, "GET", "/1/deliveries").json()["deliveries"]
    return found
