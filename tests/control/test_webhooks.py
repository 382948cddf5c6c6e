"""Webhooks: signed, in order, once each, across a receiver that is down, up to dead letters and their replay."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import sqlalchemy as sa
from aiosmtpd.controller import Controller

from control.scheduling import POLICIES
from listening import listening
from wayfare.access.egress import for_calls
from wayfare.control import hooks, mail, webhooks
from wayfare.control.scheduler import Scheduler
from wayfare.core.errors import Conflict, Invalid, Refused
from wayfare.core.principal import LOCAL
from wayfare.core.redacted import Redacted
from wayfare.store.store import Store
from wayfare.store.wanted import DELIVERIES, WEBHOOKS
from wayfare.systems.testing import free_port

HERE = for_calls(on_loopback=True)


class Receiver(ThreadingHTTPServer):
    """Keeps what it is told; answers with `status`."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        super().__init__((host, 0), Hears)
        self.host = host
        self.status = 204
        self.heard: list[tuple[dict[str, str], str]] = []
        self.attempts = 0

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.server_port}/hook"

    def numbers(self) -> list[int]:
        return [json.loads(body)["data"]["n"] for _, body in self.heard]


class Hears(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        self.server.attempts += 1
        if self.server.status < 300:
            self.server.heard.append(({k.lower(): v for k, v in self.headers.items()}, body))
        self.send_response(self.server.status)
        self.send_header("location", "http://127.0.0.1:1/")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        return


def receiving(host: str = "127.0.0.1") -> AbstractContextManager[Receiver]:
    return listening(Receiver(host))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as server:
        yield server


@pytest.fixture
def telling(store: Store) -> Iterator[None]:
    with Scheduler(store, POLICIES, look_seconds=0.05):
        yield


def publish(store: Store, *numbers: int, topic: str = "run.succeeded") -> None:
    for number in numbers:
        with store.write() as transaction:
            store.publish(transaction, topic, f"subject-{number}", {"n": number})


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


def hurry(store: Store) -> None:
    """The next attempt is now."""
    with store.everywhere.write() as transaction:
        waiting = sa.and_(DELIVERIES.c.state == "waiting", DELIVERIES.c.lease_until == 0.0)
        transaction.execute(sa.update(DELIVERIES).where(waiting).values(next_at=0.0))


def test_the_signature_of_the_specification() -> None:
    """The example that libraries of Standard Webhooks test themselves with."""
    key = Redacted("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    text = 'msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}'
    assert hooks.signed(key, text) == "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_table_of_attempts() -> None:
    waits = [hooks.wait_before(attempt) for attempt in range(1, 10)]
    assert waits == [0, 5, 300, 1800, 7200, 18000, 36000, 36000, None]


def test_what_is_wanted() -> None:
    assert hooks.wants([], "anything")
    assert hooks.wants(["schedule.*", "run.*"], "run.failed")
    assert not hooks.wants(["run.failed"], "run.succeeded")


def test_messages_come_once_signed_and_in_order(store: Store, receiver: Receiver, telling: None) -> None:
    publish(store, 99)  # from before it was there
    _, key = webhooks.create(store, LOCAL, receiver.url, ["run.*"], HERE)
    publish(store.of("acme"), 98)  # another tenant's
    publish(store, *range(10))
    publish(store, 97, topic="schedule.created")
    until(lambda: len(receiver.heard) == 10)
    assert receiver.numbers() == list(range(10))
    assert len({headers["webhook-id"] for headers, _ in receiver.heard}) == 10
    raw = base64.b64decode(key.reveal().removeprefix("whsec_"))
    for headers, body in receiver.heard:
        said = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body}".encode()
        expected = base64.b64encode(hmac.new(raw, said, hashlib.sha256).digest()).decode()
        assert headers["webhook-signature"] == f"v1,{expected}"
        assert abs(time.time() - int(headers["webhook-timestamp"])) < 60
        assert json.loads(body).keys() == {"type", "timestamp", "data"}
    assert json.loads(receiver.heard[3][1])["data"] == {"id": "subject-3", "n": 3}


def test_a_receiver_that_was_down_hears_all_once_and_in_order(store: Store, receiver: Receiver, telling: None) -> None:
    receiver.status = 503
    made, _ = webhooks.create(store, LOCAL, receiver.url, [], HERE)
    publish(store, *range(5))
    until(lambda: receiver.attempts == 1)
    until(lambda: "503" in webhooks.deliveries(store, made.number)[0]["reason"])
    (first,) = webhooks.deliveries(store, made.number)  # the others wait behind it
    assert 0 < first["next_at"] - time.time() <= 5
    hurry(store)
    until(lambda: receiver.attempts == 2)
    receiver.status = 204
    until(lambda: hurry(store) or len(receiver.heard) == 5)
    assert receiver.numbers() == list(range(5))
    until(lambda: [d["state"] for d in webhooks.deliveries(store, made.number)] == ["delivered"] * 5)


def test_dead_letters_let_the_next_pass_and_can_be_replayed(store: Store, receiver: Receiver, telling: None) -> None:
    receiver.status = 302  # no redirect is followed
    made, _ = webhooks.create(store, LOCAL, receiver.url, [], HERE)
    publish(store, 0)
    until(lambda: hurry(store) or [d["state"] for d in webhooks.deliveries(store, made.number)] == ["dead"])
    assert receiver.attempts == len(hooks.WAITS_SECONDS)
    receiver.status = 200
    publish(store, 1)
    until(lambda: receiver.numbers() == [1])
    assert webhooks.replay(store, LOCAL, made.number) == 1
    until(lambda: receiver.numbers() == [1, 0])
    with pytest.raises(Conflict, match="no dead letters"):
        webhooks.replay(store, LOCAL, made.number)


class Mailbox:
    def __init__(self) -> None:
        self.mails: list[Any] = []
        self.refusals = 0

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.refusals:
            self.refusals -= 1
            return "451 later"
        self.mails.append((envelope.rcpt_tos, message_from_bytes(envelope.content)))
        return "250 OK"


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, Redacted]]:
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield box, Redacted(f"smtp://127.0.0.1:{controller.port}?from=wayfare@example.com")
    controller.stop()


