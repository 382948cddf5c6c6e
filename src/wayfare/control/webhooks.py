"""Webhooks: who is told of changes, and where. Their keys are shown once, when they are made."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wayfare.access.egress import Policy, check_url
from wayfare.control import hooks, mail
from wayfare.core.errors import Conflict, Invalid, NotFound
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
    version: int
    url: str
    topics: tuple[str, ...]  # patterns; none: everything
    created_at: float
    updated_at: float

    @property
    def by_mail(self) -> bool:
        return self.url.startswith(mail.SCHEME)

    def to_json(self) -> dict[str, Any]:
        same = ("id", "number", "version", "url", "created_at", "updated_at")
        return {**{name: getattr(self, name) for name in same}, "topics": list(self.topics)}


def check_sender(url: str, smtp: Redacted) -> None:
    """Raises Invalid for mail where nobody sends it: it would be noticed when something has gone wrong."""
    if not url.startswith(mail.SCHEME):
        return
    if not smtp:
        remedy = "Set WAYFARE_SMTP where Wayfare runs, or give an https:// URL."
        raise Invalid("no mail is sent from here.", where="url", remedy=remedy)
    mail.server_of(smtp)


def create(
    store: Store, principal: Principal, url: str, topics: Sequence[str], policy: Policy
) -> tuple[Webhook, Redacted]:
    """(webhook, its key). It hears of what happens from now on. Raises Invalid, AddressRefused.

    A `mailto:` URL is told by e-mail, which nobody signs.
    """
    values = {**_checked(url, topics, policy), "seen": newest_sequence(store)}
    key = hooks.new_key()
    with store.write() as transaction:
        made = Shelf(store, WEBHOOKS).add(transaction, values, secret=key.reveal())
        store.audit(transaction, principal, "webhooks.create", made["id"], details={"url": url})
    return webhook_from(made), key


def everyone(store: Store) -> Sequence[Webhook]:
    return [webhook_from(record) for record in Shelf(store, WEBHOOKS).find()]


def get(store: Store, reference: str | int) -> Webhook:
    """By number or id. Raises NotFound."""
    return webhook_from(Shelf(store, WEBHOOKS).get(reference))


def update(
    store: Store,
    principal: Principal,
    reference: str | int,
    url: str,
    topics: Sequence[str],
    policy: Policy,
    expected_version: int | None = None,
) -> Webhook:
    """What waits goes to the new URL, signed with the key as it is. Raises NotFound, Invalid, AddressRefused, Stale."""
    shelf = Shelf(store, WEBHOOKS)
    record, values = shelf.get(reference), _checked(url, topics, policy)
    with store.write() as transaction:
        changed = shelf.change(transaction, record, values, expected_version=expected_version)
        details = {"url": url, "before": record["url"]}
        store.audit(transaction, principal, "webhooks.update", record["id"], details=details)
    return webhook_from(changed)


def rotate(
    store: Store, principal: Principal, reference: str | int, expected_version: int | None = None
) -> tuple[Webhook, Redacted]:
    """(webhook, its new key). What leaves from now on is signed with that. Raises NotFound, Stale, Conflict."""
    shelf, key = Shelf(store, WEBHOOKS), hooks.new_key()
    record = shelf.get(reference)
    if webhook_from(record).by_mail:
        raise Conflict("it is told by e-mail, which nobody signs.", where="webhook", remedy="Nothing is to be done.")
    with store.write() as transaction:
        changed = shelf.change(transaction, record, {}, secret=key.reveal(), expected_version=expected_version)
        store.audit(transaction, principal, "webhooks.rotate", record["id"], details={"url": record["url"]})
    return webhook_from(changed), key


def remove(store: Store, principal: Principal, reference: str | int) -> None:
    """With what is still to be delivered. Raises NotFound."""
    shelf = Shelf(store, WEBHOOKS)
    record = shelf.get(reference)
    with store.write() as transaction:
        shelf.remove(transaction, record)
        Deliveries(store.everywhere).forget(transaction, record["id"])
        store.audit(transaction, principal, "webhooks.remove", record["id"], details={"url": record["url"]})


def deliveries(
    store: Store, reference: str | int, limit: int = SHOWN, state: str = "", before: int | None = None
) -> Sequence[Mapping[str, Any]]:
    """The newest first: sequence, topic, state (waiting, delivered, dead), attempts, reason. Raises NotFound."""
    webhook = Shelf(store, WEBHOOKS).get(reference)["id"]
    return Deliveries(store.everywhere).of(store, webhook, limit, state, before)


def replay(store: Store, principal: Principal, reference: str | int, delivery: str = "") -> int:
    """Deliver the dead letters after all, oldest first, or that one; gives how many.

    Raises Conflict where there is nothing to replay, NotFound.
    """
    record, kept = Shelf(store, WEBHOOKS).get(reference), Deliveries(store.everywhere)
    with store.write() as transaction:
        count = kept.revive(transaction, record["id"], delivery)
        if not count and delivery and not kept.has(transaction, record["id"], delivery):
            remedy = "Take the id of one of the webhook's deliveries."
            raise NotFound(f"there is no delivery {delivery[:80]!r}.", where="delivery", remedy=remedy)
        if not count:
            told = "it is no dead letter." if delivery else "it has no dead letters."
            where = "delivery" if delivery else "webhook"
            raise Conflict(told, where=where, remedy="Nothing is to be done.")
        details = {"count": count} | ({"delivery": delivery} if delivery else {})
        store.audit(transaction, principal, "webhooks.replay", record["id"], details=details)
    return count


def webhook_from(record: Record) -> Webhook:
    same = ("id", "number", "version", "url", "created_at", "updated_at")
    return Webhook(topics=tuple(json.loads(record["topics"])), **{name: record[name] for name in same})


def _checked(url: str, topics: Sequence[str], policy: Policy) -> dict[str, Any]:
    """The columns that people choose. Raises Invalid, AddressRefused."""
    by_mail = url.startswith(mail.SCHEME)
    if by_mail:
        mail.recipient(url)
    else:
        check_url(url, policy)
    hooks.check_topics(list(topics))
    return {"kind": "mail" if by_mail else "http", "url": url, "topics": json.dumps(list(topics))}
