"""Webhooks: who is told of changes, and where. Their keys are shown once, when they are made."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wayfare.access.egress import Policy, check_url
from wayfare.control import hooks, mail
from wayfare.core.errors import Conflict
from wayfare.core.principal import Principal
from wayfare.core.redacted import Redacted
from wayfare.store.deliveries import Deliveries, newest_sequence
from wayfare.store.shelf import Record, Shelf
from wayfare.store.store import Store
from wayfare.store.wanted import WEBHOOKS

SHOWN = 20


@dataclass(frozen=True, slots=True)
class Webhook:
    id: str
    number: int
    url: str
    topics: tuple[str, ...]  # patterns; none: everything
    created_at: float

    def to_json(self) -> dict[str, Any]:
        return {"id": self.id, "number": self.number, "url": self.url, "topics": list(self.topics)}


def create(
    store: Store, principal: Principal, url: str, topics: Sequence[str], policy: Policy
) -> tuple[Webhook, Redacted]:
    """(webhook, its key). It hears of what happens from now on. Raises Invalid, AddressRefused.

    A `mailto:` URL is told by e-mail, which nobody signs.
    """
    kind = "mail" if url.startswith(mail.SCHEME) else "http"
    if kind == "mail":
        mail.recipient(url)
    else:
        check_url(url, policy)
    hooks.check_topics(list(topics))
    key = hooks.new_key()
    values = {"kind": kind, "url": url, "topics": json.dumps(list(topics)), "seen": newest_sequence(store)}
    with store.write() as transaction:
        made = Shelf(store, WEBHOOKS).add(transaction, values, secret=key.reveal())
        store.audit(transaction, principal, "webhooks.create", made["id"], details={"url": url})
    return webhook_from(made), key


def everyone(store: Store) -> Sequence[Webhook]:
    return [webhook_from(record) for record in Shelf(store, WEBHOOKS).find()]


def remove(store: Store, principal: Principal, reference: str | int) -> None:
    """With what is still to be delivered. Raises NotFound."""
    shelf = Shelf(store, WEBHOOKS)
    record = shelf.get(reference)
    with store.write() as transaction:
        shelf.remove(transaction, record)
        Deliveries(store.everywhere).forget(transaction, record["id"])
        store.audit(transaction, principal, "webhooks.remove", record["id"], details={"url": record["url"]})


def deliveries(store: Store, reference: str | int, limit: int = SHOWN) -> Sequence[Mapping[str, Any]]:
    """The newest first: topic, state (waiting, delivered, dead), attempts, reason."""
    return Deliveries(store.everywhere).of(store, Shelf(store, WEBHOOKS).get(reference)["id"], limit)


def replay(store: Store, principal: Principal, reference: str | int) -> int:
    """Deliver the dead letters after all, oldest first; gives how many. Raises Conflict where there is none."""
    record = Shelf(store, WEBHOOKS).get(reference)
    with store.write() as transaction:
        count = Deliveries(store.everywhere).revive(transaction, record["id"])
        if not count:
            raise Conflict("it has no dead letters.", where="webhook", remedy="Nothing is to be done.")
        store.audit(transaction, principal, "webhooks.replay", record["id"], details={"count": count})
    return count


def webhook_from(record: Record) -> Webhook:
    topics = tuple(json.loads(record["topics"]))
    return Webhook(record["id"], record["number"], record["url"], topics, record["created_at"])