def test_notices_go_by_mail(store: Store, mailbox: tuple[Mailbox, Redacted]) -> None:
    box, smtp = mailbox
    box.refusals = 1
    made, _ = webhooks.create(store, LOCAL, "mailto:ops@example.com", ["run.failed"], HERE)
    with Scheduler(store, replace(POLICIES, smtp=smtp), look_seconds=0.05):
        publish(store, 1, topic="run.succeeded")
        publish(store, 2, topic="run.failed")
        until(lambda: [d["reason"] for d in webhooks.deliveries(store, made.number)][:1] not in ([], [""]))
        assert "451" in webhooks.deliveries(store, made.number)[0]["reason"]
        until(lambda: hurry(store) or box.mails)
        until(lambda: webhooks.deliveries(store, made.number)[0]["state"] == "delivered")
    ((to, notice),) = box.mails
    assert to == ["ops@example.com"]
    assert notice["Subject"] == "Wayfare: run.failed"
    assert "id: subject-2" in notice.get_payload()
    assert webhooks.deliveries(store, made.number)[0]["id"] in notice["Message-ID"]


@pytest.mark.parametrize("url", ["mailto:", "mailto:x", "mailto:a@b,c@d", "mailto:a@b?cc=c@d", "mailto:a@b%0aBcc:c@d"])
def test_one_address_and_nothing_else(store: Store, url: str) -> None:
    with pytest.raises(Invalid, match="one e-mail address"):
        webhooks.create(store, LOCAL, url, [], HERE)


def test_a_password_is_not_sent_in_the_clear(mailbox: tuple[Mailbox, Redacted]) -> None:
    _, smtp = mailbox
    server = mail.server_of(Redacted(smtp.reveal().replace("//", "//me:canary@")))
    with pytest.raises(Refused, match="no TLS") as refused:
        mail.send(server, "ops@example.com", "s", "t", "m")
    assert "canary" not in str(refused.value)


def test_keys_are_sealed_and_places_checked(store: Store) -> None:
    _, key = webhooks.create(store, LOCAL, "http://127.0.0.1:1/x", [], HERE)
    with store.everywhere.read() as transaction:
        assert key.reveal() not in str(transaction.execute(sa.select(WEBHOOKS)).all())
    for url in ("http://169.254.169.254/", "http://10.0.0.1/", "file:///etc/passwd", "http://u:p@127.0.0.1/"):
        with pytest.raises(Invalid):
            webhooks.create(store, LOCAL, url, [], HERE)
    with pytest.raises(Invalid):
        webhooks.create(store, LOCAL, "http://127.0.0.1:1/x", ["DROP TABLE"], HERE)
    webhooks.remove(store, LOCAL, 1)
    assert webhooks.everyone(store) == []
