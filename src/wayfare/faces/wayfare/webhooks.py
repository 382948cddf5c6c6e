"""Webhooks: who is told what happens, what became of each message, and telling again what did not arrive."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field, StringConstraints

from wayfare.access.rates import Limit
from wayfare.control import delivering
from wayfare.control import webhooks as control
from wayfare.faces.http.access import access
from wayfare.faces.http.allowances import Allowed
from wayfare.faces.http.callers import Caller, Needs
from wayfare.faces.http.threads import OneThread
from wayfare.faces.http.versions import etag, expected
from wayfare.faces.wayfare.shapes import Shape, Text

DELIVERIES_MAX = 200
TESTS = Limit(30)  # of one caller, in a minute: each opens a socket to wherever the webhook leads

Reads = Annotated[Caller, Depends(Needs("webhooks.read"))]
Writes = Annotated[Caller, Depends(Needs("webhooks.write"))]
Topic = Annotated[str, StringConstraints(min_length=1, max_length=100)]
State = Literal["waiting", "delivered", "dead"]

router = APIRouter(tags=["webhooks"], route_class=OneThread)


class WebhookBody(Shape):
    url: Annotated[Text, Field(min_length=1, description="Where it is told: https://…, http://…, or mailto:…")]
    topics: list[Topic] = Field(
        default=[], max_length=100, description="Patterns, such as run.failed or schedule.*; none: everything."
    )


class WebhookAnswer(Shape):
    id: str
    number: int
    version: int
    url: str
    topics: list[str]
    created_at: float
    updated_at: float


class KeyedAnswer(Shape):
    webhook: WebhookAnswer
    key: str = Field(description='Signs what it is told, and is not shown again. "" for mail, which nobody signs.')


class WebhooksAnswer(Shape):
    webhooks: list[WebhookAnswer]


class TriedAnswer(Shape):
    arrived: bool
    reason: str = Field(description='Why it has not; "" where it has.')


class DeliveryAnswer(Shape):
    id: str = Field(description="The header `webhook-id` of each attempt.")
    sequence: int
    topic: str
    state: State = Field(description="dead: given up after the last attempt, until it is replayed.")
    attempts: int
    reason: str = Field(description="How the last attempt was answered, where it did not arrive.")
    next_at: float | None = Field(description="When it is tried again, where it waits.")
    created_at: float
    ended_at: float | None


class DeliveriesAnswer(Shape):
    deliveries: list[DeliveryAnswer]


class ReplayAnswer(Shape):
    waiting: int = Field(description="How many will be tried again.")


@router.get("/api/webhooks")
def list_webhooks(caller: Reads) -> WebhooksAnswer:
    """In the order they were made, without their keys."""
    return WebhooksAnswer(webhooks=[_answer(found) for found in control.everyone(caller.store)])


@router.post("/api/webhooks", status_code=201)
def add_webhook(body: WebhookBody, caller: Writes, request: Request, response: Response) -> KeyedAnswer:
    """It hears of what happens from now on. Its key is in this answer only."""
    control.check_sender(body.url, access(request).smtp)
    made, key = control.create(caller.store, caller.principal, body.url, body.topics, access(request).calls)
    response.headers["location"] = f"/api/webhooks/{made.number}"
    return KeyedAnswer(webhook=_answer(made, response), key="" if made.by_mail else key.reveal())


@router.get("/api/webhooks/{webhook}")
def show_webhook(webhook: str, caller: Reads, response: Response) -> WebhookAnswer:
    """By number or id."""
    return _answer(control.get(caller.store, webhook), response)


@router.put("/api/webhooks/{webhook}")
def change_webhook(
    webhook: str, body: WebhookBody, caller: Writes, request: Request, response: Response
) -> WebhookAnswer:
    """What still waits goes to the new URL. The key stays."""
    control.check_sender(body.url, access(request).smtp)
    policy, version = access(request).calls, expected(request)
    changed = control.update(caller.store, caller.principal, webhook, body.url, body.topics, policy, version)
    return _answer(changed, response)


@router.delete("/api/webhooks/{webhook}", status_code=204)
def remove_webhook(webhook: str, caller: Writes) -> None:
    """With what is still to be delivered."""
    control.remove(caller.store, caller.principal, webhook)


@router.post("/api/webhooks/{webhook}/test", dependencies=[Depends(Allowed("webhooks.test", TESTS))])
def test_webhook(webhook: str, caller: Writes, request: Request) -> TriedAnswer:
    """Tell it `webhook.test`, now and once. 200 also when that does not arrive: `arrived` tells."""
    ways = delivering.Ways(access(request).calls, access(request).smtp)
    problem = delivering.test(caller.store, webhook, ways)
    return TriedAnswer(arrived=not problem, reason=problem)


@router.post("/api/webhooks/{webhook}/rotate")
def rotate_key(webhook: str, caller: Writes, request: Request, response: Response) -> KeyedAnswer:
    """Another key, in this answer only. The one before signs nothing any more."""
    changed, key = control.rotate(caller.store, caller.principal, webhook, expected(request))
    return KeyedAnswer(webhook=_answer(changed, response), key=key.reveal())


@router.get("/api/webhooks/{webhook}/deliveries")
def list_deliveries(
    webhook: str,
    caller: Reads,
    state: Annotated[State | None, Query(description="Only those; `dead` are the dead letters.")] = None,
    limit: Annotated[int, Query(ge=1, le=DELIVERIES_MAX)] = control.SHOWN,
    before: Annotated[int | None, Query(ge=1, le=2**62, description="Only those with a smaller sequence.")] = None,
) -> DeliveriesAnswer:
    """Newest first."""
    found = control.deliveries(caller.store, webhook, limit, state or "", before)
    return DeliveriesAnswer(deliveries=[DeliveryAnswer(**_delivery(one)) for one in found])


@router.post("/api/webhooks/{webhook}/replay")
def replay_dead_letters(webhook: str, caller: Writes) -> ReplayAnswer:
    """Deliver all dead letters after all, oldest first. 409 where there is none."""
    return ReplayAnswer(waiting=control.replay(caller.store, caller.principal, webhook))


@router.post("/api/webhooks/{webhook}/deliveries/{delivery}/replay")
def replay_one(webhook: str, delivery: str, caller: Writes) -> ReplayAnswer:
    """Deliver that dead letter after all. 409 where it is none."""
    return ReplayAnswer(waiting=control.replay(caller.store, caller.principal, webhook, delivery))


def _answer(found: control.Webhook, response: Response | None = None) -> WebhookAnswer:
    if response is not None:
        response.headers["etag"] = etag(found.version)
    return WebhookAnswer.model_validate(found.to_json())


def _delivery(record: Any) -> dict[str, Any]:
    kept = {name: record[name] for name in DeliveryAnswer.model_fields}
    return kept | {"next_at": record["next_at"] if record["state"] == "waiting" else None}
