"""Records page by page, in the order of their ids, each with all the fields that are wanted.

Zoho gives 200 records of at most 50 fields at a time, and each page tells the token of the next. The order by id makes
the chain whole: a record that is there all along is on exactly one page, whatever happens to others meanwhile.

Further fields are asked for by the ids of a page. A record may change between the two answers, so each of them also
tells its Modified_Time, and records that differ there are asked for anew until all their fields are of one moment.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wayfare.core.errors import Busy, Refused
from wayfare.systems.databases.zoho.client import VERSION, Answer, Client
from wayfare.systems.databases.zoho.errors import BY_EXPORT
from wayfare.systems.databases.zoho.window import MODIFIED

FIELDS_MAX = 50
RECORDS_MAX = 200
IDS_MAX = 100
CHANGED_TRIES_MAX = 6

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    records: list[Record]
    size: int  # bytes, as they came
    now: dt.datetime | None  # the server's clock


@dataclass(frozen=True, slots=True)
class Module:
    """What is read: `path` is the module's API name."""

    path: str
    fields: tuple[str, ...]  # without id, which always comes
    timed: bool = False  # has it a Modified_Time?
    states: tuple[str, ...] = ()  # in which its records may be and are only shown to those who ask: converted, approved

    def groups(self) -> list[tuple[str, ...]]:
        """The fields in groups that one request may ask for; each but an only one also with Modified_Time."""
        if len(self.fields) <= FIELDS_MAX:
            return [self.fields or ("id",)]
        marks = (MODIFIED,) if self.timed else ()
        fields = [f for f in self.fields if f not in marks]
        room = FIELDS_MAX - len(marks)
        return [(*fields[i : i + room], *marks) for i in range(0, len(fields), room)]

    def parameters(self, fields: Sequence[str]) -> dict[str, str | int]:
        """Records that wait for an approval, and leads that became contacts, are records too."""
        return {"fields": ",".join(fields), **dict.fromkeys(self.states, "both")}


def pages(client: Client, module: Module, since: str = "") -> Iterator[Page]:
    """Every record once; with `since`, only those modified at that time or later. Raises Busy when pages overlap."""
    first, *more = module.groups()
    seen: set[str] = set()
    for answer in _chain(client, module, first, since):
        records = answer.body.get("data") or []
        size = answer.size
        if more and records:
            records, further = _completed(client, module, records, (first, *more))
            size += further
        ids = {str(r["id"]) for r in records}
        if len(ids) < len(records) or not seen.isdisjoint(ids):
            raise Busy(f"pages of {module.path} overlap.", remedy="It is tried again.", where=client.options.api_domain)
        seen |= ids
        yield Page(records, size, answer.now)


def users(client: Client) -> Iterator[Page]:
    """Everybody who is or was a user: records keep them as owners."""
    seen: set[str] = set()
    for kind in ("AllUsers", "DeletedUsers"):
        number, more = 1, True
        while more:
            asked: dict[str, str | int] = {"type": kind, "page": number, "per_page": RECORDS_MAX}
            answer = client.get(f"/{VERSION}/users", asked)
            new = [u for u in answer.body.get("users") or [] if u["id"] not in seen]
            seen |= {u["id"] for u in new}
            yield Page(new, answer.size, answer.now)
            number, more = number + 1, bool((answer.body.get("info") or {}).get("more_records"))


def whole(client: Client, module: Module, ids: Sequence[str]) -> dict[str, Record]:
    """Records by their ids, with all fields of one moment; those that still exist."""
    first, *more = module.groups()
    found, _ = by_ids(client, module, first, ids)
    if not more or not found:
        return found
    completed, _ = _completed(client, module, list(found.values()), (first, *more))
    return {str(r["id"]): r for r in completed}


def by_ids(client: Client, module: Module, fields: Sequence[str], ids: Sequence[str]) -> tuple[dict[str, Record], int]:
    """The records that still exist, and how many bytes they came in."""
    found: dict[str, Record] = {}
    size = 0
    for start in range(0, len(ids), IDS_MAX):
        asked = {**module.parameters(fields), "ids": ",".join(ids[start : start + IDS_MAX]), "per_page": RECORDS_MAX}
        answer = client.get(f"/{VERSION}/{module.path}", asked)
        size += answer.size
        found.update({str(r["id"]): r for r in answer.body.get("data") or []})
    return found, size


def _chain(client: Client, module: Module, fields: Sequence[str], since: str) -> Iterator[Answer]:
    asked = {**module.parameters(fields), "per_page": RECORDS_MAX, "sort_by": "id", "sort_order": "asc"}
    headers = {"If-Modified-Since": since} if since else {}
    while True:
        answer = client.get(f"/{VERSION}/{module.path}", asked, headers)
        yield answer
        info: Mapping[str, Any] = answer.body.get("info") or {}
        if not info.get("more_records"):
            return
        if not info.get("next_page_token"):
            message = f"Zoho gives no more records of {module.path} by pages, and there are more."
            raise Refused(message, remedy=BY_EXPORT, where=client.options.api_domain)
        asked = {**asked, "page_token": str(info["next_page_token"])}


def _completed(
    client: Client, module: Module, records: list[Record], groups: Sequence[tuple[str, ...]]
) -> tuple[list[Record], int]:
    """The records with the fields of all groups. One that was deleted meanwhile is left out, as next time."""
    known = {str(r["id"]): dict(r) for r in records}
    whole: dict[str, Record] = {}
    size = 0
    for attempt in range(CHANGED_TRIES_MAX):
        if attempt:  # those left have changed: their first fields are old too
            known, more = by_ids(client, module, groups[0], list(known))
            size += more
        parts = [by_ids(client, module, group, list(known)) for group in groups[1:]]
        size += sum(more for _, more in parts)
        known = _merged(known, [found for found, _ in parts], whole)
        if not known:
            return [whole[i] for i in (str(r["id"]) for r in records) if i in whole], size
    raise Busy(
        f"{len(known)} records of {module.path} change faster than they can be read.",
        where=client.options.api_domain,
        remedy="Copy while fewer people and programs write to them.",
    )


def _merged(
    known: Mapping[str, Record], parts: Sequence[Mapping[str, Record]], whole: dict[str, Record]
) -> dict[str, Record]:
    """Put records whose parts are of one moment into `whole`, and give those that are not."""
    changed: dict[str, Record] = {}
    for identity, record in known.items():
        found = [part[identity] for part in parts if identity in part]
        if len(found) < len(parts):
            continue  # deleted
        if len({r.get(MODIFIED) for r in (record, *found)}) > 1:
            changed[identity] = record
            continue
        whole[identity] = {name: value for part in (record, *found) for name, value in part.items()}
    return changed
