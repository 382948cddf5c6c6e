"""POST with `Idempotency-Key`: however often it is sent, it is carried out once, and answered alike.

The key is bound to the caller and to the whole request; the same key with another request is refused (422). Requests
that come while the first is at work wait for its answer. Answers that tell of a fault of ours (5xx), or of a limit
(429), are not kept: the same request may then be tried again.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import anyio

from wayfare.core.errors import Conflict, Invalid
from wayfare.core.principal import Principal
from wayfare.faces.http.errors import KeyReused
from wayfare.faces.http.headers import Asgi, Message, Receive, Scope, Send
from wayfare.faces.http.threads import quickly
from wayfare.store.answers import Answers
from wayfare.store.store import Store

HEADER = b"idempotency-key"
SANE_KEY = re.compile(rb"[!-~]{1,255}")  # visible ASCII, as draft-ietf-httpapi-idempotency-key-header has it
WAIT_SECONDS = 60.0
LOOK_SECONDS = 0.05
OF_CONNECTIONS = frozenset({b"connection", b"keep-alive", b"transfer-encoding", b"date", b"x-request-id"})
NOT_KEPT = frozenset({408, 413, 429})


@dataclass(slots=True)
class Answer:
    """An answer, held back until it is kept."""

    messages: list[Message] = field(default_factory=list)

    async def send(self, message: Message) -> None:
        self.messages.append(message)

    @property
    def status(self) -> int:
        return int(self.messages[0]["status"])

    def as_text(self) -> str:
        headers = [
            [bytes(n).decode("latin-1"), bytes(v).decode("latin-1")]
            for n, v in self.messages[0].get("headers", ())
            if bytes(n).lower() not in OF_CONNECTIONS
        ]
        body = b"".join(m.get("body", b"") for m in self.messages[1:])
        return json.dumps({"status": self.status, "headers": headers, "body": base64.b64encode(body).decode()})


class Idempotent:
    """ASGI middleware, inside `Identified`. Without a caller there is nobody to bind a key to; it is left out then."""

    def __init__(self, app: Asgi, store: Store) -> None:
        self._app = app
        self._store = store

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = _key(scope)
        caller: Principal | None = scope.get("wayfare.caller")
        if not key or caller is None:
            await self._app(scope, receive, send)
            return
        if not SANE_KEY.fullmatch(key):
            raise Invalid(
                "this key cannot be used.", where="Idempotency-Key", remedy="Send 1 to 255 visible characters."
            )
        body = await _whole(receive)
        digest = _digest(scope, body)
        answers = Answers(self._store.of(caller.tenant))
        name = key.decode()
        kept = await self._claimed(answers, caller.user, name, digest)
        if kept:
            await _replay(kept, send)
            return
        await self._carry_out(scope, body, send, answers, caller.user, name)

    async def _claimed(self, answers: Answers, principal: str, key: str, digest: str) -> str:
        """ "" when it is ours to carry out, else the answer that another request got. Raises KeyReused, Conflict."""
        until = time.monotonic() + WAIT_SECONDS
        while kept := await quickly(answers.claim, principal, key, digest):
            if kept.digest != digest:
                raise KeyReused(
                    "this key was sent with another request.",
                    where="Idempotency-Key",
                    remedy="Use a new key for each new request, and the same one only to repeat a request as it was.",
                )
            if kept.answer:
                return kept.answer
            if time.monotonic() > until:
                raise Conflict(
                    "the first request with this key is still at work.",
                    where="Idempotency-Key",
                    remedy="Send the same request again later.",
                )
            await anyio.sleep(LOOK_SECONDS)
        return ""

    async def _carry_out(
        self, scope: Scope, body: bytes, send: Send, answers: Answers, principal: str, key: str
    ) -> None:
        """Kept before it is sent: whoever has seen an answer will see it again."""
        given = Answer()
        keep = False
        try:
            await self._app(scope, _once(body), given.send)
            keep = bool(given.messages) and given.status < 500 and given.status not in NOT_KEPT
        finally:
            with anyio.CancelScope(shield=True):
                if keep:
                    await quickly(answers.keep, principal, key, given.as_text())
                else:
                    await quickly(answers.release, principal, key)
        for message in given.messages:
            await send(message)


def _key(scope: Scope) -> bytes:
    if scope["type"] != "http" or scope["method"] != "POST":
        return b""
    return next((bytes(v) for k, v in scope["headers"] if k == HEADER), b"")


async def _whole(receive: Receive) -> bytes:
    """The body; at most what BodyLimit lets through."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b"".join(parts)
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _once(body: bytes) -> Receive:
    """A `receive` that gives the body, and then waits: whoever listens for the client's leaving must not hear of it,
    as the work is to be done all the same."""
    given = False

    async def receive() -> Message:
        nonlocal given
        if given:
            await anyio.sleep_forever()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _digest(scope: Scope, body: bytes) -> str:
    media = next((bytes(v) for k, v in scope["headers"] if k == b"content-type"), b"")
    parts: Sequence[bytes] = (scope["method"].encode(), scope["path"].encode(), scope["query_string"], media, body)
    return hashlib.sha256(b"\0".join(len(p).to_bytes(8, "big") + p for p in parts)).hexdigest()


async def _replay(text: str, send: Send) -> None:
    kept = json.loads(text)
    headers = [(n.encode("latin-1"), v.encode("latin-1")) for n, v in kept["headers"]]
    headers.append((b"idempotency-replayed", b"true"))
    await send({"type": "http.response.start", "status": kept["status"], "headers": headers})
    await send({"type": "http.response.body", "body": base64.b64decode(kept["body"])})
