"""Changes between two OpenAPI 3.1 descriptions that break clients of the old one.

A request may ask for less, an answer may tell more; the other way round, somebody's program stops working.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Json = Any


class Sides:
    """Both descriptions, to follow references in."""

    def __init__(self, old: Json, new: Json) -> None:
        self.old, self.new = old, new
        self.seen: set[tuple[int, int, bool]] = set()


def breaking(old: Json, new: Json) -> list[str]:
    sides = Sides(old, new)
    found: list[str] = []
    for path, methods in old["paths"].items():
        for method, before in methods.items():
            after = new["paths"].get(path, {}).get(method)
            place = f"{method.upper()} {path}"
            found += [f"{place}: removed"] if after is None else _operation(sides, place, before, after)
    return found


def _operation(sides: Sides, place: str, before: Json, after: Json) -> Iterator[str]:
    known = {(p["in"], p["name"]): p for p in before.get("parameters", [])}
    there = {(p["in"], p["name"]): p for p in after.get("parameters", [])}
    for key, parameter in there.items():
        if parameter.get("required") and not known.get(key, {}).get("required"):
            yield f"{place}: {key[1]} is newly required"
    for key, parameter in known.items():
        if key not in there:
            yield f"{place}: {key[1]} is no longer taken"
        else:
            yield from _schema(sides, parameter.get("schema"), there[key].get("schema"), f"{place} {key[1]}", True)
    yield from _body(sides, place, before.get("requestBody"), after.get("requestBody"))
    for status, answer in before.get("responses", {}).items():
        now = after.get("responses", {}).get(status)
        if now is None:
            yield f"{place}: answer {status} removed"
        else:
            yield from _contents(sides, f"{place} {status}", answer.get("content", {}), now.get("content", {}), False)


def _body(sides: Sides, place: str, before: Json, after: Json) -> Iterator[str]:
    if after and after.get("required") and not (before or {}).get("required"):
        yield f"{place}: a body is newly required"
    if before and after:
        yield from _contents(sides, f"{place} body", before["content"], after["content"], True)


def _contents(sides: Sides, place: str, before: Json, after: Json, request: bool) -> Iterator[str]:
    for media, content in before.items():
        if media not in after:
            yield f"{place}: {media} removed"
        else:
            yield from _schema(sides, content.get("schema"), after[media].get("schema"), place, request)


def _schema(sides: Sides, before: Json, after: Json, place: str, request: bool) -> Iterator[str]:
    old, new = _followed(sides.old, before), _followed(sides.new, after)
    key = (id(old), id(new), request)
    if key in sides.seen:
        return
    sides.seen.add(key)
    if old.get("type") != new.get("type"):
        yield f"{place}: type {old.get('type')} became {new.get('type')}"
    yield from _variants(sides, old, new, place, request)
    yield from _enum(old.get("enum"), new.get("enum"), place, request)
    yield from _properties(sides, old, new, place, request)
    if "items" in old and "items" in new:
        yield from _schema(sides, old["items"], new["items"], f"{place}[]", request)


def _variants(sides: Sides, old: Json, new: Json, place: str, request: bool) -> Iterator[str]:
    """Each alternative that a request could have must still be there; an answer must not have others."""
    before, after = old.get("anyOf", []), new.get("anyOf", [])
    if len(before) != len(after):
        yield f"{place}: {len(before)} alternatives became {len(after)}"
    for one, other in zip(before, after, strict=False):
        yield from _schema(sides, one, other, place, request)


def _enum(old: Json, new: Json, place: str, request: bool) -> Iterator[str]:
    if old and new:
        if request and (lost := set(old) - set(new)):
            yield f"{place}: {sorted(lost)} no longer taken"
        if not request and (more := set(new) - set(old)):
            yield f"{place}: {sorted(more)} newly answered"


def _properties(sides: Sides, old: Json, new: Json, place: str, request: bool) -> Iterator[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    for name, schema in before.items():
        if name in after:
            yield from _schema(sides, schema, after[name], f"{place}.{name}", request)
        else:  # unknown fields of a request are refused here, so that it matters there too
            yield f"{place}.{name}: removed"
    needed, given = set(new.get("required", ())), set(old.get("required", ()))
    if request:
        yield from (f"{place}.{name}: newly required" for name in sorted(needed - given))
    else:
        yield from (f"{place}.{name}: no longer always there" for name in sorted(given - needed) if name in after)


def _followed(description: Json, schema: Json) -> Mapping[str, Any]:
    while isinstance(schema, dict) and "$ref" in schema:
        found = description
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    return schema or {}
