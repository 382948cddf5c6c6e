"""Telling webhooks: each in the order of what happened, tried again by the table, given up after its end."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import httpx2

from wayfare.access.calls import client
from wayfare.access.egress import Policy
from wayfare.control import hooks, mail
from wayfare.core.errors import WayfareError
from wayfare.core.ids import new_run_id
from wayfare.core.redacted import Redacted
from wayfare.store.deliveries import Deliveries
from wayfare.store.outbox import Publication
from wayfare.store.shelf import Record, Shelf
from wayfare.store.store import Store
from wayfare.store.wanted import WEBHOOKS

POST_SECONDS = 20.0  # the specification says 15 to 30
REASON_CHARACTERS_MAX = 300


def waiting(everywhere: Store) -> Sequence[Record]:
    """The webhooks that have something to hear."""
    return Deliveries(everywhere).webhooks()


@dataclass(frozen=True, slots=True)
class Ways:
    """How messages leave this process."""

    calls: Policy
    smtp: Redacted


def deliver(everywhere: Store, webhook: Record, ways: Ways) -> None:
    """One message after another, until none is due or one does not arrive.

    Each goes where the webhook leads by then, under its key of then: both may change between two messages.
    """
    deliveries, shelf = Deliveries(everywhere), Shelf(everywhere.of(webhook["tenant"]), WEBHOOKS)
    while found := shelf.find(1, id=webhook["id"]):
        webhook = found[0]
        delivery = deliveries.next(webhook, partial(_body, json.loads(webhook["topics"])), time.time())
        if delivery is None:
            return
        problem = sent(ways, webhook, Redacted(shelf.secret(webhook)), delivery["id"], delivery["body"])
        if not problem:
            deliveries.settle(delivery, "delivered", "", 0.0)
            continue
        wait = hooks.wait_before(delivery["attempts"] + 1)
        if wait is None:
            deliveries.settle(delivery, "dead", problem, 0.0)
        else:
            deliveries.settle(delivery, "waiting", problem, time.time() + wait)
            return


def test(store: Store, reference: str | int, ways: Ways) -> str:
    """Tell a webhook `webhook.test`, now and once. What was wrong; "" when it has arrived. Raises NotFound."""
    shelf = Shelf(store, WEBHOOKS)
    record = shelf.get(reference)
    body = hooks.message("webhook.test", record["id"], {}, time.time())
    return sent(ways, record, Redacted(shelf.secret(record)), f"msg_{new_run_id()}", body)


def sent(ways: Ways, webhook: Record, key: Redacted, id_: str, body: str) -> str:
    """What was wrong; "" when it has arrived."""
    if webhook["kind"] == "mail":
        return mailed(ways.smtp, webhook["url"], id_, body)
    return post(ways.calls, webhook["url"], key, id_, body)


def mailed(smtp: Redacted, url: str, id_: str, body: str) -> str:
    """What was wrong; "" when the mail server has it."""
    told = json.loads(body)
    text = "\n".join(f"{name}: {value}" for name, value in (*told["data"].items(), ("at", told["timestamp"])))
    try:
        mail.send(mail.server_of(smtp), mail.recipient(url), f"Wayfare: {told['type']}", f"{text}\n", id_)
    except WayfareError as error:
        return str(error)[:REASON_CHARACTERS_MAX]
    return ""


def post(policy: Policy, url: str, key: Redacted, id_: str, body: str) -> str:
    """What was wrong; "" when it has arrived. Redirects are no arrival: nobody is told what they did not ask for."""
    try:
        with client(policy) as http:
            answer = http.post(
                url, content=body, headers=hooks.headers(key, id_, body, time.time()), timeout=POST_SECONDS
            )
    except WayfareError as error:
        return str(error)[:REASON_CHARACTERS_MAX]
    except httpx2.HTTPError as error:
        return f"it does not answer: {type(error).__name__}."
    return "" if answer.is_success else f"it answers with status {answer.status_code}."


def _body(topics: list[str], told: Publication) -> str | None:
    return hooks.message(told.topic, told.subject, told.data, told.at) if hooks.wants(topics, told.topic) else None
