"""ETag and If-Match: a change names the version it was made from, and is refused (412) where that is not the last.

record = change(…, expected_version=expected(request))
response.headers["etag"] = etag(record["version"])
"""

from __future__ import annotations

import re

from starlette.requests import Request

from wayfare.core.errors import Invalid

_TAG = re.compile(r'"(\d{1,18})"')


def etag(version: int) -> str:
    return f'"{version}"'


def expected(request: Request) -> int | None:
    """What If-Match names; None where it is missing or `*`, as any version is right then. Raises Invalid."""
    text = request.headers.get("if-match", "*").strip()
    if text == "*":
        return None
    found = _TAG.fullmatch(text)
    if not found:
        raise Invalid("this is no version.", where="If-Match", remedy='Send the ETag of what was read, such as "3".')
    return int(found.group(1))
