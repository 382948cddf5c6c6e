"""A wanted copy as JSON, to be kept and carried out later: what to do in the clear, where to do it sealed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from wayfare.control.connections import address_of
from wayfare.copy.request import CopyRequest
from wayfare.core.address import SIGN
from wayfare.core.plan import Json
from wayfare.core.ports import Mode
from wayfare.store.store import Store

ENDS = ("source", "target")
_LISTS = ("tables", "exclude", "allow_loss", "masks")


def ends_of(request: CopyRequest, named: Mapping[str, str] | None = None) -> str:
    """Both ends as JSON with secrets, to be sealed. `named` holds the `@name` of an end that is a saved connection.

    A saved connection is kept by its name, so that a password changed there is changed here.
    """
    named = named or {}
    return json.dumps({end: named.get(end) or getattr(request, end).url(reveal=True) for end in ENDS})


def plain(request: CopyRequest, named: Mapping[str, str] | None = None) -> Json:
    """The whole request for people, without secrets."""
    return {**request.to_json(), **{k: v for k, v in (named or {}).items() if v.startswith(SIGN)}}


def request_from(store: Store, wanted: Mapping[str, Any], ends: str) -> CopyRequest:
    """The request again. Raises NotFound for a saved connection that is gone."""
    kept = json.loads(ends)
    source, target = (address_of(store, kept[end], end) for end in ENDS)
    fields: dict[str, Any] = {k: tuple(v) if k in _LISTS else v for k, v in wanted.items() if k not in ENDS}
    return CopyRequest(source=source, target=target, **{**fields, "mode": Mode(fields["mode"])})
